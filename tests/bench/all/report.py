"""What was measured made into the rows of the plan and into Markdown. Pure functions of the result."""

import re
import sys

from . import contenders, figures, rows
from .generators import LOAD, WRK

MIB = 1024 * 1024
# With fewer there is no median to write down.
ROUNDS_OF_DOCUMENTS = 5
STORE_RAW = "raw LMDB, one transaction a batch"


def rates(results, work, name, generator):
    return [found.rate for found in results.get((work, name, generator), [])]


def cpu_ratio(results, work, ours, theirs):
    """Theirs to ours, of the servers' CPU for a request: what is left of a ratio when neither the generator nor anybody else on
    the machine counts. 0 where a run was too short for the clock."""

    def median(name):
        runs = [run.cpu_us for generator in (LOAD, WRK) for run in results.get((work, name, generator), [])]
        return figures.spread(runs).median

    return median(theirs) / median(ours) if median(ours) > 0 else 0


def row_of_get(row, results, failures):
    """Ratios by every generator; the verdict is that of the lowest."""
    work, ours, theirs = row.get
    found = {}
    for generator in (LOAD, WRK):
        pair = rates(results, work, ours, generator), rates(results, work, theirs, generator)
        if all(pair):
            found[generator] = vars(figures.ratio(*pair))
    if not found:
        return {"verdict": "not measured", "why": failures.get(theirs) or failures.get(ours) or "no run of it"}
    least = min(found.values(), key=lambda spread: spread["median"])
    return {
        "ratios": found,
        "cpu_ratio": cpu_ratio(results, *row.get),
        "verdict": figures.verdict(least["median"], row.must, row.aim),
    }


def row_of_rpc(row, report):
    """A row of rpc/compare.py, which has measured it with its own clients."""
    found = next((target for target in (report or {}).get("targets", []) if target["row"] == row.rpc), None)
    if found is None or found["ratio"] is None:
        return {"verdict": "not measured", "why": "no peer could be built here" if report else "no run of it"}
    spread = {"median": found["ratio"], "lowest": found["lowest"], "highest": found["highest"]}
    reply = {
        "ratios": {"rpc_bench": spread},
        "verdict": figures.verdict(found["ratio"], row.must, row.aim),
        "peer": found["peer"],
    }
    if found["missing"]:
        reply["why"] = f"without {' and '.join(found['missing'])}"
    return reply


def store_lines(text):
    """{way: (rows a second: median, lowest, highest; ratio to raw)} of store_bench's table of ingest."""
    pattern = r"^\| (?P<way>[^|]+) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \| ([\d.]+) \|"
    return {
        found["way"]: tuple(float(found[i].replace(",", "")) for i in range(2, 6)) for found in re.finditer(pattern, text, re.M)
    }


def row_of_store(row, store):
    if row.store not in (store or {}):
        return {"verdict": "not measured", "why": "no run of it"}
    ratio = store[row.store][3]
    return {
        "ratios": {"store_bench": {"median": ratio, "lowest": ratio, "highest": ratio}},
        "verdict": figures.verdict(ratio, row.must, row.aim),
    }


def judge(selected, results, failures, rpc, store):
    """The plan's rows with what was found, in the plan's order."""
    judged = []
    for row in selected:
        if row.not_yet:
            found = {"verdict": "not yet", "why": row.not_yet}
        elif row.get:
            found = row_of_get(row, results, failures)
        else:
            found = row_of_rpc(row, rpc) if row.rpc else row_of_store(row, store)
        judged.append({"name": row.name, "work": row.work, "peer": row.peer, "must": row.must, "aim": row.aim, **found})
    return judged


def limits_found(entries, results, ready):
    """{limit's name: values}"""
    found = dict(ready)
    if contenders.OURS_TWO in entries:
        storaged, gateway = entries[contenders.OURS_TWO].idle_bytes
        found |= {"idle-storaged": [storaged / MIB], "idle-gateway": [gateway / MIB]}
    if contenders.OURS_UP in entries:
        found["idle-up"] = [entries[contenders.OURS_UP].idle_bytes[0] / MIB]
    for limit, name in (("load-two", contenders.OURS_TWO), ("load-up", contenders.OURS_UP)):
        loaded = [run.memory_bytes / MIB for (_, contender, _), runs in results.items() if contender == name for run in runs]
        if loaded:
            found[limit] = loaded
    return found


def judge_limits(found):
    """Memory is judged by the worst of the runs, as a limit is none that holds at the median; a time by the median, as any
    machine stalls now and then."""

    def judged(limit):
        return max(found[limit.name]) if limit.unit == "MiB" else figures.spread(found[limit.name]).median

    return [
        {
            "name": limit.name,
            "what": limit.what,
            "unit": limit.unit,
            "limit": limit.limit,
            **vars(figures.spread(found[limit.name])),
            "verdict": figures.limit_verdict(judged(limit), limit.limit),
        }
        for limit in rows.LIMITS
        if limit.name in found
    ]


def table(head, lines):
    return "\n".join(["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *lines)])


def spread_text(spread, digits=2):
    return f"{spread['median']:,.{digits}f} ({spread['lowest']:,.{digits}f}–{spread['highest']:,.{digits}f})"


def ratios_text(row):
    """The lower one decides and comes first."""
    found = sorted(row.get("ratios", {}).items(), key=lambda pair: pair[1]["median"])
    return "; ".join(f"{spread_text(spread)} {generator}" for generator, spread in found) or "–"


def verdict_text(row):
    why = f" ({row['why']})" if row.get("why") else ""
    return f"**{row['verdict']}**{why}" if row["verdict"].startswith("MISSES") else row["verdict"] + why


def rows_table(judged):
    return table(
        ("work", "peer in the same run", "must", "aim", "ratio of medians (rounds)", "CPU of theirs : ours", ""),
        [
            (
                row["work"],
                row["peer"],
                f"{row['must']:g} ×",
                f"{row['aim']:g} ×",
                ratios_text(row),
                f"{row['cpu_ratio']:.2f}" if row.get("cpu_ratio") else "–",
                verdict_text(row),
            )
            for row in judged
        ],
    )


def limits_table(limits):
    return table(
        ("ours", "must", "median (lowest–highest)", ""),
        [(limit["what"], f"≤ {limit['limit']:g} {limit['unit']}", spread_text(limit, 1), limit["verdict"]) for limit in limits],
    )


def spread_of(runs, pick):
    return vars(figures.spread(map(pick, runs)))


def flags(runs):
    """What a reader has to know of a line."""
    told = []
    if sorted(run.generator_share for run in runs)[len(runs) // 2] > figures.GENERATOR_SHARE_MAX:
        told.append("the generator's core is full: at least")
    errors, requests = sum(run.errors for run in runs), sum(run.requests for run in runs)
    if errors:
        told.append(f"{errors} of {requests} failed")
    return "; ".join(told)


def work_table(work, results):
    lines = []
    for name in rows.WORKS[work].contenders:
        for generator in (WRK, LOAD):
            runs = results.get((work, name, generator))
            if runs:
                p50, p99, cpu = (
                    spread_text(spread_of(runs, pick), 0)
                    for pick in (lambda run: run.p50_us, lambda run: run.p99_us, lambda run: run.cpu_us)
                )
                lines.append(
                    (
                        contenders.CONTENDERS[name].title,
                        generator,
                        spread_text(spread_of(runs, lambda run: run.rate), 0),
                        p50,
                        p99,
                        cpu,
                        spread_text(spread_of(runs, lambda run: run.memory_bytes / MIB), 1),
                        flags(runs),
                    )
                )
    return table(
        ("who", "by", "requests a second", "p50 in µs", "p99 in µs", "CPU of the server a request in µs", "memory in MiB", ""),
        lines,
    )


def choice_lines(entries):
    """What the peers were, and what was tried of each."""
    lines = []
    for entry in entries.values():
        contender = entry.contender
        if not contender.peer:
            continue
        lines.append(f"- **{contender.title}**: {contender.guide}.")
        if entry.choices:
            tried = [
                "; ".join(f"{name} {value:,.0f}/s" for name, value in choice.items() if name != "variant")
                for choice in entry.choices
            ]
            lines.append(
                "  Tried: "
                + " · ".join(
                    f"{'**' if choice['variant'] == entry.variant else ''}{choice['variant']}"
                    f"{'**' if choice['variant'] == entry.variant else ''} {text}"
                    for choice, text in zip(entry.choices, tried)
                )
                + "."
            )
    return "\n".join(lines)


def head_text(about):
    machine = about["machine"]
    layout = (
        f"servers on core {about['server_core']}, generators on core {about['client_core']}"
        if about["server_core"] != about["client_core"]
        else "ONE core for servers and generators alike"
    )
    return (
        f"`./dev bench all`, {about['date']}: {machine['cpu']}, kernel {machine['kernel']}; {layout}; 64 connections; medians of {about['rounds']} rounds of "
        f"{about['seconds']:g} s with the lowest and the highest, contenders taking turns; others used {about['foreign_cores']:.2f} cores before it. "
        f"Generators: {' and '.join(about['generators'])}"
        + ("" if LOAD in about["generators"] else " (deltastream-load is not built, so that wrk is alone)")
        + f". Versions: {'; '.join(about['versions'])}. Every answer was compared with the rows that went in, before measuring: same status, same number of rows, equal "
        "values. A ratio is judged by the generator that is worst for us."
    )


def markdown(result, entries, results, pictures):
    """All tables; `pictures` are (title, path) of plots."""
    parts = [head_text(result["about"]), "### The plan's rows", rows_table(result["rows"])]
    if result["limits"]:
        parts += [limits_table(result["limits"])]
    parts += [f"![{title}]({path})" for title, path in pictures]
    for name, work in rows.WORKS.items():
        if any(key[0] == name for key in results):
            parts += [f"### {work.title[0].upper()}{work.title[1:]}", work_table(name, results)]
    parts += ["### The peers, and whose word it is that they are fast this way", choice_lines(entries)]
    if result["failures"]:
        parts += ["Left out: " + "; ".join(f"{name}: {why}" for name, why in result["failures"].items()) + "."]
    return "\n\n".join(parts) + "\n"


def replace_section(text, name, heading, section):
    """A document with what lies between the markers of a command exchanged; with both added at its end where it has none."""
    opening, closing = f"<!-- bench {name} -->", f"<!-- /bench {name} -->"
    begin, end = text.find(opening), text.find(closing)
    if begin < 0 or end < begin:
        return f"{text.rstrip()}\n\n## {heading}\n\n{opening}\n{section}{closing}\n"
    return f"{text[:begin]}{opening}\n{section}{text[end:]}"


def write_section(docs, name, heading, section, drawn):
    """Into docs/benchmarks.md, with its plots, {file name: SVG}, in docs/benchmarks."""
    document, pictures = docs / "benchmarks.md", docs / "benchmarks"
    pictures.mkdir(exist_ok=True)
    for file_name, svg in drawn.items():
        (pictures / file_name).write_text(svg)
    document.write_text(replace_section(document.read_text(), name, heading, section))
    print(f"written: {document} and {len(drawn)} plots in {pictures}", file=sys.stderr)
