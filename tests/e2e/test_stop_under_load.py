"""SIGTERM ends the storage service whatever its connections are in the middle of: nng may never finish closing them."""

import os
import signal
import struct
import threading

import pytest

from sp_peer import SpPeer

METHOD = b"deltastream.rpc.v1.Control/GetDescriptorSet"
HEADER = b"\x0a\x01a\x12" + bytes([len(METHOD)]) + METHOD
FRAME = b"DSR\x01\x01\0\0\0" + struct.pack("<II", len(HEADER), 0) + HEADER
REPLIES_UNREAD = 200


def begin_a_request(url):
    peer = SpPeer(url).greet()
    peer.announce(1000)
    peer.socket.sendall(b"a part of it")
    return peer


def ask_and_never_read(url):
    peer = SpPeer(url).greet()
    try:
        for number in range(1, REPLIES_UNREAD + 1):
            head = struct.pack(">QI", 4 + len(FRAME), 0x80000000 | number)
            peer.socket.sendall(peer.length_prefix + head + FRAME)
    except ConnectionError:
        pass  # Where the machine stalls, the service has given up on us already.
    return peer


class Caller(threading.Thread):
    def __init__(self, url):
        super().__init__(daemon=True)
        self.peer = SpPeer(url).greet()
        self.has_called = threading.Event()

    def run(self):
        try:
            while True:
                self.peer.hello()
                self.has_called.set()
        except (OSError, EOFError):
            self.has_called.set()


@pytest.mark.parametrize("scheme", ["tcp", "ipc"])
def test_a_daemon_ends_whatever_its_connections_are_in_the_middle_of(launcher, data_dir, scheme):
    listen = ("--listen", "tcp://127.0.0.1:0") if scheme == "tcp" else ()
    daemon = launcher.start("deltastream-storaged", "--data-dir", data_dir, *listen)
    url = daemon.wait_ready()[0]
    assert url.startswith(scheme)
    peers = [begin_a_request(url) for _ in range(20)]
    peers += [ask_and_never_read(url) for _ in range(4)]
    callers = [Caller(url) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.has_called.wait()

    os.kill(daemon.pid, signal.SIGSTOP)
    os.kill(daemon.pid, signal.SIGTERM)
    os.kill(daemon.pid, signal.SIGCONT)
    assert daemon.wait() == 0, daemon.log()
    for caller in callers:
        caller.join()
    for peer in peers:
        peer.close()
