"""/v1/stream/…: live rows as Server-Sent Events and NDJSON, resumed and with gaps, beside clients that do not read."""

import json
import os
import signal
import threading

import pytest

import rows_to_store
from live_http import NDJSON, SSE, LiveStream, event_ids, tick
from programs import Server, wait_until
from prometheus_text import Figures
from raw_http import RawConnection
from raw_websocket import RawWebSocket

FORMS = pytest.mark.parametrize("accept", [SSE, NDJSON])
READ_ROWS = 5000
# Chains of some 32 KB: together more than the kernel and the gateway keep for a client that reads nothing.
FLOOD_ROUNDS = 30
FLOOD_CHAINS = 10
STRIKES = 40


def wide_chain(number):
    (chain,) = rows_to_store.chains(1)
    chain["timestamp"] = f"2025-01-25T10:{number // 60:02}:{number % 60:02}Z"
    for side, letter in (("calls", "C"), ("puts", "P")):
        chain[side] = [
            chain[side][0]
            | {"strike": strike, "symbol": rows_to_store.symbol_of(chain["product"], chain["expiry"], letter, strike)}
            for strike in range(21400, 21400 + STRIKES)
        ]
    return chain


def ingest_chains(server, rows):
    reply = server.post("/v1/chains:ingest", json.dumps({"chains": rows}).encode())
    assert reply.status == 200 and reply.json()["accepted"] == len(rows), reply


@FORMS
def test_rows_come_as_they_are_stored(server, accept):
    with LiveStream(server, "/v1/stream/ticks?keys=NIFTY,SENSEX", accept) as stream:
        assert stream.reply.headers["Cache-Control"] == "no-store" and stream.reply.headers["X-Accel-Buffering"] == "no"
        begun = stream.begin()
        assert begun["channel"] == "ticks" and begun["keys"] == ["NIFTY", "SENSEX"]
        server.ingest([tick(1), tick(2, "OTHER"), tick(3, "SENSEX")])
        (first_id, first), (second_id, second) = stream.next(), stream.next()
        assert [first["key"], second["key"]] == ["NIFTY", "SENSEX"] and first["type"] == "tick"
        assert first["data"]["tick_id"] == 1 and second["sequence"] == first["sequence"] + 2
        if accept == SSE:
            assert [first_id, second_id] == event_ids([first, second])
            assert stream.text.startswith(b"retry: 1000\n\n")


@pytest.mark.parametrize("kind, one", [("quotes", "quote"), ("chains", "chain")])
def test_the_other_kinds_have_streams_too(shared_server, kind, one):
    rows = {"quotes": rows_to_store.quotes(3), "chains": rows_to_store.chains(2)}[kind]
    with LiveStream(shared_server, f"/v1/stream/{kind}", NDJSON) as stream, RawWebSocket(shared_server) as client:
        stream.begin()
        client.subscribe(kind)
        reply = shared_server.post(f"/v1/{kind}:ingest", json.dumps({kind: rows}).encode())
        assert reply.status == 200, reply
        found = stream.messages(len(rows))
        assert {message["type"] for message in found} == {one}
        assert client.messages(len(rows)) == found


def test_both_forms_and_a_websocket_say_the_same(shared_server):
    with LiveStream(shared_server, "/v1/stream/ticks?keys=SAME") as events:
        with LiveStream(shared_server, "/v1/stream/ticks?keys=SAME", NDJSON) as lines, RawWebSocket(shared_server) as client:
            events.begin(), lines.begin(), client.subscribe("ticks", "SAME")
            shared_server.ingest([tick(1, "SAME"), tick(2, "SAME")])
            assert events.messages(2) == lines.messages(2) == client.messages(2)


REFUSED = {
    "an unknown parameter": ("/v1/stream/ticks?key=X", {}, 400, "unknown_parameter", {"parameter": "key"}),
    "an empty key": ("/v1/stream/ticks?keys=A,,B", {}, 400, "invalid_request", {"parameter": "keys"}),
    "no key": ("/v1/stream/ticks?keys=", {}, 400, "invalid_request", {"parameter": "keys"}),
    "too long a key": ("/v1/stream/ticks?keys=" + "x" * 129, {}, 400, "invalid_request", {"parameter": "keys"}),
    "too many keys": ("/v1/stream/ticks?keys=" + ",".join(map(str, range(257))), {}, 400, "invalid_request", {"parameter": "keys"}),
    "a place that is none": ("/v1/stream/ticks?last_event_id=7", {}, 400, "invalid_request", {"parameter": "last_event_id"}),
    "two places": ("/v1/stream/ticks?last_event_id=a-1&last_event_id=a-1", {}, 400, "invalid_request", {"parameter": "last_event_id"}),
    "epoch 0": ("/v1/stream/ticks?last_event_id=0-1", {}, 400, "invalid_request", {"parameter": "last_event_id"}),
    "a number beyond 64 bits": ("/v1/stream/ticks?last_event_id=a-18446744073709551616", {}, 400, "invalid_request", {"parameter": "last_event_id"}),
    "a field that is no place": ("/v1/stream/ticks", {"Last_Event_ID": "x"}, 400, "invalid_request", {"header": "Last-Event-ID"}),
    "another kind": ("/v1/stream/bars", {}, 404, "not_found", None),
}  # fmt: skip


@pytest.mark.parametrize("target, fields, status, code, place", REFUSED.values(), ids=REFUSED)
def test_a_wrong_request_is_told_where_it_is_wrong(shared_server, target, fields, status, code, place):
    with LiveStream(shared_server, target, **fields) as stream:
        problem = stream.reply.json()
        assert (stream.reply.status, problem["error_code"]) == (status, code)
        if place:
            assert place.items() <= problem["errors"][0].items()
        # The connection stays.
        stream.get("/health/live")
        assert stream.receive().status == 200


@pytest.mark.parametrize(
    "accept, content_type",
    [
        (None, SSE),
        ("*/*", SSE),
        ("text/*", SSE),
        ("application/*", NDJSON),
        ("application/x-ndjson, */*;q=0.1", NDJSON),
        ("text/event-stream, application/x-ndjson", SSE),
        ("text/event-stream;q=0, */*", NDJSON),
        ("application/json", None),
    ],
)
def test_the_form_follows_accept(shared_server, accept, content_type):
    with RawConnection(shared_server) as client:
        client.get("/v1/stream/ticks", *([f"Accept: {accept}"] if accept else []))
        reply = client.receive(without_body=content_type is not None)
        assert reply.status == (200 if content_type else 406)
        assert reply.headers["Content-Type"] == content_type or reply.json()["errors"][0]["header"] == "Accept"


def test_other_methods_and_bodies_are_refused(shared_server):
    assert shared_server.post("/v1/stream/ticks", b"{}").headers["Allow"] == "GET, HEAD, OPTIONS"
    assert shared_server.request("OPTIONS", "/v1/stream/ticks").status == 204
    assert shared_server.request("GET", "/v1/stream/ticks", b"{}").status == 400


def test_head_says_what_a_get_would_and_ends(shared_server):
    with RawConnection(shared_server) as client:
        client.send(b"HEAD /v1/stream/ticks HTTP/1.1\r\nHost: test\r\n\r\nGET /health/live HTTP/1.1\r\nHost: test\r\n\r\n")
        reply = client.receive(without_body=True)
        assert reply.status == 200 and reply.headers["Content-Type"] == SSE
        assert client.receive().status == 200


def test_a_client_of_http_1_0_gets_the_stream_until_the_connection_ends(launcher, data_dir):
    server = launcher.up(data_dir)
    with RawConnection(server) as client:
        client.send(b"GET /v1/stream/ticks HTTP/1.0\r\nAccept: application/x-ndjson\r\n\r\n")
        reply = client.receive(without_body=True)
        assert reply.status == 200 and "Transfer-Encoding" not in reply.headers and reply.headers["Connection"] == "close"
        while json.loads(client.stream.readline())["type"] != "subscribed":
            pass
        server.ingest([tick(1)])
        assert json.loads(client.stream.readline())["data"]["tick_id"] == 1
        os.kill(server.programs[0].pid, signal.SIGTERM)
        assert json.loads(client.stream.readline())["type"] == "end"
        assert client.at_end()


def test_without_permission_there_is_no_stream(launcher, data_dir):
    server = launcher.up(data_dir, "--anonymous", "none")
    reply = server.get("/v1/stream/ticks")
    assert reply.status == 401 and reply.json()["error_code"] == "unauthenticated"


@FORMS
def test_a_stream_ends_with_an_end_when_the_server_stops(launcher, data_dir, accept):
    server = launcher.up(data_dir)
    streams = [LiveStream(server, "/v1/stream/ticks", accept) for _ in range(3)]
    for stream in streams:
        stream.begin()
    os.kill(server.programs[0].pid, signal.SIGTERM)
    for stream in streams:
        assert stream.message()["type"] == "end"
        assert stream.message() is None and stream.has_ended and stream.at_end()
        stream.close()
    assert server.programs[0].wait() == 0


@FORMS
def test_a_quiet_stream_is_pinged_and_told_how_far_it_is(launcher, data_dir, accept):
    server = launcher.up(data_dir, "--live-ping", "100ms")
    with LiveStream(server, "/v1/stream/ticks?keys=QUIET", accept) as stream:
        begun = stream.begin()
        server.ingest([tick(number) for number in range(1, 4)])
        (wanted,) = event_ids([begun | {"sequence": begun["sequence"] + 3}])
        if accept == NDJSON:
            while event_ids([ping := stream.message()]) != [wanted]:
                assert ping["type"] == "ping"
        else:
            while f":\nid: {wanted}\n\n".encode() not in stream.text:
                stream._read_chunk()


@FORMS
def test_a_client_goes_on_behind_its_last_event(server, accept):
    with LiveStream(server, "/v1/stream/ticks?keys=X", accept) as stream:
        stream.begin()
        server.ingest([tick(number, "X") for number in range(1, 4)])
        last = event_ids(stream.messages(2))[-1]
    server.ingest([tick(4, "X"), tick(4, "Y"), tick(5, "X")])
    for target, fields in [
        (f"/v1/stream/ticks?keys=X&last_event_id={last}", {}),
        ("/v1/stream/ticks?keys=X", {"Last_Event_ID": last}),
        ("/v1/stream/ticks?keys=X&last_event_id=1-1", {"Last_Event_ID": last}),
    ]:
        with LiveStream(server, target, accept, **fields) as stream:
            assert event_ids([stream.begin()]) == [last]
            assert [message["data"]["tick_id"] for message in stream.messages(3)] == [3, 4, 5]


def test_a_service_that_was_started_anew_is_a_gap_and_the_stream_goes_on(launcher, data_dir):
    server = launcher.daemons(data_dir)
    gateway, storage = server.programs
    with LiveStream(server, "/v1/stream/ticks") as stream:
        begun = stream.begin()
        server.ingest([tick(1)])
        first_id, first = stream.next()
        storage.kill()
        launcher.start("deltastream-storaged", "--data-dir", data_dir).wait_ready()
        wait_until(lambda: Server.get(server, "/v1/products").status == 200)
        found = []
        number = 2
        while not any(message["type"] == "tick" for message in found):
            server.ingest([tick(number)])
            number += 1
            found.append(stream.message())
        gaps = [message for message in found if message["type"] == "gap"]
        assert gaps and gaps[0]["new_epoch"] and gaps[0]["epoch"] != begun["epoch"], found
    # A place of the old epoch is a gap for who comes back as well.
    with LiveStream(server, "/v1/stream/ticks", Last_Event_ID=first_id) as stream:
        while (message := stream.message())["type"] in ("stale", "subscribed"):
            pass
        assert message["type"] == "gap" and message["new_epoch"], message
    assert gateway.process.poll() is None


@pytest.mark.parametrize("form", ["sse", "ndjson", "websocket"])
def test_a_service_that_is_silent_is_told_of_and_so_is_its_return(launcher, data_dir, form):
    server = launcher.daemons(data_dir)
    client, _ = join(server, form)
    server.programs[1].kill()
    while (message := client.message())["type"] != "stale":
        assert message["type"] == "gap", message
    assert message["channel"] == "ticks"
    late, _ = join(server, form)
    assert late.message() == message
    launcher.start("deltastream-storaged", "--data-dir", data_dir).wait_ready()
    for heard in (client, late):
        while (message := heard.message())["type"] != "subscribed":
            assert message["type"] in ("gap", "ping"), message
        heard.close()


def check_all_told(first, messages, count):
    """Each number behind `first` is an event or in a gap, in order and once."""
    told = first
    events = 0
    for message in messages:
        if message["type"] == "gap":
            assert message["from"] == told + 1, message
            told = message["to"]
        else:
            assert message["sequence"] == told + 1, message
            told += 1
            events += 1
    assert told == first + count
    return events


def read_all(client, first, count):
    messages = []
    while not messages or messages[-1].get("to", messages[-1].get("sequence")) < first + count:
        message = client.message()
        if message["type"] not in ("ping", "stale", "subscribed"):
            messages.append(message)
    return messages


def join(server, form, kind="ticks", keys=(), receive_bytes=None):
    """A client, and the place that its subscription begins behind."""
    if form == "websocket":
        client = RawWebSocket(server, receive_bytes=receive_bytes)
        return client, client.subscribe(kind, *keys)["sequence"]
    target = f"/v1/stream/{kind}" + (f"?keys={','.join(keys)}" if keys else "")
    client = LiveStream(server, target, SSE if form == "sse" else NDJSON, receive_bytes)
    return client, client.begin()["sequence"]


@pytest.mark.parametrize("form", ["sse", "ndjson", "websocket"])
def test_a_client_that_reads_gets_every_event(launcher, data_dir, form):
    # However slow the machine makes the reader, its queue takes all that comes.
    server = launcher.up(data_dir, "--live-queue-events-max", str(READ_ROWS))
    client, first = join(server, form)
    messages = []
    reader = threading.Thread(target=lambda: messages.extend(read_all(client, first, READ_ROWS)))
    reader.start()
    for number in range(0, READ_ROWS, 1000):
        server.ingest([tick(at) for at in range(number, number + 1000)])
    reader.join()
    assert check_all_told(first, messages, READ_ROWS) == READ_ROWS
    client.close()


def test_slow_clients_get_gaps_and_fast_ones_beside_them_every_event(launcher, data_dir):
    server = launcher.up(data_dir, "--live-queue-events-max", "20", "--write-timeout", "1h")
    slow = [join(server, form, "chains", receive_bytes=4096) for form in ("websocket", "sse", "ndjson", "ndjson", "sse")]
    fast = [join(server, form, keys=["FAST"])[0] for form in ("websocket", "sse", "ndjson", "websocket", "websocket") * 19]
    for number in range(FLOOD_ROUNDS):
        ingest_chains(server, [wide_chain(at) for at in range(number * FLOOD_CHAINS, (number + 1) * FLOOD_CHAINS)])
        server.ingest([tick(number, "FAST")])
        # Each is waited for before more come, so that none of these may be missing, whatever the slow ones do.
        for client in fast:
            assert client.message()["data"]["tick_id"] == number
    for client in fast:
        client.close()
    count = FLOOD_ROUNDS * FLOOD_CHAINS
    for client, first in slow:
        events = check_all_told(first, read_all(client, first, count), count)
        assert events < count, "the flood was too small to make a gap"
        client.close()


def test_a_stop_ends_beside_clients_that_do_not_read(launcher, data_dir):
    server = launcher.daemons(data_dir, "--live-queue-events-max", "20")
    gateway = server.programs[0]
    clients = [join(server, form, "chains", receive_bytes=4096)[0] for form in ("websocket", "sse", "ndjson")]
    for number in range(FLOOD_ROUNDS):
        ingest_chains(server, [wide_chain(at) for at in range(number * FLOOD_CHAINS, (number + 1) * FLOOD_CHAINS)])
    wait_until(lambda: Figures(server.get("/metrics").body.decode()).value("ds_live_gaps_total", cause="client") >= len(clients))
    os.kill(gateway.pid, signal.SIGTERM)
    assert gateway.wait() == 0
    for client in clients:
        client.close()
