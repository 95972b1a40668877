"""What scripts may rely on of every command: help, pipes, exit codes, output forms, settings."""

import csv
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios

import pytest

from programs import binary, clean_environment, run_cli, seconds

ROWS = [
    {"product": "NIFTY", "price": 21500 + number, "timestamp": f"2025-01-25T10:00:{number:02}Z", "tick_id": number}
    for number in range(10)
]  # fmt: skip


def commands():
    """The words of every command, as help lists them."""
    text = run_cli("--help").stdout.decode()
    listed = text[text.index("Commands:") :].splitlines()[1:]
    return [line[2:25].strip() for line in listed if line.startswith("  ")]


def flags_of(command):
    return {
        line.split("\t")[0]
        for line in run_cli("__complete", *command.split(), "--").stdout.decode().splitlines()
        if line.startswith("--")
    }


@pytest.mark.parametrize("command", commands())
def test_help_of_every_command_names_every_flag_examples_first(command):
    done = run_cli(*command.split(), "--help")
    text = done.stdout.decode()
    assert (done.returncode, done.stderr) == (0, b"")
    assert text.index("Examples:") < text.index(f"Usage: deltastream {command}") < text.index("Flags:")
    flags = flags_of(command)
    assert {"--help", "--version", "--config", "--print-config"} <= flags
    for flag in flags:
        assert re.search(rf"(^|[ ,]){re.escape(flag)}( |$)", text, re.MULTILINE), flag
    assert all(len(line) <= 100 for line in text.splitlines())


def test_help_fits_100_columns():
    assert all(len(line) <= 100 for line in run_cli("--help").stdout.decode().splitlines())


def test_a_refused_request_is_told_in_one_line(up_server):
    for arguments in (["ticks", "list", "A/B"], ["analytics", "ohlc", "NOBODY"], ["call", "ListTicks"]):
        told = up_server.cli(*arguments).stderr.decode().splitlines()
        assert len(told) == 1, told


def test_a_command_that_ends_without_a_call_leaves_the_service_listening(up_server):
    for _ in range(20):
        assert up_server.cli("ticks", "asof", "NIFTY", "noon").returncode == 2
        done = up_server.cli("products", "list")
        assert done.returncode == 0, done.stderr


def test_one_config_file_serves_every_command(up_server, folder):
    up_server.ingest(ROWS)
    file = folder / "shared.conf"
    file.write_text(f"data-dir = {up_server.data_dir}\nlimit = 2\noutput = csv\nlisten = 127.0.0.1:0\nreplay = none.csv\n")
    variables = {"DS_CONFIG": str(file)}
    assert len(run_cli("ticks", "list", "NIFTY", environment=variables).stdout.splitlines()) == 3
    # What a command cannot do is its own default unless a flag asks for it.
    stats = run_cli("storage", "stats", environment=variables)
    assert stats.returncode == 0 and json.loads(stats.stdout)["row_count"] == 10
    assert run_cli("storage", "stats", "-o", "csv", environment=variables).returncode == 2
    exported = run_cli("export", "ticks", "NIFTY", environment=variables)
    assert len(exported.stdout.splitlines()) == 10, exported.stderr
    file.write_text("limti = 2\n")
    refused = run_cli("ticks", "list", "NIFTY", environment=variables)
    assert refused.returncode == 2 and b'did you mean "limit"' in refused.stderr


def on_terminal(arguments, width=80, environment=None):
    """What the command writes to a terminal of that width."""
    terminal, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    variables = clean_environment({"TERM": "xterm", **(environment or {})})
    for name in ("NO_COLOR", "COLUMNS"):
        if name not in (environment or {}):
            variables.pop(name, None)
    done = subprocess.run(
        [binary("deltastream"), *[str(argument) for argument in arguments]],
        stdout=theirs, stderr=subprocess.PIPE, env=variables, timeout=seconds(20), check=False,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(terminal)
    assert done.returncode == 0, done.stderr
    return shown.decode()


def test_a_table_on_a_terminal_leaves_columns_out_and_keeps_times_whole(up_server):
    up_server.ingest(ROWS)
    shown = on_terminal(["ticks", "list", "NIFTY", "--data-dir", up_server.data_dir], width=60)
    head, *rows = re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()
    assert len(rows) == 10
    assert max(len(line) for line in [head, *rows]) <= 60
    assert head.endswith("…") and "2025-01-25T10:00:09Z" in rows[0] and "21509" in rows[0]


def test_a_narrow_table_cuts_texts_before_it_has_too_few_columns():
    lines = on_terminal(["list"], environment={"NO_COLOR": "1"}).splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert lines[0].split() == ["method", "permission", "route", "service"] and "…" in lines[2]


def test_a_pipe_has_no_colours_and_whole_values(up_server):
    up_server.ingest(ROWS)
    listed = up_server.cli("ticks", "list", "NIFTY", "-o", "table", environment={"TERM": "xterm", "COLUMNS": "40"})
    assert b"\x1b" not in listed.stdout and "…".encode() not in listed.stdout
    assert b"2025-01-25T10:00:09Z" in listed.stdout


def test_head_ends_a_list_without_a_word(up_server):
    up_server.ingest([{**ROWS[0], "tick_id": number} for number in range(10000)])
    command = f"'{binary('deltastream')}' ticks list NIFTY --all --data-dir '{up_server.data_dir}' | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=seconds(60), env=clean_environment(), check=True)
    row, code = done.stdout.splitlines()
    assert json.loads(row)["product"] == "NIFTY"
    assert (code, done.stderr) == (b"0", b"")


def test_quiet_leaves_the_hint_out(up_server):
    up_server.ingest(ROWS)
    assert b"there are more rows" in up_server.cli("ticks", "list", "NIFTY", "--limit", "1").stderr
    assert up_server.cli("ticks", "list", "NIFTY", "--limit", "1", "-q").stderr == b""


def test_the_newest_tick_of_several_products(up_server):
    up_server.ingest([*ROWS, {**ROWS[0], "product": "BANKNIFTY"}])
    done = up_server.cli("ticks", "latest", "NIFTY", "BANKNIFTY")
    assert done.returncode == 0, done.stderr
    assert [(row["product"], row["tick_id"]) for row in map(json.loads, done.stdout.splitlines())] == [("NIFTY", 9), ("BANKNIFTY", 0)]


def test_a_product_without_ticks_is_told_and_ends_with_3(up_server):
    up_server.ingest(ROWS)
    done = up_server.cli("tick", "latest", "NIFTY", "NOTHING")
    assert done.returncode == 3
    assert json.loads(done.stdout)["product"] == "NIFTY"
    assert b'nothing of "NOTHING"' in done.stderr


def test_asof_takes_its_operands_in_order(up_server):
    up_server.ingest(ROWS)
    done = up_server.cli("ticks", "asof", "NIFTY", "2025-01-25 10:00:05.5")
    assert json.loads(done.stdout)["tick_id"] == 5, done.stderr
    old = up_server.cli("ticks", "asof", "NIFTY", "2025-01-25T11:00:00Z", "--tolerance", "5min")
    assert (old.returncode, old.stdout) == (3, b"")


def test_one_row_is_a_line_a_value_on_a_terminal(up_server):
    up_server.ingest(ROWS)
    shown = on_terminal(["ticks", "asof", "NIFTY", "2025-01-26", "--data-dir", up_server.data_dir], environment={"NO_COLOR": "1"})
    assert dict(line.split(maxsplit=1) for line in shown.splitlines())["price"] == "21509"
    assert "\x1b" not in shown


NAMES = [("ndjson", b'"A"\n"NIFTY"\n'), ("json", b'[\n "A",\n "NIFTY"\n]\n'), ("csv", b"product\nA\nNIFTY\n"), ("table", b"A\nNIFTY\n")]


@pytest.mark.parametrize("form, text", NAMES)
def test_names_are_listed_in_every_form(up_server, form, text):
    up_server.ingest([ROWS[0], {**ROWS[0], "product": "A"}])
    assert up_server.cli("products", "list", "-o", form).stdout == text


def test_bars_have_their_numbers_in_csv(up_server):
    up_server.ingest(ROWS)
    done = up_server.cli("bars", "list", "NIFTY", "--interval", "5s", "--order", "asc", "-o", "csv")
    assert done.returncode == 0, done.stderr
    bars = list(csv.DictReader(done.stdout.decode().splitlines()))
    assert [(bar["open"], bar["close"], bar["num_ticks"]) for bar in bars] == [("21500", "21504", "5"), ("21505", "21509", "5")]


def quote(kind, strike, interest):
    return {
        "symbol": f"NIFTY20250130{kind}{strike}", "product": "NIFTY", "strike": strike, "expiry": "2025-01-30",
        "option_type": "CALL" if kind == "C" else "PUT", "last": 100, "iv": 0.25, "open_interest": interest, "volume": 5,
        "timestamp": "2025-01-25T10:00:00Z",
    }  # fmt: skip


@pytest.fixture
def options_server(up_server):
    """One chain of two strikes and its four quotes."""
    quotes = [quote("C", 21000, 10), quote("C", 22000, 30), quote("P", 21000, 20), quote("P", 22000, 40)]
    chain = {
        "product": "NIFTY", "expiry": "2025-01-30", "spot_price": 21400, "calls": quotes[:2], "puts": quotes[2:],
        "timestamp": "2025-01-25T10:00:00Z",
    }  # fmt: skip
    for method, body in (("IngestQuotes", {"quotes": quotes}), ("IngestChains", {"chains": [chain]})):
        done = up_server.cli("call", method, "-", stdin=json.dumps(body).encode())
        assert done.returncode == 0, done.stderr
    return up_server


def rows_of(server, *arguments):
    done = server.cli(*arguments)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_quotes_chains_and_their_names_are_listed(options_server):
    assert options_server.cli("expiries", "list", "NIFTY").stdout == b"2025-01-30\n"
    assert options_server.cli("strikes", "list", "NIFTY", "2025-01-30").stdout == b"21000\n22000\n"
    assert options_server.cli("strikes", "list", "NIFTY", "2025-01-30", "-o", "json").stdout == b"[\n 21000,\n 22000\n]\n"
    symbols = options_server.cli("symbols", "list", "NIFTY", "--limit", "3", "--all").stdout.split()
    assert len(symbols) == 4 and symbols[0] == b"NIFTY20250130C21000"
    assert [row["open_interest"] for row in rows_of(options_server, "quote", "list", "NIFTY20250130P22000")] == [40]
    assert [row["symbol"] for row in rows_of(options_server, "quotes", "latest", "NIFTY20250130P22000")] == ["NIFTY20250130P22000"]
    (chain,) = rows_of(options_server, "chains", "list", "NIFTY", "--expiry", "2025-01-30")
    assert chain["product"] == "NIFTY" and len(chain["calls"]) == 2
    assert rows_of(options_server, "chains", "list", "NIFTY", "--expiry", "2025-02-27") == []
    in_csv = options_server.cli("chains", "list", "NIFTY", "-o", "csv").stdout.decode()
    (record,) = csv.DictReader(in_csv.splitlines())
    assert [call["strike"] for call in json.loads(record["calls"])] == [21000, 22000]
    table = options_server.cli("chains", "list", "NIFTY", "-o", "table").stdout.decode().splitlines()
    assert dict(zip(table[0].split(), table[1].split()))["puts"] == "2"


def test_analytics_are_commands(options_server):
    (ratio,) = rows_of(options_server, "analytics", "pcr", "NIFTY")
    assert ratio["pcr_oi"] == 1.5
    assert rows_of(options_server, "analytics", "pcr", "NIFTY", "--expiry", "2025-01-30") == [ratio]
    assert rows_of(options_server, "analytics", "pcr", "NIFTY", "--history") == [ratio]
    (pain,) = rows_of(options_server, "analytics", "max-pain", "NIFTY", "2025-01-30")
    assert pain["total_put_oi"] == 60 and pain["max_pain_strike"] in (21000, 22000)
    (buildup,) = rows_of(options_server, "analytics", "oi-buildup", "NIFTY", "2025-01-30")
    assert buildup["call_buildup"]["otm"] == 30
    points = rows_of(options_server, "analytics", "surface", "NIFTY")
    assert [(point["strike"], point["option_type"], point["iv"]) for point in points][0] == (21000, "CALL", 0.25)
    (expiry,) = rows_of(options_server, "analytics", "surface", "NIFTY", "--by", "expiry")
    assert expiry["num_quotes"] == 4 and expiry["strikes"] == [21000, 22000]
    options_server.ingest(ROWS)
    (ohlc,) = rows_of(options_server, "analytics", "ohlc", "NIFTY", "--window", "1")
    assert (ohlc["open"], ohlc["close"], ohlc["num_ticks"]) == (21500, 21509, 10)


def test_a_wide_table_leaves_columns_out_on_a_terminal(options_server):
    shown = on_terminal(["chains", "list", "NIFTY", "--data-dir", options_server.data_dir], environment={"NO_COLOR": "1"})
    head, row = shown.splitlines()
    assert head.endswith("…") and len(head) <= 80 and len(row) <= 80


def test_a_config_file_gives_values_and_print_config_their_origin(folder):
    file = folder / "cli.conf"
    file.write_text("limit = 7\noutput = csv\n")
    done = run_cli("ticks", "list", "NIFTY", "--config", file, "--print-config", "--order", "asc", environment={"DS_OUTPUT": "json"})
    assert done.returncode == 0, done.stderr
    values = dict(line.split(" = ", 1) for line in done.stdout.decode().splitlines())
    assert values["limit"] == f"7  # {file}:1"
    assert values["output"] == "json  # DS_OUTPUT"
    assert values["order"] == "asc  # --order"
    assert values["timeout"].endswith("# default")


@pytest.mark.parametrize("command", ["list", "describe X", "completion bash", "man /dev/null/none", "contexts list", "doctor"])
def test_print_config_does_nothing_else(command):
    done = run_cli(*command.split(), "--print-config")
    assert (done.returncode, done.stderr) == (0, b"")
    assert all(" # " in line for line in done.stdout.decode().splitlines())


MISTYPED = [
    (["quote", "lits", "X"], 'did you mean "deltastream quotes list"?'),
    (["analytics", "max-pian"], 'did you mean "deltastream analytics max-pain"?'),
    (["ticks", "list", "X", "-o", "jsno"], 'did you mean "json"?'),
    (["ticks", "list", "X", "--order", "acs"], 'did you mean "asc"?'),
    (["describe", "Tikc"], 'did you mean "Tick"?'),
    (["list", "Storag"], 'did you mean "Storage"?'),
    (["completion", "bsh"], 'did you mean "bash"?'),
]  # fmt: skip


@pytest.mark.parametrize("arguments, message", MISTYPED)
def test_every_kind_of_mistyped_word_is_told_what_was_meant(arguments, message):
    done = run_cli(*arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert message in done.stderr.decode()


def test_list_and_describe_need_no_service():
    listed = [json.loads(line) for line in run_cli("list", "Storage").stdout.splitlines()]
    latest = next(row for row in listed if row["method"] == "LatestTick")
    assert latest == {
        "method": "LatestTick", "permission": "market:read", "route": "GET /v1/ticks/{product}/latest",
        "service": "deltastream.storage.v1.Storage",
    }  # fmt: skip
    text = run_cli("describe", "ListTicks").stdout.decode()
    assert "permission   market:read" in text and "at most 16384 bytes" in text
    assert "route        GET /v1/ticks/{product}\n" in text
    assert "route        GET /underlying/{product} (profile T)\n" in text
    assert re.search(r"4 +limit +optional int32\n", text)
    assert re.search(r"3 +ticks +repeated deltastream.storage.v1.Tick\n", text)
    assert "1  ORDER_DESC" in run_cli("describe", "Order").stdout.decode()
    assert "OptionChain" in run_cli("describe", "deltastream.storage.v1.OptionChain").stdout.decode()
    assert "GetBars" in run_cli("describe", "Storage").stdout.decode()


def findings(done):
    return {row["check"]: row for row in map(json.loads, done.stdout.splitlines())}


def test_doctor_finds_a_sound_service_sound(up_server):
    up_server.ingest(ROWS)
    done = up_server.cli("doctor")
    found = findings(done)
    assert done.returncode == 0, done.stdout
    assert found["connection"]["state"] == found["version"]["state"] == found["data folder"]["state"] == "OK"
    assert found["writes"]["message"] == "ok" and "format" in found["store"]["message"]
    assert found["disk"]["state"] in ("OK", "WARN") and found["clock"]["state"] == "OK"


def test_doctor_says_what_to_do_where_nothing_listens(folder):
    done = run_cli("doctor", "--data-dir", folder / "data")
    assert (done.returncode, done.stderr) == (1, b"")
    found = findings(done)["connection"]
    assert found["state"] == "FAIL" and "deltastream up" in found["advice"]


def test_doctor_warns_of_a_data_folder_that_others_may_enter(up_server):
    up_server.data_dir.chmod(0o755)
    warned = findings(up_server.cli("doctor"))["data folder"]
    assert warned["state"] == "WARN" and "chmod 700" in warned["advice"]
    up_server.data_dir.chmod(0o770)
    failed = up_server.cli("doctor")
    assert failed.returncode == 1 and findings(failed)["data folder"]["state"] == "FAIL"


def test_doctor_speaks_to_a_person_on_a_terminal(up_server):
    up_server.ingest(ROWS)
    shown = on_terminal(["doctor", "--data-dir", up_server.data_dir], width=40)
    assert re.search(r"^OK +connection +deltastream/", shown, re.MULTILINE)


def test_doctor_tells_a_service_whose_data_is_of_the_future(launcher, data_dir):
    storage = launcher.start("deltastream-storaged", "--data-dir", data_dir, "--listen", "tcp://127.0.0.1:0")
    (url,) = storage.wait_ready()
    row = {**ROWS[0], "processed_at": "2999-01-01T00:00:00Z"}
    assert run_cli("ticks", "ingest", "--connect", url, stdin=json.dumps(row).encode()).returncode == 0
    done = run_cli("doctor", "--connect", url)
    assert findings(done)["clock"]["state"] == "FAIL", done.stdout
    assert done.returncode == 1
