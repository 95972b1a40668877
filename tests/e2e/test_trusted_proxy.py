"""Who a request comes from where a proxy stands in front: --trusted-proxy, the access log and the caps."""

import json

from programs import run_cli, wait_until
from raw_http import RawConnection


def client_of(server, request_id):
    """What the access log calls the request's peer and client."""
    found = []

    def has_come():
        whole = [text for text in server.programs[0].log().splitlines(keepends=True) if text.endswith("\n")]
        lines = [json.loads(text) for text in whole]
        found[:] = [line for line in lines if line.get("request_id") == request_id]
        return found

    wait_until(has_come)
    return found[0]["peer"], found[0]["client"]


def ask(server, request_id, forwarded_for):
    reply = server.get("/v1/products", **{"X-Request-Id": request_id, "X-Forwarded-For": forwarded_for})
    assert reply.status == 200


def test_a_trusted_proxy_says_who_a_request_comes_from(launcher, data_dir):
    server = launcher.daemons(
        data_dir, "--trusted-proxy", "10.0.0.0/8", "--trusted-proxy", "127.0.0.1", "--access-log", "on"
    )
    ask(server, "r1", "198.51.100.1, 203.0.113.9, 10.1.1.1")
    assert client_of(server, "r1") == ("127.0.0.1", "203.0.113.9")
    ask(server, "r2", "nonsense")
    assert client_of(server, "r2") == ("127.0.0.1", "127.0.0.1")


def test_nobody_is_trusted_unasked(launcher, data_dir):
    server = launcher.daemons(data_dir, "--access-log", "on")
    ask(server, "r1", "203.0.113.9")
    assert client_of(server, "r1") == ("127.0.0.1", "127.0.0.1")


def test_a_trusted_proxy_has_no_cap_by_address(launcher, data_dir):
    server = launcher.up(data_dir, "--trusted-proxy", "127.0.0.1", "--connections-address-max", "2")
    clients = [RawConnection(server) for _ in range(5)]
    for client in clients:
        client.get("/")
        assert client.receive().status == 200
        client.close()


def test_a_proxy_that_is_no_address_is_refused_at_the_start(data_dir):
    result = run_cli("up", "--data-dir", data_dir, "--trusted-proxy", "10.0.0.0/33")
    assert result.returncode == 2
    assert b'"10.0.0.0/33" is neither an address nor a network' in result.stderr
