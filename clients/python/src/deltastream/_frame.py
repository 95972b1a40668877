"""Frames: section 2 of docs/rpc.md."""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass

MAGIC = b"DSR"
VERSION = 1
PREFACE = struct.Struct("<3sBBBHII")

HEADER_BYTES_MAX = 65_536
PAYLOAD_BYTES_MAX = 16_777_216
MESSAGE_BYTES_MAX = PREFACE.size + HEADER_BYTES_MAX + PAYLOAD_BYTES_MAX

# What one request message may hold where calls share it: section 4.
SHARED_FRAMES_MAX = 64
SHARED_BYTES_MAX = 65_536


class FrameType(enum.IntEnum):
    REQUEST = 1
    RESPONSE = 2
    VERSION_REJECT = 3
    EVENT = 4
    CANCEL = 6


class FrameError(ValueError):
    """The bytes are no message of this protocol."""


class VersionRejected(FrameError):
    """The server speaks other versions of the frame."""

    def __init__(self, lowest: int, highest: int) -> None:
        super().__init__(f"the server speaks frame versions {lowest} to {highest}, this client {VERSION}")


@dataclass(frozen=True)
class Frame:
    type: int
    header: bytes
    payload: bytes


def encode(frame_type: FrameType, header: bytes, payload: bytes = b"") -> bytes:
    """One frame; ValueError where a part is larger than the wire allows."""
    if len(header) > HEADER_BYTES_MAX:
        raise ValueError(f"a call's header has at most {HEADER_BYTES_MAX} bytes, this one {len(header)}")
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise ValueError(f"a message has at most {PAYLOAD_BYTES_MAX} bytes, this one {len(payload)}")
    return PREFACE.pack(MAGIC, VERSION, frame_type, 0, 0, len(header), len(payload)) + header + payload


def decode(message: bytes) -> list[Frame]:
    """The frames of a message; FrameError where it is not made of whole frames of our version."""
    frames = []
    offset = 0
    while offset < len(message):
        if len(message) - offset < PREFACE.size:
            raise FrameError("the message ends inside a preface")
        magic, version, frame_type, _, _, header_size, payload_size = PREFACE.unpack_from(message, offset)
        if magic != MAGIC:
            raise FrameError("the message does not begin as a frame does")
        header_at = offset + PREFACE.size
        payload_at = header_at + header_size
        end = payload_at + payload_size
        if end > len(message):
            raise FrameError("the message ends inside a frame")
        if frame_type == FrameType.VERSION_REJECT:
            if payload_size != 2:
                raise FrameError("a version answer has two bytes")
            raise VersionRejected(message[payload_at], message[payload_at + 1])
        if version != VERSION:
            raise FrameError(f"a frame of version {version}")
        frames.append(Frame(frame_type, message[header_at:payload_at], message[payload_at:end]))
        offset = end
    if not frames:
        raise FrameError("the message is empty")
    return frames
