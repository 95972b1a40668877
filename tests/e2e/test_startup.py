"""Starts that can't succeed say why in one line and end with 1 or 2; signals end a program well."""

import json
import os
import shlex
import signal
import socket
import subprocess

import pytest

from programs import BIN_DIR, Program, clean_environment, http_request, run_cli, seconds, wait_until

STARTS = {
    "deltastream": ["up", "--listen", "127.0.0.1:0"],
    "deltastream-storaged": [],
}


def start_and_end(folder, name, *arguments, **options):
    """The exit code and stderr of a program that does not get far."""
    program = Program(name, arguments, folder / f"failing-{name}.log", **options)
    return program.wait(), program.log()


def plain_lines(log):
    return [line for line in log.splitlines() if not line.startswith("{")]


@pytest.mark.parametrize("name", STARTS)
def test_a_folder_with_other_files_is_refused_and_left_alone(folder, name):
    foreign = folder / "home"
    foreign.mkdir()
    (foreign / "letter.txt").write_text("dear")
    code, log = start_and_end(folder, name, *STARTS[name], "--data-dir", foreign)
    assert code == 1
    (line,) = plain_lines(log)
    assert str(foreign) in line and "not DeltaStream's" in line
    assert os.listdir(foreign) == ["letter.txt"]


@pytest.mark.parametrize("name", STARTS)
def test_a_store_of_another_make_is_refused(folder, name):
    data = folder / "data"
    (data / "storage").mkdir(parents=True, mode=0o700)
    (data / "deltastream.folder").write_text("")
    (data / "storage" / "data.mdb").write_bytes(b"\xde\xad" * 8192)
    code, log = start_and_end(folder, name, *STARTS[name], "--data-dir", data)
    assert code == 1
    assert str(data / "storage") in plain_lines(log)[0]
    assert (data / "storage" / "data.mdb").read_bytes() == b"\xde\xad" * 8192


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root to become another user")
@pytest.mark.parametrize("name", STARTS)
def test_a_folder_that_may_not_be_read_is_refused(folder, name):
    folder.chmod(0o755)
    data = folder / "data"
    data.mkdir(mode=0o700)
    # Another user may not reach binaries below /root; they are lent by an open file.
    file = os.open(BIN_DIR / name, os.O_RDONLY)
    with open(folder / "log", "wb") as log:
        process = subprocess.run(
            [f"/proc/self/fd/{file}", *STARTS[name], "--data-dir", str(data)],
            stdout=subprocess.PIPE, stderr=log, user="nobody", group="nogroup", extra_groups=[],
            pass_fds=[file], env=clean_environment(), timeout=seconds(20), check=False, cwd="/",
        )  # fmt: skip
    os.close(file)
    (line,) = plain_lines((folder / "log").read_text())
    assert process.returncode == 1
    assert str(data) in line and "Permission denied" in line


@pytest.mark.parametrize("first", STARTS)
@pytest.mark.parametrize("second", STARTS)
def test_a_second_process_on_the_same_folder_is_refused(launcher, folder, data_dir, first, second):
    launcher.start(first, *STARTS[first], "--data-dir", data_dir).wait_ready()
    code, log = start_and_end(folder, second, *STARTS[second], "--data-dir", data_dir)
    assert code == 1
    (line,) = plain_lines(log)
    assert str(data_dir) in line and "process" in line
    # The first one is not disturbed.
    listed = run_cli("products", "list", "--data-dir", data_dir)
    assert (listed.returncode, listed.stdout) == (0, b"")


def taken_port():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return listener, f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("name", ["deltastream", "deltastream-gateway"])
def test_a_port_in_use_is_refused_by_name(folder, data_dir, name):
    listener, address = taken_port()
    with listener:
        first = ["up"] if name == "deltastream" else []
        code, log = start_and_end(folder, name, *first, "--data-dir", data_dir, "--listen", address)
    assert code == 1
    assert f"can't listen at {address}: the address is in use; name another one" in plain_lines(log)[-1]


def test_a_native_port_in_use_is_refused_by_name(folder, data_dir):
    listener, address = taken_port()
    with listener:
        code, log = start_and_end(
            folder, "deltastream-storaged", "--data-dir", data_dir, "--listen", f"tcp://{address}"
        )
    assert code == 1
    assert plain_lines(log)[-1].endswith(f"can't listen at tcp://{address}: the address is in use")


@pytest.mark.parametrize("host", ["0.0.0.0", "127.evil.example", "localhost.evil.example", "[::]"])
@pytest.mark.parametrize("name, flag", [("deltastream-storaged", "--listen"), ("deltastream", "--rpc-listen")])
def test_native_tcp_off_loopback_is_refused(folder, data_dir, name, flag, host):
    code, log = start_and_end(
        folder, name, *STARTS[name], "--data-dir", data_dir, flag, f"tcp://{host}:0"
    )
    assert code == 2
    (line,) = plain_lines(log)
    assert f"tcp://{host}:0" in line and "loopback only" in line
    assert not data_dir.exists()


@pytest.mark.parametrize("name, flag, most", [("deltastream-storaged", "--listen", 16), ("deltastream", "--rpc-listen", 15)])
def test_more_listeners_than_there_may_be_are_refused_and_as_many_serve(
    launcher, folder, data_dir, name, flag, most
):
    listeners = [flag, "tcp://127.0.0.1:0"] * most
    code, log = start_and_end(
        folder, name, *STARTS[name], "--data-dir", data_dir, *listeners, flag, "tcp://127.0.0.1:0"
    )
    assert (code, f"at most {most} addresses" in log) == (2, True), log
    program = launcher.start(name, *STARTS[name], "--data-dir", data_dir, *listeners)
    assert len(set(program.wait_ready(most))) == most


@pytest.mark.parametrize("name", ["deltastream", "deltastream-gateway"])
def test_anonymous_writing_off_loopback_is_refused(folder, data_dir, name):
    first = ["up"] if name == "deltastream" else []
    code, log = start_and_end(folder, name, *first, "--data-dir", data_dir, "--listen", "0.0.0.0:0")
    assert code == 2
    (line,) = plain_lines(log)
    assert 'anonymous: "write" (from default)' in line and "0.0.0.0:0" in line and "read" in line


BAD_SETTINGS = [
    (["--anonymous", "all"], 'anonymous: "all" (from --anonymous) is not one of none, read, write'),
    (["--log-level=loud"], 'log-level: "loud" (from --log-level) is not one of debug, info, warning, error'),
    (["--store", "mongodb://me:secret@db/x"], 'store: "mongodb://***@db/x" (from --store): the MongoDB store comes with a later version'),
    (["--store", "paper"], 'store: "paper" (from --store): there is no such store; use lmdb'),
    (["--data-dri", "x"], 'there is no flag "--data-dri"; did you mean "--data-dir"?'),
    (["--config", "/nonexistent"], 'config: can\'t read "/nonexistent"'),
    (["extra"], 'unexpected argument "extra"; usage: deltastream'),
    (["extra"], " [flags]"),
    (["--data-dir", ""], 'data-dir: "" (from --data-dir): name a folder'),
]  # fmt: skip


@pytest.mark.parametrize("arguments, message", BAD_SETTINGS)
@pytest.mark.parametrize("name", STARTS)
def test_a_bad_setting_stops_the_start_with_name_value_and_what_would_do(
    folder, name, arguments, message
):
    code, log = start_and_end(folder, name, *STARTS[name], *arguments)
    assert code == 2
    assert message in log
    assert "secret" not in log


@pytest.mark.parametrize("listen", ["nonsense", "127.0.0.1:99999", "127.0.0.1:80a", ":8080", "[::1]8080"])
def test_a_listener_of_another_form_is_refused_before_anything_starts(folder, data_dir, listen):
    code, log = start_and_end(folder, "deltastream", "up", "--data-dir", data_dir, "--listen", listen)
    assert code == 2
    assert plain_lines(log) == [
        f'deltastream up: listen (from --listen): "{listen}" is not of the form HOST:PORT or HOST:PORT=NAME,'
        " such as 127.0.0.1:8080"
    ]
    assert not data_dir.exists()


@pytest.mark.parametrize(
    "listen, why", [("192.0.2.1:0", "this machine does not have that address"), ("no.such.host.invalid:0", "no such host")]
)
def test_a_listener_that_is_not_this_machine_is_refused_by_name(folder, data_dir, listen, why):
    code, log = start_and_end(
        folder, "deltastream", "up", "--data-dir", data_dir, "--listen", listen, "--anonymous", "read"
    )
    assert code == 1
    assert f"can't listen at {listen}: " in plain_lines(log)[-1] and why in plain_lines(log)[-1]


def test_a_bad_environment_setting_is_refused_by_its_variable(folder, data_dir):
    code, log = start_and_end(
        folder, "deltastream-storaged", "--data-dir", data_dir, environment={"LOG_LEVEL": "chatty"}
    )
    assert code == 2
    assert 'log-level: "chatty" (from LOG_LEVEL)' in log


def test_mongo_url_of_the_replaced_service_is_refused_without_its_password(folder, data_dir):
    code, log = start_and_end(
        folder, "deltastream-storaged", "--data-dir", data_dir,
        environment={"MONGO_URL": "mongodb://me:hunter2@db:27017/"},
    )  # fmt: skip
    assert code == 2
    assert "(from MONGO_URL)" in log and "hunter2" not in log


def test_port_and_host_make_the_gateways_listener(launcher, data_dir):
    gateway = launcher.start(
        "deltastream-gateway", "--data-dir", data_dir, environment={"PORT": "0", "HOST": "127.0.0.1"}
    )
    (url,) = gateway.wait_ready()
    assert url.startswith("http://127.0.0.1:") and not url.endswith(":8080")


def test_a_listener_has_a_service_name_of_its_own(launcher, data_dir):
    server = launcher.up(data_dir, "--listen", "127.0.0.1:0=storage")
    second = server.programs[0].wait_ready()[0]
    assert http_request(server.base_url, "GET", "/").json()["service"] == "deltastream"
    assert http_request(second, "GET", "/").json()["service"] == "storage"


def test_print_config_shows_values_with_their_origin(folder, data_dir):
    config = folder / "settings.conf"
    config.write_text("anonymous = read\nlog-level = error\n")
    for name, first in (("deltastream", ["up"]), ("deltastream-storaged", []), ("deltastream-gateway", [])):
        done = subprocess.run(
            [BIN_DIR / name, *first, "--config", config, "--data-dir", data_dir, "--print-config"],
            capture_output=True, env=clean_environment({"LOG_LEVEL": "debug"}), check=False,
            timeout=seconds(20),
        )  # fmt: skip
        lines = done.stdout.decode().splitlines()
        assert done.returncode == 0, done.stderr
        assert f"anonymous = read  # {config}:1" in lines
        assert "log-level = debug  # LOG_LEVEL" in lines
        assert f"data-dir = {data_dir}  # --data-dir" in lines
    assert not data_dir.exists()


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("kind", ["up", "daemons"])
def test_a_signal_drains_and_ends_with_0(launcher, data_dir, kind, signal_number):
    server = launcher.server(kind, data_dir)
    server.ingest([{"product": "X", "price": 1, "timestamp": "2025-01-25T10:00:00Z"}])
    for program in server.programs:
        assert program.stop(signal_number) == 0, program.log()


def test_hangup_reads_the_log_level_anew_and_the_service_goes_on(launcher, folder, data_dir):
    config = folder / "settings.conf"
    config.write_text("log-level = warning\n")
    storage = launcher.start("deltastream-storaged", "--data-dir", data_dir, "--config", config)
    storage.wait_ready()
    config.write_text("log-level = info\n")
    storage.process.send_signal(signal.SIGHUP)
    # The reload is done before the next signal is taken, so its line is there when the program ends.
    assert storage.stop() == 0
    assert '"event":"reloaded"' in storage.log()


def test_the_service_manager_is_told_of_readiness(launcher, folder, data_dir):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(folder / "notify"))
        manager.settimeout(seconds(20))
        storage = launcher.start(
            "deltastream-storaged", "--data-dir", data_dir,
            environment={"NOTIFY_SOCKET": str(folder / "notify")},
        )  # fmt: skip
        assert manager.recv(64) == b"READY=1"
        assert storage.stop() == 0
        assert manager.recv(64) == b"STOPPING=1"


@pytest.mark.parametrize("level, read, write", [("none", 401, 401), ("read", 200, 401), ("write", 200, 200)])
@pytest.mark.parametrize("kind", ["up", "daemons"])
def test_anonymous_may_do_what_the_setting_says(launcher, data_dir, kind, level, read, write):
    server = launcher.server(kind, data_dir, "--anonymous", level)
    assert server.get("/v1/products").status == read
    row = b'{"ticks": [{"product": "X", "price": 1, "timestamp": "2025-01-25T10:00:00Z"}]}'
    assert server.post("/v1/ticks:ingest", row).status == write
    stored = server.cli("products", "list").stdout
    assert stored == (b"X\n" if write == 200 else b"")
    # Whoever owns the data folder needs no credentials.
    assert server.cli("products", "list").returncode == 0


def test_the_gateway_serves_as_soon_as_its_storage_does(launcher, data_dir):
    gateway = launcher.start(
        "deltastream-gateway", "--data-dir", data_dir, "--listen", "127.0.0.1:0"
    )
    (url,) = gateway.wait_ready()
    assert http_request(url, "GET", "/health").json()["database"] == "disconnected"
    assert http_request(url, "GET", "/health/ready").status == 503
    launcher.start("deltastream-storaged", "--data-dir", data_dir).wait_ready()
    assert http_request(url, "GET", "/v1/products").status == 200


def test_the_log_tells_when_the_storage_went_and_when_it_came_back(launcher, data_dir):
    gateway = launcher.start("deltastream-gateway", "--data-dir", data_dir, "--listen", "127.0.0.1:0")
    (url,) = gateway.wait_ready()
    assert http_request(url, "GET", "/health").status == 503
    launcher.start("deltastream-storaged", "--data-dir", data_dir).wait_ready()
    wait_until(lambda: http_request(url, "GET", "/health").status == 200)
    events = [json.loads(line) for line in gateway.log().splitlines() if line.startswith("{")]
    changes = [event for event in events if event["event"].startswith("backend_")]
    assert [event["event"] for event in changes] == ["backend_unhealthy", "backend_healthy"]
    assert {event["backend"] for event in changes} == {"deltastream.storage.v1.Storage"}
    assert changes[0]["code"] in ("UNAVAILABLE", "DEADLINE_EXCEEDED")


def test_what_up_says_to_try_can_be_copied(launcher, data_dir):
    up = launcher.start("deltastream", "up", "--demo", "--data-dir", data_dir, "--listen", "127.0.0.1:0")
    up.wait_ready()
    wait_until(lambda: "/health" in up.log())
    curl, command = [line.strip() for line in up.log().splitlines() if line.startswith("  ")][:2]
    assert curl.startswith("curl '127.0.0.1:")
    done = subprocess.run(shlex.split(command), capture_output=True, timeout=seconds(20), check=False)
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 5
