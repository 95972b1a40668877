"""Subscriptions: of the real server, and of a publisher that loses what the test wants."""

import struct
import threading

import deltastream
import pynng
import pytest
from conftest import PATIENCE
from deltastream.rpc import EventHeader, ListEventsRequest, ListEventsResponse
from deltastream.storage import Quote, Tick
from test_calls import ingest, tick
from test_failures import InBackground, answer, connect, details

OUT_OF_RANGE = deltastream.Code.OUT_OF_RANGE


def test_what_the_server_accepts_comes_once_and_in_order(client):
    ingest(client, 5)
    with client.subscribe(Tick) as events:
        ingest(client, 3_000)
        seen = [next(events)]
        while seen[-1].row.tick_id != 2_999:
            seen.append(next(events))
    # Rows that were accepted just before the subscription may still be on their way then.
    first = seen[0].row.tick_id
    assert first <= 5
    assert [event.row.tick_id for event in seen] == list(range(first, 3_000))
    assert {event.topic for event in seen} == {"ticks/NIFTY"}
    assert [event.sequence for event in seen] == list(range(seen[0].sequence, seen[0].sequence + len(seen)))


class Publisher:
    """The event socket of a fake server, and what ListEvents answers there."""

    def __init__(self, fake, folder):
        fake.event_urls = [f"ipc://{folder}/events"]
        self._fake = fake
        self._socket = pynng.Pub0(listen=fake.event_urls[0])
        self._stopping = threading.Event()

    def subscribe(self, client, row_type=Tick, prefix=""):
        """Nobody knows when a subscription has arrived: heartbeats until it has."""
        subscribing = InBackground(client.subscribe, row_type, prefix)
        while subscribing.result is None and subscribing.error is None:
            self.heartbeat(0)
            self._stopping.wait(0.01)
        return subscribing.wait()

    def send(self, header, payload=b""):
        packed = header.SerializeToString()
        frame = b"DSR\x01\x04\0\0\0" + struct.pack("<II", len(packed), len(payload)) + packed + payload
        self._socket.send(header.topic.encode() + b"\0" + frame)

    def heartbeat(self, newest, epoch=7):
        self.send(EventHeader(topic="ticks/", epoch=epoch, is_heartbeat=True, newest_sequence=newest))

    def tick(self, sequence, epoch=7, product="NIFTY", **header):
        header = EventHeader(topic=f"ticks/{product}", epoch=epoch, sequence=sequence, **header)
        self.send(header, b"" if header.is_left_out else tick(sequence, product).SerializeToString())

    def take_list(self):
        frame = self._fake.take_frame()
        assert frame.header.method == "deltastream.storage.v1.Storage/ListEvents"
        return frame, ListEventsRequest.FromString(frame.payload)

    def give_list(self, frame, first, last, through=None):
        listed = ListEventsResponse(epoch=7, newest_sequence=last, through_sequence=through or last)
        for sequence in range(first, last + 1):
            listed.events.add(payload=tick(sequence).SerializeToString()).header.CopyFrom(
                EventHeader(topic="ticks/NIFTY", epoch=7, sequence=sequence)
            )
        answer(frame, listed)

    def close(self):
        self._socket.close()


@pytest.fixture
def publisher(fake, folder):
    publisher = Publisher(fake, folder)
    yield publisher
    publisher.close()


def take(events, count):
    return InBackground(lambda: [next(events) for _ in range(count)])


def sequences(taking):
    return [event.sequence for event in taking.wait()]


def test_what_is_jumped_over_is_asked_for(fake, publisher):
    with connect(fake) as client, publisher.subscribe(client) as events:
        taking = take(events, 5)
        publisher.tick(1)
        publisher.tick(1)
        publisher.tick(5)
        frame, request = publisher.take_list()
        assert (request.kind, request.epoch, request.after_sequence, request.topic_prefix) == ("ticks", 7, 1, "ticks/")
        publisher.give_list(frame, 2, 3)
        frame, request = publisher.take_list()
        assert request.after_sequence == 3
        # More than was missing: what comes again later is a duplicate.
        publisher.give_list(frame, 4, 5)
        assert sequences(taking) == [1, 2, 3, 4, 5]
        taking = take(events, 1)
        publisher.tick(5)
        publisher.tick(6)
        assert sequences(taking) == [6]


def test_a_heartbeat_shows_that_the_last_event_was_lost(fake, publisher):
    with connect(fake) as client, publisher.subscribe(client) as events:
        taking = take(events, 2)
        publisher.tick(1)
        publisher.heartbeat(2)
        frame, _ = publisher.take_list()
        publisher.give_list(frame, 2, 2)
        assert sequences(taking) == [1, 2]


def test_a_row_that_is_left_out_is_asked_for(fake, publisher):
    with connect(fake) as client, publisher.subscribe(client) as events:
        taking = take(events, 1)
        publisher.tick(1, is_left_out=True)
        frame, _ = publisher.take_list()
        publisher.give_list(frame, 1, 1)
        assert sequences(taking) == [1]


def test_what_is_forgotten_is_a_gap(fake, publisher):
    with connect(fake) as client, publisher.subscribe(client) as events:
        taking = take(events, 2)
        publisher.tick(9)
        frame, _ = publisher.take_list()
        answer(frame, code=OUT_OF_RANGE, status_details=details("EVENTS_FORGOTTEN"))
        gap, event = taking.wait()
        assert gap == deltastream.Gap(epoch=7, first=1, last=8) and event.sequence == 9


def test_a_publisher_that_was_started_anew_is_a_gap_of_unknown_length(fake, publisher):
    with connect(fake) as client, publisher.subscribe(client) as events:
        taking = take(events, 3)
        publisher.tick(1)
        publisher.tick(4, epoch=8)
        first, gap, second = taking.wait()
        assert (first.sequence, second.sequence, second.epoch) == (1, 4, 8)
        assert gap == deltastream.Gap(epoch=7, first=2, last=None)


def test_a_prefix_lets_its_topics_through_alone(fake, publisher):
    with connect(fake) as client, publisher.subscribe(client, prefix="NIF") as events:
        taking = take(events, 2)
        publisher.tick(1)
        publisher.tick(2, product="BANK")
        publisher.tick(3)
        assert sequences(taking) == [1, 3]


def test_without_an_event_socket_there_is_no_subscription(fake, folder):
    with connect(fake) as client, pytest.raises(deltastream.UnavailableError, match="publishes no events"):
        client.subscribe(Quote)
    fake.event_urls = [f"ipc://{folder}/nobody"]
    with connect(fake, connect_timeout=0.5) as client, pytest.raises(deltastream.UnavailableError, match="no word"):
        client.subscribe(Quote)


def test_there_are_events_of_rows_only(fake):
    fake.event_urls = ["tcp://127.0.0.1:1"]
    with connect(fake) as client, pytest.raises(TypeError, match="not of ListEventsRequest"):
        client.subscribe(ListEventsRequest)
