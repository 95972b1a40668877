"""The command line: its data on stdout, its messages on stderr, its exit codes."""

import csv
import json
import os
import pty
import signal
import socket
import subprocess

import pytest

from programs import binary, clean_environment, run_cli, seconds

ROWS = [
    {"product": "NIFTY", "price": 21500, "timestamp": "2025-01-25T10:00:00Z", "tick_id": 1,
     "processed_at": "2025-01-25T10:00:01Z", "volume": 7},
    {"product": "NIFTY", "price": 21500.5, "timestamp": "2025-01-25T10:00:01Z", "tick_id": 2,
     "processed_at": "2025-01-25T10:00:02Z"},
]  # fmt: skip


def lines(text):
    return [json.loads(line) for line in text.decode().splitlines()]


def test_rows_are_ndjson_in_a_pipe_and_newest_first(server):
    server.ingest(ROWS)
    listed = server.cli("ticks", "list", "NIFTY")
    assert (listed.returncode, listed.stderr) == (0, b"")
    assert lines(listed.stdout) == ROWS[::-1]


@pytest.mark.parametrize("variables, bold", [({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_rows_are_a_table_on_a_terminal(up_server, variables, bold):
    up_server.ingest(ROWS)
    terminal, theirs = pty.openpty()
    environment = clean_environment()
    environment.pop("NO_COLOR", None)
    environment.update(variables)
    done = subprocess.run(
        [binary("deltastream"), "ticks", "list", "NIFTY", "--data-dir", str(up_server.data_dir)],
        stdout=theirs, stderr=subprocess.PIPE, env=environment, timeout=seconds(20), check=False,
    )  # fmt: skip
    shown = os.read(terminal, 65536)
    os.close(terminal)
    os.close(theirs)
    assert done.returncode == 0, done.stderr
    assert (b"\x1b[" in shown) == bold
    head, *rows = shown.replace(b"\x1b[1m", b"").replace(b"\x1b[0m", b"").decode().splitlines()
    assert head.split() == ["product", "price", "timestamp", "tick_id", "processed_at", "volume"]
    assert [row.split()[1] for row in rows] == ["21500.5", "21500"]


def test_every_output_format_has_the_same_rows(server):
    server.ingest(ROWS)
    as_json = json.loads(server.cli("ticks", "list", "NIFTY", "-o", "json").stdout)
    assert as_json == ROWS[::-1]
    as_csv = server.cli("ticks", "list", "NIFTY", "-ocsv").stdout.decode()
    assert [float(row["price"]) for row in csv.DictReader(as_csv.splitlines())] == [21500.5, 21500]


def test_a_list_is_cut_and_says_how_to_go_on(server):
    server.ingest(ROWS)
    first = server.cli("ticks", "list", "NIFTY", "--limit", "1")
    assert [row["tick_id"] for row in lines(first.stdout)] == [2]
    assert first.stderr.startswith(b"there are more rows: --page-token ")
    token = first.stderr.split()[5].rstrip(b",").decode()
    second = server.cli("ticks", "list", "NIFTY", "--limit", "1", "--page-token", token)
    assert [row["tick_id"] for row in lines(second.stdout)] == [1]


def test_all_pages_are_followed_to_the_end(server):
    server.ingest(ROWS)
    listed = server.cli("ticks", "list", "NIFTY", "--all", "--limit", "1", "--order", "asc")
    assert lines(listed.stdout) == ROWS


def test_listed_rows_can_be_ingested_again(server):
    server.ingest(ROWS)
    listed = server.cli("ticks", "list", "NIFTY").stdout
    again = server.cli("ticks", "ingest", "-", stdin=listed)
    assert again.returncode == 0
    assert b"2 rows read, 0 accepted (0 late), 2 duplicate, 0 rejected" in again.stderr


@pytest.mark.parametrize("form", ["ndjson", "one line", "many lines"])
def test_ingest_takes_ndjson_and_documents(server, form):
    body = {
        "ndjson": "\n\n".join(json.dumps(row) for row in ROWS),
        "one line": json.dumps({"ticks": ROWS}),
        "many lines": json.dumps({"ticks": ROWS}, indent=2),
    }[form]
    done = server.cli("ticks", "ingest", stdin=body.encode())
    assert (done.returncode, done.stdout) == (0, b""), done.stderr
    assert b"2 rows read, 2 accepted" in done.stderr
    assert server.get("/v1/ticks/NIFTY").json()["count"] == 2


def test_ingest_tells_bad_rows_by_line_and_ends_with_1(server):
    body = f"{json.dumps(ROWS[0])}\n\n{{\"prise\": 1}}\n{json.dumps({**ROWS[1], 'price': -1})}\n"
    done = server.cli("ticks", "ingest", "--on-error", "skip", stdin=body.encode())
    assert done.returncode == 1
    assert b"line 3: " in done.stderr and b"line 4: " in done.stderr
    assert b"3 rows read, 1 accepted (0 late), 0 duplicate, 2 rejected" in done.stderr


def test_call_takes_a_method_by_its_short_and_full_name(server):
    server.ingest(ROWS)
    for method in ("LatestTick", "deltastream.storage.v1.Storage/LatestTick"):
        done = server.cli("call", method, '{"product": "NIFTY"}')
        assert (done.returncode, lines(done.stdout)) == (0, [ROWS[1]]), done.stderr


def test_call_takes_its_request_from_a_file_and_from_stdin(server, folder):
    request = folder / "request.json"
    request.write_text(json.dumps({"ticks": ROWS}))
    done = server.cli("call", "IngestTicks", f"@{request}")
    assert lines(done.stdout)[0]["accepted"] == 2, done.stderr
    done = server.cli("call", "ListProducts", "-", stdin=b"{}")
    assert lines(done.stdout) == [{"products": ["NIFTY"]}]


def test_products_are_listed_one_a_line(server):
    assert server.cli("products", "list").stdout == b""
    server.ingest([*ROWS, {**ROWS[0], "product": "A"}])
    assert server.cli("products", "list").stdout == b"A\nNIFTY\n"


FAILURES = [
    (["call", "LatestTick", '{"product": "NOTHING"}'], 3, "NOT_FOUND"),
    (["ticks", "list", "A/B"], 2, "INVALID_ARGUMENT"),
    (["ticks", "list", "A", "--page-token", "x"], 2, "INVALID_PAGE_TOKEN"),
    (["ticks", "list", "A", "--start", "yesterday"], 2, 'start: "yesterday"'),
    (["ticks", "list", "A", "--limit", "0"], 2, "limit"),
    (["call", "LatestTikc"], 2, 'did you mean "LatestTick"?'),
    (["call", "LatestTick", "{"], 2, "byte 1"),
    (["call", "LatestTick", '{"prodct": "X"}'], 2, "/prodct"),
    (["call", "LatestTick", "@/nonexistent"], 1, "/nonexistent"),
    (["import", "/nonexistent", "--product", "X", "--map", "timestamp=0"], 1, "/nonexistent"),
    (["import", "/dev/null", "--product", "X", "--map", "timestmap=0"], 2, 'did you mean "timestamp"?'),
    (["import", "/dev/null", "--map", "timestamp=0"], 2, "--product NAME"),
    (["import", "/dev/null", "--product", "X", "--header", "no"], 2, "without a header line --map has to say"),
    (["import", "/", "--product", "X", "--map", "timestamp=0,price=1"], 1, '"/" is a folder; name a file'),
]  # fmt: skip


@pytest.mark.parametrize("arguments, code, message", FAILURES)
def test_a_failure_has_its_exit_code_and_says_why_on_stderr(shared_server, arguments, code, message):
    done = shared_server.cli(*arguments)
    assert done.returncode == code, done.stderr
    assert done.stdout == b""
    assert message in done.stderr.decode()


def test_a_refused_caller_ends_with_4(launcher, data_dir):
    launcher.up(data_dir, "--anonymous", "none", "--rpc-listen", "tcp://127.0.0.1:0")
    native = [line for line in launcher.programs[0].stdout_lines if "tcp://" in line]
    url = native[0].removeprefix("ready ").strip() if native else launcher.programs[0].wait_ready()[0]
    done = run_cli("products", "list", "--connect", url)
    assert done.returncode == 4, done.stderr


def test_where_nothing_listens_it_says_what_to_do_and_ends_with_6(folder):
    done = run_cli("products", "list", "--data-dir", folder / "data")
    assert (done.returncode, done.stdout) == (6, b"")
    assert b"nothing listens at ipc://" in done.stderr and b"deltastream up" in done.stderr


def test_a_socket_that_a_killed_server_left_is_known_to_be_dead(launcher, data_dir):
    server = launcher.up(data_dir)
    server.programs[0].kill()
    assert (data_dir / "run" / "storage.sock").is_socket()
    done = server.cli("products", "list")
    assert done.returncode == 6
    assert b"nothing listens at" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root to become another user")
def test_a_service_of_another_user_is_told_from_one_that_does_not_run(launcher, folder, data_dir):
    launcher.up(data_dir)
    folder.chmod(0o755)
    # Another user may not reach binaries below /root; they are lent by an open file.
    file = os.open(binary("deltastream"), os.O_RDONLY)
    done = subprocess.run(
        [f"/proc/self/fd/{file}", "products", "list", "--data-dir", str(data_dir)],
        capture_output=True, user="nobody", group="nogroup", extra_groups=[], pass_fds=[file],
        env=clean_environment(), timeout=seconds(20), check=False, cwd="/",
    )  # fmt: skip
    os.close(file)
    assert (done.returncode, done.stdout) == (6, b"")
    assert b"this user may not reach ipc://" in done.stderr and b"nothing listens" not in done.stderr


def test_a_tcp_service_that_does_not_answer_ends_with_6():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        done = run_cli("products", "list", "--connect", url, "--timeout", "300ms")
    assert done.returncode == 6, done.stderr
    assert url.encode() in done.stderr


def test_native_tcp_serves_the_command_line(launcher, data_dir):
    storage = launcher.start("deltastream-storaged", "--data-dir", data_dir, "--listen", "tcp://127.0.0.1:0")
    (url,) = storage.wait_ready()
    done = run_cli("ticks", "ingest", "--connect", url, stdin=json.dumps(ROWS[0]).encode())
    assert done.returncode == 0, done.stderr
    assert run_cli("products", "list", environment={"DS_CONNECT": url}).stdout == b"NIFTY\n"


def test_a_reader_that_goes_away_is_no_error(server):
    server.ingest([{**ROWS[0], "tick_id": number} for number in range(10000)])
    command = [binary("deltastream"), "ticks", "list", "NIFTY", "--all", "--data-dir", str(server.data_dir)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment()
    ) as process:
        assert process.stdout.readline().startswith(b"{")
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(seconds(20)) == 0


@pytest.mark.parametrize("command", [
    ["ticks", "list", "NIFTY"],
    ["ticks", "tail", "NIFTY"],
    ["export", "ticks", "NIFTY"],
])  # fmt: skip
def test_output_that_can_not_be_written_is_an_error_that_is_told_once(up_server, command):
    up_server.ingest(ROWS)
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [binary("deltastream"), *command, "--data-dir", str(up_server.data_dir)],
            stdout=full, stderr=subprocess.PIPE, env=clean_environment(), timeout=seconds(20), check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count(b"No space left") == 1


MISTYPED = [
    (["tikcs", "list"], 'did you mean "deltastream ticks list"?'),
    (["ticks", "lsit"], 'did you mean "deltastream ticks list"?'),
    (["improt"], 'did you mean "deltastream import"?'),
    (["ticks", "list", "X", "--limti", "3"], 'did you mean "--limit"?'),
    (["prodcts"], 'did you mean "deltastream products list"?'),
    (["xylophone"], "deltastream --help lists them"),
    (["ticks"], "ticks ingest"),
    (["--demo"], "flags go behind a command"),
    (["ticks", "list"], "an argument is missing"),
]


@pytest.mark.parametrize("arguments, message", MISTYPED)
def test_a_mistyped_command_is_told_what_was_meant(arguments, message):
    done = run_cli(*arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert message in done.stderr.decode()


@pytest.mark.parametrize("arguments", [["--help"], ["help"], ["-h"]])
def test_help_lists_examples_first_and_every_command(arguments):
    done = run_cli(*arguments)
    text = done.stdout.decode()
    assert (done.returncode, done.stderr) == (0, b"")
    assert text.index("Examples:") < text.index("Usage:") < text.index("Commands:")
    for command in ("up", "call", "import", "products list", "ticks list", "ticks ingest"):
        assert f"\n  {command} " in text


def test_help_of_a_noun_lists_what_goes_with_it():
    done = run_cli("help", "ticks")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"ticks list" in done.stdout and b"ticks ingest" in done.stdout and b"import" not in done.stdout


def test_help_tells_where_the_data_is_by_default():
    done = run_cli("up", "--help", environment={"XDG_DATA_HOME": "/srv/home"})
    where = "/var/lib/deltastream" if os.geteuid() == 0 else "/srv/home/deltastream"
    assert f"[{where}]" in done.stdout.decode()


@pytest.mark.parametrize("command", ["up", "call", "import", "products list", "ticks list", "ticks ingest"])
def test_every_command_has_help_with_examples_first(command):
    asked = run_cli(*command.split(), "--help")
    text = asked.stdout.decode()
    assert asked.returncode == 0
    assert text.index("Examples:") < text.index(f"Usage: deltastream {command}") < text.index("Flags:")
    assert run_cli("help", *command.split()).stdout == asked.stdout


def test_no_command_shows_the_help_on_stderr_and_ends_with_2():
    done = run_cli()
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"Commands:" in done.stderr


def test_the_version_is_told():
    done = run_cli("--version")
    assert done.returncode == 0
    assert done.stdout.startswith(b"deltastream ")


def test_the_demo_has_fresh_rows_at_once_and_goes_on_after_a_restart(launcher, data_dir):
    server = launcher.up(data_dir, "--demo", "--anonymous", "read")
    reply = server.get("/underlying/NIFTY?limit=5").json()
    assert reply["count"] == 5
    assert server.get("/products").json()["products"] == ["BANKNIFTY", "FINNIFTY", "NIFTY", "SENSEX"]
    for tick in reply["ticks"]:
        assert tick["low"] <= tick["price"] <= tick["high"]
    assert server.programs[0].stop(signal.SIGINT) == 0
    log = server.programs[0].log()
    assert "curl '" in log and "deltastream ticks list" in log and "/health" in log

    before = launcher.up(data_dir).get("/v1/ticks/NIFTY/latest").json()
    assert launcher.programs[-1].stop() == 0
    server = launcher.up(data_dir, "--demo")
    while (after := server.get("/v1/ticks/NIFTY/latest").json()) == before:
        assert server.programs[0].process.poll() is None
    assert after["tick_id"] > before["tick_id"]
    assert abs(after["price"] / before["price"] - 1) < 0.01
