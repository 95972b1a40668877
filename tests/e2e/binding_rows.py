"""Stored rows, and what every REST binding of the storage service answers about them."""

from datetime import datetime
from typing import NamedTuple, Optional

from replies import is_canonical, problem

PROCESSED = datetime(2025, 1, 25, 10, 5, 0, 123)
JANUARY = "2025-01-30"
FEBRUARY = "2025-02-27"
CALL = "NIFTY20250130C21500"
PUT = "NIFTY20250130P21500"


def at(minute, second=0, microsecond=0):
    return datetime(2025, 1, 25, 10, minute, second, microsecond)


def tick(product, price, timestamp, tick_id, **rest):
    return {
        "product": product,
        "price": price,
        "timestamp": timestamp,
        "tick_id": tick_id,
        "processed_at": PROCESSED,
        **rest,
    }


NIFTY_TICKS = [
    tick("NIFTY", 21500.0, at(0), 1, volume=100, open=21490.0, high=21510.5, low=21480.0, close=21500.0, change=-0.25),
    tick("NIFTY", 21502.25, at(0, 30, 500000), 2),
    tick("NIFTY", 21499.5, at(1), 3, volume=50),
]
BANKNIFTY_TICK = tick("BANKNIFTY", 48000.0, at(0), 1)


def quote(symbol, strike, expiry, option_type, last, volume, open_interest, iv, timestamp):
    return {
        "symbol": symbol,
        "product": "NIFTY",
        "strike": strike,
        "expiry": expiry,
        "option_type": option_type,
        "bid": last - 0.25,
        "ask": last + 0.25,
        "last": last,
        "volume": volume,
        "open_interest": open_interest,
        "delta": 0.5,
        "gamma": 0.001,
        "vega": 12.0,
        "theta": -5.5,
        "iv": iv,
        "timestamp": timestamp,
        "processed_at": PROCESSED,
    }


CALL_QUOTES = [
    quote(CALL, 21500.0, JANUARY, "CALL", 120.5, 10, 1000, 0.15, at(0)),
    quote(CALL, 21500.0, JANUARY, "CALL", 121.0, 12, 1001, 0.16, at(0, 1)),
]
PUT_QUOTE = quote(PUT, 21500.0, JANUARY, "PUT", 99.75, 15, 1500, 0.18, at(0, 1))


def option(expiry, letter, strike, last, volume, open_interest, timestamp):
    """A quote as T's chains hold it."""
    symbol = f"NIFTY{expiry.replace('-', '')}{letter}{strike:.0f}"
    kind = "CALL" if letter == "C" else "PUT"
    whole = quote(symbol, strike, expiry, kind, last, volume, open_interest, 0.2, timestamp)
    return {name: value for name, value in whole.items() if name != "processed_at"}


def chain(expiry, timestamp, atm_call_oi, pcr_oi):
    """With what the service computes: the test sends the chain without these."""
    return {
        "product": "NIFTY",
        "expiry": expiry,
        "spot_price": 21510.0,
        "pcr_oi": pcr_oi,
        "pcr_volume": 1.5,
        "atm_strike": 21500.0,
        "atm_straddle_price": 220.25,
        "max_pain_strike": 21500.0,
        "total_call_oi": atm_call_oi + 2000,
        "total_put_oi": 2100,
        "call_buildup_otm": 2000,
        "put_buildup_otm": 2100,
        "calls": [
            option(expiry, "C", 21500.0, 120.5, 10, atm_call_oi, timestamp),
            option(expiry, "C", 21600.0, 70.25, 20, 2000, timestamp),
        ],
        "puts": [
            option(expiry, "P", 21400.0, 60.0, 30, 600, timestamp),
            option(expiry, "P", 21500.0, 99.75, 15, 1500, timestamp),
        ],
        "timestamp": timestamp,
        "processed_at": PROCESSED,
    }


CHAIN_OLD = chain(JANUARY, at(0), 1000, 0.7)
CHAIN_NEW = chain(JANUARY, at(1), 2200, 0.5)
CHAIN_FEBRUARY = chain(FEBRUARY, at(1), 100, 1.0)
COMPUTED = (
    "pcr_oi pcr_volume atm_strike atm_straddle_price max_pain_strike total_call_oi total_put_oi "
    "call_buildup_otm put_buildup_otm"
).split()


def without(row, *names):
    return {name: value for name, value in row.items() if name not in names}


class Row(NamedTuple):
    binding: str  # "GET /v1/ticks/{product}": as the .proto has it
    target: str
    status: int
    body: dict
    sent: Optional[dict] = None

    @property
    def method(self):
        return self.binding.split()[0]


def listed(names, name, rows, key, canonical, token="", shown=None):
    """The reply of a list; canonical rows leave out what the reply says once."""
    if canonical:
        rows = [without(row, key) for row in rows]
    reply = {key: shown or names, "count": len(rows), name: rows}
    return {**reply, "next_page_token": token} if canonical else reply


def list_rows(binding, names, name, rows, key, page):
    """Rows of a list's binding: all, a page, nothing, and what is refused."""
    method_path = binding.split()[1]
    path = method_path.replace("{" + key + "}", names)
    canonical = is_canonical(path)
    newest_first = rows[::-1]
    first = newest_first[:1]
    yield Row(binding, path, 200, listed(names, name, newest_first, key, canonical))
    yield Row(binding, f"{path}?limit=1", 200, listed(names, name, first, key, canonical, "TOKEN"))
    yield Row(binding, f"{path}?limit=2000000", 200, listed(names, name, newest_first, key, canonical))
    yield Row(binding, f"{path}?order=asc", 200, listed(names, name, rows, key, canonical))
    yield Row(binding, f"{path}?{page}", 200, listed(names, name, first, key, canonical))
    nothing = method_path.replace("{" + key + "}", "NOTHING")
    yield Row(binding, nothing, 200, listed("NOTHING", name, [], key, canonical))
    yield from refused_ranges(binding, path)


def refused(binding, target, name, detail, canonical, by_gateway=True):
    """The gateway tells the name and where in the value the fault is; a service has its own words."""
    shown = f"{name}: {detail}" if by_gateway else detail
    errors = [{"parameter": name, "detail": detail, **({"offset": 0} if by_gateway else {})}]
    return Row(binding, target, 400, problem(400, "invalid_request", shown, errors, canonical))


NO_TIME = "expected a time such as 2025-01-25T10:00:00.5Z or a date such as 2025-01-25"
NO_INTEGER = "expected a whole number from -2147483648 to 2147483647"


def refused_ranges(binding, path):
    canonical = is_canonical(path)
    yield refused(binding, f"{path}?start=yesterday", "start", NO_TIME, canonical)
    yield refused(binding, f"{path}?end=2025-02-30", "end", NO_TIME, canonical)
    yield refused(binding, f"{path}?limit=many", "limit", NO_INTEGER, canonical)
    yield refused(binding, f"{path}?limit=99999999999", "limit", NO_INTEGER, canonical)
    for limit in ("0", "-1"):
        yield refused(binding, f"{path}?limit={limit}", "limit", "limit must be 1 or more", canonical, False)


def tick_rows():
    page = "start=2025-01-25T10:00:31&end=2025-01-25T10:01:00Z"
    for path in ("/v1/ticks/{product}", "/underlying/{product}", "/api/data/underlying/{product}"):
        yield from list_rows(f"GET {path}", "NIFTY", "ticks", NIFTY_TICKS, "product", page)
    everything = listed("NIFTY", "ticks", NIFTY_TICKS[::-1], "product", False)
    binding = "GET /api/data/underlying/{product}"
    yield Row(binding, "/api/data/underlying/NIFTY?limit=5", 200, everything)
    yield Row("GET /v1/ticks/{product}/latest", "/v1/ticks/NIFTY/latest", 200, NIFTY_TICKS[2])
    yield missing("GET /v1/ticks/{product}/latest", "/v1/ticks/NOTHING/latest", "there is no tick of NOTHING")
    latest = {"ticks": [BANKNIFTY_TICK, NIFTY_TICKS[2]], "missing": ["NOTHING"]}
    names = "products=BANKNIFTY&products=NOTHING&products=NIFTY"
    yield Row("GET /v1/ticks:latest", f"/v1/ticks:latest?{names}", 200, latest)
    asked = {"products": ["BANKNIFTY", "NOTHING", "NIFTY"]}
    yield Row("POST /v1/ticks:latest", "/v1/ticks:latest", 200, latest, asked)
    binding = "GET /v1/ticks/{product}/asof"
    yield Row(binding, "/v1/ticks/NIFTY/asof?time=2025-01-25T10:00:30Z", 200, NIFTY_TICKS[0])
    yield Row(binding, "/v1/ticks/NIFTY/asof?time=2025-01-25T10:00:30Z&tolerance=30s", 200, NIFTY_TICKS[0])


def quote_rows():
    page = "start=2025-01-25T10:00:01"
    for path in ("/v1/quotes/{symbol}", "/option/quote/{symbol}"):
        yield from list_rows(f"GET {path}", CALL, "quotes", CALL_QUOTES, "symbol", page)
    latest = {"quotes": [PUT_QUOTE, CALL_QUOTES[1]], "missing": ["NOTHING"]}
    names = f"symbols={PUT}&symbols=NOTHING&symbols={CALL}"
    yield Row("GET /v1/quotes:latest", f"/v1/quotes:latest?{names}", 200, latest)
    asked = {"symbols": [PUT, "NOTHING", CALL]}
    yield Row("POST /v1/quotes:latest", "/v1/quotes:latest", 200, latest, asked)


def chain_rows():
    stored = [CHAIN_OLD, CHAIN_NEW, CHAIN_FEBRUARY]
    page = f"expiry={FEBRUARY}&start=2025-01-25T10:01:00"
    for path in ("/v1/chains/{product}", "/option/chain/{product}", "/api/data/chain/{product}"):
        binding = f"GET {path}"
        yield from list_rows(binding, "NIFTY", "chains", stored, "product", page)
        canonical = is_canonical(path)
        target = path.replace("{product}", "NIFTY")
        one = listed("NIFTY", "chains", [CHAIN_NEW], "product", canonical, "TOKEN")
        yield Row(binding, f"{target}?expiry={JANUARY}&limit=1", 200, one)
        both = listed("NIFTY", "chains", [CHAIN_NEW, CHAIN_OLD], "product", canonical)
        yield Row(binding, f"{target}?expiry={JANUARY}", 200, both)
        none = listed("NIFTY", "chains", [], "product", canonical)
        yield Row(binding, f"{target}?expiry=2025-03-27", 200, none)
        yield refused(binding, f"{target}?expiry=soon", "expiry", NO_EXPIRY, canonical, False)


NO_EXPIRY = "expiry must be a date, YYYY-MM-DD"


def missing(binding, target, detail):
    return Row(binding, target, 404, problem(404, "not_found", detail, [], is_canonical(target)))


def name_rows():
    for path in ("/v1/products", "/products", "/api/data/products"):
        yield Row(f"GET {path}", path, 200, {"products": ["BANKNIFTY", "NIFTY"]})
    for path in ("/v1/expiries", "/option/expiries", "/expiries", "/api/data/expiries"):
        binding = f"GET {path}/{{product}}"
        both = {"product": "NIFTY", "expiries": [JANUARY, FEBRUARY]}
        yield Row(binding, f"{path}/NIFTY", 200, both)
        yield Row(binding, f"{path}/NOTHING", 200, {"product": "NOTHING", "expiries": []})
    symbols = {"product": "NIFTY", "symbols": [CALL, PUT], "next_page_token": ""}
    yield Row("GET /v1/symbols/{product}", "/v1/symbols/NIFTY", 200, symbols)
    strikes = {"product": "NIFTY", "expiry": JANUARY, "strikes": [21400.0, 21500.0, 21600.0]}
    yield Row("GET /v1/strikes/{product}", f"/v1/strikes/NIFTY?expiry={JANUARY}", 200, strikes)


def bar(minute, open_, high, low, close, num_ticks, volume, vwap):
    times = {"start_time": at(minute), "end_time": at(minute + 1)}
    prices = {"open": open_, "high": high, "low": low, "close": close, "num_ticks": num_ticks}
    return {**times, **prices, "volume": volume, "vwap": vwap}


def bar_rows():
    binding = "GET /v1/bars/{product}"
    bars = [
        bar(1, 21499.5, 21499.5, 21499.5, 21499.5, 1, 50, 21499.5),
        bar(0, 21500.0, 21502.25, 21500.0, 21502.25, 2, 100, 21500.0),
    ]

    def reply(of, token=""):
        return {"product": "NIFTY", "interval": "1m", "count": len(of), "bars": of, "next_page_token": token}

    yield Row(binding, "/v1/bars/NIFTY", 200, reply(bars))
    yield Row(binding, "/v1/bars/NIFTY?interval=1m&order=asc", 200, reply(bars[::-1]))
    yield Row(binding, "/v1/bars/NIFTY?limit=1", 200, reply(bars[:1], "TOKEN"))
    yield Row(binding, "/v1/bars/NIFTY?end=2025-01-25T10:00:59", 200, reply(bars[1:]))
    yield Row(binding, "/v1/bars/NOTHING", 200, {**reply([]), "product": "NOTHING"})
    yield from refused_ranges(binding, "/v1/bars/NIFTY")
    interval = (
        "interval must be a number and s, m, h or d, from 1s to 1d, of which a day is a multiple, "
        "such as 1s, 5s, 15s, 1m, 5m, 15m, 30m, 1h, 4h or 1d"
    )
    yield refused(binding, "/v1/bars/NIFTY?interval=7m", "interval", interval, True, False)


def pcr(stored):
    return {name: stored[name] for name in ("product", "expiry", "pcr_oi", "pcr_volume", "timestamp")}


def pcr_rows(path):
    binding = f"GET {path}/pcr/{{product}}"
    base = f"{path}/pcr"
    canonical = is_canonical(path)
    everyone = {"product": "NIFTY", "latest": [pcr(CHAIN_NEW), pcr(CHAIN_FEBRUARY)]}
    history = {"history": [pcr(CHAIN_FEBRUARY), pcr(CHAIN_NEW), pcr(CHAIN_OLD)]}
    one = "latest_of_expiry" if canonical else "latest"
    of_january = {"product": "NIFTY", one: pcr(CHAIN_NEW)}
    its_history = {"history": [pcr(CHAIN_NEW), pcr(CHAIN_OLD)]}
    yield Row(binding, f"{base}/NIFTY", 200, everyone)
    yield Row(binding, f"{base}/NIFTY?history=false", 200, everyone)
    for yes in ("true", "True"):
        yield Row(binding, f"{base}/NIFTY?history={yes}", 200, {**everyone, **history})
    yield Row(binding, f"{base}/NIFTY?expiry={JANUARY}", 200, of_january)
    yield Row(binding, f"{base}/NIFTY?expiry={JANUARY}&history=true", 200, {**of_january, **its_history})
    yield Row(binding, f"{base}/NIFTY?expiry=2025-03-27", 200, {"product": "NIFTY"})
    empty = {"product": "NIFTY", "history": []}
    yield Row(binding, f"{base}/NIFTY?expiry=2025-03-27&history=true", 200, empty)
    yield Row(binding, f"{base}/NOTHING", 200, {"product": "NOTHING", "latest": []})
    yield refused(binding, f"{base}/NIFTY?expiry=soon", "expiry", NO_EXPIRY, canonical, False)


def expiry_rows(path, name, body):
    """Of max-pain and oi-buildup: both need an expiry that has a chain."""
    binding = f"GET {path}/{name}/{{product}}"
    base = f"{path}/{name}"
    canonical = is_canonical(path)
    yield Row(binding, f"{base}/NIFTY?expiry={JANUARY}", 200, body)
    yield refused(binding, f"{base}/NIFTY", "expiry", "expiry is missing", canonical, False)
    no_day = "expiry must be a day that there is"
    yield refused(binding, f"{base}/NIFTY?expiry=2025-02-30", "expiry", no_day, canonical, False)
    yield refused(binding, f"{base}/NIFTY?expiry=30-01-2025", "expiry", NO_EXPIRY, canonical, False)
    for product, expiry in (("NOTHING", JANUARY), ("NIFTY", "2025-03-27")):
        detail = f"there is no chain of {product} that expires on {expiry}"
        yield missing(binding, f"{base}/{product}?expiry={expiry}", detail)


MAX_PAIN = {
    "product": "NIFTY",
    "expiry": JANUARY,
    "max_pain_strike": 21500.0,
    "spot_price": 21510.0,
    "distance_from_spot": -10.0,
    "distance_pct": -0.05,
    "total_call_oi": 4200,
    "total_put_oi": 2100,
    "timestamp": at(1),
}
OI_BUILDUP = {
    "product": "NIFTY",
    "expiry": JANUARY,
    "spot_price": 21510.0,
    "call_buildup": {"itm": 2200, "atm": 4200, "otm": 2000},
    "put_buildup": {"itm": 0, "atm": 2100, "otm": 2100},
    "timestamp": at(1),
    "interpretation": "Bearish - High OTM put writing",
}
SURFACE = {
    "product": "NIFTY",
    "expiries": [
        {
            "expiry": JANUARY,
            "strikes": [21500.0],
            "call_ivs": [0.15, 0.16],
            "put_ivs": [0.18],
            "avg_iv": 0.1633,
            "num_quotes": 3,
        }
    ],
    "timestamp": at(0, 1),
}
POINTS = [
    {"expiry": JANUARY, "strike": 21500.0, "option_type": "CALL", "iv": 0.16},
    {"expiry": JANUARY, "strike": 21500.0, "option_type": "PUT", "iv": 0.18},
]
OHLC = {
    "product": "NIFTY",
    "window_minutes": 5,
    "open": 21500.0,
    "high": 21502.25,
    "low": 21499.5,
    "close": 21499.5,
    "start_time": at(0),
    "end_time": at(1),
    "num_ticks": 3,
}
LAST_MINUTE_OHLC = {**OHLC, "window_minutes": 1}


def window_rows(path, name, body, nothing, largest):
    binding = f"GET {path}/{name}/{{product}}"
    base = f"{path}/{name}"
    canonical = is_canonical(path)
    yield Row(binding, f"{base}/NIFTY", 200, body)
    yield Row(binding, f"{base}/NIFTY?window=5", 200, body)
    yield missing(binding, f"{base}/NOTHING", nothing)
    yield refused(binding, f"{base}/NIFTY?window=x", "window", NO_INTEGER, canonical)
    for window in (0, largest + 1):
        detail = f"window must be 1 to {largest} minutes"
        yield refused(binding, f"{base}/NIFTY?window={window}", "window", detail, canonical, False)


def analytics_rows():
    for path in ("/v1/analytics", "/api/analytics"):
        yield from pcr_rows(path)
        yield from expiry_rows(path, "max-pain", MAX_PAIN)
        yield from expiry_rows(path, "oi-buildup", OI_BUILDUP)
        yield from window_rows(path, "ohlc", OHLC, "there is no tick of NOTHING", 1440)
        yield Row(f"GET {path}/ohlc/{{product}}", f"{path}/ohlc/NIFTY?window=1", 200, LAST_MINUTE_OHLC)
        surface = {**SURFACE, "points": POINTS} if is_canonical(path) else SURFACE
        nothing = "there is no quote of NOTHING"
        yield from window_rows(path, "volatility-surface", surface, nothing, 60)


def ingest_rows():
    """Rows that are stored already, so that the replies of the other bindings stay what they are."""
    for kind, row in (("ticks", NIFTY_TICKS[1]), ("quotes", PUT_QUOTE), ("chains", without(CHAIN_OLD, *COMPUTED))):
        rejected = [{"index": 1, "reason": "product must not be empty"}]
        counts = {"accepted": 0, "duplicate": 1, "late": 0, "rejected": rejected}
        yield Row(f"POST /v1/{kind}:ingest", f"/v1/{kind}:ingest", 200, counts, {kind: [row, {}]})


ADMIN = {
    "GET /v1/admin/storage/stats": "/v1/admin/storage/stats",
    "POST /v1/admin/storage/delete-range": "/v1/admin/storage/delete-range",
    "POST /v1/admin/storage/retention": "/v1/admin/storage/retention",
    "POST /v1/admin/storage/backups": "/v1/admin/storage/backups",
    "GET /v1/admin/storage/backups/{backup_id}": "/v1/admin/storage/backups/1",
    "POST /v1/admin/storage/verify": "/v1/admin/storage/verify",
}


def admin_rows():
    detail = "this needs the permission admin, which a caller without credentials does not have"
    for binding, target in ADMIN.items():
        sent = {} if binding.startswith("POST") else None
        yield Row(binding, target, 401, problem(401, "unauthenticated", detail, [], True), sent)


# What the replaced service's own documents tell people to type.
T_EXAMPLES = [
    "/api/data/products",
    "/api/data/underlying/NIFTY?limit=5",
    f"/api/data/chain/NIFTY?expiry={JANUARY}&limit=1",
    "/api/data/expiries/NIFTY",
    "/api/analytics/pcr/NIFTY?history=true",
    "/api/analytics/volatility-surface/NIFTY",
    f"/api/analytics/max-pain/NIFTY?expiry={JANUARY}",
    f"/api/analytics/oi-buildup/NIFTY?expiry={JANUARY}",
    "/api/analytics/ohlc/NIFTY?window=5",
    f"/option/quote/{CALL}",
    "/option/chain/NIFTY",
    "/option/expiries/NIFTY",
    "/expiries/NIFTY",
    "/underlying/NIFTY",
    "/products",
]

ROWS = [
    *tick_rows(),
    *quote_rows(),
    *chain_rows(),
    *name_rows(),
    *bar_rows(),
    *analytics_rows(),
    *ingest_rows(),
    *admin_rows(),
]
