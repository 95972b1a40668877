"""Rows of all kinds for tests that move them in and out, and what a store holds of them."""

import json
import random
from urllib.parse import quote as escape

PRODUCTS = ["NIFTY", "BANKNIFTY", "M&M"]
EXPIRIES = ["2025-01-30", "2025-02-27"]


def timestamp(microseconds):
    seconds, rest = divmod(microseconds, 1_000_000)
    hours, seconds = divmod(seconds, 3600)
    text = f"2025-01-25T{hours:02}:{seconds // 60:02}:{seconds % 60:02}"
    if rest == 0:
        return text + "Z"
    return f"{text}.{rest // 1000:03}Z" if rest % 1000 == 0 else f"{text}.{rest:06}Z"


def double(generator):
    """Any finite number of a price's kind, some of them with all of their digits."""
    kind = generator.randrange(5)
    if kind == 0:
        return float(generator.randrange(100000))
    if kind == 1:
        return generator.random() * 1e-9
    if kind == 2:
        return generator.random() * 1e300
    return generator.random() * 10 ** generator.randrange(6)


def maybe(generator, row, **values):
    row.update({name: value for name, value in values.items() if generator.random() < 0.7})
    return row


def ticks(count, seed=1):
    generator = random.Random(seed)
    rows = []
    for index in range(count):
        row = {
            "product": PRODUCTS[index % len(PRODUCTS)],
            "price": double(generator),
            "timestamp": timestamp(index // 2 * 500_000 + generator.choice([0, 1000, 123_456])),
            "tick_id": index,
        }
        maybe(
            generator,
            row,
            volume=generator.randrange(2**53),
            open=double(generator),
            high=double(generator),
            low=double(generator),
            close=double(generator),
            change=-double(generator),
        )
        rows.append(row)
    return rows


def quote(generator, symbol, product, strike, expiry, time):
    row = {
        "symbol": symbol,
        "product": product,
        "strike": strike,
        "expiry": expiry,
        "option_type": "CALL" if "C" in symbol[-6:] else "PUT",
        "timestamp": time,
    }
    return maybe(
        generator,
        row,
        bid=double(generator),
        ask=double(generator),
        last=double(generator),
        volume=generator.randrange(10**9),
        open_interest=generator.randrange(10**9),
        delta=generator.uniform(-1, 1),
        gamma=generator.random(),
        vega=double(generator),
        theta=-double(generator),
        iv=generator.random(),
        bid_qty=generator.randrange(1000),
        ask_qty=generator.randrange(1000),
        exchange=generator.choice(["NSE", "", " b, \"q\" ", "a;b|c"]),
    )


def symbol_of(product, expiry, side, strike):
    return f"{product}{expiry.replace('-', '')}{side}{strike}"


def quotes(count, seed=2):
    generator = random.Random(seed)
    rows = []
    for index in range(count):
        product = PRODUCTS[index % 2]
        expiry = EXPIRIES[index // 2 % 2]
        side = "CP"[index // 4 % 2]
        symbol = symbol_of(product, expiry, side, 21500)
        rows.append(quote(generator, symbol, product, 21500.0, expiry, timestamp(index * 250_000)))
    return rows


def chains(count, seed=3):
    generator = random.Random(seed)
    rows = []
    for index in range(count):
        product = PRODUCTS[index % 2]
        expiry = EXPIRIES[index // 2 % 2]
        time = timestamp(index // 4 * 1_000_000)
        strikes = [21400 + 50 * step for step in range(5)]
        row = {"product": product, "expiry": expiry, "spot_price": 21500.5, "timestamp": time}
        for side, name in (("C", "calls"), ("P", "puts")):
            row[name] = [
                quote(
                    generator, symbol_of(product, expiry, side, strike), product, float(strike), expiry, time
                )
                for strike in strikes
            ]
        rows.append(row)
    return rows


def ndjson(rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def stored(server, kind):
    """Every row of a kind as the service shows it, exactly: the bytes of its JSON, in order."""
    lines = []
    products = json.loads(server.cli("call", "ListProducts").stdout)["products"]
    for product in products:
        keys = [product]
        if kind == "quotes":
            keys = server.get(f"/v1/symbols/{product}").json()["symbols"]
        for key in keys:
            lines += pages(server, kind, key)
    return lines


def pages(server, kind, key):
    lines, token = [], ""
    while True:
        target = f"/v1/{kind}/{escape(key, safe='')}?order=asc&limit=1000&page_token={escape(token)}"
        page = server.get(target).json()
        lines += [json.dumps({**row, "key": key}) for row in page[kind]]
        token = page.get("next_page_token", "")
        if not token:
            return lines
