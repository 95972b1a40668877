"""The care of the store: statistics, deletion and retention, by the command line and by REST."""

import json
import os
import pty
import re
import subprocess
from datetime import datetime, timedelta, timezone

import pytest

from programs import binary, clean_environment, run_cli, seconds, wait_until

DAY = "2025-01-25"
ROWS = [
    {"product": "NIFTY", "price": 100 + i, "timestamp": f"{DAY}T10:00:0{i}Z", "tick_id": i}
    for i in range(4)
]


def ids_of(server, product="NIFTY"):
    listed = server.cli("ticks", "list", product, "--order", "asc", "--limit", "100")
    assert listed.returncode == 0, listed.stderr
    return [json.loads(line)["tick_id"] for line in listed.stdout.splitlines()]


def stats_of(server):
    done = server.cli("storage", "stats")
    assert (done.returncode, done.stderr) == (0, b"")
    return json.loads(done.stdout)


def on_terminal(arguments, answer=b""):
    """Runs the command line on a terminal; gives its exit code and what the terminal showed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [binary("deltastream"), *[str(argument) for argument in arguments]],
        stdin=theirs, stdout=theirs, stderr=theirs, env=clean_environment(),
    )  # fmt: skip
    os.close(theirs)
    if answer:
        os.write(ours, answer)
    code = process.wait(timeout=seconds(20))
    shown = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    return code, shown.replace(b"\r\n", b"\n").decode()


def ago(**delta):
    return (datetime.now(timezone.utc) - timedelta(**delta)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_stats_have_every_field_also_where_it_is_zero(server):
    server.ingest(ROWS)
    stats = stats_of(server)
    assert stats["engine"] == "lmdb"
    assert (stats["row_count"], stats["series_count"]) == (4, 1)
    assert (stats["writes"], stats["queued_row_count"]) == ("ok", 0)
    assert [kind["kind"] for kind in stats["kinds"]] == ["TICKS", "QUOTES", "CHAINS"]
    assert [kind["row_count"] for kind in stats["kinds"]] == [4, 0, 0]
    assert 0 < stats["file_bytes"] <= stats["file_bytes_max"]
    assert stats["disk_free_bytes"] > 0
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", stats["store_id"])


def test_stats_are_a_table_on_a_terminal(up_server):
    up_server.ingest(ROWS)
    code, shown = on_terminal(["storage", "stats", "--data-dir", up_server.data_dir])
    assert code == 0, shown
    shown = re.sub("\x1b\\[[0-9]*m", "", shown)
    assert re.search(r"^engine +lmdb$", shown, re.M), shown
    assert re.search(r"^rows +4$", shown, re.M), shown
    assert re.search(r"^kind +rows +series +on disk$", shown, re.M), shown
    assert re.search(r"^ticks +4 +1 +[0-9.]+ KiB$", shown, re.M), shown


def test_a_range_is_deleted_with_both_its_ends(server):
    server.ingest(ROWS)
    deleted = server.cli(
        "storage", "delete", "ticks", "NIFTY", "--start", f"{DAY}T10:00:01Z", "--end", f"{DAY} 10:00:02", "--yes"
    )
    assert (deleted.returncode, deleted.stderr) == (0, b"")
    assert json.loads(deleted.stdout) == {"deleted": 2}
    assert ids_of(server) == [0, 3]


def test_nothing_is_deleted_where_nobody_can_be_asked(up_server):
    up_server.ingest(ROWS)
    refused = up_server.cli("storage", "delete", "ticks", "NIFTY", "--start", DAY, "--end", "2025-01-26")
    assert (refused.returncode, refused.stdout) == (2, b"")
    assert b"--yes" in refused.stderr
    assert ids_of(up_server) == [0, 1, 2, 3]


@pytest.mark.parametrize("answer, left", [(b"n\n", [0, 1, 2, 3]), (b"\n", [0, 1, 2, 3]), (b"yes\n", []), (b"Y\n", [])])
def test_a_terminal_is_asked_before_anything_is_deleted(up_server, answer, left):
    up_server.ingest(ROWS)
    arguments = ["storage", "delete", "ticks", "NIFTY", "--start", DAY, "--end", "2025-01-26"]
    code, shown = on_terminal([*arguments, "--data-dir", up_server.data_dir], answer)
    assert "Delete the ticks of NIFTY from 2025-01-25 to 2025-01-26, both included? [y/N]" in shown
    assert code == (1 if left else 0)
    assert ("nothing was deleted" if left else "4 rows deleted") in shown
    assert ids_of(up_server) == left


@pytest.mark.parametrize(
    "arguments, text",
    [
        (["orders", "NIFTY", "--start", DAY, "--end", DAY], "ticks, quotes and chains"),
        (["ticks", "NIFTY", "--end", DAY], "--start is required"),
        (["ticks", "NIFTY", "--start", DAY], "--end is required"),
        (["ticks", "NIFTY", "--start", "yesterday", "--end", DAY], 'start: "yesterday" is no time'),
        (["ticks", "NIFTY", "--start", "2025-01-26", "--end", DAY], "end must not be before start"),
        (["ticks", "NIFTY", "--start", DAY, "--end", DAY, "--expiry", DAY], "expiry"),
    ],
)
def test_a_deletion_that_says_too_little_is_refused(up_server, arguments, text):
    refused = up_server.cli("storage", "delete", *arguments, "--yes")
    assert (refused.returncode, refused.stdout) == (2, b"")
    assert text in refused.stderr.decode()


def test_retention_deletes_by_rule_and_a_dry_run_only_counts(server):
    server.ingest(
        [
            {"product": "NIFTY", "price": 1, "timestamp": ago(days=10), "tick_id": 1},
            {"product": "NIFTY", "price": 1, "timestamp": ago(days=2), "tick_id": 2},
            {"product": "SENSEX", "price": 1, "timestamp": ago(days=2), "tick_id": 1},
        ]
    )
    rules = ["--rule", "ticks=1d", "--rule", "ticks/NIFTY=1w"]
    for dry_run in ("--dry-run", None):
        done = server.cli("storage", "retention", *rules, *([dry_run] if dry_run else []))
        assert (done.returncode, done.stderr) == (0, b"")
        results = json.loads(done.stdout)["results"]
        assert [(result["rule"]["product"], result["deleted"]) for result in results] == [("", 1), ("NIFTY", 1)]
        assert stats_of(server)["row_count"] == (3 if dry_run else 1)
    assert ids_of(server) == [2]


def test_retention_without_rules_says_so(up_server):
    refused = up_server.cli("storage", "retention")
    assert refused.returncode != 0
    assert b"--retain" in refused.stderr


def test_a_bad_rule_of_the_command_is_refused_by_its_text(up_server):
    refused = up_server.cli("storage", "retention", "--rule", "ticks=30d", "--rule", "quotes=soon")
    assert refused.returncode == 2
    assert b'"quotes=soon"' in refused.stderr and b"7d12h" in refused.stderr


@pytest.mark.parametrize("kind", ["up", "daemons"])
def test_rules_of_the_start_work_by_themselves(launcher, tmp_path, kind):
    data_dir = tmp_path / "data"
    first = launcher.server(kind, data_dir)
    first.ingest(
        [
            {"product": "NIFTY", "price": 1, "timestamp": ago(days=10), "tick_id": 1},
            {"product": "NIFTY", "price": 1, "timestamp": ago(minutes=10), "tick_id": 2},
        ]
    )
    for program in first.programs:
        assert program.stop() == 0
    arguments = ["--retain", "ticks=1d", "--retention-interval", "1s"]
    if kind == "up":
        second = launcher.up(data_dir, *arguments)
    else:
        second = None
        storage = launcher.start("deltastream-storaged", "--data-dir", data_dir, *arguments)
        storage.wait_ready()

    def listed():
        done = run_cli("ticks", "list", "NIFTY", "--data-dir", data_dir)
        return [json.loads(line)["tick_id"] for line in done.stdout.splitlines()]

    wait_until(lambda: listed() == [2])
    if second is not None:
        text = second.get("/metrics").body.decode()
        assert re.search(r"^ds_storage_retention_deleted_rows_total 1$", text, re.M), text
        assert re.search(r"^ds_storage_tick_rows 1$", text, re.M), text
        assert re.search(r"^ds_storage_writes_state 0$", text, re.M), text


@pytest.mark.parametrize("program", [["deltastream-storaged"], ["deltastream", "up"]])
@pytest.mark.parametrize(
    "rules, text",
    [
        (["tick=30d"], '"tick=30d"'),
        (["ticks=30"], '"ticks=30"'),
        (["ticks=1s"], "one minute"),
        (["ticks=1d", "ticks=2d"], '"ticks=2d"'),
    ],
)
def test_a_bad_rule_stops_the_start(tmp_path, program, rules, text):
    flags = [flag for rule in rules for flag in ("--retain", rule)]
    done = subprocess.run(
        [binary(program[0]), *program[1:], "--data-dir", str(tmp_path), *flags],
        capture_output=True, timeout=seconds(20), env=clean_environment(), check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.decode().startswith(f"{' '.join(program)}: retain")
    assert text in done.stderr.decode()


def test_rules_of_one_variable_stand_with_commas(tmp_path):
    def complete(rules):
        return subprocess.run(
            [binary("deltastream-storaged"), "--data-dir", str(tmp_path), "--print-config"],
            capture_output=True, timeout=seconds(20), env=clean_environment({"DS_RETAIN": rules}), check=False,
        )  # fmt: skip

    assert complete("ticks=30d,quotes/NIFTY=7d12h").returncode == 0
    refused = complete("ticks=30d,quotes/NIFTY=soon")
    assert refused.returncode == 2
    assert b'retain (from DS_RETAIN): "quotes/NIFTY=soon": ' in refused.stderr
    too_many = complete(",".join(f"ticks/P{i}=1d" for i in range(257)))
    assert too_many.returncode == 2
    assert b"at most 256 rules" in too_many.stderr


ADMIN_REQUESTS = [
    ("GET", "/v1/admin/storage/stats", None),
    ("POST", "/v1/admin/storage/delete-range", b'{"kind":"TICKS","key":"NIFTY","start":"2025-01-01T00:00:00Z","end":"2026-01-01T00:00:00Z"}'),
    ("POST", "/v1/admin/storage/retention", b'{"rules":[{"kind":"TICKS","keep":"60s"}]}'),
]  # fmt: skip


@pytest.mark.parametrize("method, target, body", ADMIN_REQUESTS)
def test_nobody_cares_for_the_store_without_credentials(server, method, target, body):
    server.ingest(ROWS)
    refused = server.request(method, target, body, {"Content-Type": "application/json"})
    assert refused.status == 401, refused
    assert refused.json()["detail"] == "this needs the permission admin, which a caller without credentials does not have"
    assert ids_of(server) == [0, 1, 2, 3]
