"""The admin listener of the daemons and of `deltastream up`: what an operator is shown."""

import json
import signal
import socket
import subprocess
import urllib.parse

import pytest

from programs import Server, binary, clean_environment, http_request, seconds, wait_until
from prometheus_text import Figures

LIST_TICKS = "deltastream.storage.v1.Storage/ListTicks"
INGEST_TICKS = "deltastream.storage.v1.Storage/IngestTicks"
COMMON_PAGES = ["/", "/status", "/settings", "/metrics", "/health/live", "/health/ready"]
SERVER_PAGES = ["/calls", "/calls/slow", "/connections", "/pools"]
ROWS = [{"product": "X", "price": 1, "timestamp": f"2025-01-25T10:00:0{i}Z"} for i in range(3)]


class Admin:
    """A program with its admin listener."""

    def __init__(self, program, ready_count=1):
        self.urls = program.wait_ready(ready_count)
        self.program = program
        told = [line.split()[1] for line in program.stdout_lines if line.startswith("admin ")]
        assert len(told) == 1, program.stdout_lines
        self.url = told[0]

    def get(self, page):
        return http_request(self.url, "GET", page)

    def json(self, page):
        reply = self.get(page)
        assert reply.status == 200, reply
        assert reply.headers["content-type"] == "application/json"
        return reply.json()

    def figures(self):
        return Figures(self.get("/metrics").body.decode())

    def settings(self):
        return {setting["name"]: setting for setting in self.json("/settings")["settings"]}


@pytest.fixture
def storage(launcher, data_dir):
    # Without a log level in it, so that a file can say one later.
    file = data_dir.parent / "storaged.conf"
    file.write_text("log-level = warning\n")
    return Admin(
        launcher.start(
            "deltastream-storaged", "--config", file, "--data-dir", data_dir, "--slow-call", "1ms",
            "--admin", "127.0.0.1:0",
        )
    )


def start_gateway(launcher, data_dir):
    return Admin(
        launcher.start(
            "deltastream-gateway", "--data-dir", data_dir, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"
        )
    )


@pytest.fixture
def gateway(launcher, data_dir, storage):
    return start_gateway(launcher, data_dir)


@pytest.fixture
def server(gateway, storage, data_dir):
    """What clients see of the two."""
    return Server(gateway.urls[0], data_dir, [gateway.program, storage.program])


def test_the_root_lists_pages_that_are_there(storage, gateway):
    for admin, pages in ((storage, COMMON_PAGES + SERVER_PAGES), (gateway, COMMON_PAGES)):
        listed = [page["path"] for page in admin.json("/")["pages"]]
        assert sorted(listed) == sorted(pages)
        for page in listed:
            assert page == "/health/ready" or admin.get(page).status == 200, page


def test_up_has_the_pages_of_both(launcher, data_dir):
    program = launcher.start(
        "deltastream", "up", "--data-dir", data_dir, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"
    )
    admin = Admin(program)
    assert sorted(page["path"] for page in admin.json("/")["pages"]) == sorted(COMMON_PAGES + SERVER_PAGES)
    assert http_request(admin.urls[0], "GET", "/v1/ticks/X").status == 200
    figures = admin.figures()
    assert figures.value("ds_rpc_client_calls_total", method=LIST_TICKS, code="OK") == 1
    assert figures.value("ds_rpc_server_calls_total", method=LIST_TICKS, code="OK") == 1
    assert figures.has("process_open_fds")
    status = admin.json("/status")
    assert status["name"] == "deltastream up"
    assert status["listeners"] == [f"ipc://{data_dir}/run/storage.sock", admin.urls[0].removeprefix("http://")]
    assert admin.get("/health/ready").status == 200


def test_the_status_tells_what_runs(storage, data_dir):
    status = storage.json("/status")
    assert status["name"] == "deltastream-storaged"
    assert status["pid"] == storage.program.pid
    assert status["draining"] is False
    assert int(status["epoch"]) > 0
    assert status["listeners"] == [f"ipc://{data_dir}/run/storage.sock"]
    assert status["memory"]["anonymous_bytes"] > 0
    assert status["threads"] > 1
    assert 0 < status["open_files"] < status["open_files_max"]


def test_the_figures_move_with_the_calls(storage, gateway, server):
    assert storage.figures().value("ds_rpc_server_calls_total", method=LIST_TICKS, code="OK") == 0
    server.ingest(ROWS)
    for _ in range(3):
        assert server.get("/v1/ticks/X").status == 200
    assert server.get("/v1/ticks/X?page_token=nonsense").status == 400
    figures = storage.figures()
    assert figures.value("ds_rpc_server_calls_total", method=LIST_TICKS, code="OK") == 3
    assert figures.value("ds_rpc_server_calls_total", method=LIST_TICKS, code="INVALID_ARGUMENT") == 1
    assert figures.value("ds_rpc_server_call_seconds_count", method=LIST_TICKS) == 4
    # The store is asked at most once in 10 ms, which may be longer than all of this took.
    wait_until(lambda: storage.figures().value("ds_storage_commits_total") == 1)
    assert figures.value("ds_rpc_server_connections", listener=storage.urls[0]) > 0
    figures = gateway.figures()
    assert figures.value("ds_rpc_client_calls_total", method=LIST_TICKS, code="OK") == 3
    assert figures.value("ds_http_requests_total", method="GET", route="/v1/ticks/{product}", status="200") == 3


def test_the_gateways_channel_shows_its_state_and_its_retries(storage, gateway, server):
    target = {"target": storage.urls[0]}
    server.get("/v1/ticks/X")
    figures = gateway.figures()
    assert figures.value("ds_rpc_client_channel_state", state="READY", **target) == 1
    assert figures.value("ds_rpc_client_channel_state", state="TRANSIENT_FAILURE", **target) == 0
    assert figures.value("ds_rpc_client_calls_sent_total", **target) > 0
    assert figures.value("ds_rpc_client_retries_total", **target) == 0
    assert storage.program.stop() == 0
    assert server.get("/v1/ticks/X").status == 503
    wait_until(lambda: gateway.figures().value("ds_rpc_client_channel_state", state="READY", **target) == 0)
    assert gateway.figures().value("ds_rpc_client_retries_total", **target) > 0


def test_the_stores_commits_are_timed_and_their_rows_counted(storage, server):
    server.ingest(ROWS)
    figures = storage.figures()
    assert figures.value("ds_storage_written_rows_total") == len(ROWS)
    for name in ("ds_storage_transaction_seconds", "ds_storage_commit_seconds"):
        assert figures.kinds[name] == "histogram"
        assert figures.value(f"{name}_count") == 1
    assert figures.value("ds_storage_commit_seconds_sum") <= figures.value("ds_storage_transaction_seconds_sum")


def test_the_gateways_own_metrics_page_is_the_same_registry(gateway, server):
    server.get("/v1/ticks/X")
    shown = Figures(server.get("/metrics").body.decode())
    admin = gateway.figures()
    # Its own request is a route of /metrics that the first page can't have yet.
    assert set(shown.kinds) == set(admin.kinds)
    assert shown.kinds == admin.kinds
    for name in ("ds_build_info", "process_open_fds", "process_start_time_seconds", "ds_http_connections_open"):
        assert any(sample == name for sample, _ in admin.samples), name


def test_a_slow_call_is_shown_with_what_it_was(storage, server):
    def slow_methods():
        rows = [
            {"product": "X", "price": 1, "timestamp": f"2025-01-25T10:{i // 60:02}:{i % 60:02}Z"}
            for i in range(1000)
        ]
        server.ingest(rows)
        return [call["method"] for call in storage.json("/calls/slow")["calls"]]

    wait_until(lambda: INGEST_TICKS in slow_methods())
    call = next(call for call in storage.json("/calls/slow")["calls"] if call["method"] == INGEST_TICKS)
    assert call["code"] == "OK"
    assert call["request_bytes"] > 1000 and call["response_bytes"] > 0
    assert call["queue_seconds"] + call["execution_seconds"] >= 0.001
    assert call["subject"]


def test_connections_are_shown_by_listener(storage, server):
    server.get("/v1/ticks/X")
    connections = storage.json("/connections")["connections"]
    assert {connection["listener"] for connection in connections} == {storage.urls[0]}
    assert all(connection["trusted"] and connection["peer"] == "" for connection in connections)
    assert sum(connection["requests"] for connection in connections) >= 1
    ages = [connection["age_seconds"] for connection in connections]
    assert ages == sorted(ages, reverse=True)


def test_pools_are_shown_with_their_room(storage):
    pools = {pool["name"]: pool for pool in storage.json("/pools")["pools"]}
    assert set(pools) == {"read", "write"}
    for pool in pools.values():
        assert pool["threads"] > 0 and pool["busy_threads"] == 0
        assert (pool["queued"], pool["refused"]) == (0, 0)
        assert pool["queue_max"] > 0


def test_settings_name_their_origin_and_a_reload_changes_them(storage, data_dir):
    settings = storage.settings()
    assert settings["data-dir"] == {"name": "data-dir", "value": str(data_dir), "origin": "--data-dir"}
    assert settings["rpc-connections"]["origin"] == "default"
    file = data_dir.parent / "storaged.conf"
    assert settings["log-level"] == {"name": "log-level", "value": "warning", "origin": f"{file}:1"}
    file.write_text("# quieter\nlog-level = error\nrpc-connections = 7\n")
    storage.program.process.send_signal(signal.SIGHUP)
    wait_until(lambda: storage.settings()["log-level"]["value"] == "error")
    settings = storage.settings()
    assert settings["log-level"]["origin"] == f"{file}:2"
    # What a reload does not change is shown as it is in force.
    assert settings["rpc-connections"] == {"name": "rpc-connections", "value": "1024", "origin": "default"}


def test_the_gateway_is_ready_while_its_service_is(storage, gateway, launcher, data_dir):
    wait_until(lambda: gateway.get("/health/ready").status == 200)
    assert storage.get("/health/ready").status == 200
    assert storage.program.stop() == 0
    assert gateway.get("/health/ready").status == 503
    assert gateway.get("/health/live").status == 200
    launcher.start("deltastream-storaged", "--data-dir", data_dir).wait_ready()
    wait_until(lambda: gateway.get("/health/ready").status == 200)


def test_the_gateway_shows_its_pages_while_it_drains(gateway):
    """A request whose body has not come whole keeps the drain waiting."""
    host, port = urllib.parse.urlsplit(gateway.urls[0]).netloc.split(":")
    body = json.dumps({"ticks": ROWS}).encode()
    with socket.create_connection((host, int(port)), timeout=seconds(60)) as client:
        client.sendall(
            b"POST /v1/ticks:ingest HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n" % len(body)
        )
        assert client.recv(100).startswith(b"HTTP/1.1 100 ")
        gateway.program.process.send_signal(signal.SIGTERM)
        wait_until(lambda: gateway.json("/status")["draining"])
        assert gateway.get("/health/ready").status == 503
        assert gateway.figures().value("ds_http_connections_open") == 1
        client.sendall(body)
        assert client.recv(100).startswith(b"HTTP/1.1 200 ")
    assert gateway.program.wait() == 0


@pytest.mark.parametrize("program", ["deltastream-storaged", "deltastream-gateway", "deltastream up"])
@pytest.mark.parametrize("address, reason", [
    ("0.0.0.0:9900", "loopback only"),
    ("[::]:9900", "loopback only"),
    ("192.0.2.1:9900", "loopback only"),
    ("9900", "HOST:PORT"),
])
def test_an_address_off_loopback_is_refused(program, address, reason, data_dir):
    name, *words = program.split()
    done = subprocess.run(
        [binary(name), *words, "--data-dir", data_dir, "--admin", address],
        capture_output=True, env=clean_environment(), timeout=seconds(60), check=False,
    )
    assert done.returncode == 2
    assert f'admin: "{address}" (from --admin)' in done.stderr.decode()
    assert reason in done.stderr.decode()


@pytest.mark.parametrize("program", ["deltastream-storaged", "deltastream-gateway", "deltastream up"])
def test_an_address_in_use_stops_the_start(program, data_dir, storage):
    name, *words = program.split()
    taken = urllib.parse.urlsplit(storage.url).netloc
    listen = [] if name == "deltastream-storaged" else ["--listen", "127.0.0.1:0"]
    done = subprocess.run(
        [binary(name), *words, "--data-dir", data_dir.parent / "other", *listen, "--admin", taken],
        capture_output=True, env=clean_environment(), timeout=seconds(60), check=False,
    )
    assert done.returncode == 1
    assert f"can't serve the admin pages at {taken}: the address is in use" in done.stderr.decode()
    assert b"ready" not in done.stdout


def test_without_the_setting_there_is_no_listener(launcher, data_dir):
    program = launcher.start("deltastream-storaged", "--data-dir", data_dir)
    program.wait_ready()
    assert not any(line.startswith("admin ") for line in program.stdout_lines)
