"""Settings of the gateway's HTTP limits: what they bound, and that they can't be set to what would serve nobody."""

import subprocess

import pytest
from programs import BIN_DIR, clean_environment, seconds
from raw_http import RawConnection

# The least and the most that each takes, and what lies beyond.
RANGES = {
    "pipeline-max": ("1", "256", "0", "257"),
    "request-line-bytes-max": ("1KiB", "64KiB", "1023", "65537"),
    "headers-bytes-max": ("4KiB", "1MiB", "4095", "1048577"),
    "header-count-max": ("16", "255", "15", "256"),
}
PROGRAMS = {"deltastream": ["up"], "deltastream-gateway": []}


def run(name, *arguments, environment=None):
    return subprocess.run(
        [BIN_DIR / name, *PROGRAMS[name], *arguments, "--print-config"],
        capture_output=True, env=clean_environment(environment), check=False, timeout=seconds(20), text=True,
    )  # fmt: skip


@pytest.mark.parametrize("setting", RANGES)
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_limit_has_limits_itself(name, setting):
    least, most, *beyond = RANGES[setting]
    for value in (least, most):
        assert run(name, f"--{setting}", value).returncode == 0
    for value in (*beyond, "many"):
        done = run(name, f"--{setting}={value}")
        assert done.returncode == 2
        assert f'{setting}: "{value}" (from --{setting})' in done.stderr, done.stderr
    variable = f"DS_{setting.upper().replace('-', '_')}"
    assert f"(from {variable})" in run(name, environment={variable: beyond[0]}).stderr


def status_of(server, data):
    with RawConnection(server) as client:
        client.send(data)
        reply = client.receive()
        assert (reply.headers.get("Connection") == "close") == (reply.status in (414, 431))
        return reply.status


def request(line_bytes=0, fields=b"Host: test\r\n"):
    begin, end = b"GET /", b" HTTP/1.1\r\n"
    line = b"GET / HTTP/1.1\r\n" if line_bytes == 0 else begin + b"x" * (line_bytes - len(begin) - len(end)) + end
    return line + fields + b"\r\n"


def padded_fields(size):
    return b"Host: test\r\nX: " + b"y" * (size - len(b"Host: test\r\nX: \r\n")) + b"\r\n"


@pytest.mark.parametrize("kind", ["up", "daemons"])
def test_a_head_of_the_largest_size_that_is_set_is_served_and_no_larger_one(launcher, data_dir, kind):
    server = launcher.server(
        kind, data_dir, "--request-line-bytes-max", "1KiB", "--headers-bytes-max", "4KiB", "--header-count-max", "16"
    )
    assert status_of(server, request(1024)) == 404
    assert status_of(server, request(1025)) == 414
    assert status_of(server, request(fields=padded_fields(4094))) == 200
    assert status_of(server, request(fields=padded_fields(4097))) == 431
    assert status_of(server, request(fields=b"Host: test\r\n" + b"X: y\r\n" * 15)) == 200
    assert status_of(server, request(fields=b"Host: test\r\n" + b"X: y\r\n" * 16)) == 431


def test_larger_heads_can_be_allowed(launcher, data_dir):
    server = launcher.up(
        data_dir, "--request-line-bytes-max", "64KiB", "--headers-bytes-max", "1MiB", "--header-count-max", "255"
    )
    assert status_of(server, request(65536)) == 404
    assert status_of(server, request(fields=padded_fields(1048574))) == 200
    assert status_of(server, request(fields=b"Host: test\r\n" + b"X: y\r\n" * 254)) == 200


@pytest.mark.parametrize("most", ["1", "256"])
def test_pipelines_are_answered_in_order_whatever_their_limit(launcher, data_dir, most):
    server = launcher.daemons(data_dir, "--pipeline-max", most)
    with RawConnection(server) as client:
        for i in range(300):
            client.get("/v1/products" if i % 2 else "/health/live", f"X-Request-Id: r{i}")
        for i in range(300):
            assert client.receive().headers["X-Request-Id"] == f"r{i}"
