"""/openapi.json and /docs: the document is whole and true of the gateway that serves it."""

import gzip
import json
import re

import pytest
from openapi_document import faults, operations, resolved, samples, send, strict, target_of
from openapi_spec_validator import OpenAPIV31SpecValidator
from programs import REPOSITORY
from proto_routes import all_bindings


@pytest.fixture(scope="module")
def document(shared_server):
    reply = shared_server.get("/openapi.json")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
    return reply.json()


@pytest.fixture(scope="module")
def stored(shared_server, document):
    """A server that has what the document's own examples of ingestion store."""
    sent = [sample for operation in operations(document) if ":ingest" in operation.path for sample in samples(document, operation)]
    assert len(sent) == 6
    for sample in sent:
        reply = send(shared_server, sample)
        assert reply.status == 200 and reply.json()["rejected"] == [], (sample, reply)
    return shared_server


def test_the_document_is_openapi_3_1(document):
    assert document["openapi"].startswith("3.1.")
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_no_object_has_a_name_twice(shared_server):
    def pairs(members):
        names = [name for name, _ in members]
        assert len(names) == len(set(names)), names
        return dict(members)

    json.loads(shared_server.get("/openapi.json").body, object_pairs_hook=pairs)


def test_every_binding_is_in_the_document_and_the_other_way_round(document):
    told = [
        f"{operation.method} {operation.fields['x-deltastream-template']}"
        for operation in operations(document)
        if not operation.is_of_gateway and not operation.is_of_connect
    ]
    assert len(told) == len(set(told))
    assert set(told) == all_bindings()


def test_every_reference_leads_somewhere_and_every_component_is_used(document):
    references = set(re.findall(r'"\$ref": ?"#/components/([^"]+)"', json.dumps(document)))
    components = {
        f"{kind}/{name}" for kind, entries in document["components"].items() if kind != "securitySchemes" for name in entries
    }
    assert references == components


def test_names_of_operations_are_unique_and_speak_for_themselves(document):
    ids = [operation.id for operation in operations(document)]
    assert len(ids) == len(set(ids))
    assert {"ListTicks", "ListTicks_T_1", "ListTicks_T_2", "LatestTicks", "LatestTicks_2", "Gateway_health"} <= set(ids)


def test_tags_are_declared(document):
    assert {tag for operation in operations(document) for tag in operation.fields["tags"]} == {
        tag["name"] for tag in document["tags"]
    }


def examples_of(document):
    """(where, schema, example) of each example beside a schema."""
    for operation in operations(document):
        for parameter in operation.fields.get("parameters", []):
            parameter = resolved(document, parameter)
            shown = parameter.get("content", {}).get("application/json", parameter)
            if "example" in shown:
                yield f"{operation.id} {parameter['name']}", shown["schema"], shown["example"]
        contents = [operation.fields.get("requestBody", {})]
        contents += [resolved(document, response) for response in operation.fields["responses"].values()]
        for holder in contents:
            for media in holder.get("content", {}).values():
                if "example" in media:
                    yield operation.id, media["schema"], media["example"]
                for example in media.get("examples", {}).values():
                    yield operation.id, media["schema"], resolved(document, example)["value"]


def test_every_example_is_what_its_schema_asks_for(document):
    closed = strict(document)
    found = [(where, fault) for where, schema, value in examples_of(closed) for fault in faults(closed, schema, value)]
    assert found == []


def status_told(operation, reply):
    """Under which the document has the reply: Connect's errors are all alike."""
    return "default" if operation.is_of_connect and reply.status != 200 else str(reply.status)


def check_reply(document, operation, reply):
    """The status is one of the operation's, with the fields and the body that the document says."""
    responses = operation.fields["responses"]
    status = status_told(operation, reply)
    assert status in responses, (operation.id, reply)
    response = resolved(document, responses[status])
    for name, header in response.get("headers", {}).items():
        if resolved(document, header).get("required"):
            assert name in reply.headers, (operation.id, name)
    content_type = reply.headers.get("Content-Type", "").split(";")[0]
    if "content" in response:
        assert content_type in response["content"], (operation.id, content_type)
        if content_type.endswith("json"):
            schema = response["content"][content_type]["schema"]
            assert faults(strict(document), schema, reply.json()) == [], (operation.id, reply)


def test_every_example_answers_as_the_document_says(document, stored):
    for operation in operations(document):
        if operation.fields.get("x-deltastream-live"):
            continue  # Replies without an end: test_live_http.py and test_websocket.py read them.
        for sample in samples(document, operation):
            fields = {"Accept-Encoding": "gzip"} if operation.path.startswith("/docs") else {}
            reply = send(stored, sample, **fields)
            successes = [int(status) for status in operation.fields["responses"] if status[0] in "23"]
            expected = [401] if operation.needs_credentials else successes
            assert reply.status in expected, (operation.id, sample, reply)
            check_reply(document, operation, reply)


def test_head_and_options_hold_for_every_path(document, stored):
    for path in document["paths"]:
        here = [operation for operation in operations(document) if operation.path == path]
        methods = {operation.method for operation in here}
        allowed = methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
        target = target_of(document, here[0])
        reply = stored.request("OPTIONS", target.split("?")[0])
        assert (reply.status, set(reply.headers["Allow"].split(", "))) == (204, allowed), path
        for operation in here:
            if operation.method == "GET":
                reply = stored.request("HEAD", target_of(document, operation), headers={"Accept-Encoding": "gzip"})
                assert (status_told(operation, reply) in operation.fields["responses"], reply.body) == (True, b""), operation.id


def without_texts(problem):
    """A problem but for what is about this request."""
    return {name: value for name, value in problem.items() if name not in ("detail", "error", "request_id", "errors")}


def assert_problem(document, operation, reply, reason):
    """The reply is the document's example of that reason, member by member in the same order."""
    check_reply(document, operation, reply)
    response = operation.fields["responses"][str(reply.status)]
    examples = response["content"]["application/problem+json"]["examples"]
    assert reason in examples, (operation.id, reply)
    example = resolved(document, examples[reason])["value"]
    assert list(reply.json()) == list(example), operation.id
    assert without_texts(reply.json()) == without_texts(example), operation.id


def problems_to_provoke(document, operation):
    """(reason, sample, header fields) of errors that any route of a method can be brought to."""
    sample = samples(document, operation)[0]
    separator = "&" if "?" in sample.target else "?"
    yield "unknown_parameter", sample._replace(target=f"{sample.target}{separator}colour=red"), {}
    yield "not_acceptable", sample, {"Accept": "text/html"}
    yield "precondition_failed", sample, {"If-Match": '"another"'}
    if sample.body is None:
        yield "invalid_request", sample._replace(body=b"{}", content_type="application/json"), {}
        return
    yield "unsupported_media_type", sample._replace(content_type="text/csv"), {}
    yield "unsupported_encoding", sample, {"Content-Encoding": "br"}
    yield "invalid_json", sample._replace(body=b"{"), {}
    yield "unknown_field", sample._replace(body=b'{"colour":"red"}'), {}


def test_errors_that_every_route_can_be_brought_to_are_the_documents(document, stored):
    for operation in operations(document):
        if operation.is_of_gateway or operation.is_of_connect:
            continue
        for reason, sample, fields in problems_to_provoke(document, operation):
            reply = send(stored, sample, **fields)
            assert_problem(document, operation, reply, "unauthenticated" if operation.needs_credentials else reason)


def test_a_page_token_of_elsewhere_and_a_name_without_rows_answer_as_told(document, stored):
    tried = []
    for operation in operations(document):
        parameters = [resolved(document, parameter) for parameter in operation.fields.get("parameters", [])]
        if any(parameter["name"] == "page_token" for parameter in parameters):
            target = target_of(document, operation)
            reply = stored.get(f"{target}&page_token=nonsense")
            assert_problem(document, operation, reply, "invalid_page_token")
            tried.append(operation.id)
    assert {"ListTicks", "ListTicks_T_1", "GetBars"} <= set(tried)


def without_parameter(document, operation, name):
    """The operation's request but for that query parameter."""
    sample = samples(document, operation)[0]
    path, _, query = sample.target.partition("?")
    rest = [pair for pair in query.split("&") if pair.split("=")[0] != name]
    assert len(rest) < len(query.split("&"))
    return sample._replace(target=f"{path}?{'&'.join(rest)}")


def test_what_is_required_is_missed(document, stored):
    tried = set()
    for operation in operations(document):
        for parameter in operation.fields.get("parameters", []):
            parameter = resolved(document, parameter)
            if parameter["in"] == "query" and parameter.get("required") and not operation.is_of_connect:
                reply = send(stored, without_parameter(document, operation, parameter["name"]))
                assert_problem(document, operation, reply, "invalid_request")
                tried.add(operation.id)
    assert {"AsOf", "ListStrikes", "LatestTicks", "LatestQuotes", "GetMaxPain", "GetMaxPain_T_1", "GetOiBuildup"} <= tried


def test_an_enum_is_taken_in_each_form_that_is_told(document, stored):
    forms = {"ORDER_ASC", "asc", "2"}
    order = next(p for p in document["paths"]["/v1/ticks/{product}"]["get"]["parameters"] if p.get("name") == "order")
    assert [faults(document, order["schema"], form) for form in ("ORDER_ASC", "asc", 2)] == [[], [], []]
    for form in forms:
        assert stored.get(f"/v1/ticks/NIFTY?order={form}").status == 200, form
    assert faults(document, order["schema"], "sideways") != []


def test_the_document_comes_compressed_to_who_asks(shared_server):
    plain = shared_server.get("/openapi.json")
    packed = shared_server.request("GET", "/openapi.json", headers={"Accept-Encoding": "br, gzip;q=0.5"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    for fields in ({"Accept-Encoding": "gzip;q=0, *"}, {"Accept-Encoding": "*;q=0"}, {"Accept-Encoding": ""}):
        reply = shared_server.request("GET", "/openapi.json", headers=fields)
        assert ("Content-Encoding" not in reply.headers, reply.body) == (True, plain.body), fields
        assert reply.headers["Vary"] == "Accept-Encoding"


def test_the_viewer_is_kept_compressed_only(shared_server):
    for path in ("/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"):
        packed = shared_server.request("GET", path, headers={"Accept-Encoding": "gzip"})
        assert (packed.status, packed.headers["Content-Encoding"]) == (200, "gzip")
        assert len(gzip.decompress(packed.body)) > 100_000
        refused = shared_server.request("GET", path, headers={"Accept-Encoding": "identity"})
        assert (refused.status, refused.json()["error_code"]) == (406, "not_acceptable")


def directives(policy):
    return {directive.split()[0]: directive.split()[1:] for directive in policy.split(";")}


def test_the_page_asks_nobody_but_this_host(shared_server, document):
    page = shared_server.get("/docs")
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    policy = directives(page.headers["Content-Security-Policy"])
    assert policy["default-src"] == ["'none'"]
    sources = {source for name in policy if name.endswith("-src") for source in policy[name]}
    assert sources == {"'none'", "'self'", "'unsafe-inline'", "data:"}
    assert policy["script-src"] == policy["connect-src"] == ["'self'"]
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == ["'none'"]
    text = page.body.decode()
    assert re.findall(r"<script(?![^>]*src)", text) == []
    links = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert len(links) == 5
    for link in links:
        assert link == "data:," or link in document["paths"], link
    start = shared_server.get("/docs/start.js").body.decode()
    assert "validatorUrl: null" in start
    assert re.findall(r'url: "([^"]*)"', start) == ["/openapi.json"]


def test_the_style_loads_nothing_from_elsewhere(shared_server):
    reply = shared_server.request("GET", "/docs/swagger-ui.css", headers={"Accept-Encoding": "gzip"})
    style = gzip.decompress(reply.body).decode()
    assert "@import" not in style
    assert [url for url in re.findall(r"url\(([^)]{0,40})", style) if not re.match("[\"']?data:", url)] == []


def test_the_licence_of_the_viewer_goes_with_it(shared_server):
    text = shared_server.get("/docs/license.txt").body.decode()
    assert "SmartBear" in text
    assert (REPOSITORY / "gateway/docs/apache-2.0.txt").read_text().strip() in text


def test_redoc_leads_to_the_page(shared_server):
    reply = shared_server.get("/redoc")
    assert (reply.status, reply.headers["Location"]) == (308, "/docs")


def test_unsigned_numbers_have_their_bounds(document):
    request = document["components"]["schemas"]["rpc.ListEventsRequest-request"]["properties"]
    assert (request["limit"]["minimum"], request["limit"]["maximum"]) == (0, 2**32 - 1)
    assert request["epoch"]["format"] == "uint64" and request["epoch"]["minimum"] == 0
