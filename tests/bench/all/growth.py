"""What the platform costs as the work grows: ./dev bench growth.

Ours alone, servers on one core and the client on the other: pages of 1 to 10,000 rows, 1 to 10,000 connections, 1 to 64 native
clients, batches of 1 to 10,000 rows, half to three times as many requests as can be answered, and stores of 10,000 to 10,000,000
rows (in process, by store_bench: 4 GB of disk). Writes
build/bench-growth/result.json and, in a run of all parts with five rounds or more, the tables and plots of docs/benchmarks.md.
"""

import argparse
import dataclasses
import datetime
import http.client
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import urllib.parse

import machine

from . import children, contenders, figures, generators, overload, plots, processes, report

ROOT = pathlib.Path(__file__).resolve().parents[3]
PAGES = (1, 10, 100, 1000, 10000)
CONNECTIONS = (1, 4, 16, 64, 256, 1000, 4000, 10000)
CLIENTS = (1, 2, 4, 8, 16, 32, 64)
BATCHES = (1, 10, 100, 1000, 10000)
STORED = 20000  # ticks of the series that is read
STORE_TIMEOUT_S = 1800
CLIENT_TIMEOUT_S = 120
WARM_SECONDS = 0.2
# That much longer a run is with many: wrk counts the time of its connecting.
CONNECTS_PER_SECOND = 2000
# Descriptors beside one for each connection.
FILES_SPARE = 200


@dataclasses.dataclass
class Curve:
    """One picture and its table. `lines`: {label: [(x, Spread of y), …]}"""

    name: str
    title: str
    x: str
    y: str
    lines: dict
    note: str = ""

    def table(self):
        points = [(x, label, spread) for label, found in self.lines.items() for x, spread in found]
        return report.table(
            (self.x, "what", self.y),
            [(f"{x:,}", label, report.spread_text(vars(spread), digits(spread.median))) for x, label, spread in points],
        )


def digits(value):
    """Enough decimals for three figures."""
    return 2 if value < 10 else 1 if value < 100 else 0


def make_rows(first, count, product):
    """A body of `count` rows that no one has sent before."""
    begin = datetime.datetime(2026, 1, 5)
    lines = []
    for i in range(first, first + count):
        moment = (begin + datetime.timedelta(milliseconds=i)).isoformat(timespec="milliseconds")
        lines.append(f'{{"product":"{product}","price":{21500 + i % 1000 * 0.05:.2f},"tick_id":{i},"timestamp":"{moment}Z"}}\n')
    return "".join(lines).encode()


class Writer:
    """One writer on one connection."""

    def __init__(self, url):
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=CLIENT_TIMEOUT_S)

    def send(self, body, count):
        """Seconds until it is acknowledged."""
        began = time.monotonic()
        self.connection.request("POST", "/v1/ticks:ingest", body, {"Content-Type": "application/x-ndjson"})
        answer = self.connection.getresponse()
        said = answer.read()
        took = time.monotonic() - began
        if answer.status != 200 or json.loads(said)["accepted"] != count:
            raise SystemExit(f"a batch of {count} rows: {answer.status} {said[:300]!r}")
        return took


class Platform:
    """storaged and gateway, with the limits that a run of many connections needs."""

    def __init__(self, site, client_core):
        self.site, self.client_core = site, client_core
        data = site.folder / site.new_name("data")
        storaged = site.start("storaged", [site.bin / "deltastream-storaged", "--data-dir", data])
        servers = [storaged]

        def serve():
            storaged.await_line()
            servers.append(
                site.start(
                    "gateway",
                    [
                        *contenders.gateway_command(site, data),
                        "--connections-max",
                        max(CONNECTIONS) + FILES_SPARE,
                        "--connections-address-max",
                        max(CONNECTIONS) + FILES_SPARE,
                    ],
                )
            )
            return servers[1].await_line()

        self.started = contenders.started(servers, serve)
        self.url = self.started.url
        self.storage = f"ipc://{data}/run/storage.sock"

    def close(self):
        self.started.close()

    def fill(self, product):
        """A series that pages are read of."""
        writer = Writer(self.url)
        for first in range(0, STORED, max(BATCHES)):
            writer.send(make_rows(first, max(BATCHES), product), max(BATCHES))

    def get(self, path, connections, seconds):
        """Figures of one run of wrk."""
        seconds += connections / CONNECTS_PER_SECOND
        return generators.measured(
            self.started, lambda: generators.run_wrk(self.client_core, self.url, path, seconds, {}, connections), seconds
        )


def curve_points(xs, rounds, run):
    """[(x, what each round found)] in rounds that go through all x."""
    found = {x: [] for x in xs}
    for _ in range(rounds):
        for x in xs:
            found[x].append(run(x))
    return list(found.items())


def spreads(points, pick):
    return [(x, figures.spread(map(pick, runs))) for x, runs in points]


def failures_note(points):
    failed = [
        f"{sum(run.errors for run in runs)} of {sum(run.requests for run in runs)} requests failed at {x:,}"
        for x, runs in points
        if any(run.errors for run in runs)
    ]
    return "; ".join(failed)


def measure_pages(platform, options):
    platform.fill("PAGES")
    points = curve_points(
        PAGES, options.rounds, lambda rows: platform.get(f"/v1/ticks/PAGES?limit={rows}", generators.CONNECTIONS, options.seconds)
    )
    yield Curve(
        "growth-pages",
        "CPU of a GET by the rows of its page",
        "rows a page",
        "CPU of the servers a request in µs",
        {"a request": spreads(points, lambda run: run.cpu_us)},
        failures_note(points),
    )
    yield Curve(
        "growth-pages-rows",
        "Rows a second by the rows of a page",
        "rows a page",
        "rows a second",
        {"64 connections": [(rows, figures.spread(run.rate * rows for run in runs)) for rows, runs in points]},
    )


def measure_connections(platform, options):
    platform.fill("CONNECTIONS")
    points = curve_points(
        options.connections, options.rounds, lambda count: platform.get("/v1/ticks/CONNECTIONS?limit=1", count, options.seconds)
    )
    yield Curve(
        "growth-connections",
        "GET of 1 tick by connections",
        "connections",
        "requests a second",
        {"requests": spreads(points, lambda run: run.rate)},
        failures_note(points),
    )
    yield Curve(
        "growth-connections-latency",
        "Latency by connections",
        "connections",
        "latency in µs",
        {"p50": spreads(points, lambda run: run.p50_us), "p99": spreads(points, lambda run: run.p99_us)},
    )
    yield Curve(
        "growth-connections-memory",
        "Memory by connections",
        "connections",
        "RssAnon + RssShmem of both servers in MiB",
        {"memory": spreads(points, lambda run: run.memory_bytes / report.MIB)},
    )


def measure_clients(platform, options):
    """rpc_bench's own server and clients: the native transport alone, a process and a connection each, one call at a time."""
    program = options.bin / "rpc_bench"
    site = platform.site
    server = site.start("rpc-bench", [program, "serve", f"ipc://{site.folder}/clients.sock"])
    try:
        url = server.await_line()

        def run(count):
            command = [*processes.on_core(platform.client_core), program, "call", url, "alone", 1, WARM_SECONDS, options.seconds]
            return sum(json.loads(text)["calls_per_second"] for text in children.outputs([command] * count, CLIENT_TIMEOUT_S))

        points = curve_points(CLIENTS, options.rounds, run)
    finally:
        server.close()
    yield Curve(
        "growth-clients",
        "Native calls by clients",
        "clients",
        "calls a second",
        {"one call at a time each": spreads(points, float)},
    )


def measure_batches(platform, options):
    """Of one writer that waits for each batch to be durable."""
    writer, written = Writer(platform.url), 0

    def run(count):
        nonlocal written
        begin, taken, until = written, 0, time.monotonic() + options.seconds
        while written == begin or time.monotonic() < until:
            taken += writer.send(make_rows(written, count, "BATCHES"), count)
            written += count
        return (written - begin) / taken

    points = curve_points(BATCHES, options.rounds, run)
    yield Curve(
        "growth-batches",
        "Durable ingest over HTTP by the size of batches, one writer",
        "rows a batch",
        "rows a second",
        {"rows": spreads(points, float)},
    )


def store_points(text):
    """{what: [(stored rows, Spread), …]} of store_bench's tables of reads, which are in µs."""
    table = re.search(r"^### Lists beside.*?(?=^### |\Z)", text, re.M | re.S)
    lines = {}
    for found in re.finditer(
        r"^\| ([^|]+) \| ([\d,]+) \| ([\d.,]+) \| ([\d.,]+) \| ([\d.,]+) \|", table[0] if table else "", re.M
    ):
        stored, *values = (float(part.replace(",", "")) for part in found.groups()[1:])
        lines.setdefault(found[1], []).append((int(stored), figures.Spread(*values)))
    return lines


def measure_rows(platform, options):
    command = [options.bin / "store_bench", "--rows-max", options.rows_max, "--folder", platform.site.folder, "reads"]
    yield Curve(
        "growth-rows",
        "A list's time by the rows stored",
        "rows stored",
        "µs a list",
        store_points(children.output(command, STORE_TIMEOUT_S)),
    )


def overloaded(platform):
    """What is answered in the loop that read it, by 256 connections, which have the peak (what more of them cost is a curve of its
    own); and what waits for a thread, where the service refuses what it can't keep up with: native calls have 64 places a connection,
    so that four times as many may come as the pool's queue takes."""
    bars = ("--url", platform.storage, "--method", "GetBars", "--data", '{"product":"OVERLOAD","interval":"1m","limit":60}')
    return (
        overload.Work(
            "growth-overload", "GETs of 1 tick", ("--rest", platform.url, "--get", "/v1/ticks/OVERLOAD?limit=1"), (64, 256), 256
        ),
        overload.Work("growth-overload-pool", "native calls for the bar of 20,000 ticks", bars, (8, 64), 16),
    )


def measure_overload(platform, options):
    program = options.bin / "deltastream-load"
    if not program.exists():
        print("LEFT OUT: overload needs deltastream-load, which is not built here", file=sys.stderr)
        return
    platform.fill("OVERLOAD")
    for work in overloaded(platform):
        users, found = overload.measure(program, platform.client_core, work, options.rounds, options.seconds)
        points = [(runs[0].offered, figures.spread(run.goodput for run in runs)) for runs in found]
        yield Curve(
            work.name,
            f"Goodput by what is asked for: {work.words}",
            f"{work.words} asked for a second",
            "good answers a second",
            {"goodput": points},
            overload.judgement(users, found),
        )


PARTS = {
    "pages": measure_pages,
    "connections": measure_connections,
    "clients": measure_clients,
    "batches": measure_batches,
    "overload": measure_overload,
    "rows": measure_rows,
}


def read_arguments():
    parser = argparse.ArgumentParser(
        prog="./dev bench growth", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bin", type=pathlib.Path, help="the folder of our programs; ./dev fills it in")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all where none is named")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="of each run; wrk takes whole ones")
    parser.add_argument("--rows-max", type=int, default=10000000, help="of the largest store")
    parser.add_argument("--again", action="store_true", help="put what is measured into the last result, and write both into the documents")
    parser.add_argument(
        "--docs", type=pathlib.Path, metavar="FOLDER", help="write its benchmarks.md and benchmarks/*.svg whatever the run was"
    )
    options = parser.parse_args()
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        parser.error(f"no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    if options.rounds < 1 or options.seconds <= 0:
        parser.error("--rounds has to be 1 or more and --seconds more than 0")
    return options


def raise_file_limit():
    """Connections that this machine allows; fewer are said aloud."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    allowed = tuple(count for count in CONNECTIONS if count + FILES_SPARE <= most)
    if allowed != CONNECTIONS:
        print(f"LEFT OUT: connections beyond {allowed[-1]:,}: a process may have {most:,} files here", file=sys.stderr)
    return allowed


def measure_all(options, folder):
    cores = sorted(os.sched_getaffinity(0))[:2]
    options.connections = raise_file_limit()
    site = contenders.Site(options.bin, {}, folder, folder / "rows.json", "", cores[0])
    curves = []
    for part in options.parts or PARTS:
        platform = Platform(site, cores[-1])
        try:
            curves += PARTS[part](platform, options)
        finally:
            platform.close()
        print(f"measured: {part}", file=sys.stderr)
    return curves


def markdown(curves, options, foreign, pictures):
    head = (
        f"`./dev bench growth`, {datetime.date.today().isoformat()}: {machine.description()['cpu']}; servers on one core, clients on the other; medians of {options.rounds} "
        f"rounds of {options.seconds:g} s with the lowest and the highest; others used {foreign:.2f} cores before it."
    )
    parts = [head]
    for curve in curves:
        parts += [f"### {curve.title}"]
        if pictures:
            parts += [f"![{curve.title}](benchmarks/{curve.name}.svg)"]
        parts += [curve.table()]
        if curve.note:
            parts += [curve.note + "."]
    return "\n\n".join(parts) + "\n"


def curves_of(found):
    """Of a result that was written before."""

    def points_of(points):
        return [(x, figures.Spread(**spread)) for x, spread in points]

    return [Curve(**{**curve, "lines": {label: points_of(points) for label, points in curve["lines"].items()}}) for curve in found]


def merged(before, curves):
    """Those of before, with what was measured again in its place and what is new behind it."""
    again = {curve.name: curve for curve in curves}
    kept = [again.pop(curve.name, curve) for curve in before]
    return kept + list(again.values())


def draw(curve):
    lines = {label: [(x, spread.median) for x, spread in points] for label, points in curve.lines.items()}
    return plots.lines_plot(curve.title, curve.x, curve.y, lines)


def main():
    options = read_arguments()
    options.bin = options.bin.resolve()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    output = ROOT / "build/bench-growth"
    output.mkdir(parents=True, exist_ok=True)
    foreign = machine.foreign_cores()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ds-bench-growth-"))
    try:
        curves = measure_all(options, folder)
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result = output / "result.json"
    print(markdown(curves, options, foreign, False))
    if options.again:
        curves = merged(curves_of(json.loads(result.read_text())["curves"]), curves)
    result.write_text(
        json.dumps({"machine": machine.description(), "curves": list(map(dataclasses.asdict, curves))}, indent=1) + "\n"
    )
    docs = options.docs or (ROOT / "docs" if (options.again or not options.parts) and options.rounds >= report.ROUNDS_OF_DOCUMENTS else None)
    if docs is not None:
        report.write_section(
            docs,
            "growth",
            "Cost as the work grows",
            markdown(curves, options, foreign, True),
            {f"{curve.name}.svg": draw(curve) for curve in curves},
        )


if __name__ == "__main__":
    main()
