"""Rows out of a store and into another one: the same rows, value for value, and what an export does when it is
interrupted."""

import json
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

import rows_to_store
from programs import Launcher, binary, clean_environment, run_cli, seconds, wait_until

ROWS = {
    "ticks": rows_to_store.ticks(700),
    "quotes": rows_to_store.quotes(400),
    "chains": rows_to_store.chains(60),
}
CARRIED = [
    ("ticks", "csv"),
    ("ticks", "ndjson"),
    ("ticks", "protobuf"),
    ("quotes", "csv"),
    ("quotes", "ndjson"),
    ("quotes", "protobuf"),
    ("chains", "ndjson"),
    ("chains", "protobuf"),
]
ENDS = {"csv": "csv", "ndjson": "ndjson", "protobuf": "pb"}


@pytest.fixture
def other(launcher, folder):
    return launcher.up(folder / "other")


@pytest.fixture(scope="module")
def filled():
    """A store with rows of every kind; no test changes it."""
    path = Path(tempfile.mkdtemp(prefix="ds-e2e-"))
    launcher = Launcher(path)
    server = launcher.up(path / "data")
    # Products are those that have ticks, so ticks come first.
    for kind, rows in ROWS.items():
        done = server.cli("import", "-", "--kind", kind, "--format", "ndjson", stdin=rows_to_store.ndjson(rows))
        assert done.returncode == 0, done.stderr
        assert f"{len(rows)} rows read, {len(rows)} accepted".encode() in done.stderr
    yield server
    launcher.stop()
    shutil.rmtree(path, ignore_errors=True)


@pytest.mark.parametrize("kind, form", CARRIED)
def test_what_is_exported_and_imported_again_is_the_same_store(filled, other, folder, kind, form):
    path = folder / f"rows.{ENDS[form]}"
    done = filled.cli("export", kind, "--all", "--file", path)
    assert done.returncode == 0, done.stderr
    assert f"{len(ROWS[kind])} rows written to {path}".encode() in done.stderr
    assert not (folder / f"rows.{ENDS[form]}.partial").exists()
    # The kind and the format are found out from the file.
    done = other.cli("import", path)
    assert done.returncode == 0, done.stderr
    if kind != "ticks":
        # What is a product is known by its ticks.
        ticks = rows_to_store.ndjson(rows_to_store.ticks(len(rows_to_store.PRODUCTS)))
        assert other.cli("import", "-", "--kind", "ticks", stdin=ticks).returncode == 0
    before, after = rows_to_store.stored(filled, kind), rows_to_store.stored(other, kind)
    assert len(before) == len(ROWS[kind])
    assert after == before
    # And the very bytes: a second export is the same file.
    again = folder / f"again.{ENDS[form]}"
    assert other.cli("export", kind, "--all", "--file", again).returncode == 0
    assert again.read_bytes() == path.read_bytes()


def test_an_export_to_a_pipe_is_ndjson_as_rest_shows_it(filled):
    done = filled.cli("export", "ticks", "M&M", "--start", "2025-01-25T00:00:01Z", "--end", "2025-01-25 00:00:20")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    shown = filled.get(
        "/v1/ticks/M%26M?order=asc&start=2025-01-25T00:00:01Z&end=2025-01-25T00:00:20Z"
    ).json()["ticks"]
    assert 5 < len(lines) < 100
    numbers = {"volume", "tick_id"}
    assert [{**row, "product": "M&M"} for row in shown] == lines or [
        {**row, "product": "M&M", **{name: int(row[name]) for name in numbers & row.keys()}} for row in shown
    ] == lines


def test_rows_in_the_form_of_the_replaced_service_are_taken(filled, other):
    shown = filled.get("/underlying/NIFTY?limit=1000").json()["ticks"]
    assert not shown[0]["timestamp"].endswith("Z")
    done = other.cli("import", "-", stdin=rows_to_store.ndjson(shown))
    assert done.returncode == 0, done.stderr
    assert rows_to_store.pages(other, "ticks", "NIFTY") == rows_to_store.pages(filled, "ticks", "NIFTY")


def test_rows_without_their_product_get_the_one_of_the_flag(filled, other):
    shown = filled.get("/v1/ticks/NIFTY?limit=1000").json()["ticks"]
    assert "product" not in shown[0]
    done = other.cli("import", "-", "--product", "NIFTY", stdin=rows_to_store.ndjson(shown))
    assert done.returncode == 0, done.stderr
    assert rows_to_store.pages(other, "ticks", "NIFTY") == rows_to_store.pages(filled, "ticks", "NIFTY")


def test_an_export_of_nothing_is_an_empty_file_that_import_takes(filled, other, folder):
    for end in ("csv", "ndjson", "pb"):
        path = folder / f"nothing.ticks.{end}"
        assert filled.cli("export", "ticks", "NOBODY", "--file", path).returncode == 0
        assert path.read_bytes().count(b"\n") == (1 if end == "csv" else 0)
        done = other.cli("import", path)
        assert done.returncode == 0, done.stderr
        assert b"0 rows read" in done.stderr


def test_a_closed_pipe_ends_an_export_quietly(filled):
    process = subprocess.Popen(
        [binary("deltastream"), "export", "ticks", "--all", "--data-dir", str(filled.data_dir)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environment(),
    )
    process.stdout.read(1)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(seconds(20)) == 0


REFUSED = [
    (["prices", "NIFTY"], 2, 'and no "prices"'),
    (["tick", "NIFTY"], 2, 'did you mean "ticks"?'),
    (["ticks"], 2, "PRODUCT..., or --all"),
    (["quotes"], 2, "--product NAME"),
    (["ticks", "NIFTY", "--all"], 2, "PRODUCT..., or --all"),
    (["ticks", "--product", "NIFTY"], 2, "for quotes only"),
    (["ticks", "NIFTY", "--expiry", "2025-01-30"], 2, "for chains only"),
    (["chains", "NIFTY", "--format", "csv"], 2, "use ndjson or protobuf"),
    (["chains", "NIFTY", "--file", "chains.csv"], 2, "use ndjson or protobuf"),
    (["ticks", "NIFTY", "--resume"], 2, "needs --file FILE"),
    (["ticks", "NIFTY", "--start", "noon"], 2, "noon"),
    (["ticks", "NIFTY", "--file", "/dev/null/x"], 1, "/dev/null/x.partial"),
]


@pytest.mark.parametrize("arguments, code, message", REFUSED)
def test_an_export_that_can_not_be_is_refused_with_what_would_do(filled, arguments, code, message):
    done = filled.cli("export", *arguments)
    assert done.returncode == code, done.stderr
    assert message in done.stderr.decode()
    assert done.stdout == b""


def test_a_failed_export_leaves_no_file_behind(filled, folder):
    path = folder / "bad.ndjson"
    path.write_text("what was here before")
    assert filled.cli("export", "ticks", "NIFTY", "--start", "noon", "--file", path).returncode == 2
    assert path.read_text() == "what was here before"
    assert list(folder.glob("*.partial")) == []


def state_files(folder, purpose):
    return list((folder / "state" / "deltastream").glob(f"{purpose}-*.state"))


def test_an_interrupted_export_goes_on_and_has_every_row_once(launcher, folder):
    server = launcher.up(folder / "big")
    # Many products: every one is a page, so that there is a middle.
    rows = [
        {"product": f"P{index % 400:03}", "price": index, "timestamp": rows_to_store.timestamp(index), "tick_id": index}
        for index in range(4000)
    ]
    assert server.cli("import", "-", "--kind", "ticks", stdin=rows_to_store.ndjson(rows)).returncode == 0
    whole = server.cli("export", "ticks", "--all").stdout
    path = folder / "ticks.ndjson"
    environment = {"XDG_STATE_HOME": str(folder / "state")}
    arguments = ["export", "ticks", "--all", "--file", path, "--resume", "--data-dir", server.data_dir]
    kills = 0
    for signal_number in (signal.SIGKILL, signal.SIGINT) * 20:
        known = {file: file.read_bytes() for file in state_files(folder, "export")}
        program = launcher.start("deltastream", *arguments, environment=environment)
        wait_until(
            lambda: program.process.poll() is not None
            or {file: file.read_bytes() for file in state_files(folder, "export")} != known
        )
        if program.process.poll() is not None:
            break
        program.process.send_signal(signal_number)
        code = program.process.wait(seconds(20))
        if signal_number == signal.SIGKILL:
            assert code == -signal.SIGKILL or code == 0
        else:
            assert code in (0, 130)
        kills += code != 0
        if path.exists():
            break  # It was whole, if it ended by itself or was killed behind its last row.
        assert (folder / "ticks.ndjson.partial").exists()
    if not path.exists():
        wait_until(lambda: run_cli(*arguments, environment=environment).returncode == 0)
    assert kills > 0
    assert path.read_bytes() == whole
    if state_files(folder, "export"):  # It was killed before it forgot how far it had come.
        assert run_cli(*arguments, environment=environment).returncode == 0
        assert path.read_bytes() == whole
    assert state_files(folder, "export") == []
    assert not (folder / "ticks.ndjson.partial").exists()
