"""WebSocket by hand: frames as bytes, so that wrong ones can be sent."""

import json
import struct

from raw_http import RawConnection

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
MASK = bytes.fromhex("37fa213d")
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
}


def length_bytes(size, form):
    """The length in the second byte, and what follows it."""
    form = form or (7 if size < 126 else 16 if size < 65536 else 64)
    if form == 7:
        return size, b""
    return (126, struct.pack(">H", size)) if form == 16 else (127, struct.pack(">Q", size))


def frame(opcode, payload=b"", fin=True, rsv=0, masked=True, form=None, size=None):
    """A frame; `form` are the bits of its length, `size` what it says of its length."""
    short, extended = length_bytes(len(payload) if size is None else size, form)
    head = bytes((fin << 7 | rsv << 4 | opcode, masked << 7 | short)) + extended
    if not masked:
        return head + payload
    return head + MASK + bytes(byte ^ MASK[at % 4] for at, byte in enumerate(payload))


def close(code, reason=b""):
    return frame(CLOSE, struct.pack(">H", code) + reason)


class RawWebSocket(RawConnection):
    def __init__(self, server, target="/ws/quotes", fields=None, receive_bytes=None):
        super().__init__(server, receive_bytes)
        self.shake(target, UPGRADE | (fields or {}))
        self.reply = self.receive()
        assert self.reply.status == 101, self.reply
        assert self.reply.headers["Sec-WebSocket-Accept"] == ACCEPT

    def shake(self, target, fields):
        self.get(target, *[f"{name}: {value}" for name, value in fields.items() if value is not None])

    def say(self, **message):
        self.send(frame(TEXT, json.dumps(message).encode()))

    def next_frame(self):
        """The opcode and the payload; None where the server has hung up."""
        head = self.stream.read(2)
        if not head:
            return None
        # Whole messages, no extension, and a server masks nothing.
        assert head[0] & 0xF0 == 0x80 and head[1] < 128, head
        size = head[1]
        if size >= 126:
            data = self.stream.read(2 if size == 126 else 8)
            size = int.from_bytes(data, "big")
            assert size > 125 if len(data) == 2 else size > 65535
        payload = self.stream.read(size)
        assert len(payload) == size
        return head[0] & 15, payload

    def message(self):
        opcode, payload = self.next_frame()
        while opcode in (PING, PONG):
            if opcode == PING:
                self.send(frame(PONG, payload))
            opcode, payload = self.next_frame()
        assert opcode == TEXT, (opcode, payload)
        return json.loads(payload)

    def messages(self, count):
        return [self.message() for _ in range(count)]

    def subscribe(self, channel, *keys, **more):
        """The answer, once the subscription has begun."""
        self.say(action="subscribe", channel=channel, keys=list(keys), **more)
        while (message := self.message())["type"] == "stale":
            pass
        assert message["type"] == "subscribed", message
        return message

    def end(self):
        """The code and the reason of the close, which must be the last."""
        opcode, payload = self.next_frame()
        assert opcode == CLOSE, (opcode, payload)
        assert self.at_end()
        return (struct.unpack(">H", payload[:2])[0], payload[2:].decode()) if payload else None
