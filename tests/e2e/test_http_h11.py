"""Every kind of reply read by h11: it has to take each, and to agree on where it ends and on what may follow."""

import json
import signal

import pytest
from h11_client import Ask, H11Connection
from http_rfc9112_rows import BODY, INGEST, chunks
from http_rfc9112_rows import ROWS as STANDARD_ROWS
from http_smuggling_rows import ROWS as SMUGGLING_ROWS
from openapi_document import operations, samples, target_of
from programs import Server

GOOD = Ask("GET", "/v1/products")
JSON = ("Content-Type", "application/json")
PIPELINE = 16
# 401: the routes that a caller without credentials may not use.
SUCCESSES = (200, 204, 308, 401)


@pytest.fixture(scope="module")
def document(shared_server):
    return shared_server.get("/openapi.json").json()


@pytest.fixture(scope="module")
def stored(shared_server, document):
    """A server that has what the document's examples of ingestion store."""
    for operation in operations(document):
        if ":ingest" in operation.path:
            for sample in samples(document, operation):
                assert shared_server.post(sample.target, sample.body, sample.content_type).status == 200
    return shared_server


def is_live(operation):
    return operation.path.startswith(("/v1/stream/", "/ws/"))


def asks_of(document):
    """A request for each example of the document, HEAD for each GET, OPTIONS for each path."""
    asks, paths = [], set()
    for operation in operations(document):
        if is_live(operation):
            continue
        for sample in samples(document, operation):
            fields = (("Accept-Encoding", "gzip"),)
            fields += (("Content-Type", sample.content_type),) if sample.content_type else ()
            asks.append(Ask(sample.method, sample.target, fields, sample.body))
            if sample.method == "GET":
                asks.append(Ask("HEAD", sample.target, fields))
        if operation.path not in paths:
            paths.add(operation.path)
            asks.append(Ask("OPTIONS", target_of(document, operation).partition("?")[0]))
    return asks


def assert_goes_on(client):
    reply = client.ask(GOOD)
    assert (reply.status, reply.may_stay) == (200, True)


def assert_agrees(client, reply):
    """The connection goes on exactly where h11 says so."""
    if reply.may_stay:
        assert_goes_on(client)
    else:
        assert client.has_ended()


def test_a_tour_of_all_routes_on_one_connection(stored, document):
    asks = asks_of(document)
    assert {ask.method for ask in asks} == {"GET", "HEAD", "POST", "OPTIONS", *{o.method for o in operations(document)}}
    with H11Connection(stored) as client:
        for ask in asks:
            reply = client.ask(ask)
            assert reply.may_stay and client.left == b"", (ask, reply)
            assert reply.status in SUCCESSES, (ask, reply)
            if ask.method == "HEAD":
                assert reply.body == b""
                # What these show changes from one request to the next.
                if not ask.target.startswith(("/metrics", "/health")):
                    length = client.ask(ask._replace(method="GET")).headers["Content-Length"]
                    assert reply.headers["Content-Length"] == length, ask


def test_the_tour_in_pipelines_of_16(stored, document):
    asks = asks_of(document)
    with H11Connection(stored) as client:
        for at in range(0, len(asks), PIPELINE):
            part = asks[at : at + PIPELINE]
            client.send(b"".join(ask.data() for ask in part))
            for ask in part:
                reply = client.read(ask)
                assert reply.may_stay and reply.status in SUCCESSES, (ask, reply)
            assert client.left == b""


def test_the_tour_with_a_close_behind_each(stored, document):
    for ask in asks_of(document):
        ask = ask._replace(fields=(*ask.fields, ("Connection", "close")))
        with H11Connection(stored) as client:
            reply = client.ask(ask)
            assert not reply.may_stay and reply.headers["Connection"] == "close", (ask, reply)
            assert client.has_ended()


@pytest.mark.parametrize("keeps", [False, True])
def test_the_tour_in_http_1_0(stored, document, keeps):
    for ask in asks_of(document):
        if keeps:
            ask = ask._replace(fields=(*ask.fields, ("Connection", "keep-alive")))
        ask = ask._replace(raw=ask.data().replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1))
        with H11Connection(stored) as client:
            reply = client.ask(ask)
            assert reply.may_stay == keeps, (ask, reply)
            assert_agrees(client, reply)


def test_a_body_in_chunks_and_one_that_waits_for_100(stored):
    with H11Connection(stored) as client:
        chunked = Ask("POST", "/v1/ticks:ingest", (JSON,), BODY, raw=chunks(BODY[:10], BODY[10:], trailers=b"X: y\r\n"))
        assert client.ask(chunked).status == 200
        head = INGEST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY)
        client.send(head)
        assert client.socket.recv(7, 2) == b"HTTP/1."  # MSG_PEEK: the 100 has come
        client.send(BODY)
        waiting = client.read(Ask("POST", "/v1/ticks:ingest", (JSON, ("Expect", "100-continue")), BODY))
        assert (waiting.status, waiting.informational, waiting.may_stay) == (200, [100], True)
        assert_goes_on(client)


REFUSED = {
    400: Ask("POST", "/v1/ticks:ingest", (JSON,), b"{"),
    401: Ask("POST", "/v1/admin/storage/verify", (JSON,), b"{}"),
    404: Ask("GET", "/nowhere"),
    405: Ask("DELETE", "/v1/products"),
    406: Ask("GET", "/v1/products", (("Accept", "text/html"),)),
    411: Ask("POST", "/v1/ticks:ingest", (JSON,)),
    413: Ask("POST", "/v1/ticks:ingest", (JSON,), b" " * 8388609),
    414: Ask("GET", "/" + "x" * 9000),
    415: Ask("POST", "/v1/ticks:ingest", (("Content-Type", "text/csv"),), b"x"),
    412: Ask("GET", "/v1/products", (("If-Match", '"none"'),)),
    417: Ask("GET", "/", (("Expect", "a-miracle"),)),
    426: Ask("GET", "/ws/quotes"),
    431: Ask("GET", "/", (("X", "y" * 40000),)),
    501: Ask("FOO", "/"),
    505: Ask("GET", "/", raw=b"GET / HTTP/2.0\r\nHost: test\r\n\r\n"),
}


@pytest.mark.parametrize("status", REFUSED)
def test_a_refusal_of_each_kind(stored, status):
    with H11Connection(stored) as client:
        reply = client.ask(REFUSED[status])
        problem = json.loads(reply.body)
        assert (reply.status, problem["status"]) == (status, status) and problem["detail"], reply
        assert_agrees(client, reply)


@pytest.mark.parametrize("status", [status for status, ask in REFUSED.items() if ask.method == "GET" and ask.raw is None])
def test_a_refusal_of_head_has_no_body(stored, status):
    with H11Connection(stored) as client:
        reply = client.ask(REFUSED[status]._replace(method="HEAD"))
        assert (reply.status, reply.body, client.left) == (status, b"", b"")
        assert_agrees(client, reply)


@pytest.mark.parametrize("row", [*STANDARD_ROWS, *SMUGGLING_ROWS], ids=lambda row: row.name)
def test_the_reply_to_a_row_of_the_tables(stored, row):
    with H11Connection(stored) as client:
        reply = client.ask(Ask("GET", "/", raw=row.data))
        assert (reply.status, reply.may_stay) == (row.status, not row.closes), reply
        assert_agrees(client, reply)


def test_a_head_and_a_body_that_do_not_come(launcher, data_dir):
    server = launcher.up(data_dir, "--headers-timeout", "300ms", "--body-timeout", "300ms")
    for data in (b"GET / HTTP/1.1\r\nHo", INGEST + b"Content-Length: 10\r\n\r\n{"):
        with H11Connection(server) as client:
            reply = client.ask(Ask("GET", "/", raw=data))
            assert (reply.status, reply.may_stay) == (408, False), reply
            assert client.has_ended()


def test_a_service_that_is_not_there(launcher, data_dir):
    gateway = launcher.start("deltastream-gateway", "--data-dir", data_dir, "--listen", "127.0.0.1:0")
    server = Server(gateway.wait_ready()[0], data_dir, [gateway])
    with H11Connection(server) as client:
        for ask in (Ask("GET", "/health"), Ask("GET", "/v1/products")):
            reply = client.ask(ask)
            assert (reply.status, reply.may_stay) == (503, True), reply
        assert client.ask(Ask("GET", "/health/live")).status == 200


def test_what_the_client_has_already(stored):
    with H11Connection(stored) as client:
        first = client.ask(GOOD)
        for method in ("GET", "HEAD"):
            again = client.ask(GOOD._replace(method=method, fields=(("If-None-Match", first.headers["Etag"]),)))
            assert (again.status, again.body, again.may_stay) == (304, b"", True)
            assert "Content-Length" not in again.headers
        assert_goes_on(client)


def test_a_connection_over_the_cap(launcher, data_dir):
    server = launcher.up(data_dir, "--connections-address-max", "1")
    with H11Connection(server) as first:
        assert_goes_on(first)
        with H11Connection(server) as second:
            reply = second.ask(GOOD)
            assert (reply.status, reply.headers["Retry-After"], reply.may_stay) == (429, "1", False)
            assert second.has_ended()
        assert_goes_on(first)


LIVE = Ask("GET", "/v1/stream/ticks?keys=ROW")
LIVE_FORMS = {
    "Server-Sent Events": LIVE,
    "NDJSON": LIVE._replace(fields=(("Accept", "application/x-ndjson"),)),
    "Server-Sent Events in HTTP/1.0": LIVE._replace(raw=LIVE.data().replace(b" HTTP/1.1", b" HTTP/1.0")),
}


@pytest.mark.parametrize("form", LIVE_FORMS)
def test_a_live_stream_ends_as_it_says(launcher, data_dir, form):
    """It goes on until the server stops."""
    server = launcher.up(data_dir)
    done = []

    def take(body):
        if not done and b'"subscribed"' in body:
            assert server.post("/v1/ticks:ingest", BODY).status == 200
            done.append("stored")
        if "stopped" not in done and b'"product":"ROW"' in body:
            server.programs[0].process.send_signal(signal.SIGTERM)
            done.append("stopped")

    with H11Connection(server) as client:
        client.send(LIVE_FORMS[form].data())
        reply = client.read(LIVE_FORMS[form], on_data=take)
        assert (reply.status, reply.may_stay, done) == (200, "1.0" not in form, ["stored", "stopped"])
        assert b'"type":"end"' in reply.body
        assert ("Transfer-Encoding" in reply.headers) == ("1.0" not in form)
        assert client.has_ended()
    assert server.programs[0].wait() == 0


def test_a_live_stream_that_is_asked_for_by_head_has_no_body(stored):
    with H11Connection(stored) as client:
        for path in ("ticks", "quotes", "chains"):
            reply = client.ask(Ask("HEAD", f"/v1/stream/{path}?keys=ROW"))
            assert (reply.status, reply.body, reply.may_stay) == (200, b"", True)
        assert_goes_on(client)


def test_a_websocket_switches_protocols(stored):
    fields = (
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    )
    with H11Connection(stored) as client:
        assert_goes_on(client)
        reply = client.ask(Ask("GET", "/ws/quotes", fields))
        assert (reply.status, reply.headers["Upgrade"], client.left) == (101, "websocket", b"")
        client.send(b"\x88\x82\x00\x00\x00\x00\x03\xe8")  # a close of 1000, masked by zeros
        assert client.socket.recv(100) == b"\x88\x02\x03\xe8"
        assert client.has_ended()
