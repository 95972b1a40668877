"""An import that is interrupted, by a signal, by kill -9, by a service that goes away, goes on."""

import json
import os
import pty
import re
import signal
import struct
import subprocess

import pytest

import rows_to_store
from programs import binary, clean_environment, seconds, wait_until

ROW_COUNT = 6000
FORMATS = ["csv", "ndjson", "pb"]


def numbered(count):
    return [
        {"product": "X", "price": number + 0.5, "timestamp": rows_to_store.timestamp(number * 1000), "tick_id": number}
        for number in range(count)
    ]


@pytest.fixture
def state(folder):
    return {"XDG_STATE_HOME": str(folder / "state")}


def states(folder):
    return {path: path.read_bytes() for path in (folder / "state").glob("deltastream/import-*.state")}


def stored_numbers(server):
    return [json.loads(line)["tick_id"] for line in rows_to_store.pages(server, "ticks", "X")]


def write_file(folder, form, count=ROW_COUNT):
    """A file of numbered rows."""
    path = folder / f"rows.ticks.{form}"
    rows = numbered(count)
    if form == "ndjson":
        path.write_bytes(rows_to_store.ndjson(rows))
    elif form == "csv":
        lines = [f"{row['tick_id']},{row['price']},{row['timestamp']},X" for row in rows]
        path.write_text("\n".join(["tick_id,price,timestamp,product", *lines]))
    else:
        path.write_bytes(b"".join(message(row) for row in rows))
    return path


def message(row):
    """A tick on the wire behind its length, made here and not by what is tested."""

    def varint(number):
        out = b""
        while number >= 0x80:
            out += bytes([number & 0x7F | 0x80])
            number >>= 7
        return out + bytes([number])

    whole = 1737763200 + row["tick_id"] // 1000
    time = b"\x08" + varint(whole) + b"\x10" + varint(row["tick_id"] % 1000 * 1_000_000)
    wire = (
        b"\x0a\x01X\x11" + struct.pack("<d", row["price"]) + b"\x1a" + varint(len(time)) + time
        + b"\x20" + varint(row["tick_id"])
    )
    return varint(len(wire)) + wire


@pytest.mark.parametrize("form", FORMATS)
def test_a_killed_import_goes_on_where_it_was(up_server, launcher, folder, state, form):
    path = write_file(folder, form)
    # One row a batch, so that there is a middle to be killed in.
    arguments = ["import", path, "--resume", "--data-dir", up_server.data_dir, "--batch", "1"]
    for _ in range(2):
        before = states(folder)
        program = launcher.start("deltastream", *arguments, environment=state)
        wait_until(lambda: program.process.poll() is not None or states(folder) != before)
        assert program.process.poll() is None, program.log()
        program.kill()
    stored_before = len(stored_numbers(up_server))
    assert 0 < stored_before < ROW_COUNT
    done = up_server.cli(*arguments[:3], environment=state)
    assert done.returncode == 0, done.stderr
    told = done.stderr.decode()
    behind = int(re.search(r"going on behind (\d+) rows", told).group(1))
    assert 0 < behind <= stored_before
    # Counted over all runs: only what was acknowledged and not noted is sent twice.
    counts = re.search(r"(\d+) rows read, (\d+) accepted \(\d+ late\), (\d+) duplicate, 0 rejected", told)
    assert int(counts.group(1)) == ROW_COUNT
    assert int(counts.group(2)) + int(counts.group(3)) == ROW_COUNT
    assert stored_numbers(up_server) == list(range(ROW_COUNT))
    assert [json.loads(line)["price"] for line in rows_to_store.pages(up_server, "ticks", "X")] == [
        row["price"] for row in numbered(ROW_COUNT)
    ]
    assert states(folder) == {}


def test_an_interrupted_import_ends_with_130_and_says_how_to_go_on(up_server, launcher, folder, state):
    path = write_file(folder, "ndjson")
    arguments = ["import", path, "--resume", "--data-dir", up_server.data_dir, "--batch", "1"]
    program = launcher.start("deltastream", *arguments, environment=state)
    wait_until(lambda: states(folder) != {})
    program.process.send_signal(signal.SIGINT)
    assert program.wait() == 130
    assert "the same command goes on there" in program.log()
    read = int(re.search(r"(\d+) rows read", program.log()).group(1))
    # Everything that was acknowledged is noted: nothing is sent twice.
    assert len(stored_numbers(up_server)) == read
    done = up_server.cli("import", path, "--resume", environment=state)
    assert done.returncode == 0
    assert f"going on behind {read} rows".encode() in done.stderr
    assert f"{ROW_COUNT} rows read, {ROW_COUNT} accepted (0 late), 0 duplicate".encode() in done.stderr
    assert stored_numbers(up_server) == list(range(ROW_COUNT))


def test_without_resume_an_interrupted_import_says_that_twice_does_no_harm(up_server, launcher, folder, state):
    path = write_file(folder, "ndjson")
    program = launcher.start(
        "deltastream", "import", path, "--data-dir", up_server.data_dir, "--batch", "1", environment=state
    )
    wait_until(lambda: up_server.get("/v1/ticks/X").json()["count"] > 0)
    program.process.send_signal(signal.SIGINT)
    assert program.wait() == 130
    assert "import it again" in program.log()
    done = up_server.cli("import", path)
    assert done.returncode == 0
    assert stored_numbers(up_server) == list(range(ROW_COUNT))
    assert b" duplicate, 0 rejected" in up_server.cli("import", path).stderr
    assert states(folder) == {}


def test_a_file_that_has_changed_is_refused_with_what_to_do(up_server, launcher, folder, state):
    path = write_file(folder, "ndjson")
    arguments = ["import", path, "--resume", "--data-dir", up_server.data_dir, "--batch", "1"]
    program = launcher.start("deltastream", *arguments, environment=state)
    wait_until(lambda: states(folder) != {})
    program.kill()
    other = up_server.cli("import", path, "--resume", "--product", "Y", environment=state)
    assert other.returncode == 2
    assert b"begun with other settings" in other.stderr
    with open(path, "ab") as stream:
        stream.write(b"\n")
    done = up_server.cli("import", path, "--resume", environment=state)
    assert done.returncode == 2
    assert b"the file has changed" in done.stderr and b"without --resume" in done.stderr
    (damaged,) = states(folder)
    damaged.write_text("deltastream resume 1\noffset 12\n")
    done = up_server.cli("import", path, "--resume", environment=state)
    assert done.returncode == 2
    assert b"can't be read; remove it" in done.stderr
    damaged.unlink()
    assert up_server.cli("import", path, "--resume", environment=state).returncode == 0
    assert stored_numbers(up_server) == list(range(ROW_COUNT))


def test_an_import_outlives_a_restart_of_the_service(launcher, folder, data_dir):
    path = write_file(folder, "ndjson")
    storage = launcher.start("deltastream-storaged", "--data-dir", data_dir)
    storage.wait_ready()
    program = launcher.start("deltastream", "import", path, "--data-dir", data_dir, "--batch", "1")
    wait_until(lambda: (data_dir / "storage" / "data.mdb").stat().st_size > 100_000)
    storage.kill()
    wait_until(lambda: "trying again" in program.log())
    server = launcher.daemons(data_dir)
    assert program.wait(60) == 0, program.log()
    assert f"{ROW_COUNT} rows read" in program.log()
    assert stored_numbers(server) == list(range(ROW_COUNT))


def test_an_import_gives_a_lost_service_up_and_says_where_it_was(launcher, folder, data_dir, state):
    path = write_file(folder, "ndjson")
    storage = launcher.start("deltastream-storaged", "--data-dir", data_dir)
    storage.wait_ready()
    program = launcher.start(
        "deltastream", "import", path, "--data-dir", data_dir, "--batch", "1", "--retry-for", "300ms", "--resume",
        environment=state,
    )
    wait_until(lambda: states(folder) != {})
    storage.kill()
    assert program.wait(60) == 6, program.log()
    assert "while sending the rows of line" in program.log()
    assert "the same command goes on there" in program.log()
    server = launcher.daemons(data_dir)
    assert server.cli("import", path, "--resume", environment=state).returncode == 0
    assert stored_numbers(server) == list(range(ROW_COUNT))


def test_rejected_rows_are_written_once_over_all_runs(up_server, launcher, folder, state):
    rows = [b"broken" if number % 2 else json.dumps(row).encode() for number, row in enumerate(numbered(ROW_COUNT))]
    path, rejected = folder / "rows.ticks.ndjson", folder / "rejected"
    path.write_bytes(b"\n".join(rows))
    arguments = ["import", path, "--resume", "--on-error", "skip", "--rejected", rejected, "--batch", "1"]
    program = launcher.start("deltastream", *arguments, "--data-dir", up_server.data_dir, environment=state)
    wait_until(lambda: states(folder) != {})
    program.kill()
    done = up_server.cli(*arguments[:-2], environment=state)
    assert done.returncode == 1
    assert f"{ROW_COUNT} rows read, ".encode() in done.stderr
    assert f"{ROW_COUNT // 2} rejected".encode() in done.stderr
    places = [int(line.split(":")[0].removeprefix("line ")) for line in rejected.read_text().splitlines()]
    assert places == list(range(2, ROW_COUNT + 1, 2))


def test_progress_is_drawn_on_a_terminal_only(up_server, folder):
    path = write_file(folder, "ndjson")
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [binary("deltastream"), "import", str(path), "--data-dir", str(up_server.data_dir), "--batch", "5"],
        stderr=follower,
        stdout=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        env=clean_environment({"TERM": "xterm"}),
    )
    os.close(follower)
    drawn = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:
            break
        if not piece:
            break
        drawn += piece
    os.close(leader)
    assert process.wait(seconds(30)) == 0
    assert re.search(rb"\rimport \[[#.]{20}\] +\d+ % [\d.]+ KiB of \d+ KiB, [\d.]+k? rows, ", drawn), drawn[:500]
    assert drawn.rindex(b"\r\x1b[K") < drawn.rindex(b"rows read")
    piped = up_server.cli("import", path)
    assert b"\r" not in piped.stderr and b"\x1b" not in piped.stderr
