"""What was acknowledged is there: after a restart, and after kill -9 in the middle of ingest."""

import http.client
import json
import os
import threading
import time

import pytest

from programs import seconds

ROUNDS = int(os.environ.get("DS_KILL_ROUNDS", "6"))
WRITERS = 3
ROWS_PER_BATCH = 20
BATCHES_BEFORE_KILL = 10


def row(writer, number):
    return {
        "product": f"W{writer}",
        "price": number + 1,
        "timestamp": f"2025-01-25T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}Z",
        "tick_id": number,
    }


class Writer(threading.Thread):
    """Sends batch after batch and remembers which rows were acknowledged, until its server is gone."""

    def __init__(self, server, index, first):
        super().__init__(daemon=True)
        self.server = server
        self.index = index
        self.next = first
        self.acknowledged = []
        self.cut_off_at = None
        self.failure = None
        self.server_is_killed = threading.Event()

    def run(self):
        while True:
            numbers = list(range(self.next, self.next + ROWS_PER_BATCH))
            self.next += ROWS_PER_BATCH
            body = json.dumps({"ticks": [row(self.index, number) for number in numbers]}).encode()
            try:
                reply = self.server.post("/v1/ticks:ingest", body)
            except (OSError, http.client.HTTPException):
                self.cut_off_at = time.monotonic()
                return
            if reply.status in (503, 504):
                # The daemon behind the gateway is gone, or it was slow: this batch was not acknowledged.
                self.cut_off_at = time.monotonic()
                if self.server_is_killed.is_set():
                    return
                continue
            if reply.status != 200 or reply.json()["accepted"] != ROWS_PER_BATCH:
                self.failure = repr(reply)
                return
            self.acknowledged += numbers


def stored_rows(server, product):
    """Every stored row of a product by its number."""
    rows, token = {}, ""
    while True:
        target = f"/v1/ticks/{product}?limit=10000" + (f"&page_token={token}" if token else "")
        reply = server.get(target)
        assert reply.status == 200, reply
        page = reply.json()
        for tick in page["ticks"]:
            assert tick["tick_id"] not in rows, "a row is there twice"
            rows[tick["tick_id"]] = tick
        token = page.get("next_page_token", "")
        if not token:
            return rows


def wait_until_under_way(writers):
    """Returns once batches are acknowledged and more are being sent."""
    deadline = time.monotonic() + seconds(60)
    while sum(len(writer.acknowledged) for writer in writers) < BATCHES_BEFORE_KILL * ROWS_PER_BATCH:
        assert not any(writer.failure for writer in writers), [writer.failure for writer in writers]
        assert time.monotonic() < deadline, "writers make no progress"
        time.sleep(0.001)


@pytest.mark.parametrize("kind", ["up", "daemons"])
def test_kill_9_under_ingest_loses_no_acknowledged_row(launcher, data_dir, kind, capsys):
    acknowledged = {index: set() for index in range(WRITERS)}
    sent = dict.fromkeys(range(WRITERS), 0)
    kills_in_flight = 0
    for _ in range(ROUNDS):
        server = launcher.server(kind, data_dir)
        writers = [Writer(server, index, sent[index]) for index in range(WRITERS)]
        for writer in writers:
            writer.start()
        wait_until_under_way(writers)
        # The store's process: up itself, or deltastream-storaged behind the gateway.
        killed_at = time.monotonic()
        server.programs[-1].kill()
        for writer in writers:
            writer.server_is_killed.set()
        for writer in writers:
            writer.join(seconds(60))
            assert not writer.is_alive(), "a writer hangs on a dead server"
            assert writer.failure is None, writer.failure
            # The last one of each is what the kill hit.
            kills_in_flight += writer.cut_off_at is not None and writer.cut_off_at >= killed_at
            acknowledged[writer.index].update(writer.acknowledged)
            sent[writer.index] = writer.next
        for program in server.programs[:-1]:
            assert program.stop() == 0

    server = launcher.server(kind, data_dir)
    lost, unacknowledged = [], 0
    for index in range(WRITERS):
        rows = stored_rows(server, f"W{index}")
        lost += [(index, number) for number in acknowledged[index] - rows.keys()]
        unacknowledged += len(rows.keys() - acknowledged[index])
        for number in acknowledged[index] & rows.keys():
            assert rows[number]["price"] == number + 1, "an acknowledged row has another value"
        assert all(0 <= number < sent[index] for number in rows), "a row that nobody sent"
    total = sum(map(len, acknowledged.values()))
    with capsys.disabled():
        print(
            f"\n{kind}: {ROUNDS} kills, {kills_in_flight} of {ROUNDS * WRITERS} writers cut off, "
            f"{total} rows acknowledged, {len(lost)} lost, {unacknowledged} stored unacknowledged"
        )
    # A kill that hits nobody shows nothing.
    assert kills_in_flight == ROUNDS * WRITERS
    assert total >= ROUNDS * BATCHES_BEFORE_KILL * ROWS_PER_BATCH
    assert lost == []


@pytest.mark.parametrize("kind", ["up", "daemons"])
def test_a_restart_keeps_every_row(launcher, data_dir, kind):
    server = launcher.server(kind, data_dir)
    server.ingest([row(0, number) for number in range(500)])
    before = server.get("/v1/ticks/W0?limit=1000").body
    for program in server.programs:
        assert program.stop() == 0
    server = launcher.server(kind, data_dir)
    assert server.get("/v1/ticks/W0?limit=1000").body == before
    assert json.loads(before)["count"] == 500


def test_data_written_by_up_is_served_by_the_daemons(launcher, data_dir):
    server = launcher.up(data_dir)
    server.ingest([row(0, number) for number in range(50)])
    before = server.get("/underlying/W0").body
    assert server.programs[0].stop() == 0
    assert launcher.daemons(data_dir).get("/underlying/W0").body == before


def test_a_page_token_holds_over_a_restart(launcher, data_dir):
    server = launcher.up(data_dir)
    server.ingest([row(0, number) for number in range(10)])
    token = server.get("/v1/ticks/W0?limit=4").json()["next_page_token"]
    assert server.programs[0].stop() == 0
    server = launcher.up(data_dir)
    page = server.get(f"/v1/ticks/W0?limit=4&page_token={token}").json()
    assert [tick["tick_id"] for tick in page["ticks"]] == [5, 4, 3, 2]


def test_the_gateway_finds_a_storage_service_that_came_back(launcher, data_dir):
    server = launcher.daemons(data_dir)
    server.ingest([row(0, 0)])
    server.programs[1].kill()
    launcher.start("deltastream-storaged", "--data-dir", data_dir).wait_ready()
    assert server.get("/v1/ticks/W0").json()["count"] == 1
