"""Rows going in: what is counted, what is refused, what the batch's other rows get."""

import json

import pytest


def tick(second, price=1.0, product="X", **more):
    return {"product": product, "price": price, "timestamp": f"2025-01-25T10:00:{second:02}Z", **more}


def test_accepted_rows_are_counted(server):
    assert server.ingest([tick(0, tick_id=1), tick(1, tick_id=2)]) == {
        "accepted": 2,
        "duplicate": 0,
        "late": 0,
        "rejected": [],
    }


def test_the_same_row_again_is_a_duplicate(server):
    server.ingest([tick(0, tick_id=1)])
    again = server.ingest([tick(0, tick_id=1), tick(0, tick_id=1)])
    assert (again["accepted"], again["duplicate"]) == (0, 2)
    assert server.get("/v1/ticks/X").json()["count"] == 1


def test_a_row_without_tick_id_is_known_by_its_content(server):
    server.ingest([tick(0, 1.0)])
    again = server.ingest([tick(0, 1.0), tick(0, 2.0)])
    assert (again["accepted"], again["duplicate"]) == (1, 1)


def test_a_row_with_the_key_of_another_is_a_conflict(server):
    server.ingest([tick(0, 1.0, tick_id=1)])
    conflict = server.ingest([tick(1, 5.0, tick_id=2), tick(0, 2.0, tick_id=1)])
    assert (conflict["accepted"], conflict["duplicate"]) == (1, 0)
    assert [row["index"] for row in conflict["rejected"]] == [1]
    assert conflict["rejected"][0]["reason"]
    prices = [row["price"] for row in server.get("/v1/ticks/X?order=asc").json()["ticks"]]
    assert prices == [1.0, 5.0]


@pytest.mark.parametrize("policy, counts, price", [("FIRST", (0, 1), 1.0), ("LAST", (1, 0), 2.0)])
def test_a_policy_decides_a_conflict(server, policy, counts, price):
    server.ingest([tick(0, 1.0, tick_id=1)])
    body = {"ticks": [tick(0, 2.0, tick_id=1)], "conflict_policy": f"CONFLICT_POLICY_{policy}"}
    reply = server.post("/v1/ticks:ingest", json.dumps(body).encode()).json()
    assert (reply["accepted"], reply["duplicate"]) == counts
    assert reply["rejected"] == []
    assert server.get("/v1/ticks/X/latest").json()["price"] == price


def test_a_row_older_than_the_newest_is_accepted_and_late(server):
    server.ingest([tick(10)])
    late = server.ingest([tick(5), tick(20), tick(15)])
    assert (late["accepted"], late["late"]) == (3, 2)
    seconds = [row["timestamp"][17:19] for row in server.get("/v1/ticks/X").json()["ticks"]]
    assert seconds == ["20", "15", "10", "05"]


def test_rows_against_a_rule_are_rejected_and_the_others_stored(server):
    rows = [
        tick(0),
        tick(1, price="NaN"),
        tick(2, price="Infinity"),
        tick(3, price="-Infinity"),
        tick(4, price=-0.01),
        {"product": "X", "price": 1, "timestamp": "1969-12-31T23:59:59Z"},
        tick(6, product=""),
        tick(7, product="A/B"),
        tick(8, product="a\nb"),
        tick(9, product="p" * 129),
        {"product": "X", "price": 1},
        {"product": "X", "timestamp": "2025-01-25T10:00:00Z"},
        tick(12, product="p" * 128),
    ]
    counts = server.ingest(rows)
    assert counts["accepted"] == 2
    assert [row["index"] for row in counts["rejected"]] == list(range(1, 12))
    assert all(row["reason"] for row in counts["rejected"])
    assert server.get("/v1/products").json()["products"] == ["X", "p" * 128]


def test_ndjson_has_a_row_a_line(server):
    body = "\n".join(json.dumps(tick(second)) for second in range(3)) + "\n"
    reply = server.post("/v1/ticks:ingest", body.encode(), "application/x-ndjson")
    assert (reply.status, reply.json()["accepted"]) == (200, 3)


def test_a_bad_line_of_ndjson_stores_nothing(server):
    body = f"{json.dumps(tick(0))}\n{{\"product\": \n".encode()
    reply = server.post("/v1/ticks:ingest", body, "application/x-ndjson")
    assert reply.status == 400, reply
    assert reply.json()["error_code"] == "invalid_json"
    assert server.get("/v1/products").json()["products"] == []


def test_ten_thousand_rows_are_taken_and_one_more_is_not(server):
    def rows(count):
        return [{"product": "X", "price": 1, "timestamp": 0, "tick_id": i} for i in range(count)]

    def body(count):
        ticks = rows(count)
        for row in ticks:
            row["timestamp"] = "2025-01-25T10:00:00Z"
        return json.dumps({"ticks": ticks}).encode()

    too_many = server.post("/v1/ticks:ingest", body(10001))
    assert too_many.status == 413, too_many
    assert too_many.json()["error_code"] == "request_too_large"
    assert server.get("/v1/products").json()["products"] == []
    most = server.post("/v1/ticks:ingest", body(10000))
    assert (most.status, most.json()["accepted"]) == (200, 10000), most


def test_ndjson_of_ten_thousand_and_one_rows_is_too_large(server):
    line = json.dumps(tick(0)).encode() + b"\n"
    reply = server.post("/v1/ticks:ingest", line * 10001, "application/x-ndjson")
    assert reply.status == 413, reply
    assert server.get("/v1/products").json()["products"] == []
