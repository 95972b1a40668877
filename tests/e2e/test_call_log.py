"""What the logs tell of requests and calls, the trace that joins them, and a reader of the log that stands still."""

import json
import os
import re
import subprocess

from programs import Server, binary, clean_environment, seconds, wait_until
from sp_peer import SpPeer

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
PARENT_ID = "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE_ID}-{PARENT_ID}-01"
# Lines that fill the pipe and the room for those that wait, and then some; each has more than 300 bytes.
MANY_CALLS = (1024 * 1024 + 64 * 1024) // 300 + 500


def lines_of(program, event):
    """The whole lines of the log so far; each is a JSON object."""
    lines = [json.loads(line) for line in program.log().splitlines(keepends=True) if line.endswith("\n")]
    return [line for line in lines if line["event"] == event]


def await_line(program, event, **fields):
    """The line of that event and those fields, which comes a moment after the reply."""
    found = []

    def has_come():
        found[:] = [line for line in lines_of(program, event) if fields.items() <= line.items()]
        return bool(found)

    wait_until(has_come)
    return found[0]


def start_daemons(launcher, data_dir, *storaged_arguments):
    storaged = launcher.start("deltastream-storaged", "--data-dir", data_dir, *storaged_arguments)
    storaged.wait_ready()
    gateway = launcher.start(
        "deltastream-gateway", "--data-dir", data_dir, "--listen", "127.0.0.1:0", "--access-log", "on"
    )
    return Server(gateway.wait_ready()[0], data_dir, [gateway, storaged]), gateway, storaged


def test_a_trace_goes_from_the_client_through_gateway_and_service(launcher, data_dir):
    server, gateway, storaged = start_daemons(launcher, data_dir, "--call-log", "all")
    reply = server.get("/v1/ticks/NIFTY?limit=1", traceparent=TRACEPARENT, tracestate="rojo=1")
    assert reply.status == 200
    at_gateway = await_line(gateway, "http_request", path="/v1/ticks/NIFTY")
    at_storaged = await_line(storaged, "call", method="deltastream.storage.v1.Storage/ListTicks")
    assert at_gateway["trace_id"] == at_storaged["trace_id"] == TRACE_ID
    assert at_storaged["parent_id"] == at_gateway["span_id"]
    assert len({PARENT_ID, at_gateway["span_id"], at_storaged["span_id"]}) == 3


def test_a_request_without_a_usable_trace_begins_one(launcher, data_dir):
    server, gateway, storaged = start_daemons(launcher, data_dir, "--call-log", "all")
    traces = set()
    for product, headers in (
        ("NONE", {}),
        ("UPPER", {"traceparent": TRACEPARENT.upper()}),
        ("FUTURE", {"traceparent": f"ff-{TRACE_ID}-{PARENT_ID}-01"}),
        ("ZEROS", {"traceparent": f"00-{'0' * 32}-{PARENT_ID}-01"}),
    ):
        assert server.get(f"/v1/ticks/{product}", **headers).status == 200
        at_gateway = await_line(gateway, "http_request", path=f"/v1/ticks/{product}")
        wait_until(
            lambda: any(line["trace_id"] == at_gateway["trace_id"] for line in lines_of(storaged, "call"))
        )
        assert re.fullmatch("[0-9a-f]{32}", at_gateway["trace_id"])
        traces.add(at_gateway["trace_id"])
    assert len(traces) == 4
    assert TRACE_ID not in traces


def test_the_access_log_tells_of_a_request_without_its_query(launcher, data_dir):
    server, gateway, _ = start_daemons(launcher, data_dir)
    reply = server.get("/v1/ticks/NIFTY?page_token=secret", **{"X-Request-Id": "request-7"})
    assert reply.status == 400
    line = await_line(gateway, "http_request", request_id="request-7")
    assert line["method"] == "GET"
    assert line["path"] == "/v1/ticks/NIFTY"
    assert line["status"] == 400
    assert line["peer"] == "127.0.0.1"
    assert line["response_bytes"] == len(reply.body)
    assert line["duration_us"] >= 0
    assert "secret" not in gateway.log()


def test_the_call_log_tells_of_a_call_by_default_only_where_it_is_slow(launcher, data_dir):
    storaged = launcher.start("deltastream-storaged", "--data-dir", data_dir, "--slow-call", "1h")
    storaged.wait_ready()
    gateway = launcher.start("deltastream-gateway", "--data-dir", data_dir, "--listen", "127.0.0.1:0")
    server = Server(gateway.wait_ready()[0], data_dir, [gateway, storaged])
    assert server.get("/v1/ticks/NIFTY").status == 200
    assert server.get("/v1/ticks/NIFTY?page_token=bad").status == 400
    assert storaged.stop() == 0
    assert lines_of(storaged, "call") == []


def test_errors_are_told_with_their_code_and_reason(launcher, data_dir):
    server, _, storaged = start_daemons(launcher, data_dir, "--call-log", "errors")
    assert server.get("/v1/ticks/NIFTY?page_token=secret").status == 400
    line = await_line(storaged, "call")
    assert line["code"] == "INVALID_ARGUMENT"
    assert line["reason"] == "INVALID_PAGE_TOKEN"
    assert line["subject"] == "anonymous"
    assert line["peer"] == "127.0.0.1"
    assert line["attempt"] == 0
    assert line["request_bytes"] > 0
    assert "secret" not in storaged.log()


def test_a_caller_past_the_rate_limit_gets_429_and_is_told_when_to_come_again(launcher, data_dir):
    server = launcher.up(data_dir, "--rate-limit", "1", "--rate-burst", "1")
    replies = []

    def is_refused():
        replies.append(server.get("/v1/ticks/NIFTY"))
        return replies[-1].status == 429

    wait_until(is_refused)
    assert replies[-1].json()["error_code"] == "rate_limited"
    assert replies[-1].headers["Retry-After"] == "1"
    wait_until(lambda: server.get("/v1/ticks/NIFTY").status == 200)


class PipedStoraged:
    """A storaged whose stderr is a pipe that nobody reads until the test does."""

    def __init__(self, folder):
        self.process = subprocess.Popen(
            [binary("deltastream-storaged"), "--data-dir", folder / "data", "--listen", "tcp://127.0.0.1:0"]
            + ["--call-log", "all"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=clean_environment(),
        )
        line = self.process.stdout.readline().decode()
        assert line.startswith("ready tcp://"), line
        self.url = line.removeprefix("ready ").strip()

    def call_often(self):
        with SpPeer(self.url).greet() as peer:
            for _ in range(MANY_CALLS):
                assert b"deltastream-storaged/" in peer.hello()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.kill()
        self.process.communicate()


def test_a_reader_of_the_log_that_stands_still_does_not_stop_the_service(folder):
    with PipedStoraged(folder) as storaged:
        storaged.call_often()
        text = b""
        while b"log_lines_dropped" not in text:
            part = os.read(storaged.process.stderr.fileno(), 65536)
            assert part, "the program has ended"
            text += part
        lines = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith(b"\n")]
        assert {line["event"] for line in lines} >= {"call"}


def test_a_service_ends_though_nobody_reads_its_log(folder):
    with PipedStoraged(folder) as storaged:
        storaged.call_often()
        storaged.process.terminate()
        assert storaged.process.wait(seconds(20)) == 0
