"""deltastream-load report: a saved run told again, and two compared. The oracle is PyPI's hdrhistogram, the contract of
the JSON is clients/load/*.schema.json."""

import csv
import ctypes
import functools
import http.server
import json
import os
import pty
import random
import re
import subprocess

import jsonschema
import pytest
from hdrh.histogram import HdrHistogram
from programs import REPOSITORY, binary, clean_environment, seconds
from stub_server import StubServer

HOUR_NS = 3_600_000_000_000
PERCENTILES = (50, 75, 90, 95, 99, 99.9, 99.99)
LOAD = REPOSITORY / "clients" / "load"


EMPTY = HdrHistogram(1, HOUR_NS, 3)


def report(*arguments, **options):
    return subprocess.run(
        [binary("deltastream-load"), "report", *map(str, arguments)],
        capture_output=True, timeout=seconds(60), env=clean_environment(), check=False, text=True, **options,
    )  # fmt: skip


def validate(document, name):
    schema = json.loads((LOAD / f"{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(document)


def oracle_of(values):
    histogram = HdrHistogram(1, HOUR_NS, 3)
    for value in values:
        histogram.record_value(value)
    return histogram


def times_of(values):
    """As a report has them; what follows from the classes is left to the program."""
    classes = []
    for item in oracle_of(values).get_recorded_iterator():
        lowest = EMPTY.get_lowest_equivalent_value(item.value_iterated_to)
        classes += [lowest, item.count_added_in_this_iter_step]
    empty = {f"p{percentile:g}": 0 for percentile in PERCENTILES}
    return {
        "count": len(values), "min_ns": 0, "max_ns": 0, "mean_ns": 0, "deviation_ns": 0, "percentiles_ns": empty,
        "classes": classes,
    }  # fmt: skip


def operation_of(name, values, rows):
    times = times_of(values)
    return {
        "name": name, "planned": len(values) + 6, "ok": len(values),
        "ok_in_window": len(values) - 40, "failed": 3, "refused": 2, "timed_out": 2, "unsent": 1,
        "under_way": 0, "bytes_sent": 100, "bytes_received": 1000, "ok_per_second": 0, "error_share": 0,
        "latency": times, "service": times, "lag": times,
        "codes": [{"code": "200", "count": len(values), "latency": times}], "seconds": rows,
    }  # fmt: skip


@functools.cache
def run_of(slowness=1.0, seed=1, is_met=True):
    randomness = random.Random(seed)
    values = [int(randomness.lognormvariate(14, 1) * slowness) + 1 for _ in range(20000)]
    rows = []
    for second in range(41):
        p50 = int(1_200_000 * slowness * randomness.uniform(0.98, 1.02))
        rows.append({
            "second": second, "planned": 500, "ok": 500 + randomness.randrange(-5, 5), "failed": 0, "timed_out": 0,
            "unsent": 0, "under_way": 3, "latency_p50_ns": p50, "latency_p99_ns": p50 * 10, "latency_max_ns": p50 * 20,
        })  # fmt: skip
    operation = operation_of("list_ticks", values, rows)
    return {
        "schema": "deltastream-load/1", "program": "test/1", "started_at": "2026-11-23T00:41:47.123456Z",
        "measured_ns": 40_000_000_000, "end": "done",
        "client": {"cpu_seconds": 4.5, "busiest_thread_share": 0.2, "is_bound": False, "why": ""},
        "objectives": [{
            "text": "*:p99<50ms", "operation": "*", "measure": "percentile", "percentile": 99, "is_below": True,
            "limit": 50e6, "value": 12e6, "is_met": is_met,
        }],
        "plan": {
            "name": "readers & <writers>", "seed": str(2**64 - 1), "pace": "constant",
            "stages": [{"duration_ns": 41_000_000_000, "from": 500, "to": 500}], "warm_up_ns": 1_000_000_000,
            "thread_count": 1, "connection_count": 4, "in_flight_max": 100, "aborts_on_miss": False,
            "shares_messages": False,
            "flows": [{"name": "list", "weight": 1, "steps": [{
                "operation": 0, "protocol": "rest", "url": "http://127.0.0.1:1", "method": "GET",
                "timeout_ns": 1_000_000_000, "think_ns": 0,
            }]}],
        },
        "total": {**operation, "name": "*"}, "operations": [operation],
        "watched": [{
            "name": "gateway", "cpu_seconds": 20, "calls_per_cpu_second": 1000, "memory_bytes_max": 9_000_000,
            "has_ended": False,
            "samples": [{"second": second, "cpu_seconds": 0.5, "memory_bytes": 9_000_000, "resident_bytes": 20_000_000,
                         "open_files": 20} for second in range(41)],
        }],
    }  # fmt: skip


@pytest.fixture
def saved(folder):
    def save(name="run.json", **options):
        path = folder / name
        path.write_text(json.dumps(run_of(**options)))
        return path

    return save


class Class(ctypes.Structure):
    _fields_ = [("lowest_ns", ctypes.c_int64), ("highest_ns", ctypes.c_int64), ("count", ctypes.c_uint64)]


@pytest.fixture
def library(folder):
    """The histogram alone as a shared library, so that what it records is held against the oracle value by value."""
    path = folder / "histogram.so"
    subprocess.run(
        ["cc", "-std=gnu17", "-O1", "-shared", "-fPIC", f"-I{REPOSITORY}", str(LOAD / "histogram.c"), "-o", str(path), "-lm"],
        check=True, timeout=seconds(60),
    )  # fmt: skip
    library = ctypes.CDLL(str(path))
    library.load_histogram_create.restype = ctypes.c_void_p
    for name in ("destroy", "record", "next", "count", "min_ns", "max_ns", "mean_ns", "deviation_ns", "percentile_ns"):
        getattr(library, f"load_histogram_{name}").argtypes = [ctypes.c_void_p]
    library.load_histogram_record.argtypes = [ctypes.c_void_p, ctypes.c_int64]
    library.load_histogram_percentile_ns.argtypes = [ctypes.c_void_p, ctypes.c_double]
    library.load_histogram_next.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t), ctypes.POINTER(Class)]
    library.load_histogram_next.restype = ctypes.c_bool
    for name in ("min_ns", "max_ns", "percentile_ns"):
        getattr(library, f"load_histogram_{name}").restype = ctypes.c_int64
    for name in ("mean_ns", "deviation_ns"):
        getattr(library, f"load_histogram_{name}").restype = ctypes.c_double
    return library


def test_the_histogram_records_as_hdrhistogram_does(library):
    randomness = random.Random(7)
    # 100,000 values, so that every percentile asked for is a whole rank: HdrHistogram's ports round others differently.
    values = [min(HOUR_NS, int(10 ** randomness.uniform(0, 12.5)) + 1) for _ in range(99990)]
    values += [1, 2, 1023, 1024, 2047, 2048, 2049, 4095, 4096, HOUR_NS]
    oracle = oracle_of(values)
    ours = library.load_histogram_create()
    for value in values:
        library.load_histogram_record(ours, value)
    cursor, at = ctypes.c_size_t(0), Class()
    for item in oracle.get_recorded_iterator():
        assert library.load_histogram_next(ours, ctypes.byref(cursor), ctypes.byref(at))
        assert at.highest_ns == oracle.get_highest_equivalent_value(item.value_iterated_to)
        assert at.lowest_ns == oracle.get_lowest_equivalent_value(item.value_iterated_to)
        assert at.count == item.count_added_in_this_iter_step
    assert not library.load_histogram_next(ours, ctypes.byref(cursor), ctypes.byref(at))
    for percentile in PERCENTILES:
        expected = oracle.get_value_at_percentile(percentile)
        assert library.load_histogram_percentile_ns(ours, percentile) == expected, percentile
    assert library.load_histogram_max_ns(ours) == oracle.get_highest_equivalent_value(oracle.get_max_value())
    assert library.load_histogram_min_ns(ours) == oracle.get_min_value()
    assert library.load_histogram_mean_ns(ours) == pytest.approx(oracle.get_mean_value(), rel=1e-9)
    assert library.load_histogram_deviation_ns(ours) == pytest.approx(oracle.get_stddev(), rel=1e-9)
    library.load_histogram_destroy(ours)


def test_json_is_made_anew_and_validates(saved):
    done = report(saved(), "-o", "json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    validate(document, "report")
    source = run_of()
    oracle = oracle_of([lowest for lowest, count in pairs(source["total"]["latency"]["classes"]) for _ in range(count)])
    percentiles = document["total"]["latency"]["percentiles_ns"]
    for percentile in PERCENTILES:
        assert percentiles[f"p{percentile:g}"] == oracle.get_value_at_percentile(percentile)
    # What was given stays, but for what follows from the classes and counts.
    assert document["plan"] == source["plan"]
    assert document["total"]["seconds"] == source["total"]["seconds"]
    assert document["total"]["latency"]["classes"] == source["total"]["latency"]["classes"]
    assert document["watched"] == source["watched"]
    assert document["objectives"] == source["objectives"]
    assert document["total"]["ok_per_second"] == 499  # Some were answered behind the end.
    assert document["total"]["error_share"] == pytest.approx(6 / 20006)


def pairs(flat):
    return zip(flat[::2], flat[1::2], strict=True)


class Answers(http.server.BaseHTTPRequestHandler):
    """Every tenth one is an error."""

    protocol_version = "HTTP/1.1"
    count = 0

    def do_GET(self):
        Answers.count += 1
        body = b'{"price": 1}'
        self.send_response(503 if Answers.count % 10 == 0 else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def test_the_report_of_a_real_run_validates_and_is_told_again(folder):
    path = folder / "run.json"
    with StubServer(Answers) as server:
        done = subprocess.run(
            [
                binary("deltastream-load"), "--rest", server.url, "--get", "/price", "--rate", "50", "--duration", "2s",
                "--timeout", "10m", "--in-flight-max", "100000", "--watch", f"server={os.getpid()}",
                "--slo", "*:errors<50%", "--json", path,
            ],
            capture_output=True, timeout=seconds(120), env=clean_environment(), check=False, text=True,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    document = json.loads(path.read_text())
    validate(document, "report")
    assert {code["code"] for code in document["total"]["codes"]} == {"200", "503"}
    assert document["total"]["planned"] == 100
    assert json.loads(report(path, "-o", "json").stdout) == document
    # What a person reads is the same too.
    assert report(path).stdout == done.stdout


def test_the_total_is_the_sum_of_the_operations(saved):
    document = json.loads(report(saved(), "-o", "json").stdout)
    for name in ("planned", "ok", "failed", "timed_out", "unsent", "under_way", "bytes_sent", "bytes_received"):
        assert document["total"][name] == sum(operation[name] for operation in document["operations"])
    for part in (document["total"], *document["operations"]):
        parts = ("ok", "failed", "timed_out", "unsent", "under_way")
        assert part["planned"] == sum(part[name] for name in parts)
        assert part["ok"] == part["latency"]["count"] == sum(part["latency"]["classes"][1::2])


def test_percentile_text_agrees_with_hdrhistogram(saved, folder):
    done = report(saved(), "-o", "none", "--hgrm", folder / "run.hgrm", "--operation", "list_ticks")
    assert (done.returncode, done.stdout) == (0, "")
    text = (folder / "run.hgrm").read_text()
    source = run_of()
    oracle = oracle_of([lowest for lowest, count in pairs(source["total"]["latency"]["classes"]) for _ in range(count)])
    rows = re.findall(r"^ +([\d.]+) ([\d.]+) +(\d+)(?: +([\d.]+))?$", text, re.MULTILINE)
    assert len(rows) > 50
    passed = 0
    for value, percentile, count, inverse in rows:
        share = float(percentile)
        assert int(count) >= share * 20000 - 1e-6 and int(count) >= passed
        passed = int(count)
        # The class that the count ends in is the value's.
        expected = oracle.get_value_at_percentile(int(count) / 20000 * 100)
        assert float(value) == pytest.approx(expected / 1e6, abs=0.0006)
        if inverse:
            assert float(inverse) == pytest.approx(1 / (1 - share), rel=1e-2)
    assert rows[-1][1:3] == ("1.000000000000", "20000")
    assert f"#[Mean    = {oracle.get_mean_value() / 1e6:12.3f}" in text
    assert "Total count    =        20000]" in text


def test_series_is_a_line_a_second(saved, folder):
    assert report(saved(), "-o", "none", "--csv", folder / "run.csv").returncode == 0
    rows = list(csv.DictReader((folder / "run.csv").open()))
    assert [{name: int(value) for name, value in row.items()} for row in rows] == run_of()["total"]["seconds"]


def test_a_page_is_one_file_that_escapes_and_reads_without_scripts(saved, folder):
    assert report(saved(), "-o", "none", "--html", folder / "run.html").returncode == 0
    page = (folder / "run.html").read_text()
    assert "<h1>readers &amp; &lt;writers&gt;</h1>" in page
    assert "The objective is met" in page
    assert not re.search(r"<script|src=|href=|url\(|@import|https?://(?!127\.0\.0\.1)", page)
    assert sorted(path.name for path in folder.iterdir()) == ["run.html", "run.json"]


def test_a_missed_objective_exits_99(saved):
    done = report(saved(is_met=False))
    assert done.returncode == 99
    assert "MISSED" in done.stdout


def test_a_table_has_no_colours_in_a_pipe_nor_with_no_color(saved):
    path = saved()
    assert "\x1b" not in report(path).stdout
    for extra, has_colour in (({}, True), ({"NO_COLOR": "1"}, False)):
        parent, child = pty.openpty()
        with subprocess.Popen(
            [binary("deltastream-load"), "report", str(path)], stdout=child,
            env=clean_environment({"TERM": "xterm", "COLUMNS": "120", **extra}),
        ) as process:  # fmt: skip
            os.close(child)
            shown = b""
            # The end of a terminal without writers is an error to Linux.
            while chunk := read_or_end(parent):
                shown += chunk
            assert process.wait(timeout=seconds(20)) == 0
        os.close(parent)
        assert (b"\x1b[1m" in shown) is has_colour
        assert b"list_ticks" in shown


def read_or_end(descriptor):
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""


def test_the_same_run_twice_is_the_same(saved, folder):
    done = report(saved(), saved("later.json", seed=2), "-o", "json", "--fail-if-worse")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    validate(document, "compare")
    assert not document["has_worse"] and not document["has_better"] and not document["plans_differ"]
    assert [row["operation"] for row in document["operations"]] == ["*", "list_ticks"]
    assert all(
        row[name]["verdict"] == "same"
        for row in document["operations"]
        for name in ("ok_per_second", "latency_p50_ns", "latency_p99_ns", "error_share")
    )


def test_a_slower_run_is_worse_and_a_faster_one_better(saved, folder):
    slow, fast = saved("slow.json", slowness=1.3, seed=3), saved("fast.json")
    worse = report(fast, slow, "--html", folder / "change.html")
    assert worse.returncode == 0
    assert "worse: beyond the spread of the seconds" in worse.stdout
    assert "The second run is worse" in (folder / "change.html").read_text()
    assert report(fast, slow, "--fail-if-worse").returncode == 99
    better = report(slow, fast, "--fail-if-worse", "-o", "json")
    assert better.returncode == 0
    document = json.loads(better.stdout)
    validate(document, "compare")
    assert document["operations"][1]["latency_p99_ns"]["verdict"] == "better"
    assert document["operations"][1]["latency_p99_ns"]["relative"] == pytest.approx(1 / 1.3 - 1, abs=0.05)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no JSON"),
        ("{}", '"schema" must be "deltastream-load/1" and is missing'),
        ('{"schema":"deltastream-load/9"}', "is deltastream-load/9"),
        ("[" * 100000, "no JSON"),
        ('{"schema":"deltastream-load/1"}', "started_at must be a text"),
    ],
)
def test_what_is_no_report_is_refused(folder, text, complaint):
    path = folder / "broken.json"
    path.write_text(text)
    done = report(path)
    assert (done.returncode, done.stdout) == (1, "")
    assert str(path) in done.stderr and complaint in done.stderr


def test_a_file_that_is_too_long_is_refused(folder):
    path = folder / "long.json"
    with path.open("wb") as file:
        file.truncate(64 * 1024 * 1024 + 1)
    done = report(path)
    assert done.returncode == 1
    assert "longer than a report's 64 MiB" in done.stderr


def test_files_that_are_not_there_and_settings_that_do_not_fit_are_refused(saved, folder):
    path = saved()
    assert report(folder / "none.json").returncode == 3
    assert report().returncode == 2
    assert report(path, path, path).returncode == 2
    two = report(path, path, "--csv", folder / "x.csv")
    assert two.returncode == 2 and "csv" in two.stderr
    unknown = report(path, "--operation", "list_quotes")
    assert unknown.returncode == 3 and "it has list_ticks" in unknown.stderr
    unwritable = report(path, "--html", folder / "none" / "x.html")
    assert unwritable.returncode == 1 and "x.html" in unwritable.stderr
    assert report(path, "-o", "json", stdin=subprocess.DEVNULL).returncode == 0


def test_settings_are_shown_without_reading_the_run(saved, folder):
    done = report(folder / "none.json", "--html", "x.html", "--print-config")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^html = x.html +# --html$", done.stdout, re.MULTILINE), done.stdout
    # What is shown is a file that says the same; what is empty there is not set.
    settings = folder / "report.conf"
    settings.write_text(report(folder / "none.json", "-o", "none", "--print-config").stdout)
    again = report(saved(), "--config", settings)
    assert (again.returncode, again.stdout) == (0, ""), again.stderr


def test_an_output_that_is_full_is_told(saved):
    with open("/dev/full", "w", encoding="utf-8") as full:
        for form in ("table", "json"):
            done = subprocess.run(
                [binary("deltastream-load"), "report", str(saved()), "-o", form],
                stdout=full, stderr=subprocess.PIPE, timeout=seconds(60), env=clean_environment(), check=False,
            )  # fmt: skip
            assert done.returncode == 1
            assert b"No space left on device" in done.stderr
