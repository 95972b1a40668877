"""The arithmetic of ./dev bench all: what it reads, compares and judges. It measures nothing."""

import json
import os
import pathlib
import re
import sys
import time
import xml.etree.ElementTree

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/bench"))

# isort: split
from all import contenders, figures, generators, growth, measure, overload, plots, processes, report, rows  # noqa: E402

WRK_TEXT = """Running 3s test @ http://127.0.0.1:8080/v1/ticks/NIFTY?limit=1
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.98ms    1.20ms  15.07ms   80.77%
    Req/Sec    25.05k     3.61k   31.55k    73.33%
  Latency Distribution
     50%  930.00us
     75%    2.49ms
     90%    3.43ms
     99%    1.02s
  75000 requests in 3.00s, 30.41MB read
Requests/sec:  25000.00
Transfer/sec:     10.11MB
"""


def run(rate, **more):
    return figures.Figures(**{"rate": rate, "p50_us": 1, "p99_us": 2, "errors": 0, "requests": 100, **more})


def test_wrk_is_read_with_the_units_of_its_times():
    found = figures.wrk_figures(WRK_TEXT)
    assert (found.rate, found.p50_us, found.p99_us, found.errors, found.requests) == (25000, 930, 1.02e6, 0, 75000)


def test_answers_that_refuse_are_no_throughput():
    found = figures.wrk_figures(
        WRK_TEXT + "  Non-2xx or 3xx responses: 25000\n  Socket errors: connect 1, read 2, write 3, timeout 4\n"
    )
    assert found.rate == pytest.approx(25000 * 2 / 3)
    assert found.errors == 25010


@pytest.mark.parametrize(
    "text", ["", "unable to connect", WRK_TEXT.replace("99%", "98%"), WRK_TEXT.replace("930.00us", "930.00parsec")]
)
def test_what_wrk_did_not_print_is_not_guessed(text):
    with pytest.raises(figures.Unreadable):
        figures.wrk_figures(text)


def test_a_report_of_deltastream_load_is_read():
    total = {
        "ok": 900,
        "failed": 3,
        "timed_out": 2,
        "unsent": 1,
        "ok_per_second": 300.5,
        "latency": {"percentiles_ns": {"p50": 1500, "p99": 2_000_000}},
    }
    found = figures.load_figures(json.dumps({"total": total, "client": {"busiest_thread_share": 0.5}}))
    assert found == figures.Figures(rate=300.5, p50_us=1.5, p99_us=2000, errors=6, requests=900, generator_share=0.5)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"total": {"ok": 1}}'])
def test_another_report_is_refused(text):
    with pytest.raises(figures.Unreadable):
        figures.load_figures(text)


def test_a_ratio_is_one_of_medians_and_its_range_one_of_rounds():
    found = figures.ratio([100, 300, 200], [50, 100, 25])
    assert (found.median, found.lowest, found.highest) == (4, 2, 8)


def test_rounds_without_their_counterpart_are_no_ratio():
    with pytest.raises(ValueError):
        figures.ratio([1, 2], [1])


@pytest.mark.parametrize(("value", "verdict"), [(3.99, "MISSES must"), (4, "must holds"), (6.99, "must holds"), (7, "aim holds")])
def test_a_limit_reached_is_a_limit_held(value, verdict):
    assert figures.verdict(value, 4, 7) == verdict


def test_the_same_values_in_another_spelling_are_equal():
    ours = {"ticks": [{"tick_id": 5, "price": 21500.0, "timestamp": "2026-01-05T09:00:00.500Z"}], "next_page_token": "abc"}
    theirs = {"next_page_token": "MQ", "ticks": [{"timestamp": "2026-01-05T09:00:00.500000Z", "price": 21500, "tick_id": "5"}]}
    assert figures.difference(ours, theirs) is None


@pytest.mark.parametrize(
    ("theirs", "where"),
    [
        ({"ticks": [{"id": 1}]}, "the reply.ticks has 1 and not 2"),
        ({"ticks": [{"id": 1}, {"id": 3}]}, "the reply.ticks[1].id is 3 and not 2"),
        ({"ticks": [{"id": 1}, {}]}, "the reply.ticks[1] has [] and not ['id']"),
        ({"ticks": {}}, "the reply.ticks is {}"),
        ([], "the reply is []"),
    ],
)
def test_a_reply_of_other_work_is_named_where_it_differs(theirs, where):
    assert figures.difference({"ticks": [{"id": 1}, {"id": 2}]}, theirs).startswith(where)


def test_a_reply_without_a_next_page_is_another_one():
    assert figures.difference({"next_page_token": "abc"}, {"next_page_token": ""}) is not None


def test_the_expected_reply_has_the_newest_rows_first_and_without_their_product():
    reply = measure.expected_reply(list(measure.make_rows()), 2)
    assert [tick["tick_id"] for tick in reply["ticks"]] == [999, 998]
    assert "product" not in reply["ticks"][0]


def test_moments_of_the_data_are_kept_by_bson():
    assert all(re.fullmatch(r"[\d-]+T[\d:]+\.\d{3}Z", row["timestamp"]) for row in measure.make_rows())


def ratio_row():
    return next(row for row in rows.ROWS if row.name == "get-1")


def test_a_row_is_judged_by_the_generator_that_is_worst_for_us():
    ours, theirs = ratio_row().get[1:]
    results = {
        ("get-1", ours, generators.WRK): [run(80)],
        ("get-1", theirs, generators.WRK): [run(10)],
        ("get-1", ours, generators.LOAD): [run(50)],
        ("get-1", theirs, generators.LOAD): [run(10)],
    }
    (judged,) = report.judge([ratio_row()], results, {}, None, None)
    assert judged["verdict"] == "must holds"
    assert report.ratios_text(judged).startswith("5.00 (5.00–5.00) deltastream-load; 8.00")


def test_a_row_has_the_ratio_of_the_servers_cpu():
    ours, theirs = ratio_row().get[1:]
    results = {
        ("get-1", ours, generators.WRK): [run(1, cpu_us=10), run(1, cpu_us=30), run(1, cpu_us=20)],
        ("get-1", theirs, generators.WRK): [run(1, cpu_us=100)] * 3,
    }
    (judged,) = report.judge([ratio_row()], results, {}, None, None)
    assert judged["cpu_ratio"] == 5
    assert "| 5.00 |" in report.rows_table([judged])
    results["get-1", ours, generators.WRK] = [run(1, cpu_us=0)] * 3
    (judged,) = report.judge([ratio_row()], results, {}, None, None)
    assert "| – |" in report.rows_table([judged])


def test_a_row_whose_peer_failed_says_why():
    (judged,) = report.judge([ratio_row()], {}, {"grpc-gateway": "no Go"}, None, None)
    assert report.verdict_text(judged) == "not measured (no Go)"


def test_every_row_is_measured_by_exactly_one_way_or_says_why_not():
    for row in rows.ROWS:
        assert sum(map(bool, (row.get, row.rpc, row.store, row.not_yet))) == 1, row.name
        assert row.must <= row.aim, row.name


def test_rows_name_works_and_contenders_that_exist():
    for work in rows.WORKS.values():
        assert set(work.contenders) <= set(contenders.CONTENDERS)
    for row in rows.ROWS:
        if row.get:
            work, ours, theirs = row.get
            assert {ours, theirs} <= set(rows.WORKS[work].contenders), row.name


def test_rows_of_calls_are_those_of_the_comparison_and_have_its_limits():
    sys.path.insert(0, str(ROOT / "tests/bench/rpc"))
    import compare

    theirs = {(name, must, aim) for name, _, _, _, _, must, aim in compare.TARGETS}
    assert {(row.rpc, row.must, row.aim) for row in rows.ROWS if row.rpc} == theirs


def test_a_run_of_some_rows_starts_only_what_they_compare():
    chosen = ["get-1-nginx", "flask-1"]
    assert rows.contenders_of(rows.selected(chosen), chosen) == {"get-1": (contenders.OURS_TWO, "nginx", "Flask")}
    assert rows.contenders_of(rows.selected(["memory"]), ["memory"]) == {"get-100": (contenders.OURS_TWO, contenders.OURS_UP)}
    assert rows.contenders_of(rows.selected(["rpc-tcp"]), ["rpc-tcp"]) == {}


def test_a_run_of_all_rows_measures_all_works():
    assert set(rows.contenders_of(rows.selected([]), [])) == set(rows.WORKS)


def test_a_row_of_calls_without_one_of_the_peers_says_so():
    row = next(row for row in rows.ROWS if row.name == "rpc-ipc")
    target = {"row": row.rpc, "ratio": 2.5, "lowest": 2, "highest": 3, "peer": "grpc-go", "missing": ["gRPC C++"]}
    (judged,) = report.judge([row], {}, {}, {"targets": [target]}, None)
    assert report.verdict_text(judged) == "must holds (without gRPC C++)"
    (judged,) = report.judge([row], {}, {}, {"targets": [{**target, "ratio": None}]}, None)
    assert judged["verdict"] == "not measured"


def test_the_store_is_read_from_its_table():
    row = next(row for row in rows.ROWS if row.store)
    text = f"| way | rows/s, median | lowest |\n|---|---|---|\n| {row.store} | 82,640 | 41,204 | 155,902 | 0.81 | 135 |\n"
    lines = report.store_lines(text)
    assert lines == {row.store: (82640, 41204, 155902, 0.81)}
    (judged,) = report.judge([row], {}, {}, None, lines)
    assert judged["verdict"] == "must holds"
    (judged,) = report.judge([row], {}, {}, None, {})
    assert judged["verdict"] == "not measured"


def test_a_limit_of_time_is_judged_by_the_median():
    (limit,) = report.judge_limits({"ready-existing": [50, 300, 60]})
    assert (limit["highest"], limit["verdict"]) == (300, "holds")
    (limit,) = report.judge_limits({"ready-existing": [101]})
    assert limit["verdict"] == "MISSES must"


def test_a_limit_of_memory_is_judged_by_the_worst_run():
    (limit,) = report.judge_limits({"idle-up": [19, 21, 19]})
    assert (limit["median"], limit["verdict"]) == (19, "MISSES must")
    (limit,) = report.judge_limits({"idle-up": [20]})
    assert limit["verdict"] == "holds"


def test_a_line_tells_of_failures_and_of_a_generator_that_was_the_limit():
    assert report.flags([run(1)]) == ""
    assert report.flags([run(1, errors=2), run(1)]) == "2 of 200 failed"
    assert "at least" in report.flags([run(1, generator_share=0.99)])


def test_a_section_is_replaced_and_the_rest_of_the_document_kept():
    document = "# Benchmarks\n\nbefore\n\n<!-- bench all -->\nold\n<!-- /bench all -->\n\nafter\n"
    replaced = report.replace_section(document, "all", "Peers", "new\n")
    assert replaced == document.replace("old\n", "new\n")
    assert report.replace_section(replaced, "all", "Peers", "new\n") == replaced


def test_a_document_without_a_section_gets_one_that_the_next_run_finds():
    once = report.replace_section("# Benchmarks\n", "growth", "Growth", "first\n")
    assert once.startswith("# Benchmarks\n\n## Growth\n") and "first" in once
    assert report.replace_section(once, "growth", "Growth", "second\n") == once.replace("first", "second")


def test_plots_are_well_formed_and_follow_the_page():
    spread = {"median": 10, "lowest": 8, "highest": 12}
    for svg in (
        plots.rates_plot("GET <1>", [("ours & more", True, spread), ("peer", False, spread)]),
        plots.ratios_plot("ratios", [("a", 0.4, 0.45, 0.8), ("b", 22, 15, 25)]),
    ):
        assert xml.etree.ElementTree.fromstring(svg).tag.endswith("svg")
        assert "prefers-color-scheme: dark" in svg


def test_a_bar_is_as_long_as_its_value():
    half, whole = ({"median": value, "lowest": value, "highest": value} for value in (50, 100))
    widths = re.findall(r'<rect [^>]*width="([\d.]+)"', plots.rates_plot("t", [("a", True, whole), ("b", False, half)]))
    assert float(widths[0]) == pytest.approx(2 * float(widths[1]), rel=0.01)


def test_a_ratio_below_its_must_is_drawn_as_missed():
    assert 'class="missed"' in plots.ratios_plot("t", [("a", 0.4, 0.45, 0.8)])
    assert 'class="missed"' not in plots.ratios_plot("t", [("a", 0.5, 0.45, 0.8)])


def test_contenders_take_turns_in_an_order_that_moves_on():
    arena = measure.Arena.__new__(measure.Arena)
    arena.works, arena.entries = {"get-1": ("nginx", "absent", "Flask")}, {"nginx": None, "Flask": None}
    assert [name for _, name in arena.turns(0)] == ["nginx", "Flask"]
    assert [name for _, name in arena.turns(1)] == ["Flask", "nginx"]


def a_core():
    return min(os.sched_getaffinity(0))


def start(tmp_path, script):
    return processes.Server("helper", ["/bin/sh", "-c", script], a_core(), tmp_path)


def is_gone(process_id):
    fields = processes.fields_of(process_id)
    return fields is None or fields[0] == "Z"


def test_a_server_is_watched_and_stopped_with_its_children(tmp_path):
    server = start(tmp_path, "trap 'kill $!; exit' TERM; sleep 1000 & echo ready http://here; wait")
    assert server.await_line() == "http://here"
    family = processes.family_of(server.process.pid)
    assert len(family) == 2
    assert server.memory_bytes() > 0
    assert server.cpu_seconds() >= 0
    server.close()
    until = time.monotonic() + 60
    while not all(map(is_gone, family)) and time.monotonic() < until:
        time.sleep(0.01)
    assert all(map(is_gone, family))


def test_a_server_that_does_not_start_tells_its_last_words(tmp_path):
    server = start(tmp_path, "echo no such thing >&2; exit 3")
    with pytest.raises(processes.StartError, match="helper did not start: no such thing"):
        server.await_line()
    server.close()


def test_a_server_has_the_core_that_it_was_given(tmp_path):
    server = start(tmp_path, "echo ready http://here; exec sleep 1000")
    server.await_line()
    assert os.sched_getaffinity(server.process.pid) == {a_core()}
    server.close()


class Waiting:
    """A server's figures without a server."""

    def __init__(self):
        self.looks = [700, 300]
        self.cpu_seconds = iter([1.0, 1.5]).__next__

    def memory_bytes(self):
        return self.looks.pop(0)


def test_memory_is_that_under_load_and_cpu_that_of_a_request():
    server = Waiting()

    def work():
        until = time.monotonic() + 60
        while len(server.looks) == 2 and time.monotonic() < until:
            time.sleep(0.001)
        return run(1, requests=1000)

    found = generators.measured(server, work, 0.01)
    assert (found.memory_bytes, found.cpu_us) == (700, 500)


def test_a_contender_that_fails_in_a_round_has_no_figures_and_its_row_says_why():
    class Failing:
        names = (generators.WRK,)

        def measure(self, *_):
            if self.left.pop():
                return run(1)
            raise generators.GeneratorError("connection\n refused")

    arena = measure.Arena.__new__(measure.Arena)
    arena.generators, arena.headers, arena.failures = Failing(), {}, {}
    arena.generators.left = [True, False, True, True]
    arena.works = {"get-1": (contenders.OURS_TWO, "grpc-gateway")}
    arena.entries = dict.fromkeys(arena.works["get-1"], measure.Entry(None, "", None, [], []))
    results = arena.measure(2, 1)
    # The second round begins with the second contender: it is the one that failed.
    assert list(results) == [("get-1", contenders.OURS_TWO, generators.WRK)]
    (judged,) = report.judge([ratio_row()], results, arena.failures, None, None)
    assert report.verdict_text(judged) == "not measured (connection refused)"


def offered(rate, goodput, **more):
    return [
        overload.Outcome(
            **{"offered": rate, "goodput": goodput, "refused": 0, "refusal_p99_ms": 0, "lost": 0, "client_bound": "", **more}
        )
    ]


def test_overload_is_judged_where_twice_the_best_was_asked_for():
    found = [offered(100, 100), offered(200, 120), offered(300, 90, refused=5, refusal_p99_ms=20, lost=7)]
    text = overload.judgement([[100]], found)
    assert text.startswith(
        "At 2.5 × the peak of 120/s, goodput is 75% of it (must ≥ 80%): MISSES must; 5 refused, 99 % of them within 20.0 ms"
    )
    assert "(must ≤ 100 ms): holds; 7 neither answered nor refused" in text


def test_overload_that_never_came_is_not_judged():
    assert overload.judgement([[100]], [offered(200, 150)]).startswith("Not judged")


def test_a_round_is_judged_by_the_best_of_its_own():
    # A machine that is half as fast in one round is so for all that is measured in it.
    runs = [(100, 90), (50, 45), (100, 90)]
    twice = [outcome for _, goodput in runs for outcome in offered(200, goodput)]
    text = overload.judgement([[peak for peak, _ in runs]], [twice])
    assert text.startswith("At 2.0 × the peak of 100/s, goodput is 90% of it (must ≥ 80%): holds")


def test_the_luckiest_of_single_runs_is_no_peak():
    users = [[100, 90, 160, 90, 100]]
    twice = [outcome for _ in range(5) for outcome in offered(200, 90)]
    text = overload.judgement(users, [twice])
    assert text.startswith("At 2.0 × the peak of 100/s, goodput is 90% of it (must ≥ 80%): holds")


def test_a_refusal_that_came_late_misses_and_a_generator_at_its_limit_is_named():
    text = overload.judgement([[100]], [offered(200, 100, refused=1, refusal_p99_ms=101, client_bound="its core was full")])
    assert "goodput is 100% of it (must ≥ 80%): holds" in text
    assert "within 101.0 ms (must ≤ 100 ms): MISSES must" in text
    assert "the generator was the limit (its core was full)" in text


def test_refusals_are_told_from_losses():
    refusal = {"code": "503", "count": 30, "latency": {"percentiles_ns": {"p99": 5_000_000}}}
    other = {"code": "500", "count": 4, "latency": {"percentiles_ns": {"p99": 9_000_000_000}}}
    seconds = [{"second": second, "ok": ok} for second, ok in enumerate((10, 60, 80, 500))]
    total = {"seconds": seconds, "failed": 34, "timed_out": 2, "unsent": 10, "codes": [refusal, other]}
    client = {"is_bound": False, "why": ""}
    # Answers of the first second and of those behind the run are no goodput.
    assert overload.outcome(200, json.dumps({"total": total, "client": client}), 3) == overload.Outcome(200, 70, 30, 5, 16, "")


STORE_TEXT = """### Lists beside the size of the store

| what | stored rows | median (µs) | lowest | highest |
|---|---|---|---|---|
| latest 100, ListTicks | 10000 | 11.0 | 5.5 | 12.8 |
| latest 100, ListTicks | 1000000 | 10.9 | 5.6 | 11.9 |

### Bars of 1,000,000 ticks

| what | stored rows | median (ms) | lowest | highest |
|---|---|---|---|---|
| bars of 1m, GetBars | 1000000 | 101.3 | 72.2 | 148.1 |
"""


def test_lists_by_the_rows_stored_are_read_and_bars_are_not_lists():
    points = growth.store_points(STORE_TEXT)
    assert points == {
        "latest 100, ListTicks": [(10000, figures.Spread(11, 5.5, 12.8)), (1000000, figures.Spread(10.9, 5.6, 11.9))]
    }


def test_batches_have_rows_that_no_batch_before_had():
    lines = [
        json.loads(line) for body in (growth.make_rows(0, 3, "P"), growth.make_rows(3, 2, "P")) for line in body.splitlines()
    ]
    assert len({(line["product"], line["timestamp"], line["tick_id"]) for line in lines}) == 5


def test_rounds_go_through_all_points_before_the_next_round():
    seen = []
    points = growth.curve_points((1, 2), 2, lambda x: seen.append(x) or x * 10)
    assert (seen, points) == ([1, 2, 1, 2], [(1, [10, 10]), (2, [20, 20])])


def test_what_is_measured_again_takes_its_place_among_the_rest():
    def curve(name, value):
        return growth.Curve(name, name, "x", "y", {"line": [(1, figures.Spread(value, value, value))]})

    before = [curve("pages", 1), curve("overload", 2)]
    read = growth.curves_of(json.loads(json.dumps([growth.dataclasses.asdict(found) for found in before])))
    found = growth.merged(read, [curve("overload", 3), curve("new", 4)])
    assert [(found.name, found.table().splitlines()[-1]) for found in found] == [
        ("pages", "| 1 | line | 1.00 (1.00–1.00) |"),
        ("overload", "| 1 | line | 3.00 (3.00–3.00) |"),
        ("new", "| 1 | line | 4.00 (4.00–4.00) |"),
    ]


def test_a_line_of_proportional_growth_has_the_slope_of_the_axes():
    svg = plots.lines_plot("t", "x", "y", {"line": [(1, 1), (10, 10), (100, 100)]})
    assert xml.etree.ElementTree.fromstring(svg).tag.endswith("svg")
    places = [tuple(map(float, point.split(","))) for point in re.search(r'points="([^"]+)"', svg)[1].split()]
    (a, b), (c, d), (e, f) = places
    assert (c - a, b - d) == (pytest.approx(e - c), pytest.approx(d - f))


def test_axes_have_a_decade_even_of_one_value():
    assert plots.decades([5]) == (0, 1)
    assert plots.decades([10]) == (1, 2)
    assert plots.decades([0.2, 3000]) == (-1, 4)


def test_a_point_that_logarithms_do_not_know_is_left_out_of_a_plot():
    svg = plots.lines_plot("t", "x", "y", {"line": [(1, 0), (10, 10)], "none": [(1, 0)]})
    assert svg.count('r="3"') == 1
    xml.etree.ElementTree.fromstring(plots.lines_plot("t", "x", "y", {"line": []}))


def test_lines_are_told_apart_by_a_legend():
    svg = plots.lines_plot("t", "x", "y", {"p50 & p60": [(1, 2)], "p99": [(1, 3)]})
    assert "p50 &amp; p60" in svg and ">p99<" in svg
    assert ">alone<" not in plots.lines_plot("t", "x", "y", {"alone": [(1, 2)]})
