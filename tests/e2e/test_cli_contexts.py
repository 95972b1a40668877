"""Contexts: kept safely, and where they stand among the sources of a setting."""

import json

import pytest

from programs import run_cli


@pytest.fixture
def home(folder):
    return {"XDG_CONFIG_HOME": str(folder / "config")}


def printed(*arguments, environment):
    done = run_cli(*arguments, "--print-config", environment=environment)
    assert done.returncode == 0, done.stderr
    return dict(line.split(" = ", 1) for line in done.stdout.decode().splitlines() if " = " in line)


def add_work(home):
    done = run_cli(
        "contexts", "add", "work", "--connect", "tcp://127.0.0.1:9", "--timeout", "3s", "-o", "csv", environment=home
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_contexts_are_added_listed_used_and_removed(home, folder):
    add_work(home)
    assert run_cli("contexts", "add", "test", "--data-dir", "here", environment=home, cwd=folder).returncode == 0
    assert run_cli("contexts", "use", "work", environment=home).returncode == 0
    rows = [json.loads(line) for line in run_cli("contexts", "list", environment=home).stdout.splitlines()]
    assert rows == [
        {"name": "test", "data-dir": str(folder / "here")},
        {"name": "work", "current": "yes", "connect": "tcp://127.0.0.1:9", "timeout": "3000ms", "output": "csv"},
    ]
    assert run_cli("context", "remove", "work", environment=home).returncode == 0
    assert b"work" not in run_cli("contexts", "list", environment=home).stdout
    assert printed("products", "list", environment=home)["connect"].startswith("ipc://")


def test_the_files_are_the_users_alone(home, folder):
    add_work(home)
    run_cli("contexts", "use", "work", environment=home)
    root = folder / "config" / "deltastream"
    modes = {path.name: path.stat().st_mode & 0o777 for path in [root, *root.rglob("*")]}
    assert modes == {"deltastream": 0o700, "contexts": 0o700, "work.conf": 0o600, "current-context": 0o600}


def test_a_context_that_others_can_write_stops_the_command(home, folder):
    add_work(home)
    file = folder / "config" / "deltastream" / "contexts" / "work.conf"
    file.chmod(0o666)
    done = run_cli("products", "list", "--context", "work", environment=home)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"chmod go-w" in done.stderr


def test_file_context_environment_flags_rise_in_this_order(home, folder):
    add_work(home)
    run_cli("contexts", "use", "work", environment=home)
    file = folder / "cli.conf"
    file.write_text("timeout = 1s\noutput = json\n")
    by_context = printed("ticks", "list", "X", "--config", file, environment=home)
    assert by_context["timeout"] == "3s  # context work"
    by_variable = printed("ticks", "list", "X", environment={**home, "DS_TIMEOUT": "4s"})
    assert by_variable["timeout"] == "4s  # DS_TIMEOUT"
    assert by_variable["connect"] == "tcp://127.0.0.1:9  # context work"
    by_flag = printed("ticks", "list", "X", "-o", "ndjson", environment=home)
    assert by_flag["output"] == "ndjson  # --output" or by_flag["output"] == "ndjson  # -o"


def test_a_context_named_by_a_flag_goes_before_variables(home):
    add_work(home)
    values = printed("ticks", "list", "X", "--context", "work", environment={**home, "DS_CONNECT": "tcp://127.0.0.1:7"})
    assert values["connect"] == "tcp://127.0.0.1:9  # context work"
    none = printed("ticks", "list", "X", environment={**home, "DS_CONTEXT": "none"})
    assert none["connect"].endswith("# default")


def test_a_data_folder_on_the_command_line_outranks_the_address_of_a_context(home, folder):
    add_work(home)
    values = printed("ticks", "list", "X", "--context", "work", "--data-dir", folder / "d", environment=home)
    assert values["connect"] == f"ipc://{folder}/d/run/storage.sock  # --data-dir"


def test_a_context_reaches_its_service(up_server, home):
    run_cli("contexts", "add", "here", "--data-dir", up_server.data_dir, environment=home)
    assert run_cli("products", "list", "--context", "here", environment=home).returncode == 0


FAILURES = [
    (["contexts", "use", "nowhere"], 3, 'no context "nowhere"'),
    (["contexts", "remove", "nowhere"], 3, 'no context "nowhere"'),
    (["contexts", "add", "none"], 2, "no name for a context"),
    (["contexts", "add", "../x"], 2, "no name for a context"),
    (["contexts", "add", "x", "--connect", "http://x"], 2, "ipc:///path, tcp://host:port or tls+tcp://host:port"),
    (["contexts", "add", "x", "--timeout", "soon"], 2, "a duration such as"),
    (["products", "list", "--context", "nowhere"], 2, 'no context "nowhere"'),
]  # fmt: skip


@pytest.mark.parametrize("arguments, code, message", FAILURES)
def test_a_failure_says_why(home, arguments, code, message):
    done = run_cli(*arguments, environment=home)
    assert (done.returncode, done.stdout) == (code, b"")
    assert message in done.stderr.decode()
