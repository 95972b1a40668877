"""The rows of http_rfc9112_rows.py and http_smuggling_rows.py against the real programs: alone, byte by byte, and behind a
good request. Behind each stands a request that would leave a mark: where a row ends the connection, it must not have been
executed, and neither what a row hides."""

import json
import socket

import pytest

from http_rfc9112_rows import ROWS as STANDARD_ROWS
from http_rfc9112_rows import Row
from http_smuggling_rows import MARKER
from http_smuggling_rows import ROWS as SMUGGLING_ROWS
from raw_http import RawConnection

ROWS = [*STANDARD_ROWS, *SMUGGLING_ROWS]
GOOD = b"GET /v1/products HTTP/1.1\r\nHost: test\r\nX-Request-Id: in-front\r\n\r\n"
BEHIND = b"GET /v1/products HTTP/1.1\r\nHost: test\r\nX-Request-Id: behind\r\n\r\n"
# A longer row has its bytes in one field: cuts within that are all alike.
BYTEWISE_BYTES_MAX = 2000
LONG_PIECE = 509


def whole(client, data):
    client.send(data)


def bytewise(client, data):
    client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    step = 1 if len(data) <= BYTEWISE_BYTES_MAX else LONG_PIECE
    for at in range(0, len(data), step):
        client.send(data[at : at + step])


def is_bodyless(row: Row):
    return row.status == 204


def check_reply(client, row: Row):
    reply = client.receive(without_body=is_bodyless(row))
    assert reply is not None, "the connection ended without a reply"
    assert reply.status == row.status, (row.clause, reply)
    assert (reply.headers.get("Connection") == "close") == row.closes, reply
    if row.status >= 400:
        assert reply.headers["Content-Type"] == "application/problem+json"
        problem = reply.json()
        assert problem["status"] == row.status and problem["detail"], problem
    if row.status == 405:
        assert reply.headers["Allow"]


def run(server, row: Row, send, in_front=b""):
    with RawConnection(server) as client:
        send(client, in_front + row.data + (MARKER if row.closes else BEHIND))
        if in_front:
            assert client.receive().headers["X-Request-Id"] == "in-front"
        check_reply(client, row)
        if row.closes:
            assert client.at_end()
        else:
            assert client.receive().headers["X-Request-Id"] == "behind"


def test_the_tables_name_each_cause_once():
    assert len({row.name for row in ROWS}) == len({row.data for row in ROWS}) == len(ROWS)
    assert sum(row.status >= 400 for row in ROWS) >= 120


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_request_gets_the_answer_of_the_standard(shared_server, row):
    run(shared_server, row, whole)
    run(shared_server, row, bytewise)
    run(shared_server, row, whole, in_front=GOOD)
    assert "MARK" not in json.loads(shared_server.get("/v1/products").body)["products"]
