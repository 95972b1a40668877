"""The run itself: start, check, choose, take turns, stop."""

import contextlib
import dataclasses
import datetime
import json
import math
import sys

from . import contenders, figures, processes
from .generators import WRK, GeneratorError
from .rows import WORKS

TICK_COUNT = 1000
# Of wrk's requests in a run; more of them failing makes a run worthless.
ERROR_SHARE_MAX = 0.001
CHOICE_SECONDS = 2


WHY_LENGTH_MAX = 240


class WrongAnswer(Exception):
    """A contender that does other work than the rest."""


def say(text):
    print(text, file=sys.stderr, flush=True)


FAILURES = (processes.StartError, WrongAnswer, GeneratorError, figures.Unreadable, OSError)


def short(why):
    """The end of it on one line: that is where programs say what went wrong."""
    return " ".join(str(why).split())[-WHY_LENGTH_MAX:]


def make_rows():
    """A second apart with milliseconds, as much as BSON keeps of a moment."""
    begin = datetime.datetime(2026, 1, 5, 9)
    for i in range(TICK_COUNT):
        timestamp = begin + datetime.timedelta(seconds=i, milliseconds=i * 997 % 1000)
        processed_at = timestamp + datetime.timedelta(milliseconds=5)
        yield {
            "product": "NIFTY",
            "price": round(21500 + i * 0.05, 2),
            "tick_id": i,
            "timestamp": timestamp.isoformat(timespec="milliseconds") + "Z",
            "processed_at": processed_at.isoformat(timespec="milliseconds") + "Z",
        }


def expected_reply(rows, limit):
    """Newest first, the product named once, and word of a next page."""
    newest = sorted(rows, key=lambda row: row["timestamp"], reverse=True)[:limit]
    ticks = [{name: value for name, value in row.items() if name != "product"} for row in newest]
    return {"product": "NIFTY", "count": limit, "ticks": ticks, "next_page_token": "there is one"}


def check_ticks(name, url, work, rows):
    status, body = processes.get(url + work.path)
    if status != 200:
        raise WrongAnswer(f"{name} answers {status} to {work.path}: {body[:200]!r}")
    found = figures.difference(expected_reply(rows, work.ticks), json.loads(body))
    if found is not None:
        raise WrongAnswer(f"{name}, {work.path}: {found}")
    return body


def check_verify(name, url, work, headers):
    status, body = processes.get(url + work.path, headers)
    refused, _ = processes.get(url + work.path, {"Authorization": "Bearer " + "x" * 100})
    if status != 200 or "sub" not in json.loads(body) or refused != 401:
        raise WrongAnswer(f"{name} answers {status} to a good token and {refused} to a bad one: {body[:200]!r}")


@dataclasses.dataclass
class Entry:
    """A contender that is up."""

    contender: contenders.Contender
    variant: str
    started: contenders.Started
    choices: list  # {variant: its rates}
    idle_bytes: list  # of each process


class Arena:
    """All contenders, up together; idle ones take next to nothing."""

    def __init__(self, site, generators, works, headers, choice_seconds=CHOICE_SECONDS):
        self.site, self.generators, self.headers, self.choice_seconds = site, generators, headers, choice_seconds
        self.works = works  # {work name: contenders' names}
        self.rows = list(map(json.loads, site.rows.read_text().splitlines()))
        self.entries, self.failures = {}, {}
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()

    def works_of(self, name):
        return [WORKS[work] for work, names in self.works.items() if name in names]

    def check(self, name, url):
        for work in self.works_of(name):
            if work.ticks:
                check_ticks(name, url, work, self.rows)
            else:
                check_verify(name, url, work, self.headers[work.name])

    def try_variant(self, contender, variant):
        """Rates of a variant by work; None, said aloud, where it does not run."""
        try:
            with contextlib.closing(variant.start(self.site)) as started:
                self.check(contender.name, started.url)
                return {
                    work.name: self.generators.measure(
                        WRK, started, work.path, self.choice_seconds, self.headers.get(work.name, {})
                    ).rate
                    for work in self.works_of(contender.name)
                }
        except FAILURES as why:
            say(f"LEFT OUT: {contender.name}, {variant.label}: {short(why)}")
            return None

    def choose(self, contender):
        """(the fastest variant by the product of its rates, all rates)"""
        if len(contender.variants) == 1:
            return contender.variants[0], []
        tried = [
            (variant, rates) for variant in contender.variants if (rates := self.try_variant(contender, variant)) is not None
        ]
        if not tried:
            raise processes.StartError("none of its variants runs here")
        best = max(tried, key=lambda pair: math.prod(pair[1].values()))[0]
        return best, [{"variant": variant.label, **rates} for variant, rates in tried]

    def open(self, name):
        """Starts a contender for the run. What fails is said aloud, and its rows say so."""
        contender = contenders.CONTENDERS[name]
        if contender.peer and contender.peer not in self.site.peers:
            self.failures[name] = f"{contender.title} could not be built here"
            return
        try:
            variant, choices = self.choose(contender)
            started = variant.start(self.site)
            self.stack.callback(started.close)
            self.check(name, started.url)
        except FAILURES as why:
            if not contender.peer:
                raise
            self.failures[name] = short(why)
            say(f"LEFT OUT: {name}: {short(why)}")
            return
        idle = [server.memory_bytes() for server in started.servers]
        self.entries[name] = Entry(contender, variant.label, started, choices, idle)
        say(f"up: {name} ({variant.label})")

    def turns(self, number):
        """Who is measured in a round, in an order that moves on with every round."""
        for work, names in self.works.items():
            present = [name for name in names if name in self.entries]
            shift = number % len(present) if present else 0
            for name in present[shift:] + present[:shift]:
                yield WORKS[work], name

    def measure(self, rounds, seconds):
        """{(work, contender, generator): [Figures of a round, …]}"""
        results, broken = {}, set()
        for number in range(rounds):
            for work, name in self.turns(number):
                for generator in self.generators.names:
                    key = work.name, name, generator
                    try:
                        results.setdefault(key, []).append(self.measure_once(work, name, generator, seconds))
                    except FAILURES as why:
                        broken.add(key)
                        self.failures[name] = short(why)
                        say(f"FAILED: {generator} against {name}, {work.name}: {short(why)}")
            say(f"round {number + 1} of {rounds}")
        # A contender that failed in one round has no figures that can be set beside the others'.
        return {key: runs for key, runs in results.items() if key not in broken}

    def measure_once(self, work, name, generator, seconds):
        found = self.generators.measure(
            generator, self.entries[name].started, work.path, seconds, self.headers.get(work.name, {})
        )
        if found.rate <= 0:
            raise GeneratorError("no good answer at all")
        if found.errors > ERROR_SHARE_MAX * found.requests:
            say(f"ERRORS: {found.errors} of {found.requests} requests of {generator} to {name}, {work.name}")
        return found


def measure_ready(site, rounds):
    """Milliseconds to ready of `up`: on folders that are new, and again on the same."""
    first, existing = [], []
    for _ in range(rounds):
        data = site.folder / site.new_name("ready")
        first.append(contenders.seconds_to_ready(site, data) * 1e3)
        existing.append(contenders.seconds_to_ready(site, data) * 1e3)
    return {"ready-first": first, "ready-existing": existing}
