"""The daemon's settings for connections reach its RPC listeners; bytes of docs/rpc.md, without any library."""

import socket
import struct

import pytest

from programs import Program, seconds

GREETING_REQ = b"\0SP\0\0\x30\0\0"
GREETING_REP = b"\0SP\0\0\x31\0\0"
METHOD = b"deltastream.rpc.v1.Control/Hello"
HEADER = b"\x0a\x01a\x12" + bytes([len(METHOD)]) + METHOD


@pytest.fixture
def storaged(folder):
    programs = []

    def start(*arguments):
        arguments = ("--data-dir", folder / "data", "--listen", "tcp://127.0.0.1:0", *arguments)
        program = Program("deltastream-storaged", arguments, folder / "storaged.log")
        programs.append(program)
        host, port = program.wait_ready()[0].removeprefix("tcp://").rsplit(":", 1)
        return host, int(port)

    yield start
    for program in programs:
        assert program.stop() == 0


def receive(peer, size):
    data = b""
    while len(data) < size:
        part = peer.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def connect(address):
    peer = socket.create_connection(address, timeout=seconds(20))
    peer.sendall(GREETING_REQ)
    assert receive(peer, len(GREETING_REP)) == GREETING_REP
    return peer


def call_hello(peer):
    frame = b"DSR\x01\x01\0\0\0" + struct.pack("<II", len(HEADER), 0) + HEADER
    peer.sendall(struct.pack(">QI", 4 + len(frame), 0x80000001) + frame)
    size, number = struct.unpack(">QI", receive(peer, 12))
    assert number == 0x80000001
    return receive(peer, size - 4)


def assert_hung_up(peer):
    try:
        assert peer.recv(1) == b""
    except ConnectionResetError:
        pass


def test_one_connection_too_many_is_hung_up_on(storaged):
    address = storaged("--rpc-connections-per-address", "1")
    with connect(address) as first, connect(address) as second:
        assert_hung_up(second)
        assert b"deltastream-storaged/" in call_hello(first)


def test_a_connection_that_asks_for_nothing_is_hung_up_on(storaged):
    address = storaged("--rpc-first-request-timeout", "200ms")
    with connect(address) as asking, connect(address) as silent:
        call_hello(asking)
        assert_hung_up(silent)
        assert b"deltastream-storaged/" in call_hello(asking)
