"""What HTTP means above its framing, against the real programs: entity tags and preconditions, codings, idempotency keys, CORS."""

import gzip
import http.client
import json
import re
import urllib.parse

import pytest

from programs import run_cli, seconds
from raw_http import RawConnection

APP = "https://app.example.com"
ROWS = [{"product": "X", "price": 100 + i / 4, "timestamp": f"2025-01-25T10:{i // 60:02}:{i % 60:02}Z", "tick_id": i} for i in range(3000)]
PAGE = "/v1/ticks/X?limit=200"  # some 16 KiB: compressed on the loop
LARGE = "/v1/ticks/X?limit=3000&order=asc"  # over 256 KiB: by another thread
SMALL = "/v1/ticks/X/latest"
TAG = re.compile(r'W/"[0-9a-f]{16}"')


@pytest.fixture(scope="module")
def filled_server(shared_server):
    shared_server.ingest(ROWS)
    return shared_server


@pytest.fixture
def cors_server(launcher, data_dir):
    server = launcher.up(data_dir, "--cors-origin", APP)
    server.ingest(ROWS[:200])
    return server


def ask(server, method, target, *fields, body=None, version="1.1"):
    """One request by hand, with fields that may come more than once."""
    with RawConnection(server) as client:
        lines = [f"{method} {target} HTTP/{version}", "Host: test", *fields]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        client.send("\r\n".join([*lines, "", ""]).encode() + (body or b""))
        reply = client.receive(without_body=method == "HEAD")
        assert reply.status not in (204, 304) or "Content-Length" not in reply.headers
        return reply


def get(server, target, *fields):
    return ask(server, "GET", target, *fields)


def ingest(server, *fields, rows=tuple(ROWS[:1]), body=None):
    body = json.dumps({"ticks": list(rows)}).encode() if body is None else body
    return ask(server, "POST", "/v1/ticks:ingest", "Content-Type: application/json", *fields, body=body)


# Entity tags.


@pytest.mark.parametrize("target", [PAGE, SMALL, "/v1/products", "/underlying/X?limit=5", "/openapi.json", "/docs"])
def test_an_unchanged_reply_need_not_come_again(filled_server, target):
    first = get(filled_server, target)
    tag = first.headers["ETag"]
    assert first.status == 200 and TAG.fullmatch(tag)
    for listed in (tag, f'"other", {tag}', tag.removeprefix("W/"), "*"):
        again = get(filled_server, target, f"If-None-Match: {listed}")
        assert (again.status, again.body, again.headers["ETag"]) == (304, b"", tag)
        assert again.headers["Cache-Control"] == first.headers["Cache-Control"]
        assert again.headers.get("Vary") == first.headers.get("Vary")
    assert get(filled_server, target, 'If-None-Match: "other"').body == first.body


def test_a_change_changes_the_tag(server):
    server.ingest(ROWS[:1])
    tag = get(server, SMALL).headers["ETag"]
    assert get(server, SMALL, f"If-None-Match: {tag}").status == 304
    server.ingest(ROWS[1:2])
    changed = get(server, SMALL, f"If-None-Match: {tag}")
    assert changed.status == 200 and changed.headers["ETag"] != tag


def test_a_strong_precondition_never_holds_and_nothing_is_changed(server):
    server.ingest(ROWS[:1])
    tag = get(server, SMALL).headers["ETag"]
    for listed in (tag, tag.removeprefix("W/"), '"other"'):
        reply = get(server, SMALL, f"If-Match: {listed}")
        assert (reply.status, reply.json()["error_code"]) == (412, "precondition_failed")
        assert ingest(server, f"If-Match: {listed}", rows=ROWS[5:6]).status == 412
    assert get(server, SMALL, "If-Match: *").status == 200
    assert server.get(PAGE).json()["count"] == 1


# Codings of replies.


@pytest.mark.parametrize("target", [PAGE, LARGE, "/metrics", "/openapi.json"])
def test_a_reply_comes_compressed_for_who_asks(filled_server, target):
    plain = get(filled_server, target)
    packed = get(filled_server, target, "Accept-Encoding: gzip, deflate, br")
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"
    assert len(packed.body) < len(plain.body) / 2
    if target != "/metrics":  # it counts the first request
        assert gzip.decompress(packed.body) == plain.body
        assert packed.headers.get("ETag") == plain.headers.get("ETag") or target == "/openapi.json"


def test_large_replies_in_a_pipeline_keep_their_order(filled_server):
    plain = get(filled_server, LARGE).body
    with RawConnection(filled_server) as client:
        for i in range(6):
            client.get(SMALL if i % 2 else LARGE, f"X-Request-Id: r{i}", "Accept-Encoding: gzip")
        for i in range(6):
            reply = client.receive()
            assert reply.headers["X-Request-Id"] == f"r{i}"
            assert i % 2 or gzip.decompress(reply.body) == plain


def test_a_server_stops_well_while_it_compresses(launcher, data_dir):
    server = launcher.up(data_dir)
    server.ingest(ROWS)
    clients = [RawConnection(server) for _ in range(8)]
    for client in clients:
        client.get(LARGE, "Accept-Encoding: gzip")
    for client in clients[::2]:
        client.reset()
    assert server.programs[0].stop() == 0


def test_gzip_can_be_turned_off(launcher, data_dir):
    server = launcher.up(data_dir, "--gzip", "off")
    server.ingest(ROWS[:200])
    plain = get(server, PAGE, "Accept-Encoding: gzip")
    assert "Content-Encoding" not in plain.headers and "Vary" not in plain.headers
    refused = ingest(server, "Content-Encoding: gzip", body=gzip.compress(b"{}"))
    assert (refused.status, refused.headers["Accept-Encoding"]) == (415, "identity")


def test_who_takes_neither_form_is_told(filled_server):
    for weights in ("identity;q=0", "*;q=0", "br, identity;q=0"):
        reply = get(filled_server, PAGE, f"Accept-Encoding: {weights}")
        assert (reply.status, reply.json()["error_code"]) == (406, "not_acceptable")
        assert reply.json()["errors"][0]["header"] == "Accept-Encoding"


# Codings of bodies.


def test_bodies_may_be_compressed(server):
    body = json.dumps({"ticks": ROWS[:500]}).encode()
    lines = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS[500:900])
    assert ingest(server, "Content-Encoding: gzip", body=gzip.compress(body)).json()["accepted"] == 500
    pieces = gzip.compress(lines[:1000]) + gzip.compress(lines[1000:])
    reply = ask(server, "POST", "/v1/ticks:ingest", "Content-Type: application/x-ndjson", "Content-Encoding: x-gzip", body=pieces)
    assert reply.json()["accepted"] == 400
    assert ingest(server, "Content-Encoding: identity", rows=ROWS[900:901]).json()["accepted"] == 1


BAD_BODIES = [
    ("gzip", gzip.compress(b'{"ticks":[]}')[:-1], 400, "invalid_request"),
    ("gzip", gzip.compress(b'{"ticks":[]}') + b"x", 400, "invalid_request"),
    ("gzip", b'{"ticks":[]}', 400, "invalid_request"),
    ("gzip", gzip.compress(b"") * 17, 400, "invalid_request"),
    ("gzip", gzip.compress(b" " * 9_000_000), 413, "request_too_large"),
    ("gzip", b"", 400, "invalid_json"),
    ("gzip, gzip", gzip.compress(gzip.compress(b'{"ticks":[]}')), 415, "unsupported_encoding"),
    ("deflate", b"x", 415, "unsupported_encoding"),
    ("br", b"x", 415, "unsupported_encoding"),
    ("aes128gcm", b"x", 415, "unsupported_encoding"),
]


@pytest.mark.parametrize("coding, body, status, code", BAD_BODIES)
def test_a_body_that_is_not_what_it_says_is_refused(filled_server, coding, body, status, code):
    reply = ingest(filled_server, f"Content-Encoding: {coding}", body=body)
    assert (reply.status, reply.json()["error_code"]) == (status, code)
    assert (reply.headers.get("Accept-Encoding") == "gzip, identity") == (status == 415)


def test_many_bombs_do_not_fill_the_memory(launcher, data_dir):
    server = launcher.daemons(data_dir)
    bomb = gzip.compress(b'{"ticks":[' + b" " * 8_000_000 + b"]}")
    assert len(bomb) < 10_000
    before = server.programs[0].memory_bytes()
    with RawConnection(server) as client:
        head = "POST /v1/ticks:ingest HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n"
        for _ in range(30):
            client.send(head.encode() + b"Content-Length: %d\r\n\r\n" % len(bomb) + bomb)
            assert client.receive().status == 400
    if not server.programs[0].is_sanitized():
        assert server.programs[0].memory_bytes() - before < 64 * 1024 * 1024


def test_a_body_must_announce_itself(filled_server):
    for version in ("1.1", "1.0"):
        reply = ask(filled_server, "POST", "/v1/ticks:ingest", "Content-Type: application/json", version=version)
        assert (reply.status, reply.json()["error_code"]) == (411, "length_required")
    reply = ask(filled_server, "POST", "/v1/ticks:ingest", "Content-Type: text/plain", body=b"x")
    assert (reply.status, reply.headers["Accept-Post"]) == (415, "application/json, application/x-ndjson")


# Idempotency keys.


def counts(reply):
    assert reply.status == 200, reply
    return reply.json()["accepted"], reply.json()["duplicate"]


def test_a_request_made_again_with_its_key_gets_the_first_reply(server):
    assert counts(ingest(server, "Idempotency-Key: k1")) == (1, 0)
    assert counts(ingest(server, "Idempotency-Key: k1")) == (1, 0)
    assert counts(ingest(server, 'Idempotency-Key: "k1"')) == (1, 0)
    packed = gzip.compress(json.dumps({"ticks": ROWS[:1]}, indent=1).encode())
    assert counts(ingest(server, "Idempotency-Key: k1", "Content-Encoding: gzip", body=packed)) == (1, 0)
    assert counts(ingest(server, "Idempotency-Key: k2")) == (0, 1)
    assert counts(ingest(server)) == (0, 1)
    reused = ingest(server, "Idempotency-Key: k1", rows=ROWS[1:2])
    assert (reused.status, reused.json()["error_code"]) == (422, "idempotency_key_reused")
    bad = ingest(server, "Idempotency-Key: k1", "Idempotency-Key: k2")
    assert (bad.status, bad.json()["error_code"]) == (400, "idempotency_key_invalid")


def test_a_key_outlives_the_gateway(launcher, data_dir):
    server = launcher.daemons(data_dir)
    assert counts(ingest(server, "Idempotency-Key: k1")) == (1, 0)
    server.programs[0].kill()
    gateway = launcher.start("deltastream-gateway", "--data-dir", data_dir, "--listen", "127.0.0.1:0")
    server.base_url = gateway.wait_ready()[0]
    assert counts(ingest(server, "Idempotency-Key: k1")) == (1, 0)
    assert counts(ingest(server)) == (0, 1)


def from_address(server, source, *headers):
    address = urllib.parse.urlsplit(server.base_url).netloc
    connection = http.client.HTTPConnection(address, timeout=seconds(20), source_address=(source, 0))
    try:
        connection.request("POST", "/v1/ticks:ingest", json.dumps({"ticks": ROWS[:1]}), {"Content-Type": "application/json", **dict(headers)})
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def test_a_stranger_with_the_same_key_does_not_get_another_ones_reply(server):
    key = ("Idempotency-Key", "k1")
    assert from_address(server, "127.0.0.1", key)["accepted"] == 1
    assert from_address(server, "127.0.0.2", key)["accepted"] == 0
    assert from_address(server, "127.0.0.1", key)["accepted"] == 1


def test_behind_a_trusted_proxy_the_clients_are_told_apart(launcher, data_dir):
    server = launcher.up(data_dir, "--trusted-proxy", "127.0.0.1")
    key = ("Idempotency-Key", "k1")
    assert from_address(server, "127.0.0.1", key, ("X-Forwarded-For", "203.0.113.1"))["accepted"] == 1
    assert from_address(server, "127.0.0.1", key, ("X-Forwarded-For", "203.0.113.2"))["accepted"] == 0
    assert from_address(server, "127.0.0.1", key, ("X-Forwarded-For", "203.0.113.1"))["accepted"] == 1


# Server-Timing.


def test_a_reply_tells_where_its_time_went(filled_server):
    timing = re.compile(r"queue;dur=\d+\.\d{3}, call;dur=\d+\.\d{3}")
    assert timing.fullmatch(get(filled_server, PAGE).headers["Server-Timing"])
    assert timing.fullmatch(get(filled_server, "/v1/ticks/NOTHING/latest").headers["Server-Timing"])
    assert "Server-Timing" not in get(filled_server, "/nothing").headers


# CORS.

PREFLIGHT = ("Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type, idempotency-key, x-other")


def test_a_listed_page_may_call_and_read(cors_server):
    reply = ask(cors_server, "OPTIONS", "/v1/ticks:ingest", f"Origin: {APP}", *PREFLIGHT)
    assert reply.status == 204
    assert reply.headers["Access-Control-Allow-Origin"] == APP
    assert reply.headers["Access-Control-Allow-Credentials"] == "true"
    assert reply.headers["Access-Control-Allow-Methods"] == "POST, OPTIONS"
    assert reply.headers["Access-Control-Allow-Headers"] == "content-type, idempotency-key"
    assert reply.headers["Access-Control-Max-Age"] == "7200"
    for target in (PAGE, "/nothing", "/v1/ticks/X?x=1", "/health"):
        reply = get(cors_server, target, f"Origin: {APP}")
        assert reply.headers["Access-Control-Allow-Origin"] == APP
        assert "ETag" in reply.headers["Access-Control-Expose-Headers"].split(", ")
        assert "Origin" in reply.headers["Vary"].split(", ")


def test_other_pages_may_not(cors_server):
    reply = ask(cors_server, "OPTIONS", "/v1/ticks:ingest", "Origin: https://evil.example", *PREFLIGHT)
    assert (reply.status, reply.json()["error_code"]) == (403, "forbidden_origin")
    for origin in ("https://evil.example", "null", f"{APP}.evil.example", f"{APP}:8443"):
        reply = get(cors_server, PAGE, f"Origin: {origin}")
        assert reply.status == 200
        assert not any(name.startswith("Access-Control") for name in reply.headers)
        assert "Origin" in reply.headers["Vary"].split(", ")


def test_a_refusal_of_the_reader_can_be_read_by_the_page(cors_server):
    with RawConnection(cors_server) as client:
        client.send(f"GET / HTTP/1.1\r\nHost: a\r\nOrigin: {APP}\r\nHost: b\r\n\r\n".encode())
        reply = client.receive()
        assert (reply.status, reply.headers["Access-Control-Allow-Origin"]) == (400, APP)


def test_origins_come_from_the_old_variable_too(launcher, data_dir):
    program = launcher.start(
        "deltastream", "up", "--data-dir", data_dir, "--listen", "127.0.0.1:0",
        environment={"CORS_ALLOWED_ORIGINS": f"http://localhost:3000, {APP}"},
    )
    base_url = program.wait_ready()[0]
    address = urllib.parse.urlsplit(base_url).netloc
    for origin in ("http://localhost:3000", APP):
        connection = http.client.HTTPConnection(address, timeout=seconds(20))
        connection.request("GET", "/health/live", headers={"Origin": origin})
        assert connection.getresponse().headers["Access-Control-Allow-Origin"] == origin
        connection.close()


@pytest.mark.parametrize("origin", ["app.example.com", "https://app.example.com/", "https://a:443", "null", f"{APP}, nonsense"])
def test_what_is_no_origin_is_refused_at_the_start(data_dir, origin):
    result = run_cli("up", "--data-dir", data_dir, "--cors-origin", origin)
    assert result.returncode == 2
    assert b"is not what a browser calls an origin" in result.stderr


# How all of it goes together.


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("coding", ["gzip", "identity"])
@pytest.mark.parametrize("origin", [APP, "https://evil.example"])
@pytest.mark.parametrize("target", [PAGE, SMALL])
def test_the_parts_go_together(cors_server, version, method, coding, origin, target):
    fields = [f"Accept-Encoding: {coding}", f"Origin: {origin}"]
    reply = ask(cors_server, method, target, *fields, version=version)
    is_packed = coding == "gzip" and target == PAGE
    assert reply.status == 200
    assert reply.headers.get("Content-Encoding") == ("gzip" if is_packed else None)
    assert reply.headers["Vary"] == ("Accept-Encoding, Origin" if target == PAGE else "Origin")
    assert (reply.headers.get("Access-Control-Allow-Origin") == APP) == (origin == APP)
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert int(reply.headers["Content-Length"]) > 0
    if method == "GET":
        text = gzip.decompress(reply.body) if is_packed else reply.body
        assert text == get(cors_server, target).body
    unchanged = ask(cors_server, method, target, *fields, f"If-None-Match: {reply.headers['ETag']}", version=version)
    assert (unchanged.status, unchanged.body) == (304, b"")
    for name in ("ETag", "Vary", "Cache-Control", "Access-Control-Allow-Origin"):
        assert unchanged.headers.get(name) == reply.headers.get(name)
    assert not {"Content-Encoding", "Content-Type", "Content-Length"} & set(unchanged.headers)
    failed = ask(cors_server, method, target, *fields, 'If-Match: "other"', version=version)
    assert failed.status == 412
    assert failed.headers["Content-Type"] == "application/problem+json"
    assert "Content-Encoding" not in failed.headers and "ETag" not in failed.headers


def test_a_304_leaves_the_connection_to_the_next_request(filled_server):
    tag = get(filled_server, PAGE).headers["ETag"]
    with RawConnection(filled_server) as client:
        for i in range(9):
            client.get(PAGE, f"X-Request-Id: r{i}", f"If-None-Match: {tag if i % 2 else 'x'}")
        for i in range(9):
            reply = client.receive()
            assert (reply.status, reply.headers["X-Request-Id"]) == (304 if i % 2 else 200, f"r{i}")
