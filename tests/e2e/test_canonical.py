"""The canonical routes, to the byte."""

from programs import wait_until

TICKS = [
    {"product": "NIFTY", "price": 21500, "timestamp": "2025-01-25T10:00:00Z", "tick_id": 1,
     "processed_at": "2025-01-25T10:00:00.000123Z", "volume": 9007199254740993, "open": 1e-7},
    {"product": "NIFTY", "price": 0.1, "timestamp": "2025-01-25T10:00:01.5Z", "tick_id": 2,
     "processed_at": "2025-01-25T10:00:02Z"},
]  # fmt: skip


def test_a_tick_is_written_with_the_protos_names_and_exact_numbers(server):
    server.ingest(TICKS)
    reply = server.get("/v1/ticks/NIFTY/latest")
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.body == (
        b'{"product":"NIFTY","price":0.1,"timestamp":"2025-01-25T10:00:01.500Z","tick_id":2,'
        b'"processed_at":"2025-01-25T10:00:02Z"}'
    )


def test_a_list_names_its_product_once(server):
    server.ingest(TICKS)
    reply = server.get("/v1/ticks/NIFTY?order=asc&limit=1&end=2025-01-25T10:00:01Z")
    assert reply.body == (
        b'{"product":"NIFTY","count":1,"ticks":[{"price":21500,"timestamp":"2025-01-25T10:00:00Z",'
        b'"tick_id":1,"processed_at":"2025-01-25T10:00:00.000123Z","volume":"9007199254740993",'
        b'"open":1e-7}],"next_page_token":""}'
    )


def test_products_are_listed(server):
    assert server.get("/v1/products").body == b'{"products":[]}'
    server.ingest(TICKS)
    assert server.get("/v1/products").body == b'{"products":["NIFTY"]}'


def test_a_head_request_has_the_headers_of_get_and_no_body(server):
    server.ingest(TICKS)
    head = server.request("HEAD", "/v1/ticks/NIFTY/latest")
    get = server.get("/v1/ticks/NIFTY/latest")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == get.headers["Content-Length"]


def test_a_product_with_odd_characters_makes_the_way_there_and_back(server):
    name = 'M&M "50%" ₹'
    server.ingest([{"product": name, "price": 1, "timestamp": "2025-01-25T10:00:00Z"}])
    reply = server.get("/v1/ticks/M%26M%20%2250%25%22%20%E2%82%B9/latest")
    assert reply.status == 200, reply
    assert reply.json()["product"] == name


def test_health_tells_of_the_store(server):
    health = server.wait_healthy()
    assert (health["status"], health["database"]) == ("healthy", "connected")
    wait_until(lambda: server.get("/health/ready").status == 200)
    assert server.get("/health/live").status == 200
