"""A peer of the RPC wire by hand: bytes of docs/rpc.md over a bare socket, without any library."""

import socket
import struct

from programs import seconds

GREETING_REQ = b"\0SP\0\0\x30\0\0"
GREETING_REP = b"\0SP\0\0\x31\0\0"
METHOD = b"deltastream.rpc.v1.Control/Hello"
HEADER = b"\x0a\x01a\x12" + bytes([len(METHOD)]) + METHOD
REQUEST_ID = 0x80000001


class SpPeer:
    """A connection to `url` (tcp://HOST:PORT or ipc:///PATH) that has not greeted yet."""

    def __init__(self, url):
        scheme, _, address = url.partition("://")
        if scheme == "ipc":
            # A connect with a time limit fails at once where the backlog is full.
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(address)
            self.socket.settimeout(seconds(20))
        else:
            host, port = address.rsplit(":", 1)
            self.socket = socket.create_connection((host, int(port)), timeout=seconds(20))
        self.length_prefix = b"\x01" if scheme == "ipc" else b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Leaves without a goodbye."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def receive(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def greet(self):
        self.socket.sendall(GREETING_REQ)
        assert self.receive(len(GREETING_REP)) == GREETING_REP
        return self

    def announce(self, size):
        """The length of a message that does not come."""
        self.socket.sendall(self.length_prefix + struct.pack(">Q", size))

    def hello(self):
        """Asks Control/Hello and returns the answer's frame."""
        frame = b"DSR\x01\x01\0\0\0" + struct.pack("<II", len(HEADER), 0) + HEADER
        self.socket.sendall(self.length_prefix + struct.pack(">QI", 4 + len(frame), REQUEST_ID) + frame)
        answer = self.receive(len(self.length_prefix) + 12)[len(self.length_prefix) :]
        size, number = struct.unpack(">QI", answer)
        assert number == REQUEST_ID
        return self.receive(size - 4)
