"""The service's computations once more, with numpy and from raw rows only."""

from datetime import datetime, timezone

import numpy as np

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def microseconds(text):
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    delta = moment - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (delta.days * 86400 + delta.seconds) * 1_000_000 + delta.microseconds


def seconds_of(interval):
    return int(interval[:-1]) * UNITS[interval[-1]]


class Ticks:
    """Of one product, in the order of time and then id."""

    def __init__(self, rows):
        times = np.array([microseconds(row["timestamp"]) for row in rows], dtype=np.int64)
        ids = np.array([row["tick_id"] for row in rows], dtype=np.int64)
        order = np.lexsort((ids, times))
        self.times = times[order]
        self.prices = np.array([row["price"] for row in rows], dtype=float)[order]
        self.volumes = np.array([row.get("volume", np.nan) for row in rows], dtype=float)[order]

    def bars(self, interval):
        """Oldest first, as GetBars shows them but for vwap, which is a number or None."""
        width = seconds_of(interval) * 1_000_000
        starts, first, counts = np.unique(
            self.times // width * width, return_index=True, return_counts=True
        )
        return [
            self._bar(int(start), int(start) + width, slice(begin, begin + count))
            for start, begin, count in zip(starts, first, counts)
        ]

    def _bar(self, start, end, part):
        prices, volumes = self.prices[part], self.volumes[part]
        bar = {
            "start": start,
            "end": end,
            "open": prices[0],
            "high": prices.max(),
            "low": prices.min(),
            "close": prices[-1],
            "num_ticks": len(prices),
            "volume": None,
            "vwap": None,
        }
        known = ~np.isnan(volumes)
        if known.any():
            bar["volume"] = int(volumes[known].sum())
        if bar["volume"]:
            bar["vwap"] = float(np.dot(prices[known], volumes[known]) / bar["volume"])
        return bar

    def window(self, minutes):
        since = self.times[-1] - minutes * 60_000_000
        part = self.times >= since
        prices = self.prices[part]
        times = self.times[part]
        return {
            "open": prices[0],
            "high": prices.max(),
            "low": prices.min(),
            "close": prices[-1],
            "start": int(times[0]),
            "end": int(times[-1]),
            "num_ticks": len(prices),
        }


def column(options, name):
    return np.array([option[name] for option in options], dtype=float)


class Chain:
    """What follows from a chain's spot price and options."""

    def __init__(self, row):
        self.spot = row["spot_price"]
        self.calls, self.puts = row["calls"], row["puts"]
        self.call_strikes, self.put_strikes = column(self.calls, "strike"), column(self.puts, "strike")
        self.call_oi, self.put_oi = column(self.calls, "open_interest"), column(self.puts, "open_interest")

    def pcr(self, name):
        calls, puts = column(self.calls, name).sum(), column(self.puts, name).sum()
        return round(float(puts / calls), 4) if calls else 0

    def atm_strike(self):
        strikes = np.unique(np.concatenate([self.call_strikes, self.put_strikes]))
        return strikes[np.argmin(np.abs(strikes - self.spot))]

    def straddle(self):
        atm = self.atm_strike()
        last = [
            column(options, "last")[strikes == atm]
            for options, strikes in ((self.calls, self.call_strikes), (self.puts, self.put_strikes))
        ]
        return round(float(last[0][0] + last[1][0]), 2) if all(len(part) for part in last) else 0

    def max_pain(self):
        strikes = np.unique(np.concatenate([self.call_strikes, self.put_strikes]))
        calls = np.maximum(strikes[:, None] - self.call_strikes[None, :], 0) @ self.call_oi
        puts = np.maximum(self.put_strikes[None, :] - strikes[:, None], 0) @ self.put_oi
        return strikes[np.argmin(calls + puts)]

    def derived(self):
        return {
            "pcr_oi": self.pcr("open_interest"),
            "pcr_volume": self.pcr("volume"),
            "atm_strike": self.atm_strike(),
            "atm_straddle_price": self.straddle(),
            "max_pain_strike": self.max_pain(),
            "total_call_oi": self.call_oi.sum(),
            "total_put_oi": self.put_oi.sum(),
            "call_buildup_otm": self.call_oi[self.call_strikes > self.spot].sum(),
            "put_buildup_otm": self.put_oi[self.put_strikes < self.spot].sum(),
        }

    def zones(self):
        def of(strikes, oi, above, below):
            near = np.abs(strikes - self.spot) < self.spot * 0.01
            return {"itm": oi[below].sum(), "atm": oi[near].sum(), "otm": oi[above].sum()}

        calls, puts = self.call_strikes, self.put_strikes
        return {
            "call_buildup": of(calls, self.call_oi, calls > self.spot, calls < self.spot),
            "put_buildup": of(puts, self.put_oi, puts < self.spot, puts > self.spot),
        }


def surface(quotes, minutes):
    """By expiry: strikes, call_ivs, put_ivs, avg_iv, num_quotes; and the newest iv of each option."""
    times = np.array([microseconds(quote["timestamp"]) for quote in quotes], dtype=np.int64)
    recent = times >= times.max() - minutes * 60_000_000
    strikes, ivs = column(quotes, "strike"), column(quotes, "iv")
    expiries = np.array([quote["expiry"] for quote in quotes])
    types = np.array([quote["option_type"] for quote in quotes])
    order = np.lexsort((times, strikes, expiries))
    order = order[recent[order]]
    found, newest = [], {}
    for expiry in np.unique(expiries[order]):
        part = order[expiries[order] == expiry]
        found.append(
            {
                "expiry": str(expiry),
                "strikes": np.unique(strikes[part]).tolist(),
                "call_ivs": ivs[part[types[part] == "CALL"]].tolist(),
                "put_ivs": ivs[part[types[part] == "PUT"]].tolist(),
                "avg_iv": round(float(ivs[part].mean()), 4),
                "num_quotes": len(part),
            }
        )
    for index in order:
        newest[(str(expiries[index]), float(strikes[index]), str(types[index]))] = float(ivs[index])
    return found, newest
