"""What RFC 6455 says of a client's frames, as bytes and answers."""

from typing import NamedTuple

from raw_websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close, frame

MESSAGE_BYTES_MAX = 16 * 1024
ASK = b'{"action":"ping"}'


class Row(NamedTuple):
    name: str
    clause: str  # of RFC 6455
    data: bytes
    answers: list  # "pong" for each message that was taken, the payloads of pong frames
    code: object  # of the close; None: the connection stays; "empty": a close without one


def ask(size):
    """A message of that many bytes."""
    return b" " * (size - len(ASK)) + ASK


def ask_with(text):
    return b'{"channel":"' + text + b'",' + ASK[1:]


def fragments(*pieces, opcode=TEXT, between=b""):
    frames = [
        frame(opcode if at == 0 else CONTINUATION, piece, fin=at == len(pieces) - 1) for at, piece in enumerate(pieces)
    ]
    return between.join(frames)


def taken(clause, rows):
    return [Row(name, clause, data, ["pong"], None) for name, data in rows.items()]


def refused(clause, code, rows, answers=()):
    return [Row(name, clause, data, list(answers), code) for name, data in rows.items()]


def header_only(size):
    return frame(TEXT, b"x", size=size)


FRAMING = [
    *taken("5.2", {
        "a message": frame(TEXT, ASK),
        "125 bytes": frame(TEXT, ask(125)),
        "126 bytes": frame(TEXT, ask(126)),
        "127 bytes": frame(TEXT, ask(127)),
        "the longest message": frame(TEXT, ask(MESSAGE_BYTES_MAX)),
    }),
    *refused("5.2", 1002, {
        "RSV1": frame(TEXT, ASK, rsv=4),
        "RSV2": frame(TEXT, ASK, rsv=2),
        "RSV3": frame(TEXT, ASK, rsv=1),
        "RSV1 of a ping": frame(PING, b"x", rsv=4),
        "RSV1 of a continuation": frame(TEXT, ASK[:3], fin=False) + frame(CONTINUATION, ASK[3:], rsv=4),
        **{f"reserved opcode {opcode:X}": frame(opcode, b"x") for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
        "a reserved opcode without payload": frame(3),
        "5 bytes with a length of 16 bits": frame(TEXT, b"hello", form=16),
        "125 bytes with a length of 16 bits": frame(TEXT, ask(125), form=16),
        "5 bytes with a length of 64 bits": frame(TEXT, b"hello", form=64),
        "126 bytes with a length of 64 bits": frame(TEXT, ask(126), form=64),
        "65535 bytes with a length of 64 bits": frame(TEXT, ask(65535), form=64),
        "a length of more than 63 bits": frame(TEXT, b"x", size=1 << 63, form=64),
    }),
    *refused("5.1", 1002, {
        "a message without a mask": frame(TEXT, ASK, masked=False),
        "a ping without a mask": frame(PING, b"x", masked=False),
        "an empty ping without a mask": frame(PING, masked=False),
        "a close without a mask": frame(CLOSE, b"\x03\xe8", masked=False),
    }),
    *refused("ours", 1009, {
        "one byte more than the longest message": frame(TEXT, ask(MESSAGE_BYTES_MAX + 1)),
        "65535 bytes": header_only(65535),
        "65536 bytes": header_only(65536),
        "a length of 62 bits": header_only(1 << 62),
        "fragments that are too long together": fragments(ask(MESSAGE_BYTES_MAX), b" "),
    }),
    *refused("5.6", 1003, {"a binary message": frame(BINARY, ASK), "the first fragment of one": frame(BINARY, ASK, fin=False)}),
]  # fmt: skip

FRAGMENTS = [
    *taken("5.4", {
        "two fragments": fragments(ASK[:5], ASK[5:]),
        "a fragment for each byte": fragments(*[ASK[at : at + 1] for at in range(len(ASK))]),
        "empty fragments": fragments(b"", ASK, b"", b""),
        "the longest message in fragments": fragments(ask(MESSAGE_BYTES_MAX)[:9000], ask(MESSAGE_BYTES_MAX)[9000:]),
        "a pong between fragments": fragments(ASK[:5], ASK[5:], between=frame(PONG, b"unasked")),
    }),
    Row("pings between fragments", "5.4", fragments(ASK[:3], ASK[3:6], ASK[6:], between=frame(PING, b"in")), [b"in", b"in", "pong"], None),
    Row("a close between fragments", "5.4", fragments(ASK[:3], ASK[3:], between=close(1000)), [], 1000),
    *refused("5.4", 1002, {
        "a continuation of nothing": frame(CONTINUATION, ASK),
        "a continuation of nothing that goes on": frame(CONTINUATION, ASK, fin=False),
        "a message within a message": frame(TEXT, ASK[:5], fin=False) + frame(TEXT, ASK),
        "an empty message within an empty one": frame(TEXT, fin=False) + frame(TEXT),
    }),
    Row("a continuation behind a whole message", "5.4", frame(TEXT, ASK) + frame(CONTINUATION, ASK), ["pong"], 1002),
]  # fmt: skip

CONTROL = [
    Row("a ping", "5.5.2", frame(PING, b"a"), [b"a"], None),
    Row("an empty ping", "5.5.2", frame(PING), [b""], None),
    Row("a ping of 125 bytes", "5.5.2", frame(PING, bytes(range(125))), [bytes(range(125))], None),
    Row("a ping that is no text", "5.5.2", frame(PING, b"\xff\xfe"), [b"\xff\xfe"], None),
    Row("many pings", "5.5.2", b"".join(frame(PING, b"%d" % at) for at in range(50)), [b"%d" % at for at in range(50)], None),
    Row("a pong that nobody asked for", "5.5.3", frame(PONG, b"x"), [], None),
    *refused("5.5", 1002, {
        "a ping of 126 bytes": frame(PING, b"x" * 126),
        "a pong of 126 bytes": frame(PONG, b"x" * 126),
        "a close of 126 bytes": frame(CLOSE, b"\x03\xe8" + b"x" * 124),
        "a ping in fragments": frame(PING, b"x", fin=False),
        "a pong in fragments": frame(PONG, b"x", fin=False),
        "a close in fragments": frame(CLOSE, b"\x03\xe8", fin=False),
    }),
]  # fmt: skip

CLOSES = [
    Row("a close without a code", "5.5.1", frame(CLOSE), [], "empty"),
    *[Row(f"close with {code}", "7.4", close(code), [], code)
      for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999)],
    *[Row(f"close with {code}", "7.4", close(code), [], 1002)
      for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)],
    *refused("5.5.1", 1002, {"a close with half a code": frame(CLOSE, b"\x03")}),
    *refused("5.5.1", 1000, {
        "a close with a reason": close(1000, "größer".encode()),
        "a close with the longest reason": close(1000, b"x" * 123),
        "frames behind a close": close(1000) + frame(TEXT, ASK) + frame(PING, b"late"),
        "what is no frame behind a close": close(1000) + b"\xff" * 40,
        "two closes": close(1000) + close(1001),
    }),
    *refused("5.5.1", 1007, {
        "a reason that is no UTF-8": close(1000, b"\xff"),
        "a reason whose last character is cut": close(1000, b"\xe2\x82"),
    }),
    Row("a close behind a message and a ping", "5.5.1", frame(TEXT, ASK) + frame(PING, b"p") + close(1001), ["pong", b"p"], 1001),
]  # fmt: skip

TEXTS = [
    *taken("8.1", {
        "characters of two, three and four bytes": frame(TEXT, ask_with("é€😀".encode())),
        "a character cut by a fragment": fragments(ask_with("€".encode())[:13], ask_with("€".encode())[13:]),
        "the last character of all": frame(TEXT, ask_with(b"\xf4\x8f\xbf\xbf")),
        "characters that are none": frame(TEXT, ask_with(b"\xef\xbf\xbf")),
    }),
    *refused("8.1", 1007, {
        "a lone continuation byte": frame(TEXT, ask_with(b"\x80")),
        "0xFF": frame(TEXT, ask_with(b"\xff")),
        "an overlong slash": frame(TEXT, ask_with(b"\xc0\xaf")),
        "an overlong slash of three bytes": frame(TEXT, ask_with(b"\xe0\x80\xaf")),
        "a surrogate": frame(TEXT, ask_with(b"\xed\xa0\x80")),
        "beyond the last character": frame(TEXT, ask_with(b"\xf4\x90\x80\x80")),
        "a message that ends within a character": frame(TEXT, b"\xe2\x82"),
        "a character whose rest is in no fragment": fragments(b"\xe2", b"\x82"),
        "a character that goes wrong in the next fragment": fragments(b"\xe2\x82", b"x"),
    }),
]  # fmt: skip

ROWS = FRAMING + FRAGMENTS + CONTROL + CLOSES + TEXTS
