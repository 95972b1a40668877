"""Replies read by h11, a strict HTTP/1.1 state machine that is not ours."""

from typing import NamedTuple, Optional

import h11
from raw_http import RawConnection

READ_BYTES = 65536


class Ask(NamedTuple):
    """A request, and what it is sent as where that is not what h11 itself would write."""

    method: str
    target: str
    fields: tuple = ()
    body: Optional[bytes] = None
    raw: Optional[bytes] = None

    def headers(self):
        length = [] if self.body is None else [("Content-Length", str(len(self.body)))]
        return [("Host", "test"), *self.fields, *length]

    def data(self):
        if self.raw is not None:
            return self.raw
        lines = [f"{self.method} {self.target} HTTP/1.1", *(f"{name}: {value}" for name, value in self.headers()), "", ""]
        return "\r\n".join(lines).encode() + (self.body or b"")


class H11Reply(NamedTuple):
    status: int
    headers: dict
    body: bytes
    informational: list  # statuses in front of it
    may_stay: bool  # what h11 makes of the framing: whether another request may follow


def begin(ask):
    """A connection of h11's that has sent the request."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method=ask.method, target=ask.target, headers=ask.headers()))
    if ask.body:
        connection.send(h11.Data(data=ask.body))
    connection.send(h11.EndOfMessage())
    return connection


class H11Connection(RawConnection):
    """Whatever comes goes through h11, which raises where it is no HTTP."""

    def __init__(self, server):
        super().__init__(server)
        self.left = b""

    def next_event(self, connection):
        while (event := connection.next_event()) is h11.NEED_DATA:
            connection.receive_data(self.socket.recv(READ_BYTES))
        return event

    def read(self, ask, on_data=None):
        """The reply to a request that was sent; `on_data` gets the body as far as it has come, again and again."""
        connection = begin(ask)
        if self.left:
            connection.receive_data(self.left)
        informational, body = [], b""
        while isinstance(event := self.next_event(connection), h11.InformationalResponse):
            informational.append(event.status_code)
            if event.status_code == 101:
                break
        head = event
        assert isinstance(head, (h11.Response, h11.InformationalResponse)), head
        names = [name for name, _ in head.headers]
        assert len(names) == len(set(names)), f"a field twice: {names}"
        while head.status_code != 101 and not isinstance(event := self.next_event(connection), h11.EndOfMessage):
            assert isinstance(event, h11.Data), event
            body += bytes(event.data)
            if on_data is not None:
                on_data(body)
        if head.status_code != 101:
            assert list(event.headers) == []
        self.left, is_closed = connection.trailing_data
        may_stay = connection.their_state is h11.DONE and connection.our_state is h11.DONE and not is_closed
        headers = {name.decode().title(): value.decode() for name, value in head.headers}
        return H11Reply(head.status_code, headers, body, informational, may_stay)

    def ask(self, ask):
        self.send(ask.data())
        return self.read(ask)

    def has_ended(self):
        return self.left == b"" and self.socket.recv(1) == b""
