"""A gateway that stands still (SIGSTOP, a machine that sleeps): its time limits count against clients, not against itself."""

import contextlib
import select
import signal
import time
from pathlib import Path

from programs import wait_until
from raw_http import RawConnection

LIMIT = "1s"
# Longer than the limit: the gateway's clock goes on while it stands.
STANDS_SECONDS = 1.5
HEAD = b"GET /health/live HTTP/1.1\r\nHost: test\r\n\r\n"


@contextlib.contextmanager
def standing(server):
    """The gateway, stopped for longer than its limit once the test has done what is to happen meanwhile."""
    program = server.programs[0]
    program.process.send_signal(signal.SIGSTOP)
    try:
        stat = Path(f"/proc/{program.pid}/stat")
        wait_until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T")
        yield
    finally:
        program.process.send_signal(signal.SIGCONT)


def has_been_given_up(connection):
    """Whether its end has come, or what announces it."""
    readable, _, _ = select.select([connection.socket], [], [], 0)
    return bool(readable)


def answered_after_standing(server, before, meanwhile):
    """The reply to a request whose second part came while the gateway stood still. Where the test itself was held up between the two
    for longer than the limit, the connection has ended already: then all begins anew."""
    while True:
        with RawConnection(server) as connection:
            connection.get("/health/live")
            assert connection.receive().status == 200
            connection.send(before)
            with standing(server):
                given_up = has_been_given_up(connection)
                if not given_up:
                    connection.send(meanwhile)
                    time.sleep(STANDS_SECONDS)
            if not given_up:
                return connection.receive()


def test_a_request_that_came_while_the_gateway_stood_still_is_answered(launcher, data_dir):
    server = launcher.daemons(data_dir, "--idle-timeout", LIMIT, "--headers-timeout", "1h")
    assert answered_after_standing(server, b"", HEAD).status == 200


def test_the_rest_of_a_head_that_came_meanwhile_is_taken(launcher, data_dir):
    server = launcher.daemons(data_dir, "--idle-timeout", "1h", "--headers-timeout", LIMIT)
    assert answered_after_standing(server, HEAD[:30], HEAD[30:]).status == 200
