"""Transcoding through the whole server; gateway_http_rule_rows.h has the rules one by one."""

import json

import pytest

QUOTE = {
    "symbol": "ALT20250130C21500",
    "product": "ALT",
    "strike": 21500,
    "expiry": "2025-01-30",
    "option_type": "CALL",
    "last": 120.5,
    "timestamp": "2025-01-25T10:00:00Z",
}
BY_NUMBER = "$alt=json;enum-encoding=int"


def ingest(server, quote, query=""):
    return server.post(f"/v1/quotes:ingest?{query}", json.dumps({"quotes": [quote]}).encode())


@pytest.fixture(scope="module")
def stored(shared_server):
    reply = ingest(shared_server, QUOTE)
    assert reply.json()["accepted"] == 1, reply
    return shared_server


def quote_of(reply):
    assert reply.status == 200, reply
    return reply.json()["quotes"][0]


@pytest.mark.parametrize("alt", [BY_NUMBER, "%24alt=json%3Benum-encoding%3Dint"])
def test_enums_of_a_reply_are_numbers_where_the_client_asks_for_them(stored, alt):
    by_name = quote_of(stored.get(f"/v1/quotes/{QUOTE['symbol']}?limit=1&$alt=json"))
    by_number = quote_of(stored.get(f"/v1/quotes/{QUOTE['symbol']}?{alt}&limit=1"))
    assert (by_name["option_type"], by_number["option_type"]) == ("CALL", 1)
    assert {**by_number, "option_type": "CALL"} == by_name
    # It concerns that one reply.
    assert quote_of(stored.get(f"/v1/quotes/{QUOTE['symbol']}"))["option_type"] == "CALL"


def test_a_route_whose_body_is_the_whole_request_takes_it_too(stored):
    quote = {**QUOTE, "option_type": 1, "timestamp": "2025-01-25T10:00:01Z"}
    reply = ingest(stored, quote, BY_NUMBER)
    assert (reply.status, reply.json()["accepted"]) == (200, 1)
    reply = ingest(stored, quote, "conflict_policy=1")
    assert (reply.status, reply.json()["error_code"]) == (400, "unknown_parameter")


@pytest.mark.parametrize(
    "query, code, place",
    [
        ("$alt=proto", "invalid_request", {"parameter": "$alt"}),
        ("$fields=quotes", "unknown_parameter", {"parameter": "$fields"}),
        ("limit=ten", "invalid_request", {"parameter": "limit", "offset": 0}),
        ("start=noon", "invalid_request", {"parameter": "start", "offset": 0}),
    ],
)
def test_a_fault_of_the_query_names_the_parameter_and_what_would_do(stored, query, code, place):
    problem = stored.get(f"/v1/quotes/{QUOTE['symbol']}?{query}").json()
    assert (problem["status"], problem["error_code"]) == (400, code)
    (item,) = problem["errors"]
    detail = item.pop("detail")
    assert item == place
    assert problem["detail"] == f"{place['parameter']}: {detail}"
