"""What import takes and refuses: formats, kinds found out, damage named by its place, limits."""

import json

import pytest

import rows_to_store

TICK = {"product": "X", "price": 1.5, "timestamp": "2025-01-25T10:00:00Z", "tick_id": 1}
QUOTE = {
    "symbol": "X20250130C100",
    "product": "X",
    "strike": 100.0,
    "expiry": "2025-01-30",
    "option_type": "CALL",
    "last": 2.5,
    "timestamp": "2025-01-25T10:00:00Z",
}
CHAIN = {
    "product": "X",
    "expiry": "2025-01-30",
    "spot_price": 100.0,
    "timestamp": "2025-01-25T10:00:00Z",
    "calls": [QUOTE],
    "puts": [],
}


@pytest.fixture
def store(up_server):
    return up_server


def imported(store, *arguments, stdin=b"", code=0, **options):
    done = store.cli("import", *arguments, stdin=stdin, **options)
    assert done.returncode == code, done.stderr
    return done.stderr.decode()


def prices(store, product="X"):
    return [row["price"] for row in store.get(f"/v1/ticks/{product}?order=asc").json()["ticks"]]


@pytest.mark.parametrize("row, target", [
    (TICK, "/v1/ticks/X"),
    (QUOTE, "/v1/quotes/X20250130C100"),
    (CHAIN, "/v1/chains/X"),
])
def test_the_kind_of_ndjson_is_found_out(store, row, target):
    assert "1 rows read, 1 accepted" in imported(store, "-", stdin=json.dumps(row).encode())
    assert store.get(target).json()["count"] == 1


def test_a_file_with_a_mark_with_crlf_and_with_empty_lines_is_read(store, folder):
    path = folder / "rows"
    lines = [{**TICK, "tick_id": number, "price": number} for number in (1, 2)]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n \r\n\r\n".join(json.dumps(row) for row in lines).encode())
    assert "2 rows read, 2 accepted" in imported(store, path)
    assert prices(store) == [1, 2]


def test_a_csv_header_that_names_fields_needs_no_map(store, folder):
    path = folder / "ticks.csv"
    path.write_bytes(
        b'\xef\xbb\xbftimestamp,price,product,tick_id,volume\r\n'
        b'"2025-01-25 10:00:00",1.5,"A, ""B""",1,\r\n'
        b'2025-01-25T10:00:01+01:00,2.5," A ",2,7'
    )
    assert "2 rows read, 2 accepted" in imported(store, path)
    assert store.get("/v1/products").json()["products"] == [" A ", 'A, "B"']


def test_quotes_come_from_csv_too(store, folder):
    path = folder / "rows.csv"
    path.write_text(
        "symbol,product,strike,expiry,option_type,timestamp,last\n"
        "S1,X,100,2025-01-30,CALL,2025-01-25 10:00:00,2.5\n"
    )
    assert "1 rows read, 1 accepted" in imported(store, path)
    assert store.get("/v1/quotes/S1").json()["quotes"][0]["option_type"] == "CALL"
    mapped = folder / "mapped.tsv"
    mapped.write_text("2025-01-25 10:00:01\t3.5\t100\t2025-01-30\tPUT\n")
    columns = "timestamp=0,last=1,strike=2,expiry=3,option_type=4"
    told = imported(store, mapped, "--symbol", "S1", "--product", "X", "--map", columns)
    assert "1 rows read, 1 accepted" in told
    assert [row["last"] for row in store.get("/v1/quotes/S1").json()["quotes"]] == [3.5, 2.5]


REFUSED = [
    (b"timestamp,prize,product\n", ["--format", "csv"], 'no field in column 1 ("prize"), perhaps "price"'),
    (b"timestamp,price,price,product\n", ["--format", "csv"], 'names "price" in two columns'),
    (b"price,product\n", ["--format", "csv"], "no column fills the timestamp of a tick"),
    (b"timestamp,price\n", ["--format", "csv"], "say --product NAME"),
    (b"timestamp,last\n", ["--format", "csv", "--kind", "quotes"], "say --symbol NAME"),
    (b"product,expiry,spot_price,timestamp\n", [], "which CSV can't carry; use NDJSON or protobuf"),
    (b"x", ["--format", "csv", "--kind", "chains"], "which CSV can't carry"),
    (b"x", ["--kind", "chains", "--map", "timestamp=0"], "which CSV can't carry"),
    (b'"timestamp,price\n', ["--format", "csv"], "line 1"),
    (b"\x02\x08\x01", ["--format", "protobuf"], "say --kind ticks, quotes or chains"),
    (b"\xff\xff\xff\xff\xff", ["--format", "protobuf"], "say --kind ticks, quotes or chains"),
    (json.dumps(TICK).encode(), ["--resume"], "--resume takes a file that can be read again"),
    (b"x", ["--delimiter", "ab"], 'not one character, nor "tab"'),
    (b"x", ["--header", "no", "--map", "timestamp=t,price=1", "--product", "X"], "an index from 0 and no name"),
]


@pytest.mark.parametrize("text, arguments, message", REFUSED)
def test_what_can_not_be_imported_is_refused_with_what_would_do(store, text, arguments, message):
    assert message in imported(store, "-", *arguments, stdin=text, code=2)


def test_an_empty_file_has_no_rows(store, folder):
    for name in ("empty", "empty.csv", "empty.ndjson", "empty.pb"):
        path = folder / name
        path.touch()
        assert "0 rows read, 0 accepted" in imported(store, path)


DAMAGED = [
    (b'{"product":"X"', "line 2: "),
    (b"[]", "line 2: "),
    (json.dumps({**TICK, "price": "much"}).encode(), "line 2: price: "),
    (json.dumps({**TICK, "prize": 1}).encode(), "line 2: prize: "),
    (json.dumps({**TICK, "timestamp": "noon"}).encode(), "line 2: timestamp: "),
    (json.dumps({**TICK, "price": -1}).encode(), "line 2: price must not be negative"),
    (b'{"product":"' + b"x" * (1024 * 1024) + b'"}', "line 2: longer than 1 MiB"),
    (b'{"product":"\xff"}', "line 2: "),
]


@pytest.mark.parametrize("line, message", DAMAGED)
def test_a_damaged_line_of_ndjson_is_named_by_number_and_field(store, line, message):
    first, last = ({**TICK, "tick_id": number, "price": number} for number in (8, 9))
    text = json.dumps(first).encode() + b"\n" + line + b"\n" + json.dumps(last).encode()
    told = imported(store, "-", "--kind", "ticks", stdin=text, code=1)
    assert message in told, told
    assert prices(store)[:1] == [8]
    told = imported(store, "-", "--kind", "ticks", "--on-error", "skip", stdin=text, code=1)
    assert message in told
    assert "3 rows read, 1 accepted" in told or "3 rows read, 0 accepted" in told
    assert sorted(prices(store)) == [8, 9]


def delimited(*messages):
    def varint(number):
        out = b""
        while number >= 0x80:
            out += bytes([number & 0x7F | 0x80])
            number >>= 7
        return out + bytes([number])

    return b"".join(varint(len(message)) + message for message in messages)


@pytest.fixture
def messages(store):
    """Three ticks as protobuf, made by an export, without their lengths."""
    rows = [{**TICK, "product": "Y", "tick_id": number, "price": number} for number in (1, 2, 3)]
    imported(store, "-", stdin=rows_to_store.ndjson(rows))
    text = store.cli("export", "ticks", "Y", "--format", "protobuf").stdout
    found = []
    while text:
        found.append(text[1 : 1 + text[0]].replace(b"Y", b"X", 1))
        text = text[1 + text[0] :]
    assert len(found) == 3 and all(len(message) < 128 for message in found)
    return found


def test_protobuf_is_plain_delimited_messages(store, messages):
    assert "3 rows read, 3 accepted" in imported(store, "-", stdin=delimited(*messages))
    assert prices(store) == [1, 2, 3]


def test_a_damaged_message_is_named_by_its_byte(store, messages):
    bad = b"\x0a\x01X\x11\x00"
    text = delimited(messages[0], bad, messages[2])
    place = f"byte {len(delimited(messages[0]))}: "
    assert place in imported(store, "-", "--kind", "ticks", stdin=text, code=1)
    assert prices(store) == [1]
    told = imported(store, "-", "--kind", "ticks", "--on-error", "skip", stdin=text, code=1)
    assert place in told and "3 rows read" in told
    assert prices(store) == [1, 3]


@pytest.mark.parametrize("tail, message", [
    (b"\x40abc", "the file ends within a row"),
    (b"\x80", "the file ends within a row"),
    (b"\xff\xff\xff\x7f", "one above 1 MiB"),
    (b"\x80\x80\x80\x80\x80\x00", "no length of a row stands here"),
])
def test_where_lengths_are_wrong_the_reading_ends_behind_the_rows_in_front(store, messages, tail, message):
    text = delimited(*messages)
    for policy in ("stop", "skip"):
        told = imported(store, "-", "--on-error", policy, stdin=text + tail, code=1)
        assert f"byte {len(text)}: " in told and message in told
        assert "3 rows read" in told
    assert prices(store) == [1, 2, 3]


def test_all_rejected_rows_go_into_the_file_in_the_order_of_the_input(store, folder):
    rows = [
        b"not json" if number % 3 == 1 else json.dumps({**TICK, "tick_id": number, "price": -(number % 3)}).encode()
        for number in range(450)
    ]
    path, rejected = folder / "rows.ndjson", folder / "rejected"
    path.write_bytes(b"\n".join(rows))
    told = imported(store, path, "--kind", "ticks", "--on-error", "skip", "--rejected", rejected, "--batch", "7", code=1)
    assert "450 rows read, 150 accepted (0 late), 0 duplicate, 300 rejected" in told
    places = [int(line.split(":")[0].removeprefix("line ")) for line in rejected.read_text().splitlines()]
    assert places == [number + 1 for number in range(450) if number % 3]
    assert told.count("line ") == 100 and "only in the file of --rejected" in told
    assert "counted only" in imported(store, path, "--kind", "ticks", "--on-error", "skip", code=1)


def test_the_policy_says_which_of_two_rows_stays(store):
    def again(policy, code=0):
        row = json.dumps({**TICK, "price": {"error": 2, "first": 3, "last": 4}[policy]}).encode()
        return imported(store, "-", "--on-conflict", policy, "--parallel", "4", stdin=row, code=code)

    imported(store, "-", stdin=json.dumps(TICK).encode())
    assert "line 1: another row" in again("error", 1) and prices(store) == [1.5]
    assert "1 duplicate" in again("first") and prices(store) == [1.5]
    assert "1 accepted" in again("last") and prices(store) == [4]


def test_batches_under_way_together_store_every_row(store):
    rows = rows_to_store.ticks(3000, seed=9)
    told = imported(store, "-", "--parallel", "8", "--batch", "50", stdin=rows_to_store.ndjson(rows))
    assert "3000 rows read, 3000 accepted" in told
    assert len(rows_to_store.stored(store, "ticks")) == 3000


def test_one_batch_at_a_time_keeps_the_order_of_the_file(store):
    """Where batches overtook one another, rows would count as late."""
    rows = [{**TICK, "tick_id": number, "timestamp": rows_to_store.timestamp(number * 1000)} for number in range(3000)]
    told = imported(store, "-", "--batch", "10", stdin=rows_to_store.ndjson(rows))
    assert "3000 rows read, 3000 accepted (0 late)" in told


def test_nothing_is_sent_behind_a_row_that_the_service_refused(store):
    rows = [{**TICK, "tick_id": number, "price": -1 if number == 15 else number} for number in range(60)]
    told = imported(store, "-", "--batch", "10", stdin=rows_to_store.ndjson(rows), code=1)
    assert "line 16: price must not be negative" in told
    # Its own batch and the one that was on its way when the answer came.
    stored = prices(store)
    assert stored == [number for number in range(len(stored) + 1) if number != 15]
    assert 19 <= len(stored) < 40


def test_quiet_says_nothing_but_failures(store):
    assert imported(store, "-", "-q", stdin=json.dumps(TICK).encode()) == ""
    told = imported(store, "-", "-q", stdin=b'{"price":1}', code=1)
    assert "line 1: " in told and "rows read" not in told
