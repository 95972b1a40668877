"""The byte-level examples of docs/rpc.md are what this client writes and what the real server answers."""

import re
import socket
import struct

import pytest
from conftest import ROOT
from deltastream._frame import FrameType, VersionRejected, decode, encode
from deltastream.rpc import EventHeader, HelloResponse, ListEventsRequest, RequestHeader, ResponseHeader
from deltastream.storage import LatestTickRequest, Tick
from fake_server import GREETING_REP, GREETING_REQ
from google.rpc import error_details_pb2, status_pb2
from programs import seconds

DOCUMENT = (ROOT / "docs" / "rpc.md").read_text()
HEX = re.compile(r"(?:[0-9a-f]{2} {1,2})*[0-9a-f]{2}")
LATEST_TICK = "deltastream.storage.v1.Storage/LatestTick"
EPOCH = 0x0102030405060709


def bytes_of(block):
    """The bytes at the beginning of the lines; what follows three blanks explains them."""
    parts = [re.split(r" {3,}", line.strip())[0] for line in block.splitlines()]
    return b"".join(bytes.fromhex(part) for part in parts if HEX.fullmatch(part))


BLOCKS = re.findall(r"^```\n(.*?)^```", DOCUMENT, re.S | re.M)
WITH_BYTES = [bytes_of(block) for block in BLOCKS if bytes_of(block) and "→" not in block]

HELLO = encode(
    FrameType.REQUEST, RequestHeader(call_id=b"a", method="deltastream.rpc.v1.Control/Hello").SerializeToString()
)
OTHER_VERSION = b"DSR\x07\x01" + bytes(11)
VERSION_REJECT = b"DSR\x01\x03\0\0\0" + struct.pack("<II", 0, 2) + b"\x01\x01"
REQUEST = encode(
    FrameType.REQUEST,
    RequestHeader(call_id=b"b", method=LATEST_TICK, timeout_ms=2000).SerializeToString(),
    LatestTickRequest(product="NIFTY").SerializeToString(),
)
CANCEL = encode(FrameType.CANCEL, RequestHeader(call_id=b"a", client_id=b"c-01").SerializeToString())
NOTHING_COMPRESSED = bytes.fromhex("28b52ffd2000010000")


def event(topic, payload=b"", **header):
    packed = EventHeader(topic=topic, epoch=EPOCH, **header).SerializeToString()
    return b"DSR\x01\x04\0\0\0" + struct.pack("<II", len(packed), len(payload)) + packed + payload


def tick():
    result = Tick(product="NIFTY", price=100, tick_id=1)
    result.timestamp.FromSeconds(1_737_799_200)
    return result.SerializeToString()


def failure_is_as_described(block):
    [frame] = decode(block)
    header = ResponseHeader.FromString(frame.header)
    assert (frame.type, header.call_id, header.code, header.execution_us) == (FrameType.RESPONSE, b"b", 5, 123)
    status = status_pb2.Status.FromString(header.status_details)
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.reason, info.domain, status.message) == ("NOT_FOUND", "deltastream", header.message)


EXAMPLES = [
    HELLO,
    OTHER_VERSION,
    VERSION_REJECT,
    REQUEST,
    failure_is_as_described,
    CANCEL,
    NOTHING_COMPRESSED,
    b"ticks/NIFTY\0" + event("ticks/NIFTY", tick(), sequence=1, published_at_us=1_737_799_200_000_000),
    b"ticks/\0" + event("ticks/", published_at_us=1_737_799_200_250_000, is_heartbeat=True, newest_sequence=1),
    ListEventsRequest(kind="ticks", epoch=EPOCH, after_sequence=1).SerializeToString(),
]


def test_every_example_is_what_this_client_writes():
    for block, example in zip(WITH_BYTES, EXAMPLES):
        if callable(example):
            example(block)
        else:
            assert block.hex(" ") == example.hex(" ")
    assert len(WITH_BYTES) == len(EXAMPLES), "an example of docs/rpc.md that no test checks"


def test_the_greetings_and_the_length_are_sps():
    [block] = [block for block in BLOCKS if "→" in block]
    lines = [bytes.fromhex(found) for found in re.findall(r" {3}((?:[0-9a-f]{2} )+[0-9a-f]{2})\b", block)]
    assert lines == [GREETING_REQ, GREETING_REP, struct.pack(">Q", 4 + len(HELLO)), b"\x80\0\0\1"]


class Stranger:
    """Someone with a TCP socket and the document."""

    def __init__(self, url):
        host, port = url.removeprefix("tcp://").rsplit(":", 1)
        self._socket = socket.create_connection((host, int(port)), timeout=seconds(60))
        self._stream = self._socket.makefile("rb")
        self._socket.sendall(GREETING_REQ)
        assert self._stream.read(8) == GREETING_REP

    def ask(self, message):
        self._socket.sendall(struct.pack(">Q", 4 + len(message)) + b"\x80\0\0\1" + message)
        size = struct.unpack(">Q", self._stream.read(8))[0]
        assert self._stream.read(4) == b"\x80\0\0\1"
        return self._stream.read(size - 4)

    def close(self):
        self._stream.close()
        self._socket.close()


@pytest.fixture
def stranger(storaged):
    stranger = Stranger(storaged.urls["tcp"])
    yield stranger
    stranger.close()


def answered(message):
    [frame] = decode(message)
    return ResponseHeader.FromString(frame.header), frame.payload


def test_the_server_takes_the_examples_bytes(stranger):
    header, payload = answered(stranger.ask(WITH_BYTES[0]))
    assert (header.call_id, header.code) == (b"a", 0)
    assert HelloResponse.FromString(payload).server_epoch == header.server_epoch
    header, _ = answered(stranger.ask(WITH_BYTES[5]))
    assert (header.call_id, header.code) == (b"a", 5), "a CANCEL of a call that is over"


def test_the_server_answers_another_version_as_the_document_says(stranger):
    answer = stranger.ask(WITH_BYTES[1])
    assert answer == WITH_BYTES[2]
    with pytest.raises(VersionRejected):
        decode(answer)


def test_the_server_fails_a_call_as_the_document_says(stranger):
    def lasting(message):
        header, payload = answered(message)
        for name in ("queue_us", "execution_us", "server_epoch"):
            header.ClearField(name)
        return header, payload

    assert lasting(stranger.ask(WITH_BYTES[3])) == lasting(WITH_BYTES[4])


def test_the_server_expands_the_compressed_example(stranger):
    header = RequestHeader(call_id=b"z", method="deltastream.storage.v1.Storage/IngestTicks").SerializeToString()
    frame = b"DSR\x01\x01\x01\0\0" + struct.pack("<II", len(header), len(NOTHING_COMPRESSED)) + header
    answer, _ = answered(stranger.ask(frame + WITH_BYTES[6]))
    plain, _ = answered(stranger.ask(encode(FrameType.REQUEST, header)))
    assert (answer.code, answer.message) == (plain.code, plain.message)
    assert "compress" not in answer.message and "malformed" not in answer.message
