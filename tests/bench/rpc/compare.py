#!/usr/bin/env python3
"""Calls of 200 bytes beside grpc-go and gRPC C++, in one run: ./dev bench rpc.

Builds the two peers, starts a server of each contender, and lets the contenders take turns on the same two cores: for
each transport and number of calls in flight ours alone, ours sharing, grpc-go, gRPC C++, and that as many rounds as told.
Prints Markdown for docs/benchmarks.md and writes every single figure as JSON.

All contenders do the same: unpack a request of one string (200 bytes on the wire), answer the string, pack it; one client
process and one server process; a deadline of a minute on each call; the clients measure their own calls. ipc stands beside
the peers' Unix sockets, direct beside bufconn (grpc-go) and the in-process channel (gRPC C++).
"""

import argparse
import json
import os
import pathlib
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import machine  # noqa: E402
from peers import build  # noqa: E402

PEERS = ("grpc-go", "gRPC C++")
OURS = {"alone": "alone", "sharing": "sharing"}
TRANSPORTS = ("ipc", "tcp", "direct")
READY_TIMEOUT_S = 30
CALL_TIMEOUT_S = 120

# The rows of design.md: name, transport, in flight, contender, peers, must, aim.
TARGETS = (
    ("64 in flight, ipc", "ipc", 64, "alone", PEERS, 2.2, 3),
    ("64 in flight, ipc, sharing messages", "ipc", 64, "sharing", PEERS, 6, 15),
    ("64 in flight, tcp", "tcp", 64, "alone", PEERS, 1.4, 2),
    ("one call at a time, ipc", "ipc", 1, "alone", ("grpc-go",), 1.2, 2),
)


def build_peers(folder):
    """The peers' programs and versions by name. What can't be built is said aloud and left out."""
    programs, versions = {}, {}
    for name, build_peer in zip(PEERS, (build.build_grpc_go, build.build_grpc_cpp)):
        try:
            programs[name], versions[name] = build_peer(folder)
        except build.Unbuildable as why:
            print(f"LEFT OUT: {name} can't be built here: {why}", file=sys.stderr)
    return programs, versions


def on_cores(cores):
    """The start of a command that runs on these alone."""
    return ["taskset", "-c", ",".join(map(str, cores))]


class Server:
    """A contender's server process, which listens on a Unix socket and on loopback."""

    def __init__(self, program, unix_url, cores):
        self.process = subprocess.Popen([*on_cores(cores), program, "serve", unix_url, "tcp://127.0.0.1:0"], stdout=subprocess.PIPE)
        try:
            ipc, tcp = self._ready_urls(2)
        except BaseException:
            self.close()
            raise
        self.urls = {"ipc": ipc, "tcp": tcp, "direct": "direct"}

    def _ready_urls(self, count):
        """The URLs of the server's first lines, "ready URL" each."""
        text = b""
        until = time.monotonic() + READY_TIMEOUT_S
        while text.count(b"\n") < count:
            if not select.select([self.process.stdout], [], [], max(0, until - time.monotonic()))[0]:
                raise SystemExit(f"{self.process.args[0]} did not become ready")
            part = os.read(self.process.stdout.fileno(), 4096)
            if not part:
                raise SystemExit(f"{self.process.args[0]} did not start")
            text += part
        return [line.removeprefix("ready ") for line in text.decode().splitlines()]

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def call(program, server, transport, mode, in_flight, options):
    """One run of a client; its figures, with the CPU time of both sides together for each call."""
    arguments = [*on_cores(options.client_cores), program, "call", server.urls[transport], *mode, in_flight, options.warm, options.seconds]
    cpu_before = server.cpu_seconds()
    done = subprocess.run(list(map(str, arguments)), capture_output=True, text=True, timeout=CALL_TIMEOUT_S)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, arguments))}: {done.stderr.strip()}")
    figures = json.loads(done.stdout)
    calls = figures["calls_per_second"] * (options.warm + options.seconds)
    if transport != "direct":
        figures["cpu_us_per_call"] += (server.cpu_seconds() - cpu_before) * 1e6 / calls
    return figures


def measure(programs, servers, options):
    """{(transport, in flight, contender): [figures of a round, …]}"""
    results = {}
    for number in range(options.rounds):
        for transport in options.transports:
            for in_flight in options.in_flight:
                for name, program in programs.items():
                    mode = [OURS[name]] if name in OURS else []
                    figures = call(program, servers[program], transport, mode, in_flight, options)
                    results.setdefault((transport, in_flight, name), []).append(figures)
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    return results


def middle(results, key, figure="calls_per_second"):
    return statistics.median(run[figure] for run in results[key])


def ratio(results, transport, in_flight, contender, peers):
    """Of the medians, to the better of the peers, with the lowest and highest of the rounds; None without a peer."""
    known = [peer for peer in peers if (transport, in_flight, peer) in results]
    if not known:
        return None
    best = max(known, key=lambda peer: middle(results, (transport, in_flight, peer)))
    ours, theirs = results[transport, in_flight, contender], results[transport, in_flight, best]
    rounds = [a["calls_per_second"] / b["calls_per_second"] for a, b in zip(ours, theirs)]
    return {"peer": best, "missing": [peer for peer in peers if peer not in known], "lowest": min(rounds), "highest": max(rounds),
            "ratio": middle(results, (transport, in_flight, contender)) / middle(results, (transport, in_flight, best))}


def ratio_text(found):
    return "–" if found is None else f"{found['ratio']:.2f} ({found['lowest']:.2f}–{found['highest']:.2f})"


def print_row(*cells):
    print("| " + " | ".join(map(str, cells)) + " |")


def print_head(*cells):
    print()
    print_row(*cells)
    print("|" + "---|" * len(cells))


def print_rates(results, names, options):
    print_head("calls a second", "in flight", *names, "alone : better peer", "sharing : better peer")
    for transport in options.transports:
        for in_flight in options.in_flight:
            rates = [f"{middle(results, (transport, in_flight, name)):,.0f}" for name in names]
            ratios = [ratio_text(ratio(results, transport, in_flight, mode, PEERS)) for mode in OURS]
            print_row(transport, in_flight, *rates, *ratios)


def print_costs(results, names, options):
    print_head("p50 / p99 in µs; CPU of both sides a call in µs", "in flight", *names)
    for transport in options.transports:
        for in_flight in options.in_flight:
            cells = []
            for name in names:
                p50, p99, cpu = (middle(results, (transport, in_flight, name), figure)
                                 for figure in ("p50_us", "p99_us", "cpu_us_per_call"))
                cells.append(f"{p50:,.0f} / {p99:,.0f}; {cpu:.1f}")
            print_row(transport, in_flight, *cells)


def targets(results):
    return [{"row": name, "must": must, "aim": aim, **(ratio(results, transport, in_flight, mode, peers) or {"ratio": None})}
            for name, transport, in_flight, mode, peers, must, aim in TARGETS if (transport, in_flight, mode) in results]


def verdict(row):
    if row["ratio"] is None:
        return "not measured: no peer"
    reached = "aim reached" if row["ratio"] >= row["aim"] else "must reached" if row["ratio"] >= row["must"] else "MISSED"
    return f"{reached}, but without {' and '.join(row['missing'])}" if row["missing"] else reached


def print_targets(rows):
    print_head("row of the plan", "peer", "must", "aim", "ratio of medians (rounds)", "")
    for row in rows:
        found = row if row["ratio"] is not None else None
        print_row(row["row"], row.get("peer", "–"), f"{row['must']} ×", f"{row['aim']} ×", ratio_text(found), verdict(row))


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin", type=pathlib.Path, help="the folder of rpc_bench")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.2, help="measured in each run")
    parser.add_argument("--warm", type=float, default=0.2, help="before that")
    parser.add_argument("--transports", nargs="+", choices=TRANSPORTS, default=TRANSPORTS)
    parser.add_argument("--pinned", action="store_true", help="servers on one core and clients on the other, instead of all on both")
    parser.add_argument("--in-flight", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/bench-rpc"),
                        help="where the peers are built and result.json is written")
    options = parser.parse_args()
    # The same two cores for everybody, however many there are.
    cores = sorted(os.sched_getaffinity(0))[:2]
    options.server_cores, options.client_cores = (cores[:1], cores[-1:]) if options.pinned else (cores, cores)
    return options


def run(programs, versions, options):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ds-bench-rpc-"))
    servers = {}
    try:
        for program in dict.fromkeys(programs.values()):
            scheme = "unix:" if program.parent == options.build else "ipc://"
            servers[program] = Server(program, f"{scheme}{folder}/{program.name}.sock", options.server_cores)
        return measure(programs, servers, options)
    finally:
        for server in servers.values():
            server.close()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    options = read_arguments()
    options.build = options.build.resolve()
    options.build.mkdir(parents=True, exist_ok=True)
    # Stopped by whoever started us, the servers are stopped too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    peers, versions = build_peers(options.build)
    foreign = machine.foreign_cores()
    ours = options.bin.resolve() / "rpc_bench"
    programs = {**{name: ours for name in OURS}, **peers}
    results = run(programs, versions, options)
    rows = targets(results)
    layout = "servers on one core, clients on the other" if options.pinned else "2 cores for both sides"
    print(f"{machine.description()['cpu']}, {layout}; {'; '.join(versions.values()) or 'no peer'}; medians of {options.rounds} rounds "
          f"of {options.seconds} s; others used {foreign:.2f} cores")
    print_rates(results, list(programs), options)
    print_costs(results, list(programs), options)
    print_targets(rows)
    runs = [{"transport": transport, "in_flight": in_flight, "contender": name, "rounds": rounds}
            for (transport, in_flight, name), rounds in results.items()]
    report = {"machine": machine.description(), "versions": versions, "foreign_cores": foreign, "seconds": options.seconds,
              "payload_bytes": 200, "layout": layout, "targets": rows, "runs": runs}
    (options.build / "result.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
