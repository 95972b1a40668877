"""HTTP by hand: sends bytes as they are and reads replies one by one."""

import socket
import struct
import urllib.parse

from programs import Reply, seconds


class RawConnection:
    def __init__(self, server, receive_bytes=None):
        address = urllib.parse.urlsplit(server.base_url)
        self.socket = socket.socket()
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(seconds(20))
        self.socket.connect((address.hostname, address.port))
        self.stream = self.socket.makefile("rb")

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
