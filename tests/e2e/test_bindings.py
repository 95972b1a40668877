"""Every REST binding of the storage service: its request, the exact status and the exact body."""

import pytest
from binding_rows import (
    BANKNIFTY_TICK,
    CALL_QUOTES,
    CHAIN_FEBRUARY,
    CHAIN_NEW,
    CHAIN_OLD,
    COMPUTED,
    NIFTY_TICKS,
    PUT_QUOTE,
    ROWS,
    T_EXAMPLES,
    without,
)
from proto_routes import PROTO as PROTO_FOLDER
from proto_routes import bindings_of_proto
from replies import assert_python_39_times, comparable, is_canonical, render

PROTO = PROTO_FOLDER / "deltastream" / "storage" / "v1" / "storage.proto"


@pytest.fixture(scope="module")
def stored(shared_server):
    chains = [without(chain, *COMPUTED) for chain in (CHAIN_OLD, CHAIN_NEW, CHAIN_FEBRUARY)]
    for kind, rows in (
        ("ticks", [*NIFTY_TICKS, BANKNIFTY_TICK]),
        ("quotes", [*CALL_QUOTES, PUT_QUOTE]),
        ("chains", chains),
    ):
        reply = shared_server.post(f"/v1/{kind}:ingest", render({kind: rows}, True).encode())
        expected = {"accepted": len(rows), "duplicate": 0, "late": 0, "rejected": []}
        assert (reply.status, reply.json()) == (200, expected), reply
    return shared_server


def test_the_table_has_every_binding_of_the_proto():
    text = PROTO.read_text()
    bindings = bindings_of_proto(text)
    assert len(bindings) >= text.count("\n  rpc ")
    assert {row.binding for row in ROWS} == bindings


def test_the_table_has_the_published_examples_of_the_replaced_service():
    answered = {row.target for row in ROWS if row.status == 200}
    assert [target for target in T_EXAMPLES if target not in answered] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method} {row.target}")
def test_a_binding_answers_to_the_letter(stored, row):
    canonical = is_canonical(row.target)
    if row.sent is None:
        reply = stored.request(row.method, row.target)
    else:
        reply = stored.post(row.target, render(row.sent, True).encode())
    assert (reply.status, comparable(reply.body)) == (row.status, render(row.body, canonical))
    if not canonical:
        assert_python_39_times(reply.body)


def test_a_page_token_leads_to_the_rest(stored):
    for path, name in (
        ("/v1/ticks/NIFTY", "ticks"),
        ("/v1/chains/NIFTY", "chains"),
        ("/v1/bars/NIFTY", "bars"),
    ):
        everything = stored.get(path).json()[name]
        got, token = [], ""
        while len(got) < len(everything):
            page = stored.get(f"{path}?limit=1&page_token={token}").json()
            got += page[name]
            token = page["next_page_token"]
        assert got == everything
        assert token == ""
