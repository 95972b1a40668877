"""Floods of connections: a good client goes on, and afterwards the server is what it was before.

What is compared are descriptors, threads and memory of the server's process, and CPU time; nothing has to be fast.
"""

import os
import resource
import time
from pathlib import Path

import pytest

from programs import wait_until
from raw_http import RawConnection
from sp_peer import SpPeer

IDLE_CONNECTIONS = 2000
STORM_CONNECTIONS = 5000
# Of the test and of what it starts.
DESCRIPTORS = 8192
SPARE_DESCRIPTORS = 16
# More than fit, few enough for the listener's backlog.
FLOOD_CONNECTIONS = SPARE_DESCRIPTORS + 64
# While no descriptor is left: long enough for the listeners' watchdogs to look several times.
EXHAUSTED_ROUNDS = 300
ROUND_SECONDS = 0.02
# nng 1.5.2 takes no connection for 100 ms after each that ends before its greeting; over ipc it may stop taking any until
# the watchdog comes, which test_rpc_hangup.c is about.
HANG_UP_EARLY_EACH = 200
MEMORY_SLACK_BYTES = 8 * 1024 * 1024
STORAGED_LIMITS = (
    *("--rpc-connections", "8000"),
    *("--rpc-connections-per-address", "8000"),
    *("--rpc-first-request-timeout", "1h"),
)
GATEWAY_LIMITS = ("--connections-address-max", "8000", "--idle-timeout", "1h", "--access-log", "off")


class RpcTarget:
    """deltastream-storaged by its wire."""

    def __init__(self, launcher, data_dir, url):
        self.program = launcher.start("deltastream-storaged", "--data-dir", data_dir, *url, *STORAGED_LIMITS)
        self.url = self.program.wait_ready()[0]

    def connect(self):
        """One that has not asked for anything."""
        return SpPeer(self.url)

    def connect_and_ask(self):
        peer = self.connect().greet()
        self.ask(peer)
        return peer

    def ask(self, peer):
        assert b"deltastream-storaged/" in peer.hello()

    def storm_once(self, number):
        """Comes and goes, each time in another manner."""
        peer = self.connect()
        if number % HANG_UP_EARLY_EACH == 0 and not self.url.startswith("ipc:"):
            peer.close()
            return
        peer.greet()
        if number % 3 == 1:
            peer.announce(1000)
        if number % 3 == 2:
            self.ask(peer)
        peer.reset()


class HttpTarget:
    """deltastream-gateway, with the storage service behind it."""

    def __init__(self, launcher, data_dir):
        self.server = launcher.daemons(data_dir, *GATEWAY_LIMITS)
        # Its own connection to the storage service counts too.
        self.server.wait_healthy()
        self.program = self.server.programs[0]

    def connect(self):
        return RawConnection(self.server)

    def connect_and_ask(self):
        peer = self.connect()
        self.ask(peer)
        return peer

    def ask(self, peer):
        peer.get("/health/live")
        reply = peer.receive()
        assert reply is not None and reply.status == 200

    def storm_once(self, number):
        peer = self.connect()
        if number % 4 == 1:
            peer.send(b"GET /health/li")
        if number % 4 == 2:
            self.ask(peer)
        if number % 4 == 3:
            peer.reset()
        else:
            peer.close()


@pytest.fixture(autouse=True)
def many_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard == resource.RLIM_INFINITY or hard >= DESCRIPTORS, f"the tests need {DESCRIPTORS} descriptors"
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(params=["rpc over tcp", "rpc over ipc", "http"])
def target(request, launcher, data_dir, folder):
    if request.param == "http":
        return HttpTarget(launcher, data_dir)
    url = "tcp://127.0.0.1:0" if request.param == "rpc over tcp" else f"ipc://{folder}/own/rpc.sock"
    return RpcTarget(launcher, data_dir, ("--listen", url))


def descriptors(program):
    return len(os.listdir(f"/proc/{program.pid}/fd"))


def threads(program):
    return len(os.listdir(f"/proc/{program.pid}/task"))


def cpu_seconds(program):
    fields = Path(f"/proc/{program.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class BaseLine:
    """What the server holds while one good client is connected."""

    def __init__(self, program):
        self.program = program
        self.descriptors = descriptors(program)
        self.threads = threads(program)

    def wait_until_back(self):
        wait_until(lambda: descriptors(self.program) <= self.descriptors)
        wait_until(lambda: threads(self.program) <= self.threads)


def flood_with_idle_ones(target, good, base):
    idle = []
    for number in range(IDLE_CONNECTIONS):
        idle.append(target.connect_and_ask())
        if number % 100 == 0:
            target.ask(good)
    assert descriptors(target.program) >= base.descriptors + IDLE_CONNECTIONS
    target.ask(good)
    for peer in idle:
        peer.close()
    base.wait_until_back()
    target.ask(good)


def test_2000_idle_connections_leave_nothing_behind(target):
    with target.connect_and_ask() as good:
        base = BaseLine(target.program)
        flood_with_idle_ones(target, good, base)
        # What the first flood has left is the allocator's, for the next one.
        after_one = target.program.memory_bytes()
        flood_with_idle_ones(target, good, base)
        if not target.program.is_sanitized():
            assert target.program.memory_bytes() <= after_one + MEMORY_SLACK_BYTES


def is_answered(target):
    try:
        target.connect_and_ask().close()
        return True
    except (EOFError, OSError):
        return False


def leave_descriptors(program, spare):
    """Lets the program open so many more; returns how many it then has."""
    count = descriptors(program) + spare
    _, hard = resource.prlimit(program.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(program.pid, resource.RLIMIT_NOFILE, (count, hard))
    return count


def test_programs_may_open_as_many_files_as_they_are_allowed(target):
    soft, hard = resource.prlimit(target.program.pid, resource.RLIMIT_NOFILE)
    assert soft == hard
    assert soft > DESCRIPTORS, "the test proves nothing where the limit was the highest before"


def test_exhausted_descriptors_cost_no_good_client_anything(target):
    program = target.program
    with target.connect_and_ask() as good:
        base = BaseLine(program)
        limit = leave_descriptors(program, SPARE_DESCRIPTORS)
        flood = [target.connect() for _ in range(FLOOD_CONNECTIONS)]
        wait_until(lambda: descriptors(program) >= limit - 1)
        cpu_before = cpu_seconds(program)
        wall_before = time.monotonic()
        for _ in range(EXHAUSTED_ROUNDS):
            target.ask(good)
            time.sleep(ROUND_SECONDS)
        # A loop over accept() would take all of it.
        assert cpu_seconds(program) - cpu_before < (time.monotonic() - wall_before) / 2
        for peer in flood:
            peer.close()
        base.wait_until_back()
        target.ask(good)
    # Over ipc the flood that left without a greeting may have made the listener deaf for a while, see above.
    wait_until(lambda: is_answered(target))


def test_a_storm_of_connections_leaves_nothing_behind(target):
    with target.connect_and_ask() as good:
        base = BaseLine(target.program)
        for number in range(STORM_CONNECTIONS):
            target.storm_once(number)
            if number % 50 == 0:
                target.ask(good)
        base.wait_until_back()
        target.ask(good)
        target.connect_and_ask().close()
