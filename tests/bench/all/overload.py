"""What is left of the throughput when more is asked for than can be had. Needs deltastream-load, whose requests come at their
time whatever became of the ones before."""

import dataclasses
import json
import math
import statistics

from . import figures, generators

USERS = (64, 256, 1000)  # who find the peak between them
FACTORS = (0.5, 0.8, 1, 1.5, 2, 3, 4)  # of that peak
JUDGED = 2
GOODPUT_SHARE_MIN = 0.8  # of the peak
REFUSAL_MS_MAX = 100
REFUSALS = ("429", "503")
# Requests that the server can see at once: many more than it has to have for its peak.
CONNECTIONS = 1000
SECONDS_MIN = 3


@dataclasses.dataclass
class Outcome:
    """One run at one offered rate."""

    offered: float
    goodput: float  # good answers a second
    refused: int
    refusal_p99_ms: float
    lost: int  # neither answered well nor refused: unsent, late or broken
    client_bound: str  # why the generator was the limit; "" where it was not


def outcome(offered, text, duration):
    """Of a report of deltastream-load. It calls an answer good whenever it came; here those count that came in the run, and not
    those of the second in which it began."""
    try:
        report = json.loads(text)
        total = report["total"]
        good = [second["ok"] for second in total["seconds"] if 1 <= second["second"] < duration]
        refusals = [code for code in total["codes"] if code["code"] in REFUSALS]
        refused = sum(code["count"] for code in refusals)
        return Outcome(
            offered=offered,
            goodput=sum(good) / (duration - 1),
            refused=refused,
            refusal_p99_ms=max((code["latency"]["percentiles_ns"]["p99"] / 1e6 for code in refusals), default=0),
            lost=total["failed"] + total["timed_out"] + total["unsent"] - refused,
            client_bound=report["client"]["why"] if report["client"]["is_bound"] else "",
        )
    except (ValueError, KeyError, TypeError) as error:
        raise figures.Unreadable(f"a report of deltastream-load: {error!r}") from error


def goodput(outcomes):
    return statistics.median(run.goodput for run in outcomes)


def judgement(peak, found):
    """A sentence on the first runs that were offered twice what was ever had, by open runs or by users."""
    peak = max(peak, *map(goodput, found))
    outcomes = next((runs for runs in found if runs[0].offered >= JUDGED * peak), None)
    if outcomes is None:
        return f"Not judged: what was offered never came to {JUDGED:g} × the peak of {peak:,.0f}/s"
    share = goodput(outcomes) / peak
    parts = [
        f"At {outcomes[0].offered / peak:.1f} × the peak of {peak:,.0f}/s, goodput is {share:.0%} of it (must ≥ {GOODPUT_SHARE_MIN:.0%}): "
        f"{'holds' if share >= GOODPUT_SHARE_MIN else 'MISSES must'}"
    ]
    if refused := sum(run.refused for run in outcomes):
        slowest = max(run.refusal_p99_ms for run in outcomes)
        parts.append(
            f"{refused:,} refused, 99 % of them within {slowest:.1f} ms (must ≤ {REFUSAL_MS_MAX} ms): "
            f"{'holds' if slowest <= REFUSAL_MS_MAX else 'MISSES must'}"
        )
    else:
        parts.append("none refused")
    parts.append(f"{sum(run.lost for run in outcomes):,} neither answered nor refused")
    if why := next((run.client_bound for run in outcomes if run.client_bound), ""):
        parts.append(f"the generator was the limit ({why}), so that less was offered")
    return "; ".join(parts)


def measure(program, core, url, path, rounds, seconds):
    """(peak, [[Outcome of a round, …] of each offered rate])"""
    duration = max(SECONDS_MIN, math.ceil(seconds))

    def rate(users):
        text = generators.run_load(program, core, url, path, duration, {}, ("--users", users), users)
        return figures.load_figures(text).rate

    peak = max(statistics.median(rate(users) for _ in range(rounds)) for users in USERS)
    if peak <= 0:
        raise generators.GeneratorError("no request of users succeeded")
    found = {}
    for _ in range(rounds):
        for factor in FACTORS:
            offered = round(peak * factor)
            text = generators.run_load(program, core, url, path, duration, {}, ("--rate", offered), CONNECTIONS)
            found.setdefault(factor, []).append(outcome(offered, text, duration))
    return peak, list(found.values())
