"""Streams of live data by hand: SSE and NDJSON over chunked HTTP, read message by message."""

import json

from raw_http import RawConnection

SSE, NDJSON = "text/event-stream", "application/x-ndjson"


def tick(number, product="NIFTY", **more):
    timestamp = f"2025-01-25T{10 + number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z"
    return {"product": product, "price": float(number), "timestamp": timestamp, "tick_id": number} | more


def event_ids(messages):
    return [f"{message['epoch']}-{message['sequence']}" for message in messages]


class LiveStream(RawConnection):
    """A stream of ticks, quotes or chains; `text` is all that has come of it."""

    def __init__(self, server, target, accept=SSE, receive_bytes=None, **fields):
        super().__init__(server, receive_bytes)
        self.accept = accept
        self.get(target, f"Accept: {accept}", *[f"{name.replace('_', '-')}: {value}" for name, value in fields.items()])
        self.reply = self.receive()
        self.text = b""
        self.unread = b""
        self.has_ended = False
        if self.reply.status == 200:
            assert self.reply.headers["Content-Type"] == accept and "Content-Length" not in self.reply.headers

    def _read_chunk(self):
        """False at the last chunk, which is followed by nothing of this stream."""
        size = int(self.stream.readline(), 16)
        data = self.stream.read(size)
        assert len(data) == size and self.stream.readline() == b"\r\n"
        self.text += data
        self.unread += data
        return size > 0

    def _block(self, end):
        while end not in self.unread:
            if not self._read_chunk():
                assert self.unread == b""
                self.has_ended = True
                return None
        block, _, self.unread = self.unread.partition(end)
        return block.decode()

    def next(self):
        """The next message, as (id, message) in a stream of events; None at the end."""
        if self.accept == NDJSON:
            line = self._block(b"\n")
            return None if line is None else (None, json.loads(line))
        while (block := self._block(b"\n\n")) is not None:
            fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
            if "data" in fields:
                message = json.loads(fields["data"])
                assert fields["event"] == message["type"]
                return fields.get("id"), message
        return None

    def message(self):
        found = self.next()
        return found and found[1]

    def messages(self, count):
        return [self.message() for _ in range(count)]

    def begin(self):
        """The message that the subscription has begun."""
        while (message := self.message())["type"] in ("stale", "ping"):
            pass
        assert message["type"] == "subscribed", message
        return message
