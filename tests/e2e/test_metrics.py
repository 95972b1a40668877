"""/metrics tells what was done, in Prometheus' text form."""

import re

ROW = {"product": "X", "price": 1, "timestamp": "2025-01-25T10:00:00Z"}
LIST_TICKS = 'method="deltastream.storage.v1.Storage/ListTicks",code="OK"'


def value_of(text, name):
    found = re.search(rf"^{re.escape(name)} ([0-9.e+-]+)$", text, re.M)
    assert found, f"{name} is missing in\n{text}"
    return float(found.group(1))


def test_calls_are_counted_whichever_way_the_service_runs(server):
    before = server.get("/v1/ticks/X")
    assert before.status == 200
    text = server.get("/metrics").body.decode()
    assert value_of(text, f"ds_rpc_client_calls_total{{{LIST_TICKS}}}") == 1


def test_up_tells_of_the_store_and_its_events(up_server):
    up_server.ingest([ROW, {**ROW, "timestamp": "2025-01-25T10:00:01Z"}, ROW])
    text = up_server.get("/metrics").body.decode()
    assert value_of(text, "ds_storage_events_total") == 2
    assert value_of(text, "ds_storage_rows") == 2
    assert value_of(text, "ds_storage_commits_total") >= 1
    assert value_of(text, "ds_storage_file_bytes") > 0


def test_every_line_is_a_comment_or_a_sample(server):
    server.get("/v1/ticks/X")
    sample = re.compile(r'[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? -?[0-9.]+(e[+-]?[0-9]+)?')
    for line in server.get("/metrics").body.decode().splitlines():
        assert line.startswith(("# HELP ", "# TYPE ")) or sample.fullmatch(line), line
