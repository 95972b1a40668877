"""What a client does when things go wrong, against a server that does as told."""

import asyncio
import os
import signal
import threading

import deltastream
import deltastream.aio
import pytest
from conftest import PATIENCE
from deltastream._frame import SHARED_BYTES_MAX, FrameType, encode
from deltastream.rpc import ResponseHeader
from deltastream.storage import IngestTicksRequest, LatestTickRequest, ListTicksRequest, Tick
from fake_server import response
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

UNAVAILABLE = deltastream.Code.UNAVAILABLE
RESOURCE_EXHAUSTED = deltastream.Code.RESOURCE_EXHAUSTED


def details(reason):
    info = any_pb2.Any()
    info.Pack(error_details_pb2.ErrorInfo(reason=reason, domain="deltastream"))
    return status_pb2.Status(details=[info]).SerializeToString()


def connect(fake, **options):
    quick = deltastream.RetryPolicy(initial_backoff_s=0.001, backoff_max_s=0.001)
    return deltastream.connect(fake.url, **{"retry": quick, "connect_timeout": PATIENCE, **options})


class InBackground:
    """A call on a thread of its own."""

    def __init__(self, function, *arguments, **options):
        def run():
            try:
                self.result = function(*arguments, **options)
            except BaseException as error:
                self.error = error

        self.result = self.error = None
        self._thread = threading.Thread(target=run)
        self._thread.start()

    def wait(self):
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        if self.error is not None:
            raise self.error
        return self.result


def latest(client, **options):
    return InBackground(client.storage.latest_tick, LatestTickRequest(product="A"), **{"timeout": PATIENCE, **options})


def answer(frame, message=None, /, **header):
    frame.message.answer(response(frame.header.call_id, message, **header))


def test_the_header_says_all_that_the_caller_wants(fake):
    with connect(fake, authorization="Bearer of-the-client") as client:
        call = latest(
            client,
            timeout=50,
            metadata={"x-text": "a b", "x-raw-bin": b"\0\xff"},
            idempotency_key="k",
            traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            tracestate="a=b",
        )
        frame = fake.take_frame()
        header = frame.header
        assert header.method == "deltastream.storage.v1.Storage/LatestTick"
        assert 0 < header.timeout_ms <= 50_000 and header.sent_at_us > 0 and header.attempt == 0
        assert 0 < len(header.call_id) <= 16 and len(header.client_id) == 16
        assert header.idempotency_key == b"k" and header.authorization == "Bearer of-the-client"
        assert header.traceparent.startswith("00-0af") and header.tracestate == "a=b"
        assert [(entry.key, entry.value) for entry in header.metadata] == [("x-text", b"a b"), ("x-raw-bin", b"\0\xff")]
        assert frame.payload == LatestTickRequest(product="A").SerializeToString()
        answer(frame, Tick(price=1))
        assert call.wait().price == 1
        call = latest(client, timeout=None, authorization="Bearer of-the-call")
        frame = fake.take_frame()
        assert frame.header.timeout_ms == 0 and frame.header.authorization == "Bearer of-the-call"
        answer(frame)
        call.wait()


def test_metadata_comes_back_from_success_and_failure(fake):
    sent = [{"key": "x-text", "value": b"a"}, {"key": "x-bin", "value": b"\0"}]
    with connect(fake) as client:
        call = InBackground(client.storage.latest_tick.with_reply, LatestTickRequest(), timeout=PATIENCE)
        answer(fake.take_frame(), Tick(), metadata=sent, queue_us=3, execution_us=4, server_epoch=7)
        reply = call.wait()
        assert reply.metadata == (("x-text", "a"), ("x-bin", b"\0"))
        assert (reply.queue_us, reply.execution_us, reply.server_epoch) == (3, 4, 7)
        call = latest(client)
        answer(fake.take_frame(), code=deltastream.Code.ABORTED, message="no", metadata=sent)
        with pytest.raises(deltastream.AbortedError) as caught:
            call.wait()
        assert caught.value.metadata == (("x-text", "a"), ("x-bin", b"\0"))


@pytest.mark.parametrize(
    "entry",
    [("UPPER", "a"), ("grpc-x", "a"), ("ds-x", "a"), ("authorization", "a"), ("", "a"), ("x", b"a"), ("x-bin", "a"), ("x", "é")]
    + [("x", "a\n"), ("x", "a" * 8192)],
)
def test_metadata_against_the_rules_never_leaves(fake, entry):
    with connect(fake) as client, pytest.raises(ValueError, match="metadata"):
        client.storage.latest_tick(metadata=[entry])
    assert fake.messages.empty()


def test_input_that_cannot_be_sent_is_refused_by_name(fake):
    with connect(fake) as client:
        with pytest.raises(ValueError, match="64 entries"):
            client.storage.latest_tick(metadata=[("x", "a")] * 65)
        with pytest.raises(ValueError, match="64 bytes"):
            client.storage.latest_tick(idempotency_key="k" * 65)
        with pytest.raises(TypeError, match="takes a LatestTickRequest, not a ListTicksRequest"):
            client.storage.latest_tick(ListTicksRequest(product="A"))
        with pytest.raises(ValueError, match="16777216"):
            client.storage.latest_tick(LatestTickRequest(product="N" * 16_777_216))


@pytest.mark.parametrize("code", [code for code in deltastream.Code if code != deltastream.Code.OK])
def test_every_code_has_a_class_of_its_own(fake, code):
    with connect(fake, retry=deltastream.RetryPolicy(attempts=1)) as client:
        call = latest(client)
        answer(fake.take_frame(), code=code, message="why")
        with pytest.raises(deltastream.DeltaStreamError) as caught:
            call.wait()
    assert caught.value.code is code and caught.value.message == "why"
    assert type(caught.value) is not deltastream.DeltaStreamError


def test_a_code_that_nobody_knows_is_unknown(fake):
    with connect(fake) as client:
        call = latest(client)
        answer(fake.take_frame(), code=99)
        with pytest.raises(deltastream.UnknownError):
            call.wait()


def test_a_deadline_ends_the_wait(fake):
    with connect(fake) as client:
        with pytest.raises(deltastream.DeadlineExceededError) as caught:
            client.storage.latest_tick(timeout=0.05)
        assert isinstance(caught.value, TimeoutError)
        # The answer that comes too late is nobody's.
        late = fake.take_frame()
        assert late.header.timeout_ms <= 50
        answer(late, Tick(price=1))
        call = latest(client)
        answer(fake.take_frame(), Tick(price=2))
        assert call.wait().price == 2


def test_no_request_is_sent_again_by_itself(fake):
    """NNG_OPT_REQ_RESENDTIME of nng's own default would bring the first one again on the next connection."""
    with connect(fake, retry=deltastream.RetryPolicy(attempts=1)) as client:
        lost = latest(client)
        first = fake.take_frame()
        first.message.hang_up()
        with pytest.raises(deltastream.UnavailableError, match="the connection ended"):
            lost.wait()
        call = InBackground(client.storage.list_ticks, ListTicksRequest(product="B"), timeout=PATIENCE)
        second = fake.take_frame()
        assert second.message.connection is not first.message.connection
        assert second.header.method.endswith("/ListTicks")
        answer(second)
        call.wait()
    assert fake.messages.empty()


def test_what_has_no_side_effects_is_tried_again(fake):
    with connect(fake) as client:
        call = latest(client)
        first = fake.take_frame()
        first.message.hang_up()
        second = fake.take_frame()
        assert second.header.attempt == 1 and second.header.call_id != first.header.call_id
        assert second.header.timeout_ms <= first.header.timeout_ms
        answer(second, code=UNAVAILABLE)
        answer(fake.take_frame(), Tick(price=3))
        assert call.wait().price == 3


def test_what_has_side_effects_is_tried_again_only_with_a_key(fake):
    with connect(fake) as client:
        call = InBackground(client.storage.ingest_ticks, IngestTicksRequest(), timeout=PATIENCE)
        fake.take_frame().message.hang_up()
        with pytest.raises(deltastream.UnavailableError):
            call.wait()
        call = InBackground(client.storage.ingest_ticks, IngestTicksRequest(), timeout=PATIENCE, idempotency_key="k")
        fake.take_frame().message.hang_up()
        again = fake.take_frame()
        # The epoch lets a server that was started meanwhile say that it has forgotten the key.
        assert (again.header.idempotency_key, again.header.server_epoch) == (b"k", 7)
        answer(again)
        call.wait()
    assert fake.messages.empty()


@pytest.mark.parametrize(
    "code, reason", [(RESOURCE_EXHAUSTED, "SERVER_BUSY"), (UNAVAILABLE, "SERVER_STOPPING")]
)
def test_what_was_not_executed_is_tried_again_whatever_it_does(fake, code, reason):
    with connect(fake) as client:
        call = InBackground(client.storage.ingest_ticks, IngestTicksRequest(), timeout=PATIENCE)
        answer(fake.take_frame(), code=code, status_details=details(reason), retry_pushback_ms=1)
        answer(fake.take_frame())
        call.wait()


def test_a_server_that_forbids_it_is_not_asked_again(fake):
    with connect(fake) as client:
        call = latest(client)
        answer(fake.take_frame(), code=UNAVAILABLE, retry_pushback_ms=-1)
        with pytest.raises(deltastream.UnavailableError) as caught:
            call.wait()
        assert caught.value.retry_pushback_ms == -1
    assert fake.messages.empty()


def test_tries_have_an_end_and_a_budget(fake):
    policy = deltastream.RetryPolicy(attempts=3, initial_backoff_s=0.001, backoff_max_s=0.001, tokens=8)
    with connect(fake, retry=policy) as client:
        tries = []
        for _ in range(3):
            call = latest(client)
            while True:
                frame = fake.take_frame()
                tries.append(frame.header.attempt)
                answer(frame, code=UNAVAILABLE, retry_pushback_ms=0)
                if frame.header.attempt == 2 or len(tries) > 3:
                    break
            with pytest.raises(deltastream.UnavailableError):
                call.wait()
    # Eight tokens: the fourth failure leaves half of them, so that there are no retries behind it.
    assert tries == [0, 1, 2, 0, 0]
    assert fake.messages.empty()


def test_a_call_without_a_connection_is_unavailable(folder):
    with pytest.raises(deltastream.UnavailableError, match="no connection .* at ipc://.*/nobody; is it up") as caught:
        deltastream.connect(f"ipc://{folder}/nobody", connect_timeout=0.05)
    assert isinstance(caught.value, ConnectionError)


def test_a_server_that_does_not_say_hello_is_unavailable(fake, monkeypatch):
    fake.says_hello = False
    monkeypatch.setattr(deltastream.aio, "HELLO_SECONDS", 0.2)
    with pytest.raises(deltastream.UnavailableError, match="no answer from tcp://.* within 0.2 s") as caught:
        connect(fake, connect_timeout=2)
    assert isinstance(caught.value.__cause__, deltastream.DeadlineExceededError)


@pytest.mark.parametrize("url", ["nonsense", "http://127.0.0.1:1", "tcp://"])
def test_an_address_of_another_form_is_a_value_error(url):
    with pytest.raises(ValueError, match="not of the form"):
        deltastream.connect(url)


def test_a_server_of_another_version_is_named(fake):
    with connect(fake) as client:
        call = latest(client)
        fake.take().answer(b"DSR\x07\x03\0\0\0" + b"\0\0\0\0\x02\0\0\0" + b"\x05\x07")
        with pytest.raises(deltastream.UnimplementedError, match="versions 5 to 7"):
            call.wait()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"DSR\x01\x02\0\0\0\x01",
        b"GET / HTTP/1.1\r\n\r\n",
        b"DSR\x01\x02\0\0\0\xff\0\0\0\0\0\0\0",
        encode(FrameType.RESPONSE, b"\xff"),
        encode(FrameType.CANCEL, b""),
        response(b"other", Tick()),
        response(b"x") + response(b"y"),
    ],
)
def test_an_answer_that_is_none_fails_the_call_alone(fake, data):
    with connect(fake) as client:
        call = latest(client)
        fake.take().answer(data)
        with pytest.raises(deltastream.InternalError):
            call.wait()
        call = latest(client)
        answer(fake.take_frame(), Tick(price=2))
        assert call.wait().price == 2


def test_a_response_that_cannot_be_read_is_data_loss(fake):
    with connect(fake) as client:
        call = latest(client)
        frame = fake.take_frame()
        header = ResponseHeader(call_id=frame.header.call_id).SerializeToString()
        frame.message.answer(encode(FrameType.RESPONSE, header, b"\xff"))
        with pytest.raises(deltastream.DataLossError):
            call.wait()


def add_many(client, batch, count, product="A"):
    return [batch.add(client.storage.latest_tick, LatestTickRequest(product=product), timeout=PATIENCE) for _ in range(count)]


def test_calls_share_messages_within_their_limits(fake):
    with connect(fake) as client:
        batch = client.batch()
        entries = add_many(client, batch, 100) + add_many(client, batch, 20, product="A" * 8_000)
        sending = InBackground(batch.send)
        sizes = []
        while sum(sizes) < len(entries):
            message = fake.take()
            sizes.append(len(message.frames))
            assert sum(len(frame.payload) for frame in message.frames) < SHARED_BYTES_MAX
            # In any order: answers are told apart by their ids.
            message.answer(b"".join(response(frame.header.call_id, Tick(price=1)) for frame in reversed(message.frames)))
        sending.wait()
    assert max(sizes) == 64 and {entry.result().price for entry in entries} == {1}


def test_only_short_reads_share(fake):
    with connect(fake) as client:
        batch = client.batch()
        add_many(client, batch, 2)
        batch.add(client.storage.list_ticks, ListTicksRequest(product="A"), timeout=PATIENCE)
        sending = InBackground(batch.send)
        seen = []
        for _ in range(2):
            message = fake.take()
            seen.append([frame.header.method.rpartition("/")[2] for frame in message.frames])
            message.answer(b"".join(response(frame.header.call_id) for frame in message.frames))
        sending.wait()
    assert sorted(seen) == [["LatestTick", "LatestTick"], ["ListTicks"]]


def test_what_a_shared_message_put_off_goes_alone_and_is_no_retry(fake):
    with connect(fake, retry=deltastream.RetryPolicy(attempts=1)) as client:
        batch = client.batch()
        entries = add_many(client, batch, 3)
        sending = InBackground(batch.send)
        shared = fake.take()
        first, *rest = shared.frames
        put_off = [
            response(frame.header.call_id, code=UNAVAILABLE, status_details=details("SHARE_OVERFLOW")) for frame in rest
        ]
        shared.answer(response(first.header.call_id, Tick(price=1)) + b"".join(put_off))
        for _ in rest:
            frame = fake.take_frame()
            assert frame.header.attempt == 0
            answer(frame, Tick(price=2))
        sending.wait()
    assert [entry.result().price for entry in entries] == [1, 2, 2]


def test_a_failure_of_the_whole_message_is_each_calls(fake):
    with connect(fake, retry=deltastream.RetryPolicy(attempts=1)) as client:
        batch = client.batch()
        entries = add_many(client, batch, 2)
        sending = InBackground(batch.send)
        fake.take().answer(response(b"", code=deltastream.Code.INVALID_ARGUMENT, message="no frames"))
        sending.wait()
    for entry in entries:
        with pytest.raises(deltastream.InvalidArgumentError, match="no frames"):
            entry.result()


def test_a_call_left_out_of_the_answer_fails(fake):
    with connect(fake) as client:
        batch = client.batch()
        first, second = add_many(client, batch, 2)
        sending = InBackground(batch.send)
        message = fake.take()
        message.answer(response(message.frames[0].header.call_id, Tick(price=1)))
        sending.wait()
    assert first.result().price == 1
    with pytest.raises(deltastream.InternalError):
        second.result()


@pytest.fixture
def interruptible():
    """Who runs tests in the background of a shell has them ignore interrupts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_call_is_cancelled_at_the_server(fake):
    received = []

    def interrupt():
        received.append(fake.take_frame())
        os.kill(os.getpid(), signal.SIGINT)

    with connect(fake) as client:
        watcher = InBackground(interrupt)
        with pytest.raises(KeyboardInterrupt):
            client.storage.latest_tick(timeout=PATIENCE)
        watcher.wait()
        cancel = fake.take_frame()
        assert cancel.type == FrameType.CANCEL
        assert cancel.header.call_id == received[0].header.call_id
        assert cancel.header.client_id == received[0].header.client_id
        assert cancel.message.connection is not received[0].message.connection


def test_a_cancelled_task_is_cancelled_at_the_server(fake):
    async def main():
        async with await deltastream.aio.connect(fake.url, connect_timeout=PATIENCE) as client:
            call = asyncio.ensure_future(client.storage.latest_tick(timeout=PATIENCE))
            asked = await asyncio.to_thread(fake.take_frame)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            cancel = await asyncio.to_thread(fake.take_frame)
            assert (cancel.type, cancel.header.call_id) == (FrameType.CANCEL, asked.header.call_id)
            cancel.message.answer(response(cancel.header.call_id))

    asyncio.run(main())


def test_closing_ends_the_calls_in_flight(fake):
    client = connect(fake)
    calls = [latest(client) for _ in range(3)]
    for _ in calls:
        fake.take()
    client.close()
    for call in calls:
        with pytest.raises(deltastream.CancelledError, match="closed"):
            call.wait()
    client.close()
    with pytest.raises(deltastream.CancelledError, match="closed"):
        client.storage.latest_tick()
