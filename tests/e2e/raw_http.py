"""HTTP by hand: sends bytes as they are and reads replies one by one."""

import socket
import struct
import urllib.parse

from programs import Reply, seconds


class RawConnection:
    def __init__(self, server, receive_bytes=None):
        self.socket = self.open(server, receive_bytes)
        self.stream = self.socket.makefile("rb")

    def open(self, server, receive_bytes):
        address = urllib.parse.urlsplit(server.base_url)
        opened = socket.socket()
        if receive_bytes:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        opened.settimeout(seconds(20))
        opened.connect((address.hostname, address.port))
        return opened

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stream.close()
        self.socket.close()

    def reset(self):
        """Leaves without a goodbye."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def send(self, data):
        self.socket.sendall(data)

    def get(self, target, *fields):
        lines = [f"GET {target} HTTP/1.1", "Host: test", *fields, "", ""]
        self.send("\r\n".join(lines).encode())

    def receive(self, without_body=False):
        """The next reply; None where the server has ended the connection."""
        line = self.stream.readline()
        if not line:
            return None
        assert line.endswith(b"\r\n") and line.startswith(b"HTTP/1.1 "), line
        status = int(line.split()[1])
        headers = {}
        while (line := self.stream.readline()) != b"\r\n":
            assert line.endswith(b"\r\n"), line
            name, _, value = line[:-2].decode().partition(": ")
            assert name not in headers, f"{name} twice"
            headers[name] = value
        length = 0 if without_body or status == 100 else int(headers.get("Content-Length", 0))
        body = self.stream.read(length)
        assert len(body) == length
        return Reply(status, headers, body)

    def at_end(self):
        return self.stream.read(1) == b""
