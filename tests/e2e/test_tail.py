"""Rows shown as they come: each once, in order, late ones too, over a restart of the service; a chain drawn in place."""

import fcntl
import json
import os
import pty
import queue
import re
import signal
import struct
import subprocess
import termios
import time

import pytest

import rows_to_store
from programs import Server, binary, clean_environment, seconds, wait_until

FAST = ["--interval", "10ms"]


@pytest.fixture
def store(up_server):
    return up_server


def tick(number, time_ms=None, product="X", price=None):
    time_ms = number * 1000 if time_ms is None else time_ms
    return {
        "product": product,
        "price": float(number) if price is None else price,
        "timestamp": rows_to_store.timestamp(time_ms * 1000),
        "tick_id": number,
    }


def put(store, *rows, kind="ticks", policy="error", connect=None):
    place = [] if connect is None else ["--connect", connect]
    done = store.cli("import", "-", "--kind", kind, "--on-conflict", policy, *place, stdin=rows_to_store.ndjson(rows))
    assert done.returncode == 0, done.stderr


class Tail:
    """A command that goes on, and its lines."""

    def __init__(self, launcher, store, *arguments, options=FAST):
        self.program = launcher.start("deltastream", *arguments, *options, "--data-dir", store.data_dir)

    def next(self, count):
        lines = []
        for _ in range(count):
            try:
                line = self.program._lines.get(timeout=seconds(20))
            except queue.Empty:
                raise AssertionError(f"no line comes\n{self.program.log()}") from None
            assert line is not None, f"it ended\n{self.program.log()}"
            lines.append(json.loads(line))
        return lines

    def numbers(self, count):
        return [row["tick_id"] for row in self.next(count)]

    def end(self):
        """Interrupts it; nothing may have come that was not asked for."""
        self.program.process.send_signal(signal.SIGINT)
        assert self.program.wait() == 130, self.program.log()
        rest = []
        while (line := self.program._lines.get(timeout=seconds(5))) is not None:
            rest.append(line)
        assert rest == []


def test_tail_begins_with_the_newest_rows_and_shows_each_new_one_once(store, launcher):
    put(store, *[tick(number) for number in range(20)])
    tail = Tail(launcher, store, "ticks", "tail", "X", "-n", "3")
    assert tail.numbers(3) == [17, 18, 19]
    # Several of one moment, in one batch and in two.
    put(store, tick(20), tick(21, 20_000), tick(22, 20_000))
    assert tail.numbers(3) == [20, 21, 22]
    put(store, tick(23, 20_000), tick(24))
    assert tail.numbers(2) == [23, 24]
    tail.end()


def test_late_rows_are_shown_within_the_lateness_and_changed_ones_again(store, launcher):
    put(store, *[tick(number) for number in range(20)])
    tail = Tail(launcher, store, "ticks", "tail", "X", "-n", "1", "--late", "5s")
    assert tail.numbers(1) == [19]
    put(store, tick(100, 15_500))
    assert tail.numbers(1) == [100]
    put(store, tick(18, price=0.25), policy="last")
    assert tail.next(1)[0]["price"] == 0.25
    # Later than the lateness: not shown, and it holds nothing up.
    put(store, tick(101, 1_500))
    put(store, tick(30))
    assert tail.numbers(1) == [30]
    tail.end()


def test_tail_waits_for_the_first_row_of_several_products(store, launcher):
    put(store, tick(1, product="X"))
    tail = Tail(launcher, store, "ticks", "tail", "NOTHING YET", "X", "-n", "1")
    # They are asked in their order, so the other one has been asked too when this row is there.
    assert tail.numbers(1) == [1]
    put(store, tick(2, product="NOTHING YET"), tick(3, product="NOTHING YET"))
    rows = tail.next(2)
    assert [(row["product"], row["tick_id"]) for row in rows] == [("NOTHING YET", 2), ("NOTHING YET", 3)]
    put(store, tick(4, product="X"))
    assert tail.numbers(1) == [4]
    tail.end()


def test_tail_goes_on_behind_a_restart_of_the_service(launcher, data_dir):
    storage = launcher.start("deltastream-storaged", "--data-dir", data_dir)
    storage.wait_ready()
    store = Server(None, data_dir, [storage])
    tail = Tail(launcher, store, "ticks", "tail", "X")
    put(store, tick(1), tick(2))
    assert tail.numbers(2) == [1, 2]
    storage.kill()
    wait_until(lambda: "waiting for it" in tail.program.log())
    storage = launcher.start("deltastream-storaged", "--data-dir", data_dir)
    storage.wait_ready()
    put(store, tick(3))
    assert tail.numbers(1) == [3]
    wait_until(lambda: "answers again" in tail.program.log())
    tail.end()


def test_quotes_have_a_tail_too(store, launcher):
    rows = [row for row in rows_to_store.quotes(40) if row["symbol"] == "NIFTY20250130C21500"]
    put(store, *rows[:2], kind="quotes")
    tail = Tail(launcher, store, "quotes", "tail", "NIFTY20250130C21500", "-o", "ndjson")
    shown = tail.next(2)
    put(store, *rows[2:], kind="quotes")
    shown += tail.next(len(rows) - 2)
    for row in shown:
        del row["processed_at"]
    assert shown == rows
    tail.end()


def test_a_tail_in_text_is_a_line_a_row(store, launcher):
    row = {**rows_to_store.quotes(1)[0], "exchange": "NSE"}
    put(store, row, kind="quotes")
    tail = Tail(launcher, store, "quotes", "tail", row["symbol"], "-o", "text")
    line = tail.program._lines.get(timeout=seconds(20)).rstrip()
    assert line.startswith(f"{row['timestamp']} {row['symbol']} product=") and line.endswith(" exchange=NSE")
    assert "processed_at" not in line and line.count("timestamp") == 0
    tail.end()


def test_a_reader_that_goes_away_ends_a_tail_quietly(store):
    put(store, *[tick(number) for number in range(5)])
    process = subprocess.Popen(
        [binary("deltastream"), "ticks", "tail", "X", *FAST, "--data-dir", str(store.data_dir)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environment(),
    )
    assert process.stdout.readline()
    process.stdout.close()
    put(store, *[tick(number) for number in range(5, 9)])
    assert process.stderr.read() == b""
    assert process.wait(seconds(20)) == 0


def test_a_name_that_can_not_be_ends_a_tail_with_usage(store):
    done = store.cli("ticks", "tail", "a/b")
    assert done.returncode == 2
    assert b"product must not have" in done.stderr


def chain(number, strikes=(95, 100, 105), expiry="2099-01-30", spot=101.0):
    def quote(side, strike):
        return {
            "symbol": f"X{expiry.replace('-', '')}{side}{strike}",
            "product": "X",
            "strike": float(strike),
            "expiry": expiry,
            "option_type": "CALL" if side == "C" else "PUT",
            "last": number + 0.25,
            "volume": 7,
            "open_interest": 1000 + number,
            "timestamp": rows_to_store.timestamp(number * 1_000_000),
        }

    return {
        "product": "X",
        "expiry": expiry,
        "spot_price": spot,
        "timestamp": rows_to_store.timestamp(number * 1_000_000),
        "calls": [quote("C", strike) for strike in strikes],
        "puts": [quote("P", strike) for strike in strikes],
    }


@pytest.mark.parametrize("words", [("chains", "watch"), ("chain", "watch")])
def test_a_watch_in_a_pipe_is_a_row_a_change(store, launcher, words):
    put(store, chain(1, expiry="2001-01-30"), chain(1), chain(2, expiry="2099-02-27"), kind="chains")
    watch = Tail(launcher, store, *words, "X")
    # The next expiry, neither one that has passed nor one that is further away.
    (row,) = watch.next(1)
    assert (row["expiry"], row["atm_strike"], row["total_call_oi"]) == ("2099-01-30", 100, 3003)
    put(store, chain(3), kind="chains")
    assert watch.next(1)[0]["total_call_oi"] == 3009
    watch.end()
    other = Tail(launcher, store, *words, "X", "--expiry", "2099-02-27")
    assert other.next(1)[0]["expiry"] == "2099-02-27"
    other.end()


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, store, *arguments, environment=None, rows=24, columns=80):
        self.leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.text = ""
        self.process = subprocess.Popen(
            [binary("deltastream"), *arguments, *FAST, "--data-dir", str(store.data_dir)],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            env=clean_environment({"TERM": "xterm", **(environment or {})}),
        )
        os.close(follower)

    def read_until(self, wanted):
        while not re.search(wanted, self.text):
            self.text += os.read(self.leader, 65536).decode()

    def end(self, exit_code=130):
        self.process.send_signal(signal.SIGINT)
        try:
            while piece := os.read(self.leader, 65536):
                self.text += piece.decode()
        except OSError:
            pass
        os.close(self.leader)
        assert self.process.wait(seconds(20)) == exit_code
        return self.text


def test_a_watch_on_a_terminal_is_redrawn_in_place_and_leaves_it_as_it_was(store):
    put(store, chain(1), kind="chains")
    terminal = Terminal(store, "chains", "watch", "X", environment={"NO_COLOR": ""})
    terminal.read_until(r"105.*\n")
    put(store, chain(2), kind="chains")
    terminal.read_until(r"(?s)1\.25.*105.*2\.25.*105.*\n")
    text = terminal.end()
    assert text.startswith("\x1b[?25l") and text.rstrip().endswith("\x1b[?25h")
    assert "\x1b[6A\r\x1b[J" in text
    lines = text.split("\r\n")
    assert "X 2099-01-30  at 2025-01-25T00:00:01Z" in lines[0]
    assert "spot 101" in lines[1] and "PCR 1" in lines[1]
    assert re.match(r"^ +OI +IV +last \| +strike  \| +last +IV +OI$", lines[2])
    assert re.match(r"^ +1001 +1\.25 \| +95  \| +1\.25 +1001$", lines[3])
    assert re.match(r"^\x1b\[1m +1001 +1\.25 \|> +100 <\| +1\.25 +1001\x1b\[0m$", lines[4])


def process_state(terminal, name, after_seconds):
    time.sleep(after_seconds)
    with open(f"/proc/{terminal.process.pid}/status") as status:
        return dict(line.split(":\t") for line in status.read().splitlines())[name]


def test_a_second_signal_ends_a_watch_at_once_and_shows_the_cursor(launcher, data_dir):
    storage = launcher.start("deltastream-storaged", "--data-dir", data_dir, "--listen", "tcp://127.0.0.1:0")
    (url,) = storage.wait_ready()
    store = Server(None, data_dir, [storage])
    put(store, chain(1), kind="chains", connect=url)
    terminal = Terminal(store, "chains", "watch", "X", "--connect", url)
    terminal.read_until(r"105.*\n")
    storage.process.send_signal(signal.SIGSTOP)
    try:
        # It asks every 10 ms, because tcp brings it no events here, unless it waits for an answer.
        wait_until(lambda: process_state(terminal, "voluntary_ctxt_switches", 0) == process_state(terminal, "voluntary_ctxt_switches", 0.2))
        terminal.process.send_signal(signal.SIGINT)
        wait_until(lambda: int(process_state(terminal, "ShdPnd", 0), 16) == 0)
        text = terminal.end(-signal.SIGINT)
    finally:
        storage.process.send_signal(signal.SIGCONT)
    assert text.endswith("\x1b[?25h")


def test_quiet_says_nothing_of_a_service_that_goes_and_comes(launcher, data_dir):
    storage = launcher.start("deltastream-storaged", "--data-dir", data_dir)
    storage.wait_ready()
    store = Server(None, data_dir, [storage])
    tail = Tail(launcher, store, "ticks", "tail", "X", "-q")
    witness = Tail(launcher, store, "ticks", "tail", "X")
    put(store, tick(1))
    assert tail.numbers(1) == witness.numbers(1) == [1]
    storage.kill()
    wait_until(lambda: "waiting for it" in witness.program.log())
    storage = launcher.start("deltastream-storaged", "--data-dir", data_dir)
    storage.wait_ready()
    put(store, tick(2))
    assert tail.numbers(1) == witness.numbers(1) == [2]
    tail.end()
    witness.end()
    assert "answers again" in witness.program.log()
    assert tail.program.log() == ""


def test_no_color_keeps_the_mark_and_a_small_terminal_keeps_the_money(store):
    put(store, chain(1, strikes=range(50, 151)), kind="chains")
    terminal = Terminal(store, "chains", "watch", "X", environment={"NO_COLOR": "1"}, rows=10)
    terminal.read_until(r"> +101 <[^\n]*\n")
    text = terminal.end()
    assert "\x1b[1m" not in text
    drawn = [line for line in text.split("\r\n") if re.search(r"\|. +\d+ .\|", line)]
    assert len(drawn) == 6
    assert all(len(line) < 80 for line in drawn)


def test_a_tail_on_a_terminal_is_text(store):
    put(store, tick(1))
    terminal = Terminal(store, "ticks", "tail", "X")
    terminal.read_until(r"\n")
    assert terminal.end().startswith("2025-01-25T00:00:01Z X price=1 tick_id=1\r\n")
