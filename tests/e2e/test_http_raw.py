"""HTTP/1.1 to the byte against the real programs: framing, order, limits, leaving early."""

import json
import signal
import time

import pytest

from programs import seconds
from raw_http import RawConnection

GOOD = {"product": "X", "price": 1, "timestamp": "2025-01-25T10:00:00Z"}
INGEST = b"POST /v1/ticks:ingest HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
PROBLEM_MEMBERS = {"type", "title", "status", "detail", "error_code", "error", "request_id", "errors"}


def chunked(*pieces):
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def test_pipelined_requests_are_answered_in_order_on_one_connection(server):
    server.ingest([GOOD])
    with RawConnection(server) as client:
        for i in range(40):
            client.get("/v1/ticks/X/latest" if i % 2 else "/v1/products", f"X-Request-Id: r{i}")
        for i in range(40):
            reply = client.receive()
            assert (reply.status, reply.headers["X-Request-Id"]) == (200, f"r{i}")
            assert ("price" in reply.json()) == bool(i % 2)


def test_a_slow_request_does_not_let_later_ones_overtake_it(server):
    body = json.dumps({"ticks": [GOOD]}).encode()
    with RawConnection(server) as client:
        client.send(INGEST + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        client.get("/v1/products")
        assert client.receive().json()["accepted"] == 1
        assert client.receive().status == 200


def test_a_chunked_body_is_taken_byte_by_byte(server):
    body = json.dumps({"ticks": [GOOD]}).encode()
    data = INGEST + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(body[:10], body[10:])
    with RawConnection(server) as client:
        for i in range(len(data)):
            client.send(data[i : i + 1])
        assert client.receive().json()["accepted"] == 1


def test_a_client_that_waits_for_100_gets_it_and_then_its_reply(server):
    body = json.dumps({"ticks": [GOOD]}).encode()
    with RawConnection(server) as client:
        client.send(INGEST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
        assert client.receive().status == 100
        client.send(body)
        assert client.receive().json()["accepted"] == 1


def test_a_client_that_waits_for_100_is_spared_a_body_that_is_refused(shared_server):
    with RawConnection(shared_server) as client:
        client.send(INGEST + b"Expect: 100-continue\r\nContent-Length: 8388609\r\n\r\n")
        reply = client.receive()
        assert (reply.status, reply.json()["error_code"]) == (413, "request_too_large")
        assert client.at_end()


def test_another_expectation_is_417(shared_server):
    with RawConnection(shared_server) as client:
        client.get("/", "Expect: a-miracle")
        assert client.receive().status == 417


def test_a_body_over_8_mib_in_chunks_is_413_and_the_client_reads_it(shared_server):
    piece = b" " * 65536
    with RawConnection(shared_server) as client:
        client.send(INGEST + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(160):
            client.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        reply = client.receive()
        assert (reply.status, reply.headers["Connection"]) == (413, "close")
        assert client.at_end()


# A request that two readers could take differently, with another one hidden behind it.
AMBIGUOUS = {
    "length and chunks": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 2\r\nContent-Length: 0\r\n\r\n{}",
    "a list of lengths": b"Content-Length: 0, 2\r\n\r\n{}",
    "chunked and more": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunked with a tab": b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "chunked behind a blank": b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a length with a sign": b"Content-Length: +2\r\n\r\n{}",
    "a folded length": b"Content-Length:\r\n 2\r\n\r\n{}",
    "a length behind LF alone": b"X: y\nContent-Length: 2\r\n\r\n{}",
    "a chunk behind LF alone": b"Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n",
    "trailers that end with LF alone": b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\n",
    "a trailer that ends with LF alone": b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\n\r\n",
    "a folded trailer": b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n z\r\n\r\n",
    "a chunk size behind LF alone": b"Transfer-Encoding: chunked\r\n\r\n2;a\n{}\r\n0\r\n\r\n",
    "a chunk that overruns": b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}xx0\r\n\r\n",
    "two hosts": b"Host: other\r\nContent-Length: 2\r\n\r\n{}",
}


@pytest.mark.parametrize("kind", AMBIGUOUS)
def test_an_ambiguous_request_is_refused_and_nothing_behind_it_is_read(shared_server, kind):
    with RawConnection(shared_server) as client:
        client.send(INGEST + AMBIGUOUS[kind] + b"GET /v1/products HTTP/1.1\r\nHost: test\r\n\r\n")
        reply = client.receive()
        assert (reply.status, reply.headers["Connection"]) == (400, "close"), reply
        assert reply.headers["Content-Type"] == "application/problem+json"
        assert set(reply.json()) == PROBLEM_MEMBERS
        assert client.at_end()


def test_extensions_of_chunks_are_dropped_blanks_and_quotes_included(server):
    body = json.dumps({"ticks": [GOOD]}).encode()
    chunk = b'%x \t; a = "b;\\"" ;c\r\n%s\r\n0;d\r\nX-Trailer: y\r\n\r\n' % (len(body), body)
    with RawConnection(server) as client:
        client.send(INGEST + b"Transfer-Encoding: chunked\r\n\r\n" + chunk)
        assert client.receive().json()["accepted"] == 1
        client.get("/v1/products")
        assert client.receive().json()["products"] == ["X"]


@pytest.mark.parametrize("trailers", [b"X: y\r\n" * 101, b"X: " + b"y" * 9000 + b"\r\n"])
def test_trailers_have_limits_as_fields_have(shared_server, trailers):
    # Chunks that are as long allow for the framing.
    body = b" " * 16384
    with RawConnection(shared_server) as client:
        client.send(INGEST + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n" % (len(body), body))
        client.send(trailers * (1 if len(trailers) < 9000 else 4) + b"\r\n")
        reply = client.receive()
        assert (reply.status, reply.headers["Connection"]) == (431, "close"), reply
        assert client.at_end()


MALFORMED = {
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "another protocol": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "http/0.9": (b"GET /\r\n\r\n", 400),
    "http/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "a NUL": (b"GET / HTTP/1.1\r\nHost: te\x00st\r\n\r\n", 400),
    "a long line": (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: test\r\n\r\n", 414),
    "a long line without an end": (b"GET /" + b"x" * 9000, 414),
    "a large head": (b"GET / HTTP/1.1\r\nHost: test\r\n" + b"X: " + b"y" * 40000 + b"\r\n\r\n", 431),
    "many fields": (b"GET / HTTP/1.1\r\nHost: test\r\n" + b"X: y\r\n" * 100 + b"\r\n", 431),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_malformed_request_gets_a_problem_and_an_end(shared_server, kind):
    data, status = MALFORMED[kind]
    with RawConnection(shared_server) as client:
        client.send(data)
        reply = client.receive()
        assert (reply.status, reply.json()["status"]) == (status, status), reply
        assert client.at_end()


def test_the_largest_head_that_fits_is_served(shared_server):
    fields = [f"X-{i}: y" for i in range(98)]
    with RawConnection(shared_server) as client:
        client.get("/", *fields, "Accept: " + "application/json," * 1800 + "*/*")
        assert client.receive().status == 200


def test_half_a_request_is_400_and_stores_nothing(server):
    body = json.dumps({"ticks": [GOOD]}).encode()
    with RawConnection(server) as client:
        client.send(INGEST + b"Content-Length: %d\r\n\r\n" % len(body) + body[:-1])
        client.socket.shutdown(1)
        assert client.receive().status == 400
        assert client.at_end()
    assert server.get("/v1/products").json()["products"] == []


def test_a_client_that_closed_its_side_gets_its_reply(shared_server):
    with RawConnection(shared_server) as client:
        client.get("/v1/products")
        client.socket.shutdown(1)
        assert client.receive().status == 200
        assert client.at_end()


def test_clients_that_leave_early_harm_nobody(server):
    server.ingest([GOOD])
    body = json.dumps({"ticks": [GOOD]}).encode()
    for _ in range(30):
        client = RawConnection(server)
        client.send(INGEST + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        client.get("/v1/products")
        client.reset()
    server.wait_healthy()
    assert server.get("/v1/ticks/X/latest").json()["price"] == 1


def test_clients_that_leave_a_health_check_harm_nobody(launcher, data_dir):
    server = launcher.daemons(data_dir)
    storage = server.programs[1].process
    deadline = time.monotonic() + seconds(60)
    storage.send_signal(signal.SIGSTOP)
    try:
        # The answer of the last check serves for a moment: only then do clients wait for one.
        while b'route="/health",status="499"' not in server.get("/metrics").body:
            assert time.monotonic() < deadline
            client = RawConnection(server)
            # Sent together: with the first one's reply the others have been read.
            targets = ("/health/live", "/health", "/health/ready")
            client.send(b"".join(b"GET %s HTTP/1.1\r\nHost: test\r\n\r\n" % t.encode() for t in targets))
            assert client.receive().status == 200
            client.reset()
        assert server.get("/health").status == 503
    finally:
        storage.send_signal(signal.SIGCONT)
    while server.get("/health").status != 200:
        assert time.monotonic() < deadline


def test_a_trickled_head_is_cut_however_steadily_it_comes(launcher, data_dir):
    server = launcher.up(data_dir, "--headers-timeout", "400ms")
    with RawConnection(server) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: test\r\nX: ")
        deadline = time.monotonic() + seconds(60)
        client.socket.settimeout(0.02)
        is_answered = False
        while not is_answered:
            assert time.monotonic() < deadline, "each byte puts the end off"
            try:
                client.socket.send(b"x")
                client.socket.recv(1, 2)  # MSG_PEEK: leaves the reply for the reader
                is_answered = True
            except TimeoutError:
                continue
        client.socket.settimeout(seconds(60))
        reply = client.receive()
        assert (reply.status, reply.json()["error_code"]) == (408, "request_timeout")


def test_a_body_that_does_not_come_is_cut_and_stores_nothing(launcher, data_dir):
    server = launcher.up(data_dir, "--body-timeout", "300ms")
    with RawConnection(server) as client:
        client.send(INGEST + b"Content-Length: 100\r\n\r\n{")
        assert client.receive().status == 408
        assert client.at_end()
    assert server.get("/v1/products").json()["products"] == []


def test_a_reader_that_reads_nothing_is_cut_and_others_are_served(launcher, data_dir):
    server = launcher.up(data_dir, "--write-timeout", "300ms")
    rows = [{**GOOD, "tick_id": i} for i in range(5000)]
    server.ingest(rows)
    with RawConnection(server, receive_bytes=4096) as client:
        for _ in range(30):
            client.get("/v1/ticks/X?limit=5000")
        deadline = time.monotonic() + seconds(60)
        while b"\nds_http_timeouts_total 1\n" not in server.get("/metrics").body:
            assert time.monotonic() < deadline


def test_connections_over_the_cap_are_told_and_others_stay(launcher, data_dir):
    server = launcher.up(data_dir, "--connections-address-max", "3")
    kept = [RawConnection(server) for _ in range(3)]
    for client in kept:
        client.get("/")
        assert client.receive().status == 200
    with RawConnection(server) as client:
        reply = client.receive()
        assert (reply.status, reply.json()["error_code"]) == (429, "rate_limited")
        assert reply.headers["Retry-After"] == "1"
        assert client.at_end()
    for client in kept:
        client.get("/")
        assert client.receive().status == 200
        client.close()


def test_a_stopping_server_ends_idle_connections_and_exits(launcher, data_dir):
    server = launcher.up(data_dir)
    with RawConnection(server) as client:
        client.get("/")
        assert client.receive().status == 200
        assert server.programs[0].stop() == 0
        assert client.at_end()


def test_a_storage_that_is_gone_is_503_and_health_says_so(launcher, data_dir):
    server = launcher.daemons(data_dir)
    gateway, storage = server.programs
    server.wait_healthy()
    storage.kill()
    reply = server.get("/v1/ticks/X")
    assert reply.status in (503, 504), reply
    assert set(reply.json()) == PROBLEM_MEMBERS
    deadline = time.monotonic() + seconds(60)
    while (health := server.get("/health")).status == 200:
        assert time.monotonic() < deadline
    assert health.json()["status"] == "unhealthy"
    assert health.json()["database"] == "disconnected"
    assert gateway.process.poll() is None
