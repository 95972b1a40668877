"""What is left of the throughput when more is asked for than can be had. Needs deltastream-load, whose requests come at their
time whatever became of the ones before."""

import dataclasses
import json
import math
import statistics

from . import figures, generators

FACTORS = (0.5, 0.8, 1, 1.5, 2, 3, 4)  # of that peak
JUDGED = 2
GOODPUT_SHARE_MIN = 0.8  # of the peak
REFUSAL_MS_MAX = 100
REFUSALS = ("429", "503", "RESOURCE_EXHAUSTED")
SECONDS_MIN = 3


@dataclasses.dataclass(frozen=True)
class Work:
    name: str
    words: str  # what is asked for
    target: tuple  # as arguments of deltastream-load
    users: tuple  # who find the peak between them
    connections: int


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


def judgement(users, found):
    """A sentence on the first runs that were offered twice the peak. `users`: the rates of each round, a list for each number of
    users. Goodput is compared with every other way to ask within the same round, since what else a machine does changes from round
    to round, and the worst of the medians counts: the best of single runs would be the luckiest."""
    ways = [*users, *([run.goodput for run in runs] for runs in found)]
    best = max(map(statistics.median, ways))
    outcomes = next((runs for runs in found if runs[0].offered >= JUDGED * best), None)
    if outcomes is None:
        return f"Not judged: what was offered never came to {JUDGED:g} × the peak of {best:,.0f}/s"
    share = min(statistics.median(run.goodput / other for run, other in zip(outcomes, way, strict=True)) for way in ways if all(way))
    parts = [
        f"At {outcomes[0].offered / best:.1f} × the peak of {best:,.0f}/s, goodput is {share:.0%} of it (must ≥ {GOODPUT_SHARE_MIN:.0%}): "
        f"{'holds' if share >= GOODPUT_SHARE_MIN else 'MISSES must'}"
    ]
    if refused := sum(run.refused for run in outcomes):
        slowest = statistics.median(run.refusal_p99_ms for run in outcomes)
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


def measure(program, core, work, rounds, seconds):
    """(rates of each round by users, a list for each number of them; [[Outcome of each round, …] of each offered rate])"""
    duration = max(SECONDS_MIN, math.ceil(seconds))

    def rate(users):
        return figures.load_figures(generators.run_load(program, core, work.target, duration, ("--users", users), work.connections)).rate

    pilot = max(map(rate, work.users))
    if pilot <= 0:
        raise generators.GeneratorError("no request of users succeeded")
    peaks, found = {}, {}
    for _ in range(rounds):
        for users in work.users:
            peaks.setdefault(users, []).append(rate(users))
        for factor in FACTORS:
            offered = round(pilot * factor)
            text = generators.run_load(program, core, work.target, duration, ("--rate", offered), work.connections)
            found.setdefault(factor, []).append(outcome(offered, text, duration))
    return list(peaks.values()), list(found.values())
