"""Whatever becomes of the storage service: what a client of live data received, and what it was told it missed, is all that was acknowledged."""

import itertools
import json
import threading

from live_http import NDJSON, LiveStream, tick
from programs import wait_until

KILLS = 3
ROWS_BETWEEN = 200
BATCH = 20
MESSAGES_UNTIL_RESTLESS = 50


class Writer(threading.Thread):
    """Stores ticks one behind the other, in batches; `acknowledged` is how many are stored for sure."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server = server
        self.acknowledged = 0
        self.ends = threading.Event()

    def run(self):
        for first in itertools.count(0, BATCH):
            rows = {"ticks": [tick(number) for number in range(first, first + BATCH)]}
            # A batch whose answer is lost is sent again: what is stored already is a duplicate then.
            while not self.store(rows):
                pass
            self.acknowledged = first + BATCH
            if self.ends.is_set():
                return

    def store(self, rows):
        return self.server.post("/v1/ticks:ingest", json.dumps(rows).encode()).status == 200


class Reader(threading.Thread):
    """Writes down what a stream says, in its order: numbers of ticks, and "gap"; until it hears of `goal` or a later one."""

    def __init__(self, server, target, is_restless=False):
        super().__init__(daemon=True)
        self.server = server
        self.target = target
        self.is_restless = is_restless
        self.told = []
        self.place = None
        self.newest = -1
        self.goal = None

    def has_all(self):
        return self.goal is not None and self.newest >= self.goal

    def take(self, message):
        if message["type"] == "tick":
            self.newest = message["data"]["tick_id"]
            self.told.append(self.newest)
        elif message["type"] == "gap":
            self.told.append("gap")
        if "epoch" in message:
            self.place = f"{message['epoch']}-{message.get('sequence', message.get('to'))}"

    def read(self, stream):
        for count in itertools.count():
            if self.has_all() or (self.is_restless and count == MESSAGES_UNTIL_RESTLESS):
                return
            self.take(stream.message())

    def run(self):
        while not self.has_all():
            fields = {"Last_Event_ID": self.place} if self.place else {}
            with LiveStream(self.server, self.target, NDJSON, **fields) as stream:
                self.read(stream)


def check(told, acknowledged):
    """From the first on, no number is missing without a gap in its place, and none comes twice."""
    expected = None
    has_gap = False
    for one in told:
        if one == "gap":
            has_gap = True
            continue
        assert expected is None or one == expected or (has_gap and one > expected), (one, expected)
        expected = one + 1
        has_gap = False
    assert expected >= acknowledged


def restart(launcher, server):
    server.programs[1].kill()
    server.programs[1] = launcher.start("deltastream-storaged", "--data-dir", server.data_dir)
    server.programs[1].wait_ready()


def test_received_and_gaps_are_all_that_was_acknowledged_whoever_is_killed(launcher, data_dir):
    server = launcher.daemons(data_dir)
    readers = [
        Reader(server, "/v1/stream/ticks"),
        Reader(server, "/v1/stream/ticks?keys=NIFTY"),
        Reader(server, "/v1/stream/ticks?keys=NIFTY,SENSEX", is_restless=True),
    ]
    writer = Writer(server)
    for reader in readers:
        reader.start()
    writer.start()
    for _ in range(KILLS):
        goal = writer.acknowledged + ROWS_BETWEEN
        wait_until(lambda: writer.acknowledged >= goal, timeout=120)
        restart(launcher, server)
    goal = writer.acknowledged + ROWS_BETWEEN
    wait_until(lambda: writer.acknowledged >= goal, timeout=120)
    writer.ends.set()
    writer.join()
    for reader in readers:
        reader.goal = writer.acknowledged
    # Until all have heard of one of these: one that nobody hears of is a gap before the next.
    for number in itertools.count(writer.acknowledged):
        if not any(reader.is_alive() for reader in readers):
            break
        server.ingest([tick(number)])
        readers[0].join(0.2)
    for reader in readers:
        check(reader.told, writer.acknowledged)
