"""The benchmark's arithmetic, and what generators print made into figures. Pure functions."""

import dataclasses
import datetime
import json
import re
import statistics

MICROSECONDS = {"us": 1, "ms": 1e3, "s": 1e6, "m": 60e6}
# Of a core; with more than this the generator decides the rate and not the server.
GENERATOR_SHARE_MAX = 0.97


class Unreadable(Exception):
    """A generator's output that has not what it should have."""


@dataclasses.dataclass
class Figures:
    """One run against one contender."""

    rate: float  # good answers a second
    p50_us: float
    p99_us: float
    errors: int  # answers that were none or no good ones
    requests: int
    generator_share: float = 0  # of its core
    cpu_us: float = 0  # of all the server's processes, a request
    memory_bytes: int = 0  # theirs, at the end of the run


def microseconds(text):
    """wrk's times: 12.30us, 1.20ms, 2.00s."""
    found = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text)
    if found is None:
        raise Unreadable(f"a time of wrk: {text!r}")
    return float(found[1]) * MICROSECONDS[found[2]]


def wrk_figures(text):
    """Of `wrk --latency`."""

    def find(pattern):
        found = re.search(pattern, text, re.M)
        if found is None:
            raise Unreadable(f"wrk printed no {pattern!r}: {text[-300:]}")
        return found[1]

    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    refusals = int(refused[1]) if refused else 0
    requests = int(find(r"^\s*(\d+) requests in"))
    errors = refusals + (sum(map(int, broken.groups())) if broken else 0)
    rate = float(find(r"^Requests/sec:\s+([\d.]+)"))
    good = (requests - refusals) / requests if requests else 0
    return Figures(
        rate=rate * good,
        p50_us=microseconds(find(r"^\s*50%\s+(\S+)")),
        p99_us=microseconds(find(r"^\s*99%\s+(\S+)")),
        errors=errors,
        requests=requests,
    )


def load_figures(text):
    """Of a report of deltastream-load."""
    try:
        report = json.loads(text)
        total = report["total"]
        times = total["latency"]["percentiles_ns"]
        return Figures(
            rate=total["ok_per_second"],
            p50_us=times["p50"] / 1e3,
            p99_us=times["p99"] / 1e3,
            errors=total["failed"] + total["timed_out"] + total["unsent"],
            requests=total["ok"],
            generator_share=report["client"]["busiest_thread_share"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise Unreadable(f"a report of deltastream-load: {error!r}") from error


@dataclasses.dataclass
class Spread:
    median: float
    lowest: float
    highest: float


def spread(values):
    values = list(values)
    return Spread(statistics.median(values), min(values), max(values))


def ratio(ours, theirs):
    """Of the medians; lowest and highest of the rounds, each of which has one of ours and one of theirs."""
    rounds = [a / b for a, b in zip(ours, theirs, strict=True)]
    return Spread(statistics.median(ours) / statistics.median(theirs), min(rounds), max(rounds))


def verdict(value, must, aim):
    """What a ratio, the more the better, is beside its limits."""
    if value >= aim:
        return "aim holds"
    return "must holds" if value >= must else "MISSES must"


def limit_verdict(value, limit):
    """The same of a figure that has to be at most so much."""
    return "holds" if value <= limit else "MISSES must"


def plain(value):
    """A reply's value with what JSON writes in several ways made the same: 64-bit integers as text, moments, 1.0 and 1."""
    if isinstance(value, dict):
        # Where there is a next page is how a service finds it again: its own business.
        return {name: plain(inner) if name != "next_page_token" else bool(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, str):
        if re.fullmatch(r"-?\d{1,19}", value):
            return int(value)
        if re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", value):
            return datetime.datetime.fromisoformat(value)
    return value


def difference(ours, theirs, path="the reply"):
    """Where two replies differ in what they say, None where they don't."""
    ours, theirs = plain(ours), plain(theirs)
    if isinstance(ours, dict) and isinstance(theirs, dict):
        if ours.keys() != theirs.keys():
            return f"{path} has {sorted(theirs)} and not {sorted(ours)}"
        pairs = [(f"{path}.{name}", ours[name], theirs[name]) for name in ours]
    elif isinstance(ours, list) and isinstance(theirs, list):
        if len(ours) != len(theirs):
            return f"{path} has {len(theirs)} and not {len(ours)}"
        pairs = [(f"{path}[{i}]", a, b) for i, (a, b) in enumerate(zip(ours, theirs))]
    else:
        return None if ours == theirs else f"{path} is {theirs} and not {ours}"
    return next((found for found in (difference(a, b, where) for where, a, b in pairs) if found), None)
