"""The platform beside its peers, in one run: ./dev bench all.

Builds the peers, starts every contender, compares their answers with the rows that went in, and lets them take turns: servers
on one core, the generator on another. Writes every figure to build/bench-all/result.json and, in a run of all rows with five
rounds or more, the tables and plots of docs/benchmarks.md. Ends with 1 where a must is missed.
"""

import argparse
import contextlib
import dataclasses
import datetime
import json
import os
import pathlib
import shutil
import signal
import sys
import tempfile

import machine
from peers import build

from . import children, contenders, measure, plots, processes, report, rows
from .generators import Generators

ROOT = pathlib.Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"
RPC_TIMEOUT_S = 1800
STORE_TIMEOUT_S = 600
# store_bench takes fewer rounds of ingest up to this many rows.
STORE_ROWS_QUICK = 1000000
STORE_ROWS_WHOLE = 2000000


def read_arguments():
    parser = argparse.ArgumentParser(
        prog="./dev bench all", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bin", type=pathlib.Path, help="the folder of our programs; ./dev fills it in")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3, help="of each run; wrk takes whole ones")
    parser.add_argument(
        "--rows", type=lambda text: text.split(","), default=[], metavar="NAME,…", help=f"only these: {', '.join(rows.NAMES)}"
    )
    parser.add_argument(
        "--docs", type=pathlib.Path, metavar="FOLDER", help="write its benchmarks.md and benchmarks/*.svg whatever the run was"
    )
    options = parser.parse_args()
    unknown = [name for name in options.rows if name not in rows.NAMES]
    if unknown:
        parser.error(f"no row {', '.join(unknown)}; there are {', '.join(rows.NAMES)}")
    if options.rounds < 1 or options.seconds <= 0:
        parser.error("--rounds has to be 1 or more and --seconds more than 0")
    return options


def build_peers(folder, wanted):
    """({name: what is started}, versions). What can't be built is said aloud and left out."""
    peers, versions = {}, []
    for name, build_peer in (
        ("grpc-gateway", build.build_grpc_gateway),
        ("nginx", build.build_nginx),
        ("python", build.build_python),
    ):
        if name not in wanted:
            continue
        measure.say(f"building {name}")
        try:
            peers[name], version = build_peer(folder)
        except build.Unbuildable as why:
            measure.say(f"LEFT OUT: {name} can't be built here: {why}")
            continue
        versions.append(
            version if isinstance(version, str) else ", ".join(f"{part} {number}" for part, number in version.items())
        )
    return peers, versions


def measure_rpc(options, folder):
    """rpc/compare.py's report: it has clients of its own, one in each contender's language."""
    children.output(
        [
            sys.executable,
            ROOT / "tests/bench/rpc/compare.py",
            options.bin,
            "--build",
            folder,
            "--pinned",
            "--in-flight",
            1,
            64,
            "--transports",
            "ipc",
            "tcp",
            "--rounds",
            options.rounds,
            "--seconds",
            min(options.seconds, 1.2),
        ],
        RPC_TIMEOUT_S,
    )
    return json.loads((folder / "result.json").read_text())


def measure_store(options, folder):
    most = STORE_ROWS_WHOLE if options.rounds >= report.ROUNDS_OF_DOCUMENTS else STORE_ROWS_QUICK
    return report.store_lines(
        children.output([options.bin / "store_bench", "--rows-max", most, "--folder", folder, "ingest"], STORE_TIMEOUT_S)
    )


def make_site(options, folder, peers, core):
    data = folder / "rows.json"
    data.write_text("".join(json.dumps(row) + "\n" for row in measure.make_rows()))
    return contenders.Site(options.bin, peers, folder, data, "", core)


def headers_of(works, site):
    """Of the works that need a token."""
    if "verify" not in works or "python" not in site.peers:
        return {"verify": {}}
    build.tool([site.peers["python"] / "python", contenders.PYTHON / "fastapi_verify.py", site.folder])
    return {"verify": {"Authorization": f"Bearer {(site.folder / 'token').read_text()}"}}


def constant_of(site):
    """Our reply to one tick, which nginx is to answer."""
    with contextlib.closing(contenders.start_two(site)) as started:
        return processes.get(started.url + rows.WORKS["get-1"].path)[1].decode()


def measure_gets(options, site, generators, works):
    """(entries, failures, results)"""
    if any("nginx" in names for names in works.values()):
        site.reply = constant_of(site)
    with measure.Arena(site, generators, works, headers_of(works, site), min(options.seconds, measure.CHOICE_SECONDS)) as arena:
        for name in dict.fromkeys(name for names in works.values() for name in names):
            arena.open(name)
        return arena.entries, arena.failures, arena.measure(options.rounds, options.seconds)


def about_run(options, versions, cores, generators, foreign):
    return {
        "machine": machine.description(),
        "server_core": cores[0],
        "client_core": cores[-1],
        "rounds": options.rounds,
        "seconds": options.seconds,
        "date": datetime.date.today().isoformat(),
        "versions": versions,
        "generators": generators.names,
        "foreign_cores": foreign,
    }


def as_json(result, entries, results, rpc):
    """Every single figure."""
    runs = [
        {
            "work": work,
            "contender": name,
            "generator": generator,
            "variant": entries[name].variant,
            "rounds": list(map(dataclasses.asdict, found)),
        }
        for (work, name, generator), found in results.items()
    ]
    choices = {name: entry.choices for name, entry in entries.items() if entry.choices}
    return json.dumps({**result, "runs": runs, "choices": choices, "rpc": rpc}, indent=1) + "\n"


def draw(result, results):
    """{file name: (title, SVG)}"""
    drawn = {}
    judged = [
        (row["name"], min(spread["median"] for spread in row["ratios"].values()), row["must"], row["aim"])
        for row in result["rows"]
        if "ratios" in row
    ]
    if judged:
        drawn["ratios.svg"] = ("Ours beside the peers", plots.ratios_plot("Ours beside the peers", judged))
    for name, work in rows.WORKS.items():
        bars = [
            (
                contenders.CONTENDERS[contender].title,
                not contenders.CONTENDERS[contender].peer,
                report.spread_of(results[name, contender, generator], lambda run: run.rate),
            )
            for contender in work.contenders
            for generator in result["about"]["generators"][-1:]
            if (name, contender, generator) in results
        ]
        if len(bars) > 1:
            title = f"{work.title}, by {result['about']['generators'][-1]}"
            drawn[f"{name}.svg"] = (title, plots.rates_plot(title, bars))
    return drawn


def write_documents(docs, result, entries, results):
    drawn = draw(result, results)
    shown = [(title, f"benchmarks/{name}") for name, (title, _) in drawn.items()]
    report.write_section(
        docs,
        "all",
        "Beside the peers",
        report.markdown(result, entries, results, shown),
        {name: svg for name, (_, svg) in drawn.items()},
    )


def measure_all(options, folder, output):
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) == 1:
        measure.say("ONE CORE: servers and generators share it, so that ratios mean less")
    selected = rows.selected(options.rows)
    works = rows.contenders_of(selected, options.rows)
    wanted = {contenders.CONTENDERS[name].peer for names in works.values() for name in names}
    peers, versions = build_peers(output, wanted)
    foreign = machine.foreign_cores()
    generators = Generators(options.bin, cores[-1])
    site = make_site(options, folder, peers, cores[0])
    rpc = measure_rpc(options, output) if any(row.rpc for row in selected) else None
    store = measure_store(options, folder) if any(row.store for row in selected) else None
    ready = measure.measure_ready(site, options.rounds) if not options.rows or rows.READY in options.rows else {}
    entries, failures, results = measure_gets(options, site, generators, works)
    versions += list((rpc or {}).get("versions", {}).values())
    return (
        {
            "about": about_run(options, versions, cores, generators, foreign),
            "failures": failures,
            "rows": report.judge(selected, results, failures, rpc, store),
            "limits": report.judge_limits(report.limits_found(entries, results, ready)),
        },
        entries,
        results,
        rpc,
    )


def main():
    options = read_arguments()
    options.bin = options.bin.resolve()
    # Stopped by whoever started us, what we started is stopped too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    output = ROOT / "build/bench-all"
    output.mkdir(parents=True, exist_ok=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ds-bench-all-"))
    try:
        result, entries, results, rpc = measure_all(options, folder, output)
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    (output / "result.json").write_text(as_json(result, entries, results, rpc))
    print(report.markdown(result, entries, results, []))
    docs = options.docs or (DOCS if not options.rows and options.rounds >= report.ROUNDS_OF_DOCUMENTS else None)
    if docs is not None:
        write_documents(docs, result, entries, results)
    sys.exit(1 if any(row["verdict"].startswith("MISSES") for row in result["rows"] + result["limits"]) else 0)


if __name__ == "__main__":
    main()
