"""10,000 connections open at a time, idle, while requests come by others and then by each of them: what one costs, and that all are
answered. From 20 loopback addresses, so that the caps by address stay as they are.

    connections.py [COUNT]
"""

import resource
import selectors
import socket
import sys
import time
import urllib.parse

from campaign import Figures, launched, metric

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 10000
ADDRESSES = 20
OTHERS = 50
ROUNDS_OF_OTHERS = 100
SPARE_DESCRIPTORS = 200
PATIENCE_SECONDS = 60
REQUEST = b"GET /v1/products HTTP/1.1\r\nHost: test\r\n\r\n"
# docs/conformance.md names it: a connection and its share of the allocator's, in the gateway's own memory.
CONNECTION_BYTES_MAX = 16 * 1024


class Crowd:
    """Connections to one server, asked and read all at once."""

    def __init__(self, address):
        self.address = address
        self.sockets = []

    def open(self, count):
        for _ in range(count):
            opened = socket.socket()
            # From the third address on: the first is everybody's.
            opened.bind((f"127.0.0.{3 + len(self.sockets) % ADDRESSES}", 0))
            opened.connect(self.address)
            self.sockets.append(opened)

    def ask_all(self):
        """A request by each; how many were answered with 200, and how many connections have ended instead."""
        answered = ended = 0
        with selectors.DefaultSelector() as selector:
            waiting = 0
            for opened in self.sockets:
                opened.sendall(REQUEST)
                selector.register(opened, selectors.EVENT_READ)
                waiting += 1
            deadline = time.monotonic() + PATIENCE_SECONDS
            while waiting > 0 and time.monotonic() < deadline:
                for key, _ in selector.select(1):
                    # A small reply comes in one piece over loopback.
                    reply = key.fileobj.recv(65536)
                    selector.unregister(key.fileobj)
                    waiting -= 1
                    answered += reply.startswith(b"HTTP/1.1 200 ")
                    ended += reply == b""
        return answered, ended

    def close(self):
        for opened in self.sockets:
            opened.close()


def open_now(server):
    return metric(server, "ds_http_connections_open")


def run(server, figures):
    program = server.programs[0]
    url = urllib.parse.urlsplit(server.base_url)
    crowd = Crowd((url.hostname, url.port))
    others = Crowd((url.hostname, url.port))
    others.open(OTHERS)
    figures.expect(others.ask_all() == (OTHERS, 0), "all others are answered at the start")
    before = program.memory_bytes()

    begun = time.monotonic()
    crowd.open(COUNT)
    figures.expect(crowd.ask_all() == (COUNT, 0), "each connection's first request is answered")
    figures.add("connections open", f"{open_now(server) - OTHERS - 1:,}")
    figures.add("opened and asked once in", f"{time.monotonic() - begun:.1f} s")
    each = (program.memory_bytes() - before) / COUNT
    figures.add("memory of the gateway a connection, idle after a request", f"{each / 1024:.1f} KiB")
    if not program.is_sanitized():
        figures.expect(each <= CONNECTION_BYTES_MAX, f"a connection costs at most {CONNECTION_BYTES_MAX} bytes")

    answered = 0
    begun = time.monotonic()
    for _ in range(ROUNDS_OF_OTHERS):
        answered += others.ask_all()[0]
    taken = time.monotonic() - begun
    figures.add("requests by others meanwhile", f"{answered:,} of {OTHERS * ROUNDS_OF_OTHERS:,} answered, {answered / taken:,.0f}/s")
    figures.expect(answered == OTHERS * ROUNDS_OF_OTHERS, "all others are answered while the crowd is idle")

    answered, ended = crowd.ask_all()
    figures.add("a request by each of the idle ones", f"{answered:,} answered, {ended} ended")
    figures.expect((answered, ended) == (COUNT, 0), "each idle connection is answered again")

    crowd.close()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while open_now(server) > OTHERS + 1 and time.monotonic() < deadline:
        time.sleep(0.1)
    figures.expect(open_now(server) == OTHERS + 1, "none is left behind")
    left = (program.memory_bytes() - before) / COUNT
    figures.add("memory kept when they have gone, a connection", f"{left / 1024:.1f} KiB")
    others.close()


def main():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = COUNT + SPARE_DESCRIPTORS
    if hard != resource.RLIM_INFINITY and hard < needed:
        sys.exit(f"{needed} descriptors are needed, {hard} are allowed (ulimit -n)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    figures = Figures("connections")
    limits = ("--connections-max", COUNT + SPARE_DESCRIPTORS, "--idle-timeout", "1h", "--access-log", "off")
    with launched() as (launcher, folder):
        run(launcher.daemons(folder / "data", *limits), figures)
    return figures.end()


sys.exit(main())
