"""Trading days, bad clients and followers on one platform, again and again: ./dev campaign soak [MINUTES].

After each day everybody leaves, and what the servers still hold is counted: descriptors, threads, memory. Descriptors and threads
have to be as many after each day as after the first one. Memory has to be as much in the last quarter of the days as in the second:
in the first, caches and the journal of events fill. Writes build/bench-soak/result.json and, of as many days as can be judged, the
table and the plot of docs/benchmarks.md. Exit code 1 where something grew or a day had errors.
"""

import argparse
import contextlib
import dataclasses
import datetime
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

import machine

from . import children, contenders, plots, processes, report

ROOT = pathlib.Path(__file__).resolve().parents[3]
SCENARIO = ROOT / "clients/load/scenarios/mixed_day.json"
DAY_SECONDS = 60
# A quarter of fewer days has no median.
DAYS_JUDGED_MIN = 12
# Of a server's memory: two pages of an allocator's arena are no leak, and a leak of a byte a request is more than this.
MEMORY_GROWTH_MAX, MEMORY_SPARE_BYTES = 0.03, 512 * 1024
# That long servers may take to see that everybody has left; who greets and says nothing is closed after 10 s.
LEAVE_TIMEOUT_S = 60
DAY_TIMEOUT_S = 300
FOLLOWERS = 4
NUISANCE_PAUSE_S = 0.02

HALF_A_HEAD = b"GET /v1/products HTTP/1.1\r\nHost: a\r\nX-"
HALF_A_BODY = b"POST /v1/ticks HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 90000\r\n\r\n[{"
# What is asked for and never read.
PAGES = b"GET /v1/ticks/NIFTY?limit=1000 HTTP/1.1\r\nHost: a\r\n\r\n" * 16
NOT_HTTP = bytes(range(256))
# A greeting of SP's request/reply, and a message of 16 MiB that never comes.
GREETING = b"\0SP\0\0\x30\0\0"
ANNOUNCED = GREETING + b"\x01" + struct.pack(">Q", 16 << 20) + b"\0" * 100
FOREIGN_GREETING = b"\0SP\0\0\x50\0\0"


@dataclasses.dataclass
class Held:
    """What a server holds when nobody is there."""

    descriptors: int
    threads: int
    memory_bytes: int


def held(server):
    process_id = server.process.pid
    return Held(
        descriptors=len(os.listdir(f"/proc/{process_id}/fd")),
        threads=len(os.listdir(f"/proc/{process_id}/task")),
        memory_bytes=server.memory_bytes(),
    )


class Nuisance:
    """Clients that leave in the middle, say nonsense or never read. It counts them."""

    def __init__(self, url, storage):
        host = urllib.parse.urlsplit(url)
        self.http, self.native = (host.hostname, host.port), storage
        self.count = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        bad = [(self.http, said) for said in (HALF_A_HEAD, HALF_A_BODY, PAGES, NOT_HTTP)]
        bad += [(self.native, said) for said in (GREETING, ANNOUNCED, FOREIGN_GREETING, NOT_HTTP)]
        while not self.ended.wait(NUISANCE_PAUSE_S):
            self.visit(*bad[self.count % len(bad)], by_reset=self.count % 3 == 0)
            self.count += 1

    @staticmethod
    def visit(address, said, by_reset):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        with contextlib.suppress(OSError), socket.socket(family) as client:
            client.settimeout(1)
            client.connect(address)
            if by_reset and family == socket.AF_INET:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(said)

    def end(self):
        self.ended.set()
        self.thread.join()


@contextlib.contextmanager
def followers(program, data):
    """Who hear each new tick, and are told to leave at the end."""
    following = [
        subprocess.Popen(
            [*processes.DIES_WITH_US, program, "ticks", "tail", product, "--data-dir", data],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for product in ("NIFTY", "BANKNIFTY", "LOAD0", "LOAD1")[:FOLLOWERS]
    ]
    try:
        yield
    finally:
        for follower in following:
            follower.terminate()
        for follower in following:
            follower.wait(processes.STOP_TIMEOUT_S)


class Platform:
    """storaged and gateway with the rows that the day's readers ask for."""

    def __init__(self, bin_folder, folder):
        core = ",".join(map(str, sorted(os.sched_getaffinity(0))))
        site = contenders.Site(bin_folder, {}, folder, folder / "rows.json", "", core)
        self.bin, self.data = bin_folder, folder / "data"
        self.storage = f"{self.data}/run/storage.sock"
        self.storaged = site.start("storaged", [bin_folder / "deltastream-storaged", "--data-dir", self.data])
        servers = [self.storaged]

        def serve():
            self.storaged.await_line()
            servers.append(site.start("gateway", contenders.gateway_command(site, self.data)))
            return servers[1].await_line()

        self.started = contenders.started(servers, serve)
        self.gateway = servers[1]
        feed = [bin_folder / "deltastream", "feed", "--data-dir", self.data, "--duration", "10min", "--interval", "10s"]
        children.output([*feed, "--speed", "max"], DAY_TIMEOUT_S)

    def day(self, number, seconds):
        """What was asked, what of it failed, and how many clients were bad."""
        report_file = self.data.parent / "day.json"
        command = [self.bin / "deltastream-load", "--scenario", SCENARIO, "--rest", self.started.url, "--data-dir", self.data]
        command += ["--duration", f"{seconds}s", "--seed", number, "--timeout", "10m", "--quiet", "--no-live", "--json", report_file]
        nuisance = Nuisance(self.started.url, self.storage)
        try:
            with followers(self.bin / "deltastream", self.data):
                children.output(command, DAY_TIMEOUT_S + seconds)
        finally:
            nuisance.end()
        total = json.loads(report_file.read_text())["total"]
        return {"requests": total["planned"], "failed": total["failed"] + total["timed_out"], "bad_clients": nuisance.count}

    def left(self, first, patience):
        """What is held once everybody has left: as soon as it is no more than after the first day, or what stays for so long."""
        until = time.monotonic() + patience
        while True:
            found = {"storaged": held(self.storaged), "gateway": held(self.gateway)}
            is_back = first is not None and all(
                found[name].descriptors <= first[name].descriptors and found[name].threads <= first[name].threads for name in found
            )
            if is_back or time.monotonic() > until:
                return found
            time.sleep(1)

    def close(self):
        self.started.close()


def growth_of(days, name):
    """(bytes in the second quarter, bytes in the last) as medians."""
    quarter = len(days) // 4
    memory = [day["held"][name]["memory_bytes"] for day in days]
    return statistics.median(memory[quarter : 2 * quarter]), statistics.median(memory[-quarter:])


def faults(days):
    """What must not be, as sentences; none where all is well. Memory is judged of DAYS_JUDGED_MIN days or more."""
    found = []
    for name in days[0]["held"]:
        for what in ("descriptors", "threads"):
            first, worst = days[0]["held"][name][what], max(day["held"][name][what] for day in days)
            if worst > first:
                found.append(f"{name} held {first} {what} after the first day and {worst} after another")
        if len(days) >= DAYS_JUDGED_MIN:
            before, after = growth_of(days, name)
            if after > before * (1 + MEMORY_GROWTH_MAX) + MEMORY_SPARE_BYTES:
                found.append(f"{name} held {before / report.MIB:.2f} MiB in the second quarter and {after / report.MIB:.2f} MiB in the last")
    if failed := sum(day["failed"] for day in days):
        found.append(f"{failed} of {sum(day['requests'] for day in days)} requests failed")
    return found


def table(days):
    """Some of the days, evenly spread, the first and the last among them."""
    step = max(1, (len(days) - 1) // 5)
    shown = sorted({*range(0, len(days), step), len(days) - 1})
    lines = []
    for index in shown:
        cells = [f"{index + 1}", f"{days[index]['minutes']:.0f}"]
        for name in ("storaged", "gateway"):
            server = days[index]["held"][name]
            cells += [f"{server['memory_bytes'] / report.MIB:.2f}", str(server["descriptors"]), str(server["threads"])]
        lines.append(cells)
    heads = [f"{name}: {what}" for name in ("storaged", "gateway") for what in ("MiB", "descriptors", "threads")]
    return report.table(("day", "minute", *heads), lines)


def markdown(days, found):
    requests, bad = sum(day["requests"] for day in days), sum(day["bad_clients"] for day in days)
    verdict = "; ".join(found) if found else "Nothing grew"
    return (
        f"`./dev campaign soak`, {datetime.date.today().isoformat()}: {machine.description()['cpu']}; {len(days)} days of the scenario mixed_day in "
        f"{days[-1]['minutes']:.0f} minutes: {requests:,} requests by REST and native calls, {FOLLOWERS} followers of events a day, and {bad:,} clients that left in the "
        "middle, said nonsense or did not read. What the servers held after each day, when everybody had left (RssAnon + RssShmem):\n\n"
        f"![Memory after each day](benchmarks/soak.svg)\n\n{table(days)}\n\n{verdict}.\n"
    )


def draw(days):
    lines = {
        name: [(day["minutes"], day["held"][name]["memory_bytes"] / report.MIB) for day in days] for name in ("storaged", "gateway")
    }
    return plots.lines_plot("Memory after each day", "minutes", "MiB", lines)


def measure(bin_folder, folder, count, seconds):
    platform = Platform(bin_folder, folder)
    days, first, begun = [], None, time.monotonic()
    try:
        for number in range(1, count + 1):
            day = platform.day(number, seconds)
            left = platform.left(first, LEAVE_TIMEOUT_S if first else min(LEAVE_TIMEOUT_S, seconds))
            first = first or left
            day |= {"minutes": (time.monotonic() - begun) / 60, "held": {name: dataclasses.asdict(server) for name, server in left.items()}}
            days.append(day)
            print(f"day {number} of {count}: {json.dumps(day)}", file=sys.stderr)
    finally:
        platform.close()
    return days


def read_arguments():
    parser = argparse.ArgumentParser(
        prog="./dev campaign soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bin", type=pathlib.Path, help="the folder of our programs; ./dev fills it in")
    parser.add_argument("minutes", type=float, nargs="?", default=20)
    parser.add_argument("--day", type=int, default=DAY_SECONDS, metavar="SECONDS", help="how long a day takes")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "build/bench-soak", help="the folder of result.json")
    parser.add_argument("--docs", type=pathlib.Path, metavar="FOLDER", help="write its benchmarks.md whatever the run was")
    options = parser.parse_args()
    if options.minutes <= 0 or options.day < 1:
        parser.error("minutes have to be more than 0, and a day a second or more")
    return options


def main():
    options = read_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    options.output.mkdir(parents=True, exist_ok=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ds-soak-"))
    try:
        days = measure(options.bin.resolve(), folder, max(2, round(options.minutes * 60 / options.day)), options.day)
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    found = faults(days)
    (options.output / "result.json").write_text(json.dumps({"machine": machine.description(), "days": days, "faults": found}, indent=1) + "\n")
    print(markdown(days, found))
    docs = options.docs or (ROOT / "docs" if len(days) >= DAYS_JUDGED_MIN else None)
    if docs is not None:
        report.write_section(docs, "soak", "Twenty minutes of everything", markdown(days, found), {"soak.svg": draw(days)})
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
