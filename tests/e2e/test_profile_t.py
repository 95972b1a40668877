"""The replaced service's routes, to the letter."""

import pytest

TICKS = [
    {
        "product": "NIFTY",
        "price": 21500,
        "timestamp": "2025-01-25T10:00:00Z",
        "tick_id": 1,
        "processed_at": "2025-01-25T10:00:00.000123Z",
        "volume": 100,
        "open": 21490,
        "high": 21510.5,
        "low": 21480,
        "close": 21500,
        "change": -0.25,
    },
    {
        "product": "NIFTY",
        "price": 21500.05,
        "timestamp": "2025-01-25T10:00:01.5Z",
        "tick_id": 2,
        "processed_at": "2025-01-25T10:00:02Z",
    },
]

NEWEST_FIRST = (
    b'{"product":"NIFTY","count":2,"ticks":['
    b'{"product":"NIFTY","price":21500.05,"timestamp":"2025-01-25T10:00:01.500000","tick_id":2,'
    b'"processed_at":"2025-01-25T10:00:02"},'
    b'{"product":"NIFTY","price":21500.0,"timestamp":"2025-01-25T10:00:00","tick_id":1,'
    b'"processed_at":"2025-01-25T10:00:00.000123","volume":100,"open":21490.0,"high":21510.5,'
    b'"low":21480.0,"close":21500.0,"change":-0.25}]}'
)


@pytest.mark.parametrize("path", ["/underlying/NIFTY", "/api/data/underlying/NIFTY"])
def test_ticks_have_their_names_order_times_and_numbers(server, path):
    server.ingest(TICKS)
    reply = server.get(path)
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.body == NEWEST_FIRST


def test_start_and_end_are_inclusive_in_every_form_of_a_date(server):
    server.ingest(TICKS)
    for form in (
        "2025-01-25T10:00:00",
        "2025-01-25%2010:00:00",
        "2025-01-25T10:00:00Z",
        "2025-01-25T15:30:00%2B05:30",
        "2025-01-25T10:00:00.000000",
    ):
        reply = server.get(f"/underlying/NIFTY?start={form}&end={form}")
        assert reply.status == 200, (form, reply)
        assert [tick["tick_id"] for tick in reply.json()["ticks"]] == [1], form
    day = server.get("/underlying/NIFTY?start=2025-01-25&end=2025-01-26").json()
    assert day["count"] == 2
    assert server.get("/underlying/NIFTY?start=2025-01-26").json()["count"] == 0


def test_a_limit_above_the_cap_is_the_cap(server):
    server.ingest(TICKS)
    assert server.get("/underlying/NIFTY?limit=2000000").json()["count"] == 2


def test_an_unknown_product_is_an_empty_list(server):
    reply = server.get("/underlying/NOTHING")
    assert (reply.status, reply.body) == (200, b'{"product":"NOTHING","count":0,"ticks":[]}')


@pytest.mark.parametrize("path", ["/products", "/api/data/products"])
def test_products_are_sorted_and_an_empty_store_has_none(server, path):
    assert server.get(path).body == b'{"products":[]}'
    for product in ("NIFTY", "BANKNIFTY", "SENSEX"):
        server.ingest([{"product": product, "price": 1, "timestamp": "2025-01-25T10:00:00Z"}])
    reply = server.get(path)
    assert (reply.status, reply.body) == (200, b'{"products":["BANKNIFTY","NIFTY","SENSEX"]}')


@pytest.mark.parametrize("query", ["start=yesterday", "end=2025-13-01", "limit=0", "limit=-1", "limit=ten"])
def test_an_error_has_its_text_first_and_names_the_parameter(shared_server, query):
    reply = shared_server.get(f"/underlying/NIFTY?{query}")
    assert reply.status == 400
    body = reply.json()
    assert next(iter(body)) == "error"
    assert query.split("=")[0] in body["error"]
    for member in ("type", "title", "status", "detail", "error_code", "request_id", "errors"):
        assert member in body, body
    assert body["error"] == body["detail"]
