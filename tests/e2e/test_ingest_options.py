"""Quotes and chains going in and coming out over REST."""

import json

import pytest

NEAR, FAR = "2025-01-30", "2025-02-27"


def moment(second):
    return f"2025-01-25T10:00:{second:02}Z"


def quote(second=0, strike=21500, option_type="CALL", expiry=NEAR, product="NIFTY", **more):
    symbol = f"{product}{expiry.replace('-', '')}{option_type[0]}{strike}"
    row = {"symbol": symbol, "product": product, "strike": strike, "expiry": expiry,
           "option_type": option_type, "timestamp": moment(second)}  # fmt: skip
    return {**row, **more}


def option(strike, **more):
    return {"strike": strike, **more}


def chain(second=0, expiry=NEAR, product="NIFTY", **more):
    row = {"product": product, "expiry": expiry, "spot_price": 21510, "timestamp": moment(second),
           "calls": [option(21500, last=120.5, volume=4, open_interest=10)],
           "puts": [option(21500, last=80.25, volume=1, open_interest=15)]}  # fmt: skip
    return {**row, **more}


def without(row, name):
    return {key: value for key, value in row.items() if key != name}


def ingest(server, kind, rows, **more):
    reply = server.post(f"/v1/{kind}:ingest", json.dumps({kind: rows, **more}).encode())
    assert reply.status == 200, reply
    return reply.json()


def counts(reply):
    return reply["accepted"], reply["duplicate"], reply["late"], len(reply["rejected"])


def test_a_quote_comes_back_as_it_was_sent(server):
    sent = quote(bid=99.5, ask=100.5, last=0, volume=10, open_interest=20, delta=0.5, gamma=0.001,
                 vega=12.5, theta=-3.25, iv=0.15, processed_at=moment(1), bid_qty=75, ask_qty=0,
                 exchange="NSE")  # fmt: skip
    assert counts(ingest(server, "quotes", [sent])) == (1, 0, 0, 0)
    reply = server.get(f"/v1/quotes/{sent['symbol']}").json()
    shown = without(sent, "symbol")
    assert reply == {"symbol": sent["symbol"], "count": 1, "quotes": [shown], "next_page_token": ""}


def test_a_chain_comes_back_with_what_was_computed(server):
    sent = chain(processed_at=moment(1))
    assert counts(ingest(server, "chains", [sent])) == (1, 0, 0, 0)
    (shown,) = server.get("/v1/chains/NIFTY").json()["chains"]
    computed = {"pcr_oi": 1.5, "pcr_volume": 0.25, "atm_strike": 21500, "atm_straddle_price": 200.75,
                "max_pain_strike": 21500, "total_call_oi": 10, "total_put_oi": 15,
                "call_buildup_otm": 0, "put_buildup_otm": 15}  # fmt: skip
    assert {name: shown[name] for name in computed} == computed
    assert list(shown)[:2] == ["expiry", "spot_price"] and "product" not in shown
    assert shown["calls"][0] == {
        "symbol": "NIFTY20250130C21500", "product": "NIFTY", "strike": 21500, "expiry": "2025-01-30",
        "option_type": "CALL", "last": 120.5, "volume": 4, "open_interest": 10}  # fmt: skip
    assert shown["processed_at"] == moment(1)


def test_what_the_writer_computed_stays(server):
    ingest(server, "chains", [chain(pcr_oi=9, max_pain_strike=1, total_call_oi=60)])
    (shown,) = server.get("/v1/chains/NIFTY").json()["chains"]
    assert (shown["pcr_oi"], shown["max_pain_strike"], shown["total_call_oi"]) == (9, 1, 60)
    assert shown["total_put_oi"] == 15


@pytest.mark.parametrize("kind, row", [("quotes", quote), ("chains", chain)])
def test_duplicate_and_late_rows_are_counted(server, kind, row):
    assert counts(ingest(server, kind, [row(10), row(10), row(20), row(15)])) == (3, 1, 1, 0)
    assert counts(ingest(server, kind, [row(10), row(5)])) == (1, 1, 1, 0)


def test_a_chain_is_not_late_because_of_another_expiry(server):
    ingest(server, "chains", [chain(30, expiry=FAR)])
    assert counts(ingest(server, "chains", [chain(10), chain(20), chain(20, expiry=FAR)])) == (3, 0, 1, 0)


@pytest.mark.parametrize("kind, row, changed", [
    ("quotes", quote(last=1), {"last": 2}),
    ("chains", chain(), {"spot_price": 21520}),
])  # fmt: skip
def test_a_policy_decides_a_conflict(server, kind, row, changed):
    ingest(server, kind, [row])
    other = {**row, **changed}
    path = f"/v1/{kind}/{row['symbol'] if kind == 'quotes' else 'NIFTY'}"
    (field,) = changed
    refused = ingest(server, kind, [other])
    assert counts(refused) == (0, 0, 0, 1)
    assert "is stored" in refused["rejected"][0]["reason"]
    assert counts(ingest(server, kind, [other], conflict_policy="CONFLICT_POLICY_FIRST")) == (0, 1, 0, 0)
    assert server.get(path).json()[kind][0][field] == row[field]
    assert counts(ingest(server, kind, [other], conflict_policy="CONFLICT_POLICY_LAST")) == (1, 0, 0, 0)
    assert server.get(path).json()[kind][0][field] == changed[field]


BAD_QUOTES = [
    (without(quote(), "symbol"), "symbol must not be empty"),
    (without(quote(), "product"), "product must not be empty"),
    (without(quote(), "strike"), "strike is missing"),
    (without(quote(), "expiry"), "expiry is missing"),
    (without(quote(), "option_type"), "option_type is missing"),
    (without(quote(), "timestamp"), "timestamp is missing"),
    (quote(strike=-1), "strike must be greater than 0"),
    ({**quote(), "expiry": "2025-02-29"}, "expiry must be a day that there is"),
    ({**quote(), "expiry": "30JAN2025"}, "expiry must be a date, YYYY-MM-DD"),
    ({**quote(), "timestamp": "1969-12-31T23:59:59Z"}, "timestamp must not be before 1970"),
    (quote(bid="NaN"), "bid must be a finite number"),
    (quote(ask="Infinity"), "ask must be a finite number"),
    (quote(last=-0.05), "last must not be negative"),
    (quote(volume=-1), "volume must not be negative"),
    (quote(open_interest=-1), "open_interest must not be negative"),
    (quote(delta="NaN"), "delta must be a finite number"),
    (quote(gamma="NaN"), "gamma must be a finite number"),
    (quote(vega="NaN"), "vega must be a finite number"),
    (quote(theta="NaN"), "theta must be a finite number"),
    (quote(iv=-0.1), "iv must not be negative"),
    (quote(bid_qty=-1), "bid_qty must not be negative"),
    (quote(ask_qty=-1), "ask_qty must not be negative"),
    (quote(exchange="N" * 65), "exchange must have at most 64 bytes"),
    (quote(exchange="N\nE"), "exchange must not have control characters"),
    ({**quote(), "symbol": "A/B"}, "symbol must not have a '/'"),
    ({**quote(), "strike": 21550},
     "symbol must be NIFTY20250130C21550 for this product, expiry, option_type and strike"),
]  # fmt: skip

BAD_CHAINS = [
    (without(chain(), "product"), "product must not be empty"),
    (without(chain(), "expiry"), "expiry is missing"),
    (without(chain(), "spot_price"), "spot_price is missing"),
    (without(chain(), "timestamp"), "timestamp is missing"),
    (chain(spot_price=0), "spot_price must be greater than 0"),
    (chain(pcr_oi=-1), "pcr_oi must not be negative"),
    (chain(total_put_oi=-1), "total_put_oi must not be negative"),
    (chain(calls=[option(1)] * 3 + [option(1, bid=-1)]), "calls[3].bid must not be negative"),
    (chain(puts=[{}]), "puts[0].strike is missing"),
    (chain(puts=[option(1, option_type="CALL")]), "puts[0].option_type must be PUT here"),
    (chain(calls=[option(1, product="SENSEX")]), "calls[0].product must be NIFTY, as the chain's"),
    (chain(calls=[option(1, expiry=FAR)]), "calls[0].expiry must be 2025-01-30, as the chain's"),
    (chain(calls=[option(1, symbol="NIFTY20250130P1")]),
     "calls[0].symbol must be NIFTY20250130C1 for this product, expiry, option_type and strike"),
    (chain(calls=[option(1)] * 2001), "calls must have at most 2000 options"),
    (chain(calls=[option(1, open_interest="9223372036854775807")] * 2),
     "the sum of open_interest, and that of volume, must be below 2^63"),
]  # fmt: skip


@pytest.mark.parametrize("kind, bad, good", [
    ("quotes", BAD_QUOTES, quote(30)), ("chains", BAD_CHAINS, chain(30)),
])  # fmt: skip
def test_rows_against_a_rule_are_rejected_and_the_others_stored(server, kind, bad, good):
    rows = [row for row, _ in bad] + [good]
    reply = ingest(server, kind, rows)
    assert reply["rejected"] == [
        {"index": index, "reason": reason} for index, (_, reason) in enumerate(bad)
    ]
    assert reply["accepted"] == 1


@pytest.mark.parametrize("kind, row", [("quotes", quote), ("chains", chain)])
def test_ndjson_has_a_row_a_line(server, kind, row):
    body = "".join(json.dumps(row(second)) + "\n" for second in range(3))
    reply = server.post(f"/v1/{kind}:ingest", body.encode(), "application/x-ndjson")
    assert (reply.status, reply.json()["accepted"]) == (200, 3), reply


@pytest.mark.parametrize("kind, row", [("quotes", quote), ("chains", chain)])
def test_a_bad_line_or_a_wrong_type_stores_nothing(server, kind, row):
    body = f"{json.dumps(row())}\n{{\"product\": \n".encode()
    reply = server.post(f"/v1/{kind}:ingest", body, "application/x-ndjson")
    assert (reply.status, reply.json()["error_code"]) == (400, "invalid_json"), reply
    body = json.dumps({kind: [row(), {**row(1), "expiry": 20250130}]}).encode()
    assert server.post(f"/v1/{kind}:ingest", body).status == 400
    path = f"/v1/quotes/{quote()['symbol']}" if kind == "quotes" else "/v1/chains/NIFTY"
    assert server.get(path).json()["count"] == 0


def test_chains_are_read_by_expiry_and_of_all_in_pages(server):
    ingest(server, "chains", [chain(s, e) for s in range(4) for e in (NEAR, FAR)])

    def places(reply):
        return [(row["timestamp"][17:19], row["expiry"]) for row in reply["chains"]]

    one = server.get(f"/v1/chains/NIFTY?expiry={NEAR}&limit=2").json()
    assert places(one) == [("03", NEAR), ("02", NEAR)]
    seen, token = [], ""
    while True:
        page = server.get(f"/v1/chains/NIFTY?limit=3&page_token={token}").json()
        seen += places(page)
        token = page["next_page_token"]
        if not token:
            break
    assert seen == [(f"{s:02}", e) for s in (3, 2, 1, 0) for e in (FAR, NEAR)]
    refused = server.get(f"/v1/chains/NIFTY?page_token={one['next_page_token']}")
    assert refused.status == 400 and "page_token" in refused.json()["detail"]


def test_expiries_symbols_and_strikes_are_listed(server):
    ingest(server, "quotes", [quote(strike=strike, expiry=expiry)
                              for strike in (21500, 21450.5) for expiry in (NEAR, FAR)])  # fmt: skip
    ingest(server, "chains", [chain(expiry=FAR), chain(calls=[option(22000)])])
    assert server.get("/v1/expiries/NIFTY").json() == {"product": "NIFTY", "expiries": [NEAR, FAR]}
    symbols = server.get(f"/v1/symbols/NIFTY?expiry={FAR}").json()
    assert symbols["symbols"] == ["NIFTY20250227C21450.5", "NIFTY20250227C21500"]
    strikes = server.get(f"/v1/strikes/NIFTY?expiry={NEAR}").json()
    assert strikes == {"product": "NIFTY", "expiry": NEAR, "strikes": [21450.5, 21500, 22000]}


def test_the_latest_of_many_and_as_of(server):
    server.ingest([{"product": p, "price": s + 1, "timestamp": moment(s)} for p in "AB" for s in (0, 10)])
    ingest(server, "quotes", [quote(0, last=1), quote(5, last=2)])
    latest = server.get("/v1/ticks:latest?products=B&products=C&products=A").json()
    assert [(row["product"], row["price"]) for row in latest["ticks"]] == [("B", 11), ("A", 11)]
    assert latest["missing"] == ["C"]
    body = json.dumps({"symbols": [quote()["symbol"], "NONE"]}).encode()
    latest = server.post("/v1/quotes:latest", body).json()
    assert [(row["symbol"], row["last"]) for row in latest["quotes"]] == [(quote()["symbol"], 2)]
    assert latest["missing"] == ["NONE"]
    as_of = server.get("/v1/ticks/A/asof?time=2025-01-25T10:00:09Z&tolerance=9s")
    assert (as_of.status, as_of.json()["price"]) == (200, 1)
    assert server.get("/v1/ticks/A/asof?time=2025-01-25T10:00:09Z&tolerance=8.9s").status == 404


@pytest.mark.parametrize("target, field", [
    ("/v1/quotes/X?limit=0", "limit"),
    ("/v1/quotes/X?start=yesterday", "start"),
    ("/v1/quotes/X?order=sideways", "order"),
    ("/v1/quotes/X?page_token=abc", "page_token"),
    ("/v1/quotes/" + "x" * 129, "symbol"),
    ("/v1/chains/NIFTY?expiry=2025-02-30", "expiry"),
    ("/v1/chains/NIFTY?limit=ten", "limit"),
    ("/v1/chains/NIFTY?end=2025-13-01", "end"),
    ("/v1/symbols/NIFTY?expiry=x", "expiry"),
    ("/v1/symbols/NIFTY?page_token=x", "page_token"),
    ("/v1/strikes/NIFTY", "expiry"),
    ("/v1/ticks:latest", "products"),
    ("/v1/quotes:latest", "symbols"),
    ("/v1/ticks/NIFTY/asof", "time"),
    ("/v1/ticks/NIFTY/asof?time=2025-01-25&tolerance=-1s", "tolerance"),
    ("/v1/expiries/" + "x" * 129, "product"),
])  # fmt: skip
def test_an_error_names_its_field(shared_server, target, field):
    reply = shared_server.get(target)
    assert reply.status == 400, reply
    problem = reply.json()
    assert field in problem["detail"]
    assert field in json.dumps(problem["errors"])


# As the replaced service's worker stores them: every quote of a chain says what it is about.
T_QUOTES = [
    {"symbol": f"NIFTY20250130{t[0]}21500", "product": "NIFTY", "strike": 21500, "expiry": NEAR,
     "option_type": t, "bid": 1, "ask": 2.5, "last": 2, "volume": 3, "open_interest": 4,
     "delta": 0.5, "gamma": 0.25, "vega": 1, "theta": -1, "iv": 0.2, "timestamp": moment(0)}
    for t in ("CALL", "PUT")
]  # fmt: skip
T_QUOTE_TEXT = (
    '"strike":21500.0,"expiry":"2025-01-30","option_type":"%s","bid":1.0,"ask":2.5,"last":2.0,'
    '"volume":3,"open_interest":4,"delta":0.5,"gamma":0.25,"vega":1.0,"theta":-1.0,"iv":0.2,'
    '"timestamp":"2025-01-25T10:00:00"'
)


def test_the_replaced_services_routes_show_quotes_and_chains_as_their_documents(server):
    stamped = [{**row, "processed_at": moment(1)} for row in T_QUOTES]
    ingest(server, "quotes", stamped[:1])
    ingest(server, "chains", [chain(calls=T_QUOTES[:1], puts=T_QUOTES[1:], processed_at=moment(1))])
    call, put = (T_QUOTE_TEXT % t for t in ("CALL", "PUT"))
    assert server.get("/option/quote/NIFTY20250130C21500").body.decode() == (
        '{"symbol":"NIFTY20250130C21500","count":1,"quotes":[{"symbol":"NIFTY20250130C21500",'
        f'"product":"NIFTY",{call},"processed_at":"2025-01-25T10:00:01"}}]}}'
    )
    expected = (
        '{"product":"NIFTY","count":1,"chains":[{"product":"NIFTY","expiry":"2025-01-30",'
        '"spot_price":21510.0,"pcr_oi":1.0,"pcr_volume":1.0,"atm_strike":21500.0,'
        '"atm_straddle_price":4.0,"max_pain_strike":21500.0,"total_call_oi":4,"total_put_oi":4,'
        '"call_buildup_otm":0,"put_buildup_otm":4,'
        f'"calls":[{{"symbol":"NIFTY20250130C21500","product":"NIFTY",{call}}}],'
        f'"puts":[{{"symbol":"NIFTY20250130P21500","product":"NIFTY",{put}}}],'
        '"timestamp":"2025-01-25T10:00:00","processed_at":"2025-01-25T10:00:01"}]}'
    )
    for path in ("/option/chain/NIFTY", f"/api/data/chain/NIFTY?expiry={NEAR}"):
        assert server.get(path).body.decode() == expected
    for path in ("/option/expiries/NIFTY", "/expiries/NIFTY", "/api/data/expiries/NIFTY"):
        assert server.get(path).body == b'{"product":"NIFTY","expiries":["2025-01-30"]}'
