"""Connect's unary protocol on the real programs: Connect's own client for Python, and requests by hand."""

import base64
import gzip
import itertools
import json
import subprocess
import tempfile
import urllib.parse
from pathlib import Path

import pytest
from connectrpc.client import ConnectClientSync, ResponseMetadata
from connectrpc.code import Code
from connectrpc.compat import google_protobuf_binary_codec, google_protobuf_json_codec
from connectrpc.errors import ConnectError
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from openapi_document import operations, samples, send, target_of
from programs import REPOSITORY, seconds
from raw_http import RawConnection

SERVICE = "deltastream.storage.v1.Storage"
PATH = f"/{SERVICE}"
TICK = {"product": "NIFTY", "price": 21500.5, "timestamp": "2025-01-25T10:00:00Z", "volume": 9007199254740993}


def build_pool():
    """The .proto files as protoc reads them, options and all."""
    proto = REPOSITORY / "proto"
    files = sorted(str(path.relative_to(proto)) for path in proto.rglob("deltastream/**/*.proto"))
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "set.pb"
        subprocess.run(["protoc", f"-I{proto}", "--include_imports", f"--descriptor_set_out={target}", *files], check=True)
        found = descriptor_pb2.FileDescriptorSet.FromString(target.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in found.file:
        pool.Add(file)
    return pool


POOL = build_pool()
METHODS = POOL.FindServiceByName(SERVICE).methods
SAFE = descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS


def method_of(name):
    descriptor = next(method for method in METHODS if method.name == name)
    is_safe = descriptor.GetOptions().idempotency_level == SAFE
    return MethodInfo(
        name=name,
        service_name=SERVICE,
        input=message_factory.GetMessageClass(descriptor.input_type),
        output=message_factory.GetMessageClass(descriptor.output_type),
        idempotency_level=IdempotencyLevel.NO_SIDE_EFFECTS if is_safe else IdempotencyLevel.UNKNOWN,
        stream_type=StreamType.UNARY,
    )


class Client(ConnectClientSync):
    def call(self, name, use_get=False, headers=None, timeout_ms=None, **fields):
        method = method_of(name)
        request = method.input(**fields)
        return self.execute_unary(request=request, method=method, headers=headers, timeout_ms=timeout_ms, use_get=use_get)


CODECS = {"proto": google_protobuf_binary_codec(), "json": google_protobuf_json_codec(ignore_unknown_fields=False)}


@pytest.fixture(scope="module")
def stored(shared_server):
    assert shared_server.ingest([TICK])["accepted"] == 1
    return shared_server


@pytest.fixture(params=[f"{codec}-{compression}" for codec in CODECS for compression in ("gzip", "identity")])
def client(request, stored):
    codec, compression = request.param.split("-")
    options = {} if compression == "gzip" else {"send_compression": None, "accept_compression": ()}
    with Client(stored.base_url, codec=CODECS[codec], **options) as client:
        yield client


@pytest.mark.parametrize("use_get", [False, True], ids=["POST", "GET"])
def test_connects_own_client_reads_what_rest_has_stored(client, use_get):
    with ResponseMetadata() as metadata:
        page = client.call("ListTicks", use_get=use_get, product="NIFTY", limit=5)
    assert (page.product, page.count, len(page.ticks)) == ("NIFTY", 1, 1)
    tick = page.ticks[0]
    assert (tick.price, tick.volume, tick.timestamp.seconds) == (21500.5, 9007199254740993, 1737799200)
    assert metadata.http_status == 200
    assert metadata.headers["x-request-id"]


def test_connects_own_client_stores(stored):
    for number, codec in enumerate(CODECS.values()):
        with Client(stored.base_url, codec=codec) as client:
            rows = [{"product": "STORED", "price": 1.5, "timestamp": {"seconds": 1737799200 + number}}]
            assert client.call("IngestTicks", ticks=rows).accepted == 1
    page = stored.get("/v1/ticks/STORED").json()
    assert page["count"] == 2


def failure(client, *arguments, **fields):
    with ResponseMetadata() as metadata, pytest.raises(ConnectError) as caught:
        client.call(*arguments, **fields)
    return metadata.http_status, caught.value


def reason_of(error):
    """The reason in google.rpc.ErrorInfo, whose first field it is."""
    infos = [detail for detail in error.details if detail.type_name.endswith("google.rpc.ErrorInfo")]
    assert len(infos) == 1
    value = infos[0].message_bytes
    assert value[0] == 10
    return value[2 : 2 + value[1]].decode()


def test_its_errors_have_code_text_and_details(client):
    status, error = failure(client, "ListTicks", limit=5)
    assert (status, error.code, reason_of(error)) == (400, Code.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert "product" in {detail.type_name: detail for detail in error.details}["google.rpc.BadRequest"].message_bytes.decode()
    status, error = failure(client, "LatestTick", product="NOBODY")
    assert (status, error.code) == (404, Code.NOT_FOUND)
    assert "NOBODY" in error.message


def test_a_caller_without_the_permission_is_unauthenticated(launcher, data_dir):
    server = launcher.up(data_dir, "--anonymous", "read")
    with Client(server.base_url, codec=CODECS["proto"]) as client:
        assert client.call("ListProducts").products == []
        status, error = failure(client, "IngestTicks", ticks=[{"product": "A"}])
        assert (status, error.code) == (401, Code.UNAUTHENTICATED)
        assert "market:write" in error.message


def test_metadata_of_the_client_travels_to_the_service(client):
    """The service has no use for it, but has to take it: in two processes it crosses ipc."""
    headers = {f"x-number-{i}": "v" * 64 for i in range(64)}
    assert client.call("ListProducts", headers=headers).products
    status, error = failure(client, "ListProducts", headers={**headers, "x-too-many": "1"})
    assert (status, error.code) == (431, Code.RESOURCE_EXHAUSTED)


def test_a_timeout_is_sent_along(client):
    assert client.call("ListProducts", timeout_ms=int(seconds(20) * 1000)).products


# By hand.


def ask(server, method, body=b"{}", verb="POST", target=None, content_type="application/json", **headers):
    """The reply and its JSON, where it is an error's."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    if content_type is not None:
        fields["Content-Type"] = content_type
    reply = server.request(verb, target or f"{PATH}/{method}", body, fields)
    error = reply.json() if reply.status >= 400 else None
    if error is not None:
        assert reply.headers["Content-Type"] == "application/json"
        assert set(error) - {"details"} == {"code", "message"} and error["message"], error
    return reply, error


def query(**parameters):
    return f"{PATH}/ListTicks?" + urllib.parse.urlencode(parameters)


MESSAGE = b'{"product":"NIFTY"}'
PADDED = base64.b64encode(MESSAGE)
WIRE = b"\n\x05NIFTY"


@pytest.mark.parametrize(
    "parameters",
    [
        {"encoding": "json", "message": MESSAGE},
        {"connect": "v1", "encoding": "json", "message": MESSAGE, "base64": "0"},
        {"encoding": "json", "message": PADDED, "base64": "1"},
        {"encoding": "json", "message": PADDED.rstrip(b"="), "base64": "1"},
        {"encoding": "json", "message": base64.urlsafe_b64encode(b'{"product":"NIFTY"  }'), "base64": "1"},
        {"encoding": "json", "message": base64.b64encode(gzip.compress(MESSAGE)), "base64": "1", "compression": "gzip"},
        {"encoding": "proto", "message": base64.b64encode(WIRE), "base64": "1", "connect": "v1"},
        {"encoding": "proto", "message": base64.b64encode(gzip.compress(WIRE)), "base64": "1", "compression": "gzip"},
    ],
    ids=lambda parameters: "-".join(f"{name}" for name in parameters) + "-" + parameters["encoding"],
)
def test_a_get_by_hand(stored, parameters):
    reply, _ = ask(stored, None, None, "GET", query(**parameters), None)
    assert reply.status == 200
    assert reply.headers["Content-Type"] == f"application/{parameters['encoding']}"
    if parameters["encoding"] == "json":
        page = reply.json()
        assert (page["product"], page["ticks"][0]["volume"]) == ("NIFTY", "9007199254740993")
    else:
        page = method_of("ListTicks").output.FromString(reply.body)
        assert (page.product, page.ticks[0].volume) == ("NIFTY", 9007199254740993)
    head = stored.request("HEAD", query(**parameters))
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == reply.headers["Content-Length"]


def test_a_get_that_still_holds_is_304(stored):
    target = query(encoding="json", message=MESSAGE)
    tag = stored.get(target).headers["ETag"]
    reply = stored.request("GET", target, headers={"If-None-Match": tag})
    assert (reply.status, reply.body) == (304, b"")


@pytest.mark.parametrize(
    ("timeout", "status", "code"),
    [
        ("0", 504, "deadline_exceeded"),
        ("00", 504, "deadline_exceeded"),
        ("9999999999", 200, None),
        ("0000099999", 200, None),
        ("00000000000", 400, "invalid_argument"),
        ("12345678901", 400, "invalid_argument"),
        ("", 400, "invalid_argument"),
        ("1s", 400, "invalid_argument"),
        ("+1", 400, "invalid_argument"),
    ],
)
def test_timeouts(stored, timeout, status, code):
    reply, error = ask(stored, "ListProducts", Connect_Timeout_Ms=timeout)
    assert (reply.status, error and error["code"]) == (status, code)


@pytest.mark.parametrize(
    ("method", "verb", "body", "headers", "status", "code"),
    [
        ("Nothing", "POST", b"{}", {}, 404, "unimplemented"),
        ("Nothing", "GET", None, {}, 404, "unimplemented"),
        ("ListTicks", "PUT", b"{}", {}, 405, "unknown"),
        ("IngestTicks", "GET", None, {}, 405, "unknown"),
        ("ListTicks", "POST", b"{}", {"Content_Type": "text/plain"}, 415, "unknown"),
        ("ListTicks", "POST", b"{}", {"Content_Encoding": "br"}, 501, "unimplemented"),
        ("ListTicks", "POST", b"{}", {"Content_Encoding": "gzip"}, 400, "invalid_argument"),
        ("ListTicks", "POST", b"{}", {"Connect_Protocol_Version": "0"}, 400, "invalid_argument"),
        ("ListTicks", "POST", b"", {}, 400, "invalid_argument"),
        ("ListTicks", "POST", b"{", {}, 400, "invalid_argument"),
        ("ListTicks", "POST", b"{}", {}, 400, "invalid_argument"),
        ("ListTicks", "POST", b"\x0a\x05", {"Content_Type": "application/proto"}, 400, "invalid_argument"),
        ("LatestTick", "POST", b'{"product":"NOBODY"}', {}, 404, "not_found"),
        ("ListTicks", "POST", b'{"product":"A","pageToken":"x"}', {}, 400, "invalid_argument"),
        ("IngestTicks", "POST", b"{}", {"Idempotency_Key": "a\tb"}, 400, "invalid_argument"),
        ("Verify", "POST", b"{}", {}, 401, "unauthenticated"),
    ],
)
def test_errors_are_connects(stored, method, verb, body, headers, status, code):
    fields = dict(headers)
    content_type = fields.pop("Content_Type", "application/json") if body is not None else None
    reply, error = ask(stored, method, body, verb, content_type=content_type, **fields)
    assert (reply.status, error["code"]) == (status, code), error
    if status == 405:
        assert "POST" in reply.headers["Allow"] and ("GET" in reply.headers["Allow"]) == (method == "ListTicks")


def test_head_of_a_method_with_side_effects_is_405(stored):
    reply = stored.request("HEAD", f"{PATH}/IngestTicks")
    assert (reply.status, reply.headers["Allow"], reply.body) == (405, "POST, OPTIONS", b"")


def test_no_bytes_of_protobuf_are_the_empty_message(stored):
    reply, _ = ask(stored, "ListProducts", b"", content_type="application/proto")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/proto")
    assert "NIFTY" in method_of("ListProducts").output.FromString(reply.body).products


def test_bodies_and_replies_are_compressed_where_both_want_it(stored):
    rows = [{**TICK, "product": "MANY", "timestamp": f"2025-01-25T11:00:{second:02}Z"} for second in range(60)]
    body = gzip.compress(json.dumps({"ticks": rows}).encode())
    assert ask(stored, "IngestTicks", body, Content_Encoding="gzip")[0].json()["accepted"] == 60
    request = json.dumps({"product": "MANY", "limit": 100}).encode()
    plain = ask(stored, "ListTicks", request)[0]
    packed = ask(stored, "ListTicks", request, Accept_Encoding="br, gzip")[0]
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body


def test_a_body_that_unpacks_to_more_than_the_method_takes_is_refused_at_once(stored):
    bomb = gzip.compress(b" " * 64 * 1024 * 1024)
    reply, error = ask(stored, "ListTicks", bomb, Content_Encoding="gzip")
    assert (reply.status, error["code"]) == (413, "resource_exhausted")


def test_a_body_that_is_announced_as_too_large_is_not_read(stored):
    with RawConnection(stored) as client:
        client.send(f"POST {PATH}/ListTicks HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n".encode())
        client.send(b"Content-Length: 999999999999\r\n\r\n")
        reply = client.receive()
        assert (reply.status, reply.json()["code"]) == (413, "resource_exhausted")


def test_a_body_that_does_not_come_is_408(launcher, data_dir):
    server = launcher.up(data_dir, "--body-timeout", "300ms")
    with RawConnection(server) as client:
        client.send(f"POST {PATH}/ListTicks HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n".encode())
        client.send(b"Content-Length: 10\r\n\r\n{")
        reply = client.receive()
        assert (reply.status, reply.json()["code"]) == (408, "deadline_exceeded")
        assert reply.headers["Connection"] == "close" and client.at_end()


def test_a_call_made_again_with_its_key_is_made_once(stored):
    body = json.dumps({"ticks": [{"product": "ONCE", "price": 1, "timestamp": "2025-01-25T10:00:00Z"}]}).encode()
    replies = [ask(stored, "IngestTicks", body, Idempotency_Key="once-by-connect")[0] for _ in range(2)]
    assert [reply.json() for reply in replies] == [{"accepted": 1}, {"accepted": 1}]


def test_metadata_over_its_limits_is_431(stored):
    wide = {f"X_{number}": "v" * 100 for number in range(64)}
    assert ask(stored, "ListProducts", **wide)[0].status == 200
    reply, error = ask(stored, "ListProducts", **wide, X_64="v")
    assert (reply.status, error["code"]) == (431, "resource_exhausted")
    reply, error = ask(stored, "ListProducts", X_Large="v" * 8200)
    assert (reply.status, error["code"]) == (431, "resource_exhausted")
    assert ask(stored, "ListProducts", X_Data_Bin=base64.b64encode(bytes(range(256))).decode())[0].status == 200
    reply, error = ask(stored, "ListProducts", X_Data_Bin="???")
    assert (reply.status, error["code"]) == (400, "invalid_argument")


def test_calls_of_both_kinds_share_a_connection(stored):
    rest = b"GET /v1/products HTTP/1.1\r\nHost: a\r\n\r\n"
    connect = (
        f"POST {PATH}/ListProducts HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        "X-Meta: 1\r\nContent-Length: 2\r\n\r\n{}"
    ).encode()
    wrong = f"POST {PATH}/ListProducts HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    with RawConnection(stored) as client:
        client.send((rest + connect + wrong) * 4)
        for expected in (200, 200, 415) * 4:
            assert client.receive().status == expected


def test_clients_that_leave_in_the_middle_do_no_harm(stored):
    request = (
        f"POST {PATH}/ListTicks HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nX-Meta: {'v' * 500}\r\n"
        f"Content-Length: {len(MESSAGE)}\r\n\r\n"
    ).encode() + MESSAGE
    for cut in (40, len(request) - 5, len(request)):
        for _ in range(20):
            connection = RawConnection(stored)
            connection.send(request[:cut])
            connection.reset()
    assert ask(stored, "ListTicks", MESSAGE)[0].status == 200


def test_an_old_client_of_http_is_answered(stored):
    with RawConnection(stored) as client:
        client.send(f"GET {query(encoding='json', message=MESSAGE)} HTTP/1.0\r\n\r\n".encode())
        assert client.receive().json()["product"] == "NIFTY"
        assert client.at_end()


def test_a_page_of_a_listed_origin_may_call(launcher, data_dir):
    server = launcher.up(data_dir, "--cors-origin", "https://app.example")
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type, connect-protocol-version, connect-timeout-ms",
    }
    preflight = server.request("OPTIONS", f"{PATH}/ListProducts", headers={"Origin": "https://app.example", **asked})
    assert preflight.status == 204
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert set(preflight.headers["Access-Control-Allow-Headers"].split(", ")) == set(asked["Access-Control-Request-Headers"].split(", "))
    reply, _ = ask(server, "ListProducts", Origin="https://app.example")
    assert (reply.status, reply.headers["Access-Control-Allow-Origin"]) == (200, "https://app.example")
    refused = server.request("OPTIONS", f"{PATH}/ListProducts", headers={"Origin": "https://other.example", **asked})
    assert (refused.status, refused.json()["code"]) == (403, "permission_denied")


# What the document says of Connect.


@pytest.fixture(scope="module")
def document(shared_server):
    return shared_server.get("/openapi.json").json()


def test_the_document_has_every_method_and_each_way_to_call_it(document):
    told = {(operation.path, operation.method) for operation in operations(document) if operation.is_of_connect}
    wanted = {(f"{PATH}/{method.name}", "POST") for method in METHODS}
    wanted |= {(f"{PATH}/{method.name}", "GET") for method in METHODS if method.GetOptions().idempotency_level == SAFE}
    assert told == wanted and ("GET" in {verb for _, verb in told})


ANONYMOUS = {"none": set(), "read": {"market:read"}, "write": {"market:read", "market:write"}}


@pytest.mark.parametrize(("kind", "anonymous"), list(itertools.product(("up", "daemons"), ANONYMOUS)))
def test_a_caller_without_credentials_reaches_the_same_by_connect_as_by_rest(launcher, data_dir, document, kind, anonymous):
    """Every method of every service, by each of its routes: refused exactly where the permission says so."""
    server = launcher.server(kind, data_dir, "--anonymous", anonymous)
    by_permission = {}
    for operation in operations(document):
        if operation.is_of_gateway or operation.path.startswith(("/v1/stream/", "/ws/")):
            continue
        permission = operation.fields["x-deltastream-permission"]
        may = permission == "public" or permission in ANONYMOUS[anonymous]
        for sample in samples(document, operation):
            reply = send(server, sample)
            assert (reply.status != 401) == may, (operation.id, permission, reply)
        by_permission.setdefault(permission, set()).add("Connect" if operation.is_of_connect else "REST")
    assert {"market:read", "market:write"} <= {name for name, ways in by_permission.items() if ways == {"Connect", "REST"}}


def test_each_example_of_connect_is_answered_alike_by_get_and_post(stored, document):
    for operation in operations(document):
        if not operation.is_of_connect or operation.method != "GET":
            continue
        post = next(other for other in operations(document) if other.path == operation.path and other.method == "POST")
        by_get = stored.get(target_of(document, operation))
        by_post = send(stored, samples(document, post)[0])
        assert (by_get.status, by_get.body) == (by_post.status, by_post.body), operation.id
