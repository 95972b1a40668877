"""The event sockets as a stranger meets them: pynng and the bytes of docs/rpc.md, none of our code."""

import struct

import pynng
import pytest

from programs import seconds

HEARTBEAT_FIELDS = {"topic", "epoch", "published_at_us", "is_heartbeat"}
OUT_OF_RANGE = 11


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def fields(data):
    """The fields of a protobuf message as (number, value)."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
        elif tag & 7 == 1:
            value, at = struct.unpack_from("<Q", data, at)[0], at + 8
        else:
            assert tag & 7 == 2
            size, at = varint(data, at)
            value, at = data[at : at + size], at + size
        yield tag >> 3, value


EVENT_HEADER = {
    1: "topic",
    2: "epoch",
    3: "sequence",
    4: "published_at_us",
    5: "is_heartbeat",
    6: "newest_sequence",
    7: "is_left_out",
}


def frames(data):
    while data:
        magic, version, kind, flags, reserved, header_bytes, payload_bytes = struct.unpack_from("<3sBBBHII", data)
        assert (magic, version, flags, reserved) == (b"DSR", 1, 0, 0)
        header, data = data[16 : 16 + header_bytes], data[16 + header_bytes :]
        payload, data = data[:payload_bytes], data[payload_bytes:]
        yield kind, header, payload


def events_of(message):
    """The events of a message: their headers, with the payload's bytes."""
    topic, _, rest = message.partition(b"\0")
    for kind, header, payload in frames(rest):
        assert kind == 4
        event = {EVENT_HEADER[number]: value for number, value in fields(header)}
        assert event["topic"] == topic
        yield event | {"payload": payload}


def row_of(event):
    """Product and price of a tick, symbol and strike of a quote."""
    found = dict(fields(event["payload"]))
    return found[1].decode(), struct.unpack("<d", struct.pack("<Q", found[2]))[0] if isinstance(found[2], int) else None


def subscribe(url, *topics):
    socket = pynng.Sub0(dial=url, recv_timeout=int(seconds(60) * 1000))
    for topic in topics:
        socket.subscribe(topic)
    return socket


def event_socket(data_dir):
    return f"ipc://{data_dir}/run/storage-events.sock"


def next_event(socket, is_heartbeat=False):
    while True:
        for event in events_of(socket.recv()):
            if bool(event.get("is_heartbeat")) == is_heartbeat:
                return event


def tick(product, second, price):
    return {"product": product, "price": price, "timestamp": f"2025-01-25T10:00:{second:02}Z", "tick_id": second}


def bytes_field(number, data):
    assert len(data) < 128
    return bytes((number << 3 | 2, len(data))) + data


def call(url, method, payload=b""):
    """The code, the message and the payload of a call's answer."""
    header = bytes_field(1, b"a") + bytes_field(2, method.encode())
    with pynng.Req0(dial=url, recv_timeout=int(seconds(60) * 1000), resend_time=-1) as socket:
        socket.send(b"DSR\x01\x01\0\0\0" + struct.pack("<II", len(header), len(payload)) + header + payload)
        ((kind, header, payload),) = frames(socket.recv())
    assert kind == 2
    answer = dict(fields(header))
    return answer.get(2, 0), answer.get(3, b"").decode(), payload


def list_events(data_dir, kind, epoch, after, limit=0):
    request = bytes_field(1, kind) + b"\x11" + struct.pack("<Q", epoch) + bytes((0x18, after, 0x20, limit))
    return call(f"ipc://{data_dir}/run/storage.sock", "deltastream.storage.v1.Storage/ListEvents", request)


def test_accepted_rows_are_published_in_order_and_numbered(server, data_dir):
    with subscribe(event_socket(data_dir), b"ticks/") as socket:
        heartbeat = next_event(socket, is_heartbeat=True)
        assert heartbeat["topic"] == b"ticks/" and heartbeat.keys() == HEARTBEAT_FIELDS | {"payload"}
        server.ingest([tick("NIFTY", 1, 10.5), tick("SENSEX", 2, 20.5), tick("NIFTY", 3, 30.5)])
        server.ingest([tick("NIFTY", 3, 30.5), tick("NIFTY", 4, 40.5)])
        got = [next_event(socket) for _ in range(4)]
        assert [event["sequence"] for event in got] == [1, 2, 3, 4]
        assert [row_of(event) for event in got] == [("NIFTY", 10.5), ("SENSEX", 20.5), ("NIFTY", 30.5), ("NIFTY", 40.5)]
        assert {event["epoch"] for event in got} == {heartbeat["epoch"]}
        assert [event["topic"] for event in got[:2]] == [b"ticks/NIFTY", b"ticks/SENSEX"]
        while next_event(socket, is_heartbeat=True).get("newest_sequence") != 4:
            pass


def test_a_subscription_can_end_with_the_topic(server, data_dir):
    with subscribe(event_socket(data_dir), b"ticks/NIFTY\0", b"ticks/\0") as socket:
        next_event(socket, is_heartbeat=True)
        server.ingest([tick("NIFTYBEES", 1, 1.5), tick("SENSEX", 2, 2.5), tick("NIFTY", 3, 3.5)])
        event = next_event(socket)
        assert (event["topic"], event["sequence"]) == (b"ticks/NIFTY", 3)


def test_missed_events_are_listed_again(server, data_dir):
    with subscribe(event_socket(data_dir), b"ticks/") as socket:
        epoch = next_event(socket, is_heartbeat=True)["epoch"]
    server.ingest([tick("NIFTY", second, float(second)) for second in range(1, 6)])
    code, _, payload = list_events(data_dir, b"ticks", epoch, after=2, limit=2)
    assert code == 0
    listed = list(fields(payload))
    assert [(number, value) for number, value in listed if number < 4] == [(1, epoch), (2, 5), (3, 4)]
    events = [dict(fields(value)) for number, value in listed if number == 4]
    assert [dict(fields(event[1]))[3] for event in events] == [3, 4]
    assert [row_of({"payload": event[2]}) for event in events] == [("NIFTY", 3.0), ("NIFTY", 4.0)]
    code, message, payload = list_events(data_dir, b"ticks", epoch ^ 1, after=2)
    assert (code, payload) == (OUT_OF_RANGE, b"") and "read it by time" in message


def hello(url):
    """The event sockets that a server names to who calls from there."""
    code, _, payload = call(url, "deltastream.rpc.v1.Control/Hello")
    assert code == 0
    return [value.decode() for number, value in fields(payload) if number == 9]


def test_hello_names_the_event_sockets_that_a_caller_can_reach(launcher, folder, data_dir):
    storage = launcher.start(
        "deltastream-storaged", "--data-dir", data_dir, "--events", f"ipc://{folder}/events/own.sock",
        "--events", "tcp://127.0.0.1:0", "--listen", f"ipc://{data_dir}/run/storage.sock",
        "--listen", "tcp://127.0.0.1:0",
    )  # fmt: skip
    ipc, tcp = storage.wait_ready(2)
    own, over_tcp = hello(ipc)
    assert own == f"ipc://{folder}/events/own.sock"
    assert over_tcp.startswith("tcp://127.0.0.1:") and not over_tcp.endswith(":0")
    assert hello(tcp) == [over_tcp]
    with subscribe(over_tcp, b"chains/") as socket:
        assert next_event(socket, is_heartbeat=True)["topic"] == b"chains/"


def test_a_restart_is_another_epoch(launcher, data_dir):
    server = launcher.daemons(data_dir)
    with subscribe(event_socket(data_dir), b"ticks/") as socket:
        before = next_event(socket, is_heartbeat=True)["epoch"]
        server.ingest([tick("NIFTY", 1, 1.5)])
        assert next_event(socket)["sequence"] == 1
        server.programs[1].kill()
        launcher.start("deltastream-storaged", "--data-dir", data_dir).wait_ready()
        heartbeat = next_event(socket, is_heartbeat=True)
        while heartbeat["epoch"] == before:
            heartbeat = next_event(socket, is_heartbeat=True)
        assert "newest_sequence" not in heartbeat


@pytest.mark.parametrize("url", ["tcp://0.0.0.0:0", "http://127.0.0.1:1", "ipc://relative.sock"])
def test_an_event_socket_is_refused_where_a_listener_is(launcher, data_dir, url):
    storage = launcher.start("deltastream-storaged", "--data-dir", data_dir, "--events", url)
    assert storage.wait() == 2
    assert "events" in storage.log() and url in storage.log()
