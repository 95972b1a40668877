"""deltastream feed: a made-up market that repeats, a recorded one that is replayed, and the demo."""

import json
import os
import pty
import signal
import subprocess
import time
from datetime import datetime, timezone

import pytest

from programs import binary, clean_environment, run_cli, seconds, wait_until

START = "2025-01-22T03:45:00Z"
PRODUCTS = ["BANKNIFTY", "FINNIFTY", "NIFTY", "SENSEX"]
QUOTES_OF_A_CHAIN = 42
FORMATS = {"ndjson": "ndjson", "csv": "csv", "protobuf": "pb"}


def feed(server, *arguments, **options):
    return server.cli("feed", *arguments, **options)


def summary(done):
    assert done.returncode == 0, done
    return json.loads(done.stdout)


def time_of(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def test_a_short_day_is_made_up_and_a_second_run_gives_only_duplicates(server):
    day = ("--start", START, "--duration", "1min", "--interval", "5s", "--speed", "max", "--seed", 7)
    first = summary(feed(server, *day))
    assert (first["moments"], first["rows"]) == (12, 12 * (4 + 4 * 2 * (QUOTES_OF_A_CHAIN + 1)))
    assert (first["accepted"], first["duplicate"], first["rejected"]) == (first["rows"], 0, 0)
    assert [first[kind]["accepted"] for kind in ("ticks", "quotes", "chains")] == [48, 4032, 96]

    again = summary(feed(server, *day))
    assert (again["accepted"], again["duplicate"], again["rejected"]) == (0, first["rows"], 0)

    other = feed(server, *day[:-1], 8)
    assert other.returncode == 1
    assert json.loads(other.stdout)["rejected"] > 0
    assert b"quotes: a row was refused: another row with this symbol" in other.stderr


def test_ticks_quotes_and_chains_of_a_moment_say_the_same(server):
    summary(feed(server, "--start", START, "--duration", "3s", "--speed", "max", "--expiries", 3))
    assert server.get("/v1/products").json()["products"] == PRODUCTS
    ticks = server.get("/v1/ticks/NIFTY?order=ORDER_ASC").json()["ticks"]
    assert [tick["tick_id"] for tick in ticks] == [0, 1, 2]
    assert ticks[0]["timestamp"] == START
    expiries = server.get("/v1/expiries/NIFTY").json()["expiries"]
    assert expiries == ["2025-01-23", "2025-01-30", "2025-02-27"]
    chains = server.get("/v1/chains/NIFTY?expiry=2025-01-30").json()["chains"]
    assert len(chains) == 3
    newest = chains[0]
    assert newest["spot_price"] == ticks[-1]["price"]
    assert newest["timestamp"] == ticks[-1]["timestamp"]
    assert len(newest["calls"]) == len(newest["puts"]) == 21
    call = newest["calls"][10]
    assert call["strike"] == newest["atm_strike"] == 21500
    quote = server.get("/v1/quotes/NIFTY20250130C21500?limit=1").json()["quotes"][0]
    ignored = ("symbol", "processed_at")
    assert {k: v for k, v in quote.items() if k not in ignored} == {k: v for k, v in call.items() if k not in ignored}
    calls_open, puts_open = (sum(q["open_interest"] for q in newest[side]) for side in ("calls", "puts"))
    assert newest["pcr_oi"] == pytest.approx(puts_open / calls_open, abs=5e-5)


def test_products_kinds_and_intervals_are_as_asked_for(up_server):
    asked = ("--start", START, "--duration", "10s", "--speed", "max", "--products", "NIFTY,SENSEX")
    done = summary(feed(up_server, *asked, "--kinds", "ticks,chains", "--chain-interval", "5s"))
    assert done["moments"] == 10
    assert [done[kind]["rows"] for kind in ("ticks", "quotes", "chains")] == [20, 0, 2 * 2 * 2]
    assert up_server.get("/v1/products").json()["products"] == ["NIFTY", "SENSEX"]


def test_the_market_time_of_a_run_hangs_on_its_speed_alone(up_server):
    """2 s of the market at 20 times its speed: each moment is there, and none after the end."""
    done = summary(feed(up_server, "--start", START, "--duration", "2s", "--interval", "100ms", "--speed", 20, "--kinds", "ticks"))
    assert (done["moments"], done["rows"]) == (20, 80)
    newest = up_server.get("/v1/ticks/NIFTY/latest").json()
    assert time_of(newest["timestamp"]) == datetime(2025, 1, 22, 3, 45, 1, 900000, timezone.utc)


def test_the_rate_holds_back_a_market_of_any_speed(launcher, up_server):
    """A row a second: after the first product's row everything waits, until we end it."""
    program = launcher.start("deltastream", "feed", "--data-dir", up_server.data_dir, "--start", START,
                             "--speed", "max", "--rate", 1, "--kinds", "ticks")  # fmt: skip
    wait_until(lambda: up_server.get("/v1/ticks/NIFTY/latest").status == 200)
    assert program.stop(signal.SIGINT) == 130
    moments = len(up_server.get("/v1/ticks/NIFTY").json()["ticks"])
    ran_for = time.monotonic() - program.started_at
    assert moments <= ran_for / 4 + 1


def test_a_live_market_begins_now_and_ends_with_an_interrupt(launcher, up_server):
    before = datetime.now(timezone.utc)
    program = launcher.start("deltastream", "feed", "--data-dir", up_server.data_dir, "--interval", "20ms", "--kinds", "ticks")
    wait_until(lambda: len(up_server.get("/v1/ticks/SENSEX").json()["ticks"]) > 3)
    assert program.stop(signal.SIGINT) == 130
    ticks = up_server.get("/v1/ticks/SENSEX?order=ORDER_ASC").json()["ticks"]
    assert abs((time_of(ticks[0]["timestamp"]) - before).total_seconds()) < seconds(20)
    steps = {time_of(b["timestamp"]) - time_of(a["timestamp"]) for a, b in zip(ticks, ticks[1:])}
    assert {step.total_seconds() for step in steps} == {0.02}


def test_an_interrupted_run_still_sums_up(launcher, up_server, folder):
    with open(folder / "summary", "wb") as output:
        program = subprocess.Popen(
            [binary("deltastream"), "feed", "--data-dir", str(up_server.data_dir), "--kinds", "ticks"],
            stdout=output, env=clean_environment(),
        )  # fmt: skip
        wait_until(lambda: up_server.get("/v1/ticks/NIFTY/latest").status == 200)
        program.send_signal(signal.SIGINT)
        assert program.wait(seconds(20)) == 130
    done = json.loads((folder / "summary").read_text())
    assert done["rows"] == done["accepted"] == 4 * done["moments"] > 0


def live_feed(launcher, server, *arguments):
    return launcher.start("deltastream", "feed", "--data-dir", server.data_dir, "--interval", "20ms", "--kinds", "ticks", *arguments)


def test_a_restart_of_the_service_loses_no_row(launcher, data_dir):
    server = launcher.up(data_dir)
    program = live_feed(launcher, server)
    wait_until(lambda: server.get("/v1/ticks/NIFTY/latest").status == 200)
    assert server.programs[0].stop() == 0
    server = launcher.up(data_dir)
    stored = len(server.get("/v1/ticks/NIFTY?limit=10000").json()["ticks"])
    wait_until(lambda: len(server.get("/v1/ticks/NIFTY?limit=10000").json()["ticks"]) > stored)
    assert program.stop(signal.SIGINT) == 130
    ids = [tick["tick_id"] for tick in server.get("/v1/ticks/NIFTY?limit=10000&order=ORDER_ASC").json()["ticks"]]
    assert ids == list(range(len(ids)))


def test_a_service_that_stays_away_ends_the_feed(launcher, data_dir):
    server = launcher.up(data_dir)
    program = live_feed(launcher, server, "--retries", 1)
    wait_until(lambda: server.get("/v1/ticks/NIFTY/latest").status == 200)
    assert server.programs[0].stop() == 0
    assert program.wait() == 6
    assert "is the service at " in program.log()


def test_a_terminal_gets_the_summary_as_text(up_server):
    terminal, theirs = pty.openpty()
    done = subprocess.run(
        [binary("deltastream"), "feed", "--data-dir", str(up_server.data_dir), "--start", START,
         "--duration", "2s", "--speed", "max", "--kinds", "ticks"],
        stdout=theirs, stderr=subprocess.PIPE, env=clean_environment(), timeout=seconds(20), check=False,
    )  # fmt: skip
    os.close(theirs)
    os.close(terminal)
    assert done.returncode == 0
    assert b"8 rows of 2 moments in " in done.stderr and b" 8 accepted (0 late), 0 duplicate, 0 rejected" in done.stderr


def test_progress_is_shown_on_a_terminal(launcher, up_server):
    terminal, theirs = pty.openpty()
    environment = clean_environment({"TERM": "xterm"})
    program = subprocess.Popen(
        [binary("deltastream"), "feed", "--data-dir", str(up_server.data_dir), "--interval", "20ms", "--kinds", "ticks"],
        stdout=subprocess.PIPE, stderr=theirs, env=environment,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while b"rows" not in shown:
        shown += os.read(terminal, 4096)
    program.send_signal(signal.SIGINT)
    counts = json.loads(program.communicate(timeout=seconds(20))[0])
    os.close(terminal)
    assert program.returncode == 130
    assert b"feed" in shown and counts["rows"] > 0


@pytest.fixture
def recorded(up_server, folder):
    """A recorded minute, exported in every format: {format: [files of ticks, quotes, chains]}."""
    summary(feed(up_server, "--start", START, "--duration", "3s", "--speed", "max", "--products", "NIFTY", "--expiries", 1))
    files = {}
    for name, ending in FORMATS.items():
        files[name] = []
        for kind in ("ticks", "quotes", "chains"):
            if (name, kind) == ("csv", "chains"):
                continue
            path = folder / f"day.{kind}.{ending}"
            done = up_server.cli("export", kind, "--all", "--format", name, "--file", path)
            assert done.returncode == 0, done
            files[name].append(path)
    return files


def replay_arguments(paths):
    return [argument for path in paths for argument in ("--replay", path)]


@pytest.mark.parametrize("form", FORMATS)
def test_an_export_is_replayed_in_the_order_of_its_times(form, recorded, launcher, up_server, folder):
    target = launcher.up(folder / "replayed")
    done = summary(feed(target, *replay_arguments(recorded[form]), "--speed", "max"))
    rows = 3 + 3 * QUOTES_OF_A_CHAIN + (0 if form == "csv" else 3)
    assert (done["moments"], done["rows"], done["accepted"], done["late"]) == (3, rows, rows, 0)
    paths = ["/v1/ticks/NIFTY", "/v1/quotes/NIFTY20250123C21500"]
    paths += [] if form == "csv" else ["/v1/chains/NIFTY"]
    for path in paths:
        assert target.get(path).json() == up_server.get(path).json()
    again = summary(feed(target, *replay_arguments(recorded[form]), "--speed", "max"))
    assert (again["accepted"], again["duplicate"]) == (0, rows)


def test_a_replay_can_be_moved_to_now(recorded, launcher, folder):
    target = launcher.up(folder / "replayed")
    before = datetime.now(timezone.utc)
    done = summary(feed(target, *replay_arguments(recorded["ndjson"]), "--speed", 1000, "--shift", "now"))
    assert (done["moments"], done["rejected"]) == (3, 0)
    ticks = target.get("/v1/ticks/NIFTY?order=ORDER_ASC").json()["ticks"]
    times = [time_of(tick["timestamp"]) for tick in ticks]
    assert abs((times[0] - before).total_seconds()) < seconds(20)
    assert [(time - times[0]).total_seconds() for time in times] == [0, 1, 2]
    chain = target.get("/v1/chains/NIFTY?limit=1").json()["chains"][0]
    assert {time_of(quote["timestamp"]) for quote in chain["calls"]} == {times[-1]} == {time_of(chain["timestamp"])}


def test_a_replay_of_some_kinds_leaves_the_others_out(recorded, launcher, folder):
    target = launcher.up(folder / "replayed")
    done = summary(feed(target, *replay_arguments(recorded["protobuf"]), "--speed", "max", "--kinds", "quotes"))
    assert (done["rows"], done["quotes"]["rows"]) == (3 * QUOTES_OF_A_CHAIN,) * 2


def test_a_damaged_line_of_a_replay_is_named_and_passed_over(up_server, folder):
    path = folder / "day.ticks.ndjson"
    rows = [{"product": "NIFTY", "price": 1, "timestamp": f"2025-01-22T03:45:0{i}Z", "tick_id": i} for i in range(3)]
    path.write_text("\n".join([json.dumps(rows[0]), '{"product": ', json.dumps(rows[1]), json.dumps(rows[2])]))
    done = feed(up_server, "--replay", path, "--speed", "max")
    assert done.returncode == 1
    assert b"day.ticks.ndjson: line 2: " in done.stderr
    counts = json.loads(done.stdout)
    assert (counts["accepted"], counts["damaged"]) == (3, 1)


def test_files_are_merged_by_the_times_of_their_rows(up_server, folder):
    paths = [folder / "even.ticks.ndjson", folder / "odd.ticks.ndjson"]
    for first, path in enumerate(paths):
        rows = [{"product": "NIFTY", "price": 1, "timestamp": f"2025-01-22T03:45:0{i}Z", "tick_id": i} for i in range(first, 10, 2)]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = summary(feed(up_server, *replay_arguments(paths), "--speed", "max", "--batch", 1))
    assert (done["moments"], done["accepted"], done["late"]) == (10, 10, 0)


def test_a_file_that_is_not_there_is_named(up_server, folder):
    done = feed(up_server, "--replay", folder / "none.ndjson")
    assert done.returncode != 0 and b"none.ndjson" in done.stderr


@pytest.mark.parametrize(
    "arguments, named",
    [
        (("--products", "DOW"), b'"DOW": the market has NIFTY, BANKNIFTY, FINNIFTY, SENSEX'),
        (("--kinds", "ticks,bars"), b"one or more of ticks, quotes and chains"),
        (("--kinds", "ticks,,chains"), b"one or more of ticks, quotes and chains"),
        (("--speed", "0"), b"a number from 0.001 to 1000000, or max"),
        (("--speed", "fast"), b"a number from 0.001 to 1000000, or max"),
        (("--start", "yesterday"), b"a time from 1970 to 2199"),
        (("--start", "1960-01-01"), b"a time from 1970 to 2199"),
        (("--start", "9999-12-31"), b"a time from 1970 to 2199"),
        (("--expiries", "13"), b"expiries"),
        (("--shift", "now"), b"goes with --replay only"),
        (("--replay", "a.csv", "--seed", "1"), b"seed: "),
    ],
)
def test_a_setting_that_can_not_be_right_is_named(arguments, named, folder):
    done = run_cli("feed", *arguments, "--data-dir", folder)
    assert done.returncode == 2
    assert named in done.stderr


def test_a_feed_without_a_service_says_what_to_start(folder):
    done = run_cli("feed", "--data-dir", folder / "empty")
    assert done.returncode == 6
    assert b"nothing listens at" in done.stderr


def test_the_demo_shows_ticks_quotes_and_chains_over_rest(launcher, data_dir):
    server = launcher.up(data_dir, "--demo", "--anonymous", "read")
    for product in PRODUCTS:
        ticks = server.get(f"/v1/ticks/{product}?limit=1000").json()["ticks"]
        assert len(ticks) >= 720
        expiry = server.get(f"/v1/expiries/{product}").json()["expiries"][0]
        chains = server.get(f"/v1/chains/{product}?expiry={expiry}&limit=100").json()["chains"]
        assert len(chains) >= 10
        symbol = chains[0]["calls"][10]["symbol"]
        assert server.get(f"/v1/quotes/{symbol}").json()["count"] > 0
    newest = chains[0]["timestamp"]
    wait_until(lambda: server.get("/v1/chains/SENSEX?limit=1").json()["chains"][0]["timestamp"] > newest)


def test_a_demo_that_starts_again_goes_on_and_makes_up_no_second_past(launcher, data_dir):
    server = launcher.up(data_dir, "--demo", "--anonymous", "read")
    server.programs[0].stop()
    server = launcher.up(data_dir, "--demo", "--anonymous", "read")
    ids = []

    def goes_on():
        ticks = server.get("/v1/ticks/NIFTY?limit=10000&order=ORDER_ASC").json()["ticks"]
        ids[:] = [tick["tick_id"] for tick in ticks]
        return len(ids) > 725

    wait_until(goes_on)
    assert ids == list(range(len(ids)))
