"""A server that does what a test tells it: section 1 of docs/rpc.md over a bare TCP socket."""

import queue
import socket
import struct
import threading
from dataclasses import dataclass

from deltastream._frame import FrameType, decode, encode
from deltastream.rpc import HelloResponse, RequestHeader, ResponseHeader
from programs import seconds

GREETING_REQ = b"\0SP\0\0\x30\0\0"
GREETING_REP = b"\0SP\0\0\x31\0\0"
HELLO = "deltastream.rpc.v1.Control/Hello"
LATEST_TICK = "deltastream.storage.v1.Storage/LatestTick"


@dataclass
class Received:
    """One frame that came in."""

    type: int
    header: RequestHeader
    payload: bytes
    # Which message it was part of, and which connection brought that.
    message: "Message"


class Message:
    """Frames that came together, to be answered, or not."""

    def __init__(self, connection, number, data):
        self.connection = connection
        self._number = number
        self.frames = [
            Received(frame.type, RequestHeader.FromString(frame.header), frame.payload, self) for frame in decode(data)
        ]

    def answer(self, data):
        self.connection.sendall(struct.pack(">Q", 4 + len(data)) + self._number + data)

    def hang_up(self):
        self.connection.shutdown(socket.SHUT_RDWR)


def response(call_id, message=None, /, **header):
    payload = b"" if message is None else message.SerializeToString()
    return encode(FrameType.RESPONSE, ResponseHeader(call_id=call_id, **header).SerializeToString(), payload)


class FakeServer:
    """Answers Hello by itself; every other message waits in `messages` for the test."""

    def __init__(self):
        self.messages = queue.Queue()
        self.event_urls = []
        self.says_hello = True
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self._connections = []
        threading.Thread(target=self._accept, daemon=True).start()

    def take(self):
        """The next message."""
        return self.messages.get(timeout=seconds(60))

    def take_frame(self):
        """The next message, which has one frame."""
        [frame] = self.take().frames
        return frame

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection):
        try:
            connection.sendall(GREETING_REP)
            stream = connection.makefile("rb")
            assert stream.read(8) == GREETING_REQ
            while size := stream.read(8):
                number = stream.read(4)
                message = Message(connection, number, stream.read(struct.unpack(">Q", size)[0] - 4))
                if self.says_hello and message.frames[0].header.method == HELLO:
                    message.answer(response(message.frames[0].header.call_id, self._hello()))
                else:
                    self.messages.put(message)
        except OSError:
            pass

    def _hello(self):
        hello = HelloResponse(frame_version_min=1, frame_version_max=1, server_epoch=7, event_urls=self.event_urls)
        hello.services.add(name="deltastream.storage.v1.Storage", inline_methods=["LatestTick"])
        return hello

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.close()
        for connection in self._connections:
            connection.close()
