"""A storage service that stands still (SIGSTOP) in the middle of ingest: the gateway goes on answering, and so does all once it runs again."""

import json
import os
import signal
import threading

from programs import wait_until
from test_durability import ROWS_PER_BATCH, row, stored_rows

WRITERS = 3
BATCHES_EACH = 5


class Writer(threading.Thread):
    """Sends batch after batch, each until it is acknowledged."""

    def __init__(self, server, index):
        super().__init__(daemon=True)
        self.server = server
        self.index = index
        self.acknowledged_batches = 0
        self.refusals = 0
        self.failure = None
        self.ends = threading.Event()

    def run(self):
        while not self.ends.is_set() and self.failure is None:
            first = self.acknowledged_batches * ROWS_PER_BATCH
            rows = [row(self.index, number) for number in range(first, first + ROWS_PER_BATCH)]
            try:
                # No reply within the client's time limit is an OSError.
                reply = self.server.post("/v1/ticks:ingest", json.dumps({"ticks": rows}).encode())
            except OSError as error:
                self.failure = repr(error)
                return
            if reply.status == 200:
                self.acknowledged_batches += 1
            elif reply.status in (503, 504):
                self.refusals += 1
            else:
                self.failure = repr(reply)


def failures(writers):
    return [writer.failure for writer in writers if writer.failure is not None]


def wait_for_batches(writers, count):
    """Until each writer has so many more acknowledged."""
    goals = [writer.acknowledged_batches + count for writer in writers]
    wait_until(
        lambda: failures(writers)
        or all(writer.acknowledged_batches >= goal for writer, goal in zip(writers, goals)),
        timeout=60,
    )
    assert not failures(writers)


def test_a_storage_service_that_stands_still_costs_time_and_no_row(launcher, data_dir):
    server = launcher.daemons(data_dir)
    storage = server.programs[1]
    writers = [Writer(server, index) for index in range(WRITERS)]
    for writer in writers:
        writer.start()
    wait_for_batches(writers, BATCHES_EACH)

    os.kill(storage.pid, signal.SIGSTOP)
    try:
        wait_until(lambda: failures(writers) or all(writer.refusals for writer in writers), timeout=60)
        assert not failures(writers)
        assert server.get("/v1/ticks/W0").status in (503, 504)
        assert server.get("/health").status == 503
    finally:
        os.kill(storage.pid, signal.SIGCONT)

    wait_for_batches(writers, BATCHES_EACH)
    wait_until(lambda: server.get("/health").status == 200)
    for writer in writers:
        writer.ends.set()
    for writer in writers:
        writer.join(60)
        assert not writer.is_alive() and writer.failure is None, writer.failure
    for writer in writers:
        rows = stored_rows(server, f"W{writer.index}")
        acknowledged = range(writer.acknowledged_batches * ROWS_PER_BATCH)
        assert [number for number in acknowledged if number not in rows] == []
        assert all(rows[number]["price"] == number + 1 for number in acknowledged)
        # What was refused may be there or not, and nothing else is.
        assert all(number < len(acknowledged) + ROWS_PER_BATCH for number in rows)
