"""Calls against the real server, over ipc and tcp."""

import pickle
import threading
from datetime import datetime, timezone

import deltastream
import pytest
from conftest import PATIENCE
from deltastream.storage import (
    ORDER_DESC,
    GetMaxPainRequest,
    IngestTicksRequest,
    LatestTickRequest,
    Tick,
)

DAY = 1_735_787_045


def tick(number, product="NIFTY"):
    result = Tick(product=product, price=21_500 + number / 4, tick_id=number)
    result.timestamp.FromSeconds(DAY + number)
    return result


def ingest(client, count, **options):
    request = IngestTicksRequest(ticks=[tick(number) for number in range(count)])
    return client.storage.ingest_ticks(request, timeout=PATIENCE, **options)


def test_what_is_stored_is_read_back(client):
    assert ingest(client, 3).accepted == 3
    newest = client.storage.latest_tick(LatestTickRequest(product="NIFTY"), timeout=PATIENCE)
    assert (newest.product, newest.price, newest.tick_id) == ("NIFTY", 21_500.5, 2)


def test_every_page_of_a_range_is_walked(client):
    ingest(client, 2_500)
    assert [each.tick_id for each in client.ticks("NIFTY", page_size=400)] == list(range(2_500))
    start = datetime.fromtimestamp(DAY + 10, timezone.utc)
    some = client.ticks("NIFTY", start=start, end=datetime.utcfromtimestamp(DAY + 12), order=ORDER_DESC)
    assert [(each.tick_id, each.product) for each in some] == [(12, "NIFTY"), (11, "NIFTY"), (10, "NIFTY")]
    bars = list(client.bars("NIFTY", "1m", page_size=7))
    assert sum(bar.num_ticks for bar in bars) == 2_500 and len(bars) == 42
    assert list(client.quotes("NIFTY20250125C21500")) == [] and list(client.chains("NIFTY")) == []


def test_a_failure_is_an_exception_of_its_code(client):
    with pytest.raises(deltastream.InvalidArgumentError, match="product must not be empty") as caught:
        client.storage.get_max_pain(GetMaxPainRequest(), timeout=PATIENCE)
    error = caught.value
    assert error.code is deltastream.Code.INVALID_ARGUMENT
    assert error.reason == "INVALID_REQUEST"
    assert [violation.field for violation in error.violations] == ["product"]
    assert str(error) == "INVALID_ARGUMENT/INVALID_REQUEST: product must not be empty"
    with pytest.raises(deltastream.NotFoundError) as caught:
        client.storage.latest_tick(LatestTickRequest(product="NOBODY"), timeout=PATIENCE)
    assert caught.value.reason == "NOT_FOUND"


def test_an_exception_survives_pickling(client):
    with pytest.raises(deltastream.DeltaStreamError) as caught:
        client.storage.get_max_pain(GetMaxPainRequest(), timeout=PATIENCE)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert type(copy) is type(caught.value)
    assert (str(copy), copy.violations, copy.reason) == (str(caught.value), caught.value.violations, "INVALID_REQUEST")


def test_a_method_that_is_not_there_is_unimplemented(client):
    method = deltastream.Method("deltastream.storage.v1.Storage/Dance", LatestTickRequest, Tick, True, 5.0, 1024)
    with pytest.raises(deltastream.UnimplementedError) as caught:
        deltastream.Unary(client._caller, method)(timeout=PATIENCE)
    assert caught.value.reason == "NOT_IMPLEMENTED"


def test_a_request_above_the_methods_limit_is_refused(client):
    with pytest.raises(deltastream.InvalidArgumentError) as caught:
        client.storage.latest_tick(LatestTickRequest(product="N" * 20_000), timeout=PATIENCE)
    assert caught.value.reason == "REQUEST_TOO_LARGE"


def test_a_reply_tells_what_came_beside_the_message(client):
    reply = client.storage.list_products.with_reply(timeout=PATIENCE)
    assert list(reply.message.products) == []
    assert reply.server_epoch == client.hello.server_epoch != 0
    assert reply.attempt == 0


def test_a_call_with_a_key_is_executed_once(client):
    assert ingest(client, 2, idempotency_key="upload-1").accepted == 2
    again = ingest(client, 2, idempotency_key=b"upload-1")
    assert (again.accepted, again.duplicate) == (2, 0)
    assert ingest(client, 2).duplicate == 2
    with pytest.raises(deltastream.FailedPreconditionError) as caught:
        ingest(client, 3, idempotency_key="upload-1")
    assert caught.value.reason == "IDEMPOTENCY_KEY_REUSED"


def test_calls_of_a_batch_have_each_their_own_outcome(client):
    ingest(client, 1)
    with client.batch() as batch:
        found = [batch.add(client.storage.latest_tick, LatestTickRequest(product="NIFTY")) for _ in range(150)]
        missing = batch.add(client.storage.latest_tick, LatestTickRequest(product="NOBODY"))
        products = batch.add(client.storage.list_products)
    assert {entry.result().price for entry in found} == {21_500}
    assert list(products.result().products) == ["NIFTY"]
    with pytest.raises(deltastream.NotFoundError):
        missing.result()


def test_an_entry_of_an_unsent_batch_has_no_result(client):
    entry = client.batch().add(client.storage.list_products)
    with pytest.raises(RuntimeError, match="has not been sent"):
        entry.result()


def test_reflection_names_the_servers_files(client):
    files = {file.name: file for file in client.descriptors().file}
    storage = files["deltastream/storage/v1/storage.proto"]
    assert "ListTicks" in [method.name for method in storage.service[0].method]
    assert "google/protobuf/timestamp.proto" in files


def test_health_is_asked_as_grpc_does(client):
    assert client.health.check().status == 1
    with pytest.raises(deltastream.NotFoundError):
        client.health.check(type(client.health.check.method.request_type())(service="no.Such"))


def test_many_threads_share_a_client(client):
    ingest(client, 8)
    failures = []

    def ask(number):
        try:
            for _ in range(25):
                assert client.storage.latest_tick(LatestTickRequest(product="NIFTY"), timeout=PATIENCE).tick_id == 7
                assert sum(1 for _ in client.ticks("NIFTY", page_size=3)) == 8
        except BaseException as error:
            failures.append((number, error))

    threads = [threading.Thread(target=ask, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_server_that_is_started_anew_is_found_again(folder, storaged, client):
    assert ingest(client, 1).accepted == 1
    before = client.hello.server_epoch
    assert storaged.stop() == 0
    arguments = storaged.arguments[:2]
    for given in storaged.urls.values():
        arguments += ["--listen", given]
    from programs import Program

    second = Program("deltastream-storaged", arguments, folder / "second.log")
    try:
        second.wait_ready(2)
        assert client.storage.latest_tick(LatestTickRequest(product="NIFTY"), timeout=PATIENCE).tick_id == 0
        assert client.refresh().server_epoch != before
    finally:
        assert second.stop() == 0
