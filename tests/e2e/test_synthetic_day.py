"""A day of four products, made by the feed: what the service computes of it is what numpy does."""

import json
import random
import tempfile
from pathlib import Path

import pytest
from market_math import Chain, Ticks, microseconds, surface
from programs import Launcher, http_request

PRODUCTS = ["BANKNIFTY", "FINNIFTY", "NIFTY", "SENSEX"]
INTERVALS = ["10s", "1m", "5m", "15m", "1h", "1d"]
MAX_LATE = 400


class Day:
    """The stored day, read back over REST once."""

    def __init__(self, server):
        self.server = server
        self.ticks = {product: self.read_all(f"/v1/ticks/{product}", "ticks", 1000) for product in PRODUCTS}
        self.chains = {product: self.read_all(f"/v1/chains/{product}", "chains", 50) for product in PRODUCTS}

    def get(self, target):
        reply = self.server.get(target)
        assert reply.status == 200, (target, reply)
        return reply.json()

    def read_all(self, path, name, limit):
        """Newest first, page by page."""
        rows, token = [], ""
        mark = "&" if "?" in path else "?"
        while True:
            page = self.get(f"{path}{mark}limit={limit}&page_token={token}")
            rows += page[name]
            token = page["next_page_token"]
            if not token:
                return rows

    def newest_chain(self, product, expiry):
        return next(chain for chain in self.chains[product] if chain["expiry"] == expiry)

    def expiries(self, product):
        return sorted({chain["expiry"] for chain in self.chains[product]})


@pytest.fixture(scope="module")
def server(request):
    folder = Path(tempfile.mkdtemp(prefix="ds-day-"))
    launcher = Launcher(folder)
    yield launcher.up(folder / "data")
    launcher.stop()


@pytest.fixture(scope="module")
def day(server):
    run = server.cli(
        *("feed", "--seed", 7, "--start", "2025-01-24T03:45:00Z", "--duration", "6h"),
        *("--interval", "10s", "--chain-interval", "5min", "--speed", "max"),
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    return Day(server)


def test_the_day_has_four_products_and_hundreds_of_chains(day):
    assert day.get("/v1/products")["products"] == PRODUCTS
    for product in PRODUCTS:
        assert len(day.ticks[product]) == 6 * 3600 // 10
        assert len(day.chains[product]) >= 100
        assert day.get(f"/v1/expiries/{product}")["expiries"] == day.expiries(product)


def test_what_a_chain_says_of_itself_follows_from_its_options(day):
    checked = 0
    for product in PRODUCTS:
        for chain in day.chains[product]:
            expected = Chain(chain).derived()
            assert {name: chain[name] for name in expected} == expected
            checked += 1
    assert checked >= 400


def assert_bars(day, product, interval, rows, limit):
    """All pages, in both orders, are numpy's bars."""
    expected = Ticks(rows).bars(interval)
    for order in ("asc", "desc"):
        bars = day.read_all(f"/v1/bars/{product}?interval={interval}&order={order}", "bars", limit)
        if order == "desc":
            bars.reverse()
        assert len(bars) == len(expected)
        for bar, own in zip(bars, expected):
            times = {"start": microseconds(bar["start_time"]), "end": microseconds(bar["end_time"])}
            shown = {**times, **{name: bar.get(name) for name in own if name not in times}}
            if own["vwap"] is not None:
                assert shown["vwap"] == pytest.approx(own["vwap"], rel=1e-12, abs=0)
                shown["vwap"] = own["vwap"]
            assert shown == own


@pytest.mark.parametrize("interval", INTERVALS)
def test_bars_are_those_of_the_raw_ticks(day, interval):
    for product in PRODUCTS:
        assert_bars(day, product, interval, day.ticks[product], 500)


def test_a_range_of_bars_has_the_ticks_of_the_range_only(day):
    rows = [
        tick
        for tick in day.ticks["NIFTY"]
        if "2025-01-24T05:00:10Z" <= tick["timestamp"] <= "2025-01-24T06:30:00Z"
    ]
    reply = day.get("/v1/bars/NIFTY?interval=15m&order=asc&start=2025-01-24T05:00:10&end=2025-01-24T06:30:00")
    expected = Ticks(rows).bars("15m")
    assert [bar["num_ticks"] for bar in reply["bars"]] == [bar["num_ticks"] for bar in expected]
    assert [bar["open"] for bar in reply["bars"]] == [bar["open"] for bar in expected]
    assert [bar["close"] for bar in reply["bars"]] == [bar["close"] for bar in expected]


@pytest.mark.parametrize("window", [1, 5, 15, 1440])
def test_the_window_before_the_newest_tick_is_one_bar(day, window):
    for product in PRODUCTS:
        expected = Ticks(day.ticks[product]).window(window)
        reply = day.get(f"/api/analytics/ohlc/{product}?window={window}")
        reply["start"] = microseconds(reply["start_time"] + "Z")
        reply["end"] = microseconds(reply["end_time"] + "Z")
        assert {name: reply[name] for name in expected} == expected


def pcr_of(product, chain):
    computed = Chain(chain)
    return {
        "product": product,
        "expiry": chain["expiry"],
        "pcr_oi": computed.pcr("open_interest"),
        "pcr_volume": computed.pcr("volume"),
        "timestamp": chain["timestamp"],
    }


def test_pcr_is_that_of_the_newest_chains(day):
    for product in PRODUCTS:
        history = [pcr_of(product, chain) for chain in day.chains[product][:100]]
        reply = day.get(f"/v1/analytics/pcr/{product}?history=true")
        assert reply["history"] == history
        newest = [pcr_of(product, day.newest_chain(product, expiry)) for expiry in day.expiries(product)]
        assert reply["latest"] == newest
        for expiry, expected in zip(day.expiries(product), newest):
            reply = day.get(f"/v1/analytics/pcr/{product}?expiry={expiry}")
            assert reply == {"product": product, "latest_of_expiry": expected}


def test_max_pain_and_build_up_are_those_of_the_newest_chain(day):
    for product in PRODUCTS:
        for expiry in day.expiries(product):
            chain = day.newest_chain(product, expiry)
            computed = Chain(chain)
            pain = computed.max_pain()
            reply = day.get(f"/v1/analytics/max-pain/{product}?expiry={expiry}")
            assert reply["max_pain_strike"] == pain
            assert reply["distance_from_spot"] == pain - computed.spot
            assert reply["distance_pct"] == round(float((pain - computed.spot) / computed.spot * 100), 2)
            assert reply["total_call_oi"] == computed.call_oi.sum()
            assert reply["total_put_oi"] == computed.put_oi.sum()
            assert reply["timestamp"] == chain["timestamp"]
            reply = day.get(f"/v1/analytics/oi-buildup/{product}?expiry={expiry}")
            zones = computed.zones()
            assert {name: reply[name] for name in zones} == zones
            call, put = zones["call_buildup"]["otm"], zones["put_buildup"]["otm"]
            word = "Bullish" if call > put else "Bearish" if put > call else "Neutral"
            assert reply["interpretation"].startswith(word)


@pytest.mark.parametrize("window", [5, 30])
def test_the_surface_is_that_of_the_newest_quotes(day, window):
    for product in PRODUCTS:
        symbols = day.read_all(f"/v1/symbols/{product}", "symbols", 1000)
        quotes = []
        for symbol in symbols:
            quotes += day.get(f"/v1/quotes/{symbol}?limit=50")["quotes"]
        expected, newest = surface(quotes, window)
        reply = day.get(f"/v1/analytics/volatility-surface/{product}?window={window}")
        assert reply["expiries"] == expected
        assert reply["timestamp"] == max(quote["timestamp"] for quote in quotes)
        points = {(p["expiry"], p["strike"], p["option_type"]): p["iv"] for p in reply["points"]}
        assert points == newest
        places = [(p["expiry"], p["strike"], p["option_type"] == "PUT") for p in reply["points"]]
        assert places == sorted(places)


def late_ticks(product):
    """In no order, between those that are there and at their very moments, some without volume."""
    dice = random.Random(f"late {product}")
    rows = []
    for number in range(MAX_LATE):
        second = dice.randrange(0, 6 * 3600)
        fraction = dice.choice(["", ".000001", ".5", ".999999"])
        hours, rest = divmod(second + 3 * 3600 + 45 * 60, 3600)
        row = {
            "product": product,
            "price": round(dice.uniform(100, 60000), 2),
            "timestamp": f"2025-01-24T{hours:02d}:{rest // 60:02d}:{rest % 60:02d}{fraction}Z",
            "tick_id": dice.choice([-1, 1]) * (1_000_000 + number),
        }
        if dice.random() < 0.7:
            row["volume"] = dice.randrange(0, 50_000)
        rows.append(row)
    return rows


def test_late_rows_correct_their_bars(day):
    for product in PRODUCTS:
        rows = late_ticks(product)
        reply = http_request(
            *(day.server.base_url, "POST", "/v1/ticks:ingest"),
            json.dumps({"ticks": rows}).encode(),
            {"Content-Type": "application/json"},
        )
        assert reply.json()["accepted"] == MAX_LATE
        assert reply.json()["late"] >= MAX_LATE - 20
        everything = day.ticks[product] + rows
        for interval in ("10s", "1m", "1h", "1d"):
            assert_bars(day, product, interval, everything, 700)
