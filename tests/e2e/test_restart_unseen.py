"""The storage service is restarted behind the gateway, and its readers do not notice."""

import threading
import time

from programs import wait_until
from test_durability import row

READERS = 4
READS_EACH = 20
# The gateway makes a read again for some seconds. What takes longer, because the machine stalls, is seen.
RESTART_SECONDS_MAX = 2
RESTARTS_MAX = 10


class Reader(threading.Thread):
    """Reads all the time until it is told to end or a reply is not 200."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server = server
        self.count = 0
        self.failure = None
        self.ends = threading.Event()

    def run(self):
        while not self.ends.is_set() and self.failure is None:
            reply = self.server.get("/v1/ticks/W0")
            if reply.status == 200 and len(reply.json()["ticks"]) == 1:
                self.count += 1
            else:
                self.failure = repr(reply)


def failures_of(readers):
    return [reader.failure for reader in readers if reader.failure]


def wait_for_reads(readers, count):
    """Until each has so many more."""
    goals = [reader.count + count for reader in readers]
    wait_until(
        lambda: any(reader.failure for reader in readers)
        or all(reader.count >= goal for reader, goal in zip(readers, goals)),
        timeout=60,
    )


def restart(launcher, server, data_dir, end):
    """Returns how many seconds it took."""
    began = time.monotonic()
    end(server.programs[1])
    server.programs[1] = launcher.start("deltastream-storaged", "--data-dir", data_dir)
    server.programs[1].wait_ready()
    return time.monotonic() - began


def restart_under_reads(launcher, server, data_dir, end):
    """Returns what went wrong with the readers, and how many seconds the restart took."""
    readers = [Reader(server) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    wait_for_reads(readers, READS_EACH)
    assert failures_of(readers) == []
    took = restart(launcher, server, data_dir, end)
    wait_for_reads(readers, READS_EACH)
    for reader in readers:
        reader.ends.set()
        reader.join()
    return failures_of(readers), took


def test_readers_do_not_see_a_restart_of_the_storage_service(launcher, data_dir):
    server = launcher.daemons(data_dir)
    server.ingest([row(0, 1)])
    for end in (lambda program: program.kill(), lambda program: program.stop()):
        for _ in range(RESTARTS_MAX):
            failures, took = restart_under_reads(launcher, server, data_dir, end)
            if took <= RESTART_SECONDS_MAX or not failures:
                break
        assert failures == [], took
