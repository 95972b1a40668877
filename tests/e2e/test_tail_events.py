"""Tails and watches that follow the events of the service: nothing is asked while rows come, and each row is shown
once whatever happens in between. That nothing is asked is counted; --interval 1h keeps time out of it."""

import fcntl
import json
import signal
import socket
import struct
import subprocess
import termios
import threading

import pytest

import rows_to_store
from programs import Server, binary, clean_environment, run_cli, seconds, wait_until
from test_admin_pages import Admin
from test_events import event_socket, hello, next_event, subscribe
from test_tail import FAST, Tail, chain, put, tick
from test_tls import certificates, settings  # noqa: F401

SERVICE = "deltastream.storage.v1.Storage/"
NEVER_ASKS = ["--interval", "1h"]
FOLLOWS = "following the events at "
GAP_ROWS = 80_000
PLACES_OF_AN_ADDRESS = 64
GREETING_SUB = b"\0SP\0\0\x21\0\0"
GREETING_PUB = b"\0SP\0\0\x20\0\0"


class Storage:
    """deltastream-storaged with its figures, on ipc and tcp."""

    def __init__(self, launcher, data_dir, *events):
        arguments = [word for url in events for word in ("--events", url)]
        self.admin = Admin(
            launcher.start(
                "deltastream-storaged", "--data-dir", data_dir, "--listen", f"ipc://{data_dir}/run/storage.sock",
                "--listen", "tcp://127.0.0.1:0", "--admin", "127.0.0.1:0", *arguments,
            ),
            2,
        )  # fmt: skip
        self.urls = dict(zip(("ipc", "tcp"), self.admin.urls))
        self.program = self.admin.program
        self.server = Server(None, data_dir, [self.program])

    def calls(self, method):
        figures = self.admin.figures()
        return figures.value("ds_rpc_server_calls_total", method=SERVICE + method, code="OK")

    def put(self, *rows, **options):
        put(self.server, *rows, **options)


@pytest.fixture
def storage(launcher, data_dir):
    return Storage(launcher, data_dir, f"ipc://{data_dir}/run/storage-events.sock", "tcp://127.0.0.1:0")


def wait_following(tail, count=1):
    wait_until(lambda: tail.program.log().count(FOLLOWS) >= count)


def follow(launcher, storage, *arguments, options=NEVER_ASKS):
    tail = Tail(launcher, storage.server, *arguments, "--verbose", options=options)
    wait_following(tail)
    return tail


@pytest.mark.parametrize("transport", ["ipc", "tcp"])
def test_rows_come_by_events_and_nothing_is_asked_meanwhile(launcher, storage, transport):
    storage.put(*[tick(number) for number in range(10)])
    tail = follow(launcher, storage, "ticks", "tail", "X", "-n", "2", "--connect", storage.urls[transport])
    assert tail.numbers(2) == [8, 9]
    # What the events begin behind is read once; this row comes by one way or the other.
    storage.put(tick(10))
    assert tail.numbers(1) == [10]
    asked = storage.calls("ListTicks")
    for number in range(11, 20):
        # X's neighbour in the alphabet is another product.
        storage.put(tick(number), tick(number, product="XY"), tick(number, product="Y"))
        assert tail.numbers(1) == [number]
    storage.put(tick(5, price=0.5), policy="last")
    storage.put(tick(19, price=0.5), policy="last")
    # Five seconds late is shown, ten are not.
    storage.put(tick(100, 9_000), tick(101, 14_000))
    assert [(row["tick_id"], row["price"]) for row in tail.next(2)] == [(19, 0.5), (101, 101)]
    assert storage.calls("ListTicks") == asked
    assert FOLLOWS + transport in tail.program.log()
    tail.end()


def test_nothing_is_asked_as_long_as_heartbeats_come(launcher, storage):
    tail = follow(launcher, storage, "ticks", "tail", "X", options=FAST)
    with subscribe(event_socket(storage.server.data_dir), b"ticks/") as events:

        def is_quiet():
            # Three seconds of heartbeats: without them it would ask after two.
            asked = storage.calls("ListTicks")
            for _ in range(12):
                next_event(events, is_heartbeat=True)
            return storage.calls("ListTicks") == asked

        wait_until(is_quiet, timeout=60)
    tail.end()


def test_a_row_that_is_replaced_again_and_again_is_shown_each_time(launcher, storage):
    def priced(price):
        # Without this time each would be another content.
        return {**tick(1, price=price), "processed_at": "2025-01-25T00:00:00Z"}

    storage.put(priced(1.0))
    tail = follow(launcher, storage, "ticks", "tail", "X")
    assert tail.numbers(1) == [1]
    for price in [2.0, 1.0, 2.0, 3.0, 1.0]:
        storage.put(priced(price), policy="last")
        assert tail.next(1)[0]["price"] == price
    storage.put(priced(1.0), policy="last")
    storage.put(tick(2))
    assert tail.numbers(1) == [2]
    tail.end()


def by_time(row):
    return row["symbol"], row["timestamp"]


def test_quotes_and_several_keys_come_by_events(launcher, storage):
    rows = [{**row, "processed_at": row["timestamp"]} for row in rows_to_store.quotes(60)]
    symbols = sorted({row["symbol"] for row in rows})[:2]
    wanted = [row for row in rows if row["symbol"] in symbols]
    tail = follow(launcher, storage, "quotes", "tail", *symbols, "-n", "0", "--late", "1d")
    storage.put({**wanted[0], "timestamp": "2025-01-01T00:00:00Z", "symbol": symbols[0]}, kind="quotes")
    assert len(tail.next(1)) == 1
    asked = storage.calls("ListQuotes")
    storage.put(*rows, kind="quotes")
    shown = tail.next(len(wanted))
    assert sorted(shown, key=by_time) == sorted(wanted, key=by_time)
    assert storage.calls("ListQuotes") == asked
    tail.end()


def test_no_row_is_lost_or_doubled_between_what_is_read_and_what_comes(launcher, storage):
    """Tails that begin while rows pour in, of which one ends far later than the others begin."""
    count, step = 1200, 20

    def pour():
        for number in range(0, count, step):
            storage.put(*[tick(at, at * 10) for at in range(number, number + step)])

    writer = threading.Thread(target=pour)
    writer.start()
    tails = []
    for number in range(4):
        wait_until(lambda: storage.calls("IngestTicks") >= 10 * number)
        tails.append(Tail(launcher, storage.server, "ticks", "tail", "X", "-n", "10000", options=NEVER_ASKS))
    writer.join()
    for tail in tails:
        assert tail.numbers(count) == list(range(count))
        tail.end()


def test_a_restart_in_between_loses_nothing(launcher, data_dir):
    events = f"ipc://{data_dir}/run/storage-events.sock"
    storage = Storage(launcher, data_dir, events)
    tail = follow(launcher, storage, "ticks", "tail", "X", "-n", "0")
    storage.put(tick(1))
    assert tail.numbers(1) == [1]
    for number in range(2, 8, 2):
        storage.put(tick(number))
        storage.program.kill()
        storage = Storage(launcher, data_dir, events)
        storage.put(tick(number + 1))
        assert tail.numbers(2) == [number, number + 1]
    storage.put(tick(8))
    assert tail.numbers(1) == [8]
    tail.end()


def test_events_are_followed_to_another_place(launcher, data_dir):
    storage = Storage(launcher, data_dir, "tcp://127.0.0.1:0")
    tail = follow(launcher, storage, "ticks", "tail", "X", options=FAST)
    storage.put(tick(1))
    assert tail.numbers(1) == [1]
    storage.program.kill()
    wait_until(lambda: "waiting for it" in tail.program.log())
    storage = Storage(launcher, data_dir, "tcp://127.0.0.1:0")
    wait_following(tail, 2)
    storage.put(tick(2))
    assert tail.numbers(1) == [2]
    assert "answers again" in tail.program.log()
    tail.end()


@pytest.mark.parametrize("words", [["--verbose"], []])
def test_where_no_events_are_offered_it_asks_again_and_again(launcher, data_dir, words):
    storage = Storage(launcher, data_dir, f"ipc://{data_dir}/run/storage-events.sock")
    tail = Tail(launcher, storage.server, "ticks", "tail", "X", "--connect", storage.urls["tcp"], *words)
    for number in range(3):
        storage.put(tick(number))
        assert tail.numbers(1) == [number]
    asked = storage.calls("ListTicks")
    wait_until(lambda: storage.calls("ListTicks") > asked + 3)
    told = f"{storage.urls['tcp']} offers no events that can be heard from here; asking it every 10 ms\n"
    assert tail.program.log() == (told if words else "")
    tail.end()


def test_events_in_the_clear_are_not_followed_through_tls(launcher, data_dir, certificates):  # noqa: F811
    program = launcher.start(
        "deltastream-storaged", "--data-dir", data_dir, "--listen", f"ipc://{data_dir}/run/storage.sock",
        "--listen", "tls+tcp://localhost:0", "--events", "tcp://127.0.0.1:0", *settings(certificates),
    )  # fmt: skip
    _, url = program.wait_ready(2)
    store = Server(None, data_dir, [program])
    tail = Tail(
        launcher, store, "ticks", "tail", "X", "--verbose", "--connect", url, "--tls-ca", certificates / "ca.pem"
    )
    put(store, tick(1))
    assert tail.numbers(1) == [1]
    assert "offers no events" in tail.program.log() and FOLLOWS not in tail.program.log()
    tail.end()


def test_while_events_are_silent_it_asks(launcher, data_dir):
    storage = Storage(launcher, data_dir, "tcp://127.0.0.1:0")
    tail = follow(launcher, storage, "ticks", "tail", "X", options=FAST)
    storage.put(tick(1))
    assert tail.numbers(1) == [1]
    asked = storage.calls("ListTicks")
    # A stopped service is silent as well, and comes back without a new epoch.
    storage.program.process.send_signal(signal.SIGSTOP)
    wait_until(lambda: "nothing is heard" in tail.program.log())
    storage.program.process.send_signal(signal.SIGCONT)
    wait_following(tail, 2)
    assert storage.calls("ListTicks") > asked
    storage.put(tick(2))
    assert tail.numbers(1) == [2]
    tail.end()


def take_places(url):
    """As many subscribers as may come from one address."""
    host, port = url.removeprefix("tcp://").rsplit(":", 1)
    peers = []
    for _ in range(PLACES_OF_AN_ADDRESS):
        peers.append(socket.create_connection((host, int(port)), timeout=seconds(20)))
        peers[-1].sendall(GREETING_SUB)
        assert peers[-1].recv(len(GREETING_PUB), socket.MSG_WAITALL) == GREETING_PUB
    return peers


def test_who_finds_no_place_among_the_subscribers_asks_until_there_is_one(launcher, data_dir):
    storage = Storage(launcher, data_dir, "tcp://127.0.0.1:0")
    (url,) = hello(storage.urls["tcp"])
    peers = take_places(url)
    tail = Tail(launcher, storage.server, "ticks", "tail", "X", "--verbose")
    for number in range(3):
        storage.put(tick(number))
        assert tail.numbers(1) == [number]
    assert FOLLOWS not in tail.program.log()
    for peer in peers:
        peer.close()
    wait_following(tail)
    storage.put(tick(3))
    assert tail.numbers(1) == [3]
    tail.end()


class Slow:
    """A tail whose output nobody reads yet."""

    def __init__(self, folder, storage, *arguments):
        self.log = folder / "slow.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [binary("deltastream"), *arguments, *NEVER_ASKS, "--verbose", "--data-dir", str(storage.server.data_dir)],
                stdout=subprocess.PIPE,
                stderr=log,
                env=clean_environment(),
            )
        wait_until(lambda: FOLLOWS in self.log.read_text())

    def waiting_bytes(self):
        return struct.unpack("i", fcntl.ioctl(self.process.stdout, termios.FIONREAD, bytes(4)))[0]


def test_what_a_slow_reader_missed_is_read_from_the_store(folder, storage):
    """Products in turn, so that a message has one row: more than wait anywhere, and more than the service remembers."""
    slow = Slow(folder, storage, "ticks", "tail", "X", "Y", "-n", "0")
    rows = [tick(number, number, product="XY"[number % 2]) for number in range(GAP_ROWS)]
    storage.put(*rows)
    try:
        shown = {"X": [], "Y": []}
        for _ in range(GAP_ROWS):
            row = json.loads(slow.process.stdout.readline())
            shown[row["product"]].append(row["tick_id"])
        assert shown == {"X": list(range(0, GAP_ROWS, 2)), "Y": list(range(1, GAP_ROWS, 2))}
        assert "ticks were missed" in slow.log.read_text()
        storage.put(tick(GAP_ROWS, GAP_ROWS))
        assert json.loads(slow.process.stdout.readline())["tick_id"] == GAP_ROWS
    finally:
        slow.process.send_signal(signal.SIGINT)
        rest = slow.process.stdout.read()
    assert slow.process.wait(seconds(20)) == 130
    assert rest == b""


def test_an_interrupt_ends_a_tail_whose_reader_does_not_read(folder, storage):
    slow = Slow(folder, storage, "ticks", "tail", "X", "-n", "0")
    storage.put(*[tick(number, number) for number in range(3000)])
    wait_until(lambda: slow.waiting_bytes() > 60_000)
    slow.process.send_signal(signal.SIGINT)
    assert slow.process.wait(seconds(20)) == 130
    assert "can't write" not in slow.log.read_text()


@pytest.mark.parametrize("transport", ["ipc", "tcp"])
def test_a_reader_that_goes_away_ends_a_tail_though_no_row_comes(launcher, data_dir, transport):
    storage = Storage(launcher, data_dir, f"ipc://{data_dir}/run/storage-events.sock")
    storage.put(*[tick(number) for number in range(3)])
    process = subprocess.Popen(
        [binary("deltastream"), "ticks", "tail", "X", *NEVER_ASKS, "--connect", storage.urls[transport]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environment(),
    )
    assert json.loads(process.stdout.readline())["tick_id"] == 0
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(seconds(20)) == 0


def test_a_watch_follows_events_and_the_expiry_that_is_next(launcher, storage):
    storage.put(chain(1, expiry="2099-02-27"), kind="chains")
    watch = follow(launcher, storage, "chains", "watch", "X")
    assert watch.next(1)[0]["expiry"] == "2099-02-27"
    storage.put(chain(2, expiry="2099-02-27"), kind="chains")
    assert watch.next(1)[0]["total_call_oi"] == 3006
    asked = storage.calls("ListChains"), storage.calls("ListExpiries")
    for number in range(3, 9):
        # Of other expiries, late ones and other products' are not shown.
        storage.put(
            chain(number, expiry="2099-03-27"),
            chain(number, expiry="2001-02-27"),
            {**chain(number, expiry="2099-02-27"), "product": "XY", "calls": [], "puts": []},
            chain(number, expiry="2099-02-27"),
            {**chain(1, expiry="2099-02-27"), "timestamp": "2025-01-24T00:00:00Z"},
            kind="chains",
            policy="last",
        )
        assert watch.next(1)[0]["total_call_oi"] == 3000 + 3 * number
    # Of more bytes than a message may have.
    storage.put(chain(9, strikes=range(1000, 1800), expiry="2099-02-27"), kind="chains")
    assert len(watch.next(1)[0]["calls"]) == 800
    assert (storage.calls("ListChains"), storage.calls("ListExpiries")) == asked
    storage.put(chain(10, expiry="2099-01-30"), kind="chains")
    assert watch.next(1)[0]["expiry"] == "2099-01-30"
    assert (storage.calls("ListChains"), storage.calls("ListExpiries")) == (asked[0] + 1, asked[1] + 1)
    storage.put(chain(11, expiry="2099-02-27"), kind="chains")
    storage.put(chain(12, expiry="2099-01-30"), kind="chains")
    assert watch.next(1)[0]["total_call_oi"] == 3036
    watch.end()


def test_a_watch_of_a_given_expiry_waits_for_its_first_chain(launcher, storage):
    watch = follow(launcher, storage, "chains", "watch", "X", "--expiry", "2099-02-27")
    storage.put(chain(1), kind="chains")
    storage.put(chain(2, expiry="2099-02-27"), kind="chains")
    assert watch.next(1)[0]["expiry"] == "2099-02-27"
    watch.end()


@pytest.mark.parametrize("words", [("ticks", "tail"), ("quotes", "tail"), ("chains", "watch")])
def test_the_help_tells_of_events(words):
    done = run_cli(*words, "--help")
    assert done.returncode == 0
    assert b"where its events can't be heard" in done.stdout and b"--verbose" in done.stdout
