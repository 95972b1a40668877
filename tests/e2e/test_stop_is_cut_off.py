"""A write that never ends does not hold its program for longer than a stop may take."""

import ctypes
import json
import os
import signal
import threading

import pytest

from programs import Server, wait_until
from test_admin_pages import INGEST_TICKS, Admin, start_gateway
from test_durability import row

lmdb = ctypes.CDLL("liblmdb.so.0")


class WriteLock:
    """What one writer of an LMDB environment has at a time, held by a stranger: the store waits for it."""

    def __init__(self, folder):
        self.environment = ctypes.c_void_p()
        self.transaction = ctypes.c_void_p()
        assert lmdb.mdb_env_create(ctypes.byref(self.environment)) == 0
        assert lmdb.mdb_env_open(self.environment, str(folder).encode(), 0, 0o600) == 0
        assert lmdb.mdb_txn_begin(self.environment, None, 0, ctypes.byref(self.transaction)) == 0

    def release(self):
        lmdb.mdb_txn_abort(self.transaction)
        lmdb.mdb_env_close(self.environment)


def start(launcher, data_dir, shape):
    """The program with the store, and what clients see of it."""
    admin = ("--admin", "127.0.0.1:0")
    if shape == "up":
        storage = Admin(
            launcher.start("deltastream", "up", "--data-dir", data_dir, "--listen", "127.0.0.1:0", *admin)
        )
        return storage, Server(storage.urls[0], data_dir, [storage.program])
    storage = Admin(launcher.start("deltastream-storaged", "--data-dir", data_dir, *admin))
    gateway = start_gateway(launcher, data_dir)
    return storage, Server(gateway.urls[0], data_dir, [gateway.program, storage.program])


def write_in_vain(server):
    try:
        server.post("/v1/ticks:ingest", json.dumps({"ticks": [row(0, 1)]}).encode())
    except OSError:
        pass  # The program is gone, or has hung up.


@pytest.mark.parametrize("shape", ["up", "daemons"])
def test_a_write_that_never_ends_is_cut_off(launcher, data_dir, shape):
    storage, server = start(launcher, data_dir, shape)
    lock = WriteLock(next(data_dir.rglob("lock.mdb")).parent)
    threading.Thread(target=write_in_vain, args=(server,), daemon=True).start()
    try:
        wait_until(lambda: INGEST_TICKS in [call["method"] for call in storage.json("/calls")["calls"]])
        os.kill(storage.program.pid, signal.SIGTERM)
        code = storage.program.wait(60)
    finally:
        lock.release()
    # What `up` tells people comes before.
    log = [json.loads(line) for line in storage.program.log().splitlines() if line.startswith("{")]
    assert code == 1
    assert log[-1]["event"] == "stop_cut_off"
    if shape == "daemons":
        told = [line["method"] for line in log if line["event"] == "call_outlasts_drain"]
        assert told == [INGEST_TICKS]
