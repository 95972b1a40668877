"""1,000 WebSocket clients of which 50 read nothing: each of the others gets every event or a named gap, and in the end so do the 50,
while the gateway's memory stays bounded. Counted, never timed.

    live.py [CLIENTS] [SLOW]
"""

import json
import re
import resource
import selectors
import socket
import struct
import sys
import time
import urllib.parse

import rows_to_store
from campaign import Figures, launched
from live_http import tick
from raw_websocket import KEY, PING, PONG, TEXT, frame

CLIENTS = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
SLOW = int(sys.argv[2]) if len(sys.argv) > 2 else 50
ADDRESSES = 20
ROUNDS = 12
TICKS = 20  # for each fast client, each round
CHAINS = 60  # for each slow client, each round: together more than the kernel and the gateway keep for one
STRIKES = 40
PATIENCE_SECONDS = 120
SPARE_DESCRIPTORS = 200
SLOW_RECEIVE_BYTES = 4096
# What may wait for all clients together (LIVE_BYTES_MAX), the streams' own queues, which share it, and a client's own memory.
MEMORY_BYTES_MAX = 128 * 2**20 + SLOW * 2**20 + CLIENTS * 64 * 2**10
HANDSHAKE = (
    f"GET /ws/quotes HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
).encode()
# A message is known by its beginning: rows may be long.
HEAD_BYTES = 400
SEQUENCE = re.compile(rb'"sequence":(\d+)')
LOST = re.compile(rb'^ds_live_gaps_total{cause="client"} (\d+)$', re.M)
RANGE = re.compile(rb'"from":(\d+),"to":(\d+)')


class Client:
    def __init__(self, address, number, channel, keys, receive_bytes=None):
        self.socket = socket.socket()
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.bind((f"127.0.0.{3 + number % ADDRESSES}", 0))
        self.socket.settimeout(PATIENCE_SECONDS)
        self.socket.connect(address)
        message = json.dumps({"action": "subscribe", "channel": channel, "keys": keys}).encode()
        self.socket.sendall(HANDSHAKE + frame(TEXT, message))
        self.unread = bytearray()
        self.told = self.events = self.gaps = self.faults = 0
        self.begun = self.ended = False
        while b"\r\n\r\n" not in self.unread:
            self.unread += self.socket.recv(65536)
        head, _, rest = bytes(self.unread).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head
        self.unread = bytearray(rest)
        self.take_frames()

    def read(self):
        data = self.socket.recv(1 << 18)
        self.ended = self.ended or not data
        self.unread += data
        self.take_frames()

    def take_frames(self):
        at = 0
        while len(self.unread) - at >= 2:
            opcode, size, start = self.unread[at] & 15, self.unread[at + 1], at + 2
            if size == 126 and len(self.unread) >= start + 2:
                size, start = struct.unpack_from(">H", self.unread, start)[0], start + 2
            elif size == 127 and len(self.unread) >= start + 8:
                size, start = struct.unpack_from(">Q", self.unread, start)[0], start + 8
            elif size >= 126:
                break
            if len(self.unread) < start + size:
                break
            if opcode == PING:
                self.socket.sendall(frame(PONG, bytes(self.unread[start : start + size])))
            else:
                self.take_message(bytes(self.unread[start : start + min(size, HEAD_BYTES)]))
            at = start + size
        del self.unread[:at]

    def take_message(self, head):
        """Each number behind the beginning is an event or in a gap; keys of others may be in neither."""
        if head.startswith(b'{"type":"subscribed"'):
            self.told, self.begun = int(SEQUENCE.search(head)[1]), True
        elif head.startswith(b'{"type":"gap"'):
            first, last = map(int, RANGE.search(head).groups())
            self.faults += first <= self.told
            self.told, self.gaps = last, self.gaps + 1
        elif head.startswith((b'{"type":"tick"', b'{"type":"chain"')):
            sequence = int(SEQUENCE.search(head)[1])
            self.faults += sequence != self.told + 1
            self.told, self.events = sequence, self.events + 1
        elif not head.startswith(b'{"type":"stale"'):
            self.faults += 1


def read_until(clients, is_done):
    """Whether all have come to it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    waiting = {client for client in clients if not is_done(client)}
    with selectors.DefaultSelector() as selector:
        for client in waiting:
            selector.register(client.socket, selectors.EVENT_READ, client)
        while waiting and time.monotonic() < deadline:
            for key, _ in selector.select(1):
                key.data.read()
                if is_done(key.data) or key.data.ended:
                    selector.unregister(key.data.socket)
                    waiting.discard(key.data)
    return all(is_done(client) for client in clients)


def wide_chain(number):
    (chain,) = rows_to_store.chains(1)
    chain["timestamp"] = f"2025-01-25T10:{number // 60:02}:{number % 60:02}Z"
    for side, letter in (("calls", "C"), ("puts", "P")):
        chain[side] = [
            chain[side][0]
            | {"strike": strike, "symbol": rows_to_store.symbol_of(chain["product"], chain["expiry"], letter, strike)}
            for strike in range(21400, 21400 + STRIKES)
        ]
    return chain


def ingest(server, number):
    chains = [wide_chain(at) for at in range(number * CHAINS, (number + 1) * CHAINS)]
    reply = server.post("/v1/chains:ingest", json.dumps({"chains": chains}).encode())
    assert reply.json()["accepted"] == CHAINS, reply
    server.ingest([tick(at, "FAST") for at in range(number * TICKS, (number + 1) * TICKS)])


def run(server, figures):
    program = server.programs[0]
    url = urllib.parse.urlsplit(server.base_url)
    address = (url.hostname, url.port)
    before = program.memory_bytes()
    fast = [Client(address, number, "ticks", ["FAST"]) for number in range(CLIENTS - SLOW)]
    slow = [Client(address, number, "chains", [], SLOW_RECEIVE_BYTES) for number in range(SLOW)]
    figures.expect(read_until(fast + slow, lambda client: client.begun), "every subscription begins")
    figures.add("clients", f"{len(fast)} that read, {len(slow)} that do not")
    joined = program.memory_bytes() - before
    figures.add("memory of the gateway a client, subscribed", f"{joined / CLIENTS / 1024:.1f} KiB")

    begun = time.monotonic()
    firsts = {client: client.told for client in fast + slow}
    rounds = 0
    highest = 0
    for number in range(ROUNDS):
        ingest(server, number)
        wanted = (number + 1) * TICKS
        rounds += read_until(fast, lambda client: client.told - firsts[client] >= wanted)  # noqa: B023
        highest = max(highest, program.memory_bytes() - before)
    figures.expect(rounds == ROUNDS, "each fast client is told of all of a round while the slow ones read nothing")
    events = sum(client.events for client in fast)
    taken = time.monotonic() - begun
    all_events = len(fast) * ROUNDS * TICKS
    figures.add("events to those that read", f"{events:,} of {all_events:,}, {events / taken:,.0f}/s with the writing of the rows")
    figures.add("gaps told to them", sum(client.gaps for client in fast))
    figures.add("most memory above the start", f"{highest / 2**20:.1f} MiB")
    if not program.is_sanitized():
        figures.expect(highest <= MEMORY_BYTES_MAX, f"the gateway grows by at most {MEMORY_BYTES_MAX // 2**20} MiB")

    count = ROUNDS * CHAINS
    lost = int(LOST.search(server.get("/metrics").body)[1])
    figures.expect(read_until(slow, lambda client: client.told - firsts[client] >= count), "the slow ones are told of all once they read")
    slow_events = sum(client.events for client in slow)
    gaps = sum(client.gaps for client in slow)
    figures.add("chains to those that did not read", f"{slow_events:,} of {len(slow) * count:,} as events, the rest in {gaps} gaps")
    figures.expect(lost > 0 and slow_events < len(slow) * count, "the slow ones were slow enough to lose something")
    figures.expect(sum(client.faults for client in fast + slow) == 0, "every number is told once and in order")
    figures.expect(not any(client.ended for client in fast + slow), "nobody is hung up on")
    for client in fast + slow:
        client.socket.close()


def main():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(CLIENTS + SPARE_DESCRIPTORS, hard), hard))
    figures = Figures("live")
    with launched() as (launcher, folder):
        limits = ("--connections-max", CLIENTS + SPARE_DESCRIPTORS, "--write-timeout", "1h", "--access-log", "off")
        run(launcher.daemons(folder / "data", *limits), figures)
    return figures.end()


sys.exit(main())
