"""Backup, restore and verification as a person uses them: the command line against the real programs."""

import array
import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import threading

import pytest

from programs import binary, clean_environment, run_cli, seconds, wait_until

ROWS_PER_BATCH = 50
# What a pipe holds when nobody reads it.
PIPE_BYTES = 65536


def row(product, number):
    return {
        "product": product,
        "price": number + 1,
        "timestamp": f"2025-01-25T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}Z",
        "tick_id": number,
    }


class Writer(threading.Thread):
    """Stores batch after batch until it is told to stop; knows what was acknowledged."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server = server
        self.acknowledged = 0
        self.stop = threading.Event()

    def run(self):
        while not self.stop.is_set():
            first = self.acknowledged
            counts = self.server.ingest([row("LIVE", first + i) for i in range(ROWS_PER_BATCH)])
            assert counts["accepted"] == ROWS_PER_BATCH, counts
            self.acknowledged = first + ROWS_PER_BATCH


def bytes_waiting(stream):
    count = array.array("i", [0])
    fcntl.ioctl(stream, termios.FIONREAD, count)
    return count[0]


def stored_numbers(server, product):
    numbers, token = [], ""
    while True:
        page = server.get(f"/v1/ticks/{product}?limit=10000&order=asc" + (f"&page_token={token}" if token else "")).json()
        numbers += [tick["tick_id"] for tick in page["ticks"]]
        token = page.get("next_page_token", "")
        if not token:
            return numbers


@pytest.fixture
def backup(launcher, data_dir, folder):
    """A server with 500 rows, and a backup of it."""
    server = launcher.up(data_dir)
    server.ingest([row("NIFTY", number) for number in range(500)])
    path = folder / "a.backup"
    result = server.cli("storage", "backup", path)
    assert result.returncode == 0, result.stderr
    return server, path


@pytest.mark.parametrize("kind", ["up", "daemons"])
def test_a_backup_beside_a_writer_restores_all_that_was_acknowledged_before(launcher, data_dir, folder, kind):
    server = launcher.server(kind, data_dir)
    server.ingest([row("NIFTY", number) for number in range(2000)])
    writer = Writer(server)
    writer.start()
    wait_until(lambda: writer.acknowledged >= 200)
    acknowledged = writer.acknowledged
    path = folder / "live.backup"
    result = server.cli("storage", "backup", path)
    assert result.returncode == 0, result.stderr
    assert writer.is_alive(), "the backup kept the writer from writing"
    at_the_end = writer.acknowledged
    wait_until(lambda: writer.acknowledged > at_the_end)
    writer.stop.set()
    writer.join(seconds(30))
    for program in server.programs:
        program.kill()

    restored_dir = folder / "restored"
    result = run_cli("storage", "restore", path, "--data-dir", restored_dir)
    assert result.returncode == 0, result.stderr
    assert b"every row and index was checked" in result.stderr
    assert result.stdout == b""
    restored = launcher.server(kind, restored_dir)
    assert stored_numbers(restored, "NIFTY") == list(range(2000))
    live = stored_numbers(restored, "LIVE")
    assert live == list(range(len(live))), "rows are missing between others"
    assert len(live) % ROWS_PER_BATCH == 0, "a batch is half there"
    assert acknowledged <= len(live), "a row that was acknowledged before the backup is not in it"
    result = restored.cli("storage", "verify")
    assert result.returncode == 0, result.stderr
    assert result.stdout == b""
    assert b"all sound" in result.stderr
    restored.ingest([row("NIFTY", 2000)])
    assert len(stored_numbers(restored, "NIFTY")) == 2001


def test_a_backup_goes_through_pipes(backup, folder):
    server, path = backup
    piped = server.cli("storage", "backup", "-")
    assert piped.returncode == 0, piped.stderr
    assert piped.stdout[:8] == b"DSBACKUP"
    result = run_cli("storage", "restore", "-", "--data-dir", folder / "restored", stdin=piped.stdout)
    assert result.returncode == 0, result.stderr


def test_a_file_that_is_there_is_kept_without_force(backup):
    server, path = backup
    path.write_bytes(b"precious")
    result = server.cli("storage", "backup", path)
    assert result.returncode == 5
    assert b"--force" in result.stderr
    assert path.read_bytes() == b"precious"
    assert server.cli("storage", "backup", path, "--force").returncode == 0
    assert path.read_bytes()[:8] == b"DSBACKUP"
    assert not path.with_name(path.name + ".partial").exists()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_is_not_there_is_told(backup, folder):
    server, _ = backup
    result = server.cli("storage", "backup", folder / "nowhere" / "x.backup")
    assert result.returncode == 1
    assert b"nowhere/x.backup.partial" in result.stderr


def test_a_backup_without_a_service_leaves_nothing(data_dir, folder):
    result = run_cli("storage", "backup", folder / "x.backup", "--data-dir", data_dir)
    assert result.returncode == 6
    assert list(folder.glob("x.backup*")) == []


def test_a_backup_to_a_terminal_is_refused(backup):
    server, _ = backup
    controller, terminal = pty.openpty()
    try:
        result = subprocess.run(
            [binary("deltastream"), "storage", "backup", "-", "--data-dir", str(server.data_dir)],
            stdin=subprocess.DEVNULL,
            stdout=terminal,
            stderr=subprocess.PIPE,
            timeout=seconds(30),
            env=clean_environment(),
            check=False,
        )
    finally:
        os.close(terminal)
        os.close(controller)
    assert result.returncode == 2
    assert b"no text for a terminal" in result.stderr


@pytest.mark.parametrize(
    "damage, reason",
    [
        (lambda data: data[: len(data) // 2], b"cut off"),
        (lambda data: data[:-1], b"cut off"),
        (lambda data: data[:5000] + bytes([data[5000] ^ 1]) + data[5001:], b"damaged"),
        (lambda data: data + b"\n", b"something follows"),
        (lambda data: b"timestamp,price\n" * 100, b"no backup of DeltaStream"),
        (lambda data: b"", b"no backup of DeltaStream"),
    ],
    ids=["half", "last byte", "bit", "longer", "foreign", "empty"],
)
def test_a_damaged_backup_is_refused_and_nothing_is_left(backup, folder, damage, reason):
    _, path = backup
    path.write_bytes(damage(path.read_bytes()))
    restored_dir = folder / "restored"
    result = run_cli("storage", "restore", path, "--data-dir", restored_dir)
    assert result.returncode == 1
    assert b"nothing restored: " in result.stderr and reason in result.stderr
    assert not restored_dir.exists()


def test_a_full_disk_under_the_backup_is_told(backup):
    server, _ = backup
    with open("/dev/full", "wb") as full:
        result = subprocess.run(
            [binary("deltastream"), "storage", "backup", "-", "--data-dir", str(server.data_dir)],
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=seconds(30),
            env=clean_environment(),
            check=False,
        )
    assert result.returncode == 1
    assert b"No space left" in result.stderr


def test_verify_names_a_damaged_row(launcher, data_dir):
    server = launcher.up(data_dir)
    server.ingest([row("NIFTY", number) for number in range(100)])
    assert server.programs[0].stop() == 0
    # The price of row 41: its tag says a string now, whose length the first byte of the number is.
    path = data_dir / "storage" / "data.mdb"
    data = path.read_bytes()
    price = b"\x11" + struct.pack("<d", 42.0)
    assert price in data
    path.write_bytes(data.replace(price, b"\x12" + price[1:]))
    server = launcher.up(data_dir)
    result = server.cli("storage", "verify")
    assert result.returncode == 1
    lines = result.stdout.decode().splitlines()
    assert len(lines) == 1 and lines[0].startswith('ticks "NIFTY": the row at 1737763241000000 us is damaged: price')
    assert b"1 faults in 100 rows" in result.stderr
    # Such a store's backup is taken, and its restore says what is wrong.
    path = data_dir.parent / "damaged.backup"
    assert server.cli("storage", "backup", path).returncode == 0
    result = run_cli("storage", "restore", path, "--data-dir", data_dir.parent / "restored")
    assert result.returncode == 1
    assert b"not sound" in result.stderr and b"NIFTY" in result.stderr


def test_a_data_folder_that_holds_data_is_left_alone(backup):
    server, path = backup
    result = run_cli("storage", "restore", path, "--data-dir", server.data_dir)
    assert result.returncode != 0
    assert b"holds market data already" in result.stderr
    assert len(stored_numbers(server, "NIFTY")) == 500


def test_a_backup_that_nobody_reads_can_be_interrupted(launcher, data_dir):
    server = launcher.up(data_dir)
    server.ingest([row("NIFTY", number) for number in range(5000)])
    program = subprocess.Popen(
        [binary("deltastream"), "storage", "backup", "-", "--data-dir", str(data_dir)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environment(),
    )
    # Nobody reads: it waits with the pipe full.
    wait_until(lambda: bytes_waiting(program.stdout) >= PIPE_BYTES)
    program.send_signal(signal.SIGINT)
    assert program.wait(seconds(30)) == 130
    program.stdout.close()
    program.stderr.close()


def test_over_rest_the_care_of_the_store_needs_more_than_an_anonymous_caller_has(backup):
    server, _ = backup
    replies = [
        server.post("/v1/admin/storage/verify", b"{}"),
        server.post("/v1/admin/storage/backups", b"{}"),
        server.get("/v1/admin/storage/backups/0123"),
    ]
    for reply in replies:
        assert reply.status == 401, reply
        assert "admin" in reply.json()["detail"]


def test_help_tells_of_the_commands():
    for verb in ("backup", "restore", "verify"):
        result = run_cli("storage", verb, "--help")
        assert result.returncode == 0
        assert f"deltastream storage {verb}".encode() in result.stdout
