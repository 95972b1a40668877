"""The daemon's settings for connections reach its RPC listeners."""

import pytest

from programs import Program
from sp_peer import SpPeer


@pytest.fixture
def storaged(folder):
    programs = []

    def start(*arguments):
        arguments = ("--data-dir", folder / "data", "--listen", "tcp://127.0.0.1:0", *arguments)
        program = Program("deltastream-storaged", arguments, folder / "storaged.log")
        programs.append(program)
        return program.wait_ready()[0]

    yield start
    for program in programs:
        assert program.stop() == 0


def connect_and_ask(url):
    """A connection that has asked in time; where the machine stalls, the first ones may come too late."""
    while True:
        peer = SpPeer(url)
        try:
            peer.greet().hello()
            return peer
        except (EOFError, ConnectionError):
            peer.close()


def connect_and_be_hung_up_on(url):
    try:
        with SpPeer(url) as silent:
            assert_hung_up(silent.greet())
    except (EOFError, ConnectionError):
        pass


def assert_hung_up(peer):
    try:
        assert peer.socket.recv(1) == b""
    except ConnectionResetError:
        pass


def test_one_connection_too_many_is_hung_up_on(storaged):
    url = storaged("--rpc-connections-per-address", "1")
    with SpPeer(url) as first:
        assert b"deltastream-storaged/" in first.greet().hello()
        with SpPeer(url) as second:
            assert_hung_up(second)  # Without a greeting.
        assert b"deltastream-storaged/" in first.hello()


def test_a_connection_that_asks_for_nothing_is_hung_up_on(storaged):
    url = storaged("--rpc-first-request-timeout", "200ms")
    with connect_and_ask(url) as asking:
        connect_and_be_hung_up_on(url)
        assert b"deltastream-storaged/" in asking.hello()
