"""Bad input: each kind gets its answer, and the server goes on. Nothing of it is stored."""

import json

import pytest

PROBLEM_MEMBERS = ("type", "title", "status", "detail", "error_code", "error", "request_id", "errors")
GOOD = {"product": "X", "price": 1, "timestamp": "2025-01-25T10:00:00Z"}


def expect_problem(reply, status, error_code, *names):
    """A problem+json of that status and code whose detail names what is at fault."""
    assert reply.status == status, reply
    assert reply.headers["Content-Type"] == "application/problem+json"
    body = reply.json()
    for member in PROBLEM_MEMBERS:
        assert member in body, body
    assert body["status"] == status
    assert body["error_code"] == error_code, body
    assert body["error"] == body["detail"]
    for name in names:
        assert name in reply.body.decode(), body
    return body


@pytest.fixture(autouse=True)
def nothing_is_lost_or_stored(shared_server):
    yield
    assert shared_server.wait_healthy()["status"] == "healthy"
    assert shared_server.get("/v1/products").json()["products"] == []


@pytest.mark.parametrize("parameter", ["start", "end"])
@pytest.mark.parametrize(
    "date", ["yesterday", "2025-13-01", "2025-02-30", "2025-01-25T25:00:00", "1737799200", "2025-01-25T10:00:00.1234567890"]
)
def test_a_malformed_date_is_refused_by_its_parameter(shared_server, parameter, date):
    expect_problem(
        shared_server.get(f"/v1/ticks/X?{parameter}={date}"), 400, "invalid_request", parameter
    )


@pytest.mark.parametrize("limit", ["ten", "0", "-1", "1.5", "2147483648", "1e99"])
def test_a_limit_that_is_none_is_refused(shared_server, limit):
    expect_problem(shared_server.get(f"/v1/ticks/X?limit={limit}"), 400, "invalid_request", "limit")


@pytest.mark.parametrize("product", ["a%2Fb", "%0Ab", "p" * 129])
def test_a_product_that_is_none_is_refused(shared_server, product):
    expect_problem(shared_server.get(f"/v1/ticks/{product}"), 400, "invalid_request", "product")


@pytest.mark.parametrize("target", ["/v1/ticks/a%00b", "/v1/ticks/%FF", "/v1/ticks/X?limit=%00", "/v1/ticks/X?start=%FF"])
def test_a_target_that_is_no_text_is_refused_whole(shared_server, target):
    # Nothing of it is bound to a field, so none can be named.
    expect_problem(shared_server.get(target), 400, "invalid_request", "U+0000", "UTF-8")


@pytest.mark.parametrize("token", ["x", "AAAA", "%25", "AQAGYN6sgpQ_AYAAAAAAAAE0n7e6MoMEWmc", "A" * 500])
def test_a_page_token_of_another_origin_is_refused(shared_server, token):
    expect_problem(shared_server.get(f"/v1/ticks/X?page_token={token}"), 400, "invalid_page_token")


def test_an_order_that_is_none_is_refused(shared_server):
    reply = shared_server.get("/v1/ticks/X?order=sideways")
    expect_problem(reply, 400, "invalid_request", "order: expected one of unspecified, desc, asc")


def test_an_unknown_query_parameter_is_refused_by_name(shared_server):
    expect_problem(shared_server.get("/v1/ticks/X?limits=5"), 400, "unknown_parameter", "limits")
    expect_problem(shared_server.get("/v1/products?x=1"), 400, "unknown_parameter", "x")


DAMAGED_JSON = {
    "nothing": b"",
    "a cut object": b'{"ticks": [{"product": "X"',
    "a trailing comma": b'{"ticks": [],}',
    "single quotes": b"{'ticks': []}",
    "text behind the end": b'{"ticks": []} x',
    "two documents": b'{"ticks": []}{"ticks": []}',
    "a name without quotes": b"{ticks: []}",
    "a comment": b'{"ticks": [] /* none */}',
    "a leading zero": b'{"ticks": [{"product": "X", "price": 01}]}',
    "a bare NaN": b'{"ticks": [{"product": "X", "price": NaN}]}',
    "a lone surrogate": b'{"ticks": [{"product": "\\ud800"}]}',
    "a control character": b'{"ticks": [{"product": "a\x01"}]}',
    "bytes that are not UTF-8": b'{"ticks": [{"product": "\xff"}]}',
    "an overlong form": b'{"ticks": [{"product": "\xc0\xaf"}]}',
    "an escape that is none": b'{"ticks": [{"product": "\\x41"}]}',
    "a byte order mark": b'\xef\xbb\xbf{"ticks": []}',
    "a NUL byte": b'{"ticks": []}\x00',
}


@pytest.mark.parametrize("kind", DAMAGED_JSON)
def test_damaged_json_is_refused(shared_server, kind):
    expect_problem(shared_server.post("/v1/ticks:ingest", DAMAGED_JSON[kind]), 400, "invalid_json")


WRONG_SHAPES = {
    "an array": (b"[]", ""),
    "a string": (b'"ticks"', ""),
    "null for a list's element": (b'{"ticks": [null]}', "ticks"),
    "an object for a list": (b'{"ticks": {}}', "ticks"),
    "text for a number": (b'{"ticks": [{"product": "X", "price": "much"}]}', "price"),
    "a list for a number": (b'{"ticks": [{"product": "X", "price": [1]}]}', "price"),
    "a number for text": (b'{"ticks": [{"product": 5}]}', "product"),
    "a fraction for an integer": (b'{"ticks": [{"product": "X", "volume": 1.5}]}', "volume"),
    "an integer beyond 64 bits": (b'{"ticks": [{"product": "X", "volume": 9223372036854775808}]}', "volume"),
    "a time that is none": (b'{"ticks": [{"product": "X", "timestamp": "now"}]}', "timestamp"),
    "a number beyond doubles": (b'{"ticks": [{"product": "X", "price": 1e400}]}', "price"),
    "a member twice": (b'{"ticks": [{"product": "X", "product": "Y"}]}', "product"),
    "U+0000 in a product": (b'{"ticks": [{"product": "a\\u0000b"}]}', "product"),
    "an enum value that is none": (b'{"ticks": [], "conflict_policy": "MAYBE"}', "conflict_policy"),
}


@pytest.mark.parametrize("kind", WRONG_SHAPES)
def test_json_of_the_wrong_shape_is_refused_with_its_place(shared_server, kind):
    body, name = WRONG_SHAPES[kind]
    reply = shared_server.post("/v1/ticks:ingest", body)
    assert reply.status == 400, reply
    assert reply.json()["error_code"] in ("invalid_request", "invalid_json"), reply
    assert name in reply.body.decode()


def test_json_nested_deeper_than_any_message_is_refused(shared_server):
    reply = shared_server.post("/v1/ticks:ingest", b'{"ticks":' + b"[" * 100000)
    assert reply.status == 400, reply


def test_an_unknown_field_is_refused_by_name(shared_server):
    body = json.dumps({"ticks": [{**GOOD, "prise": 2}]}).encode()
    expect_problem(shared_server.post("/v1/ticks:ingest", body), 400, "unknown_field", "prise")


def test_one_bad_row_in_a_document_stores_nothing(shared_server):
    body = json.dumps({"ticks": [GOOD, {**GOOD, "price": "much"}]}).encode()
    assert shared_server.post("/v1/ticks:ingest", body).status == 400


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "multipart/form-data"])
def test_a_body_of_another_kind_is_refused(shared_server, content_type):
    reply = shared_server.post("/v1/ticks:ingest", json.dumps({"ticks": []}).encode(), content_type)
    expect_problem(reply, 415, "unsupported_media_type")


def test_a_body_beyond_the_methods_size_is_refused(shared_server):
    body = b'{"ticks": [' + b" " * (9 * 1024 * 1024) + b"]}"
    expect_problem(shared_server.post("/v1/ticks:ingest", body), 413, "request_too_large")


@pytest.mark.parametrize(
    "method, path, allowed",
    [
        ("DELETE", "/v1/ticks/X", {"GET", "HEAD", "OPTIONS"}),
        ("POST", "/products", {"GET", "HEAD", "OPTIONS"}),
        ("GET", "/v1/ticks:ingest", {"POST", "OPTIONS"}),
        ("PUT", "/health", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(shared_server, method, path, allowed):
    reply = shared_server.request(method, path)
    expect_problem(reply, 405, "method_not_allowed")
    told = {name.strip() for name in reply.headers["Allow"].split(",")}
    assert told <= allowed and told & {"GET", "POST"} == allowed & {"GET", "POST"}


@pytest.mark.parametrize("path", ["/nothing", "/v1/ticks", "/v1/ticks/X/Y/Z", "/v2/ticks/X", "/underlying", "//"])
def test_a_wrong_path_is_not_found(shared_server, path):
    expect_problem(shared_server.get(path), 404, "not_found")


def test_a_product_without_ticks_has_no_latest(shared_server):
    expect_problem(shared_server.get("/v1/ticks/NOTHING/latest"), 404, "not_found")
