"""The engine of deltastream-load against the real programs: what it says it sent is what they counted."""

import json
import re
import subprocess

import pytest

from programs import binary, clean_environment, seconds, wait_until

# No call may meet its time limit because the machine stands still.
PATIENT = ("--timeout", "10m", "--in-flight-max", "100000", "--json", "-")
LATEST_TICK = "deltastream.storage.v1.Storage/LatestTick"
ROW = {"product": "X", "price": 1, "timestamp": "2025-01-25T10:00:00Z"}


def measure(*arguments):
    done = subprocess.run(
        [binary("deltastream-load"), *[str(argument) for argument in (*arguments, *PATIENT)]],
        capture_output=True,
        timeout=seconds(120),
        env=clean_environment(),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def assert_conserved(result):
    """Whatever is planned comes to one of four ends, in the whole, by operation and by second."""
    for part in (result["total"], *result["operations"]):
        ended = [part[end] for end in ("ok", "failed", "timed_out", "unsent")]
        assert part["planned"] == sum(ended), part["name"]
        assert sum(code["count"] for code in part["codes"]) == sum(ended[:3]), part["name"]
        for end in ("planned", "ok", "failed", "timed_out", "unsent"):
            assert sum(second[end] for second in part["seconds"]) == part[end], (part["name"], end)


def rest_calls(server):
    """How many calls of LatestTick that ended well the gateway has made."""
    text = server.get("/metrics").body.decode()
    found = re.search(rf'^ds_rpc_client_calls_total{{method="{LATEST_TICK}",code="OK"}} (\d+)', text, re.M)
    return int(found.group(1)) if found else 0


@pytest.mark.parametrize("pace", [("--rate", "200"), ("--rate", "200", "--poisson"), ("--users", "4")])
def test_the_gateway_makes_as_many_calls_as_were_answered(server, pace):
    server.ingest([ROW])
    before = rest_calls(server)
    pids = [("--watch", f"server{place}={program.pid}") for place, program in enumerate(server.programs)]
    result = measure(
        "--rest", server.base_url, "--get", "/v1/ticks/X/latest", *pace, "--duration", "1500ms",
        "--threads", "2", *[flag for pair in pids for flag in pair],
    )
    assert_conserved(result)
    assert result["total"]["ok"] == result["total"]["planned"] > 0, result["total"]["codes"]
    assert rest_calls(server) - before == result["total"]["ok"]
    assert len(result["watched"]) == len(server.programs)
    for watched in result["watched"]:
        assert watched["samples"] and not watched["has_ended"]
        assert watched["samples"][0]["memory_bytes"] > 0


@pytest.mark.parametrize("alone", [(), ("--alone",)])
def test_native_calls_are_answered_once_each(daemons, alone):
    daemons.ingest([ROW])
    result = measure(
        "--method", "LatestTick", "--data", '{"product": "X"}', "--data-dir", daemons.data_dir,
        "--rate", "300", "--duration", "1s", *alone,
    )
    assert_conserved(result)
    assert result["total"]["planned"] == 300
    assert [(code["code"], code["count"]) for code in result["total"]["codes"]] == [("OK", 300)]


def refused_of(result):
    total = result["total"]
    codes = {code["code"]: code["count"] for code in total["codes"]}
    assert_conserved(result)
    assert total["refused"] == sum(operation["refused"] for operation in result["operations"])
    assert total["failed"] == total["refused"], codes
    return codes, total["refused"]


@pytest.mark.parametrize(
    "flags, refusal, answer",
    [
        (("--method", "LatestTick", "--data", '{"product": "X"}'), "RESOURCE_EXHAUSTED", "OK"),
        (("--get", "/v1/ticks/X/latest"), "429", "200"),
    ],
)
def test_refusals_of_a_server_past_its_limit_are_told_apart_from_errors(launcher, data_dir, folder, flags, refusal, answer):
    server = launcher.up(data_dir, "--rate-limit", "1", "--rate-burst", "1")
    server.ingest([ROW])
    result = measure(
        "--rest", server.base_url, "--data-dir", data_dir, *flags, "--rate", "500", "--duration", "1s",
    )
    codes, refused = refused_of(result)
    # As many are let through as seconds have gone by, however slow this machine is.
    assert refused == codes[refusal] > 0
    assert codes.keys() <= {refusal, answer}
    (folder / "run.json").write_text(json.dumps(result))
    told = subprocess.run(
        [binary("deltastream-load"), "report", folder / "run.json"],
        capture_output=True, timeout=seconds(60), env=clean_environment(), check=True, text=True,
    ).stdout
    assert f"{refused:,} of them refusals" in told.splitlines()[0]


def calls_of(server):
    """Calls of LatestTick that the storage service of `up` has executed, whoever made them."""
    text = server.get("/metrics").body.decode()
    counts = re.findall(rf'^ds_rpc\S*calls_total{{method="{LATEST_TICK}"\S*}} (\d+)', text, re.M)
    return sum(int(count) for count in counts)


@pytest.mark.parametrize(
    "flags, codes",
    [
        (("--get", "/v1/ticks/X/latest"), {"200", "closed", "connect"}),
        (("--method", "LatestTick", "--data", '{"product": "X"}'), {"OK", "UNAVAILABLE"}),
    ],
)
def test_a_server_that_is_killed_fails_calls_by_their_codes_and_ends_the_run(up_server, launcher, folder, flags, codes):
    up_server.ingest([ROW])
    report = folder / "load.json"
    load = launcher.start(
        "deltastream-load", "--rest", up_server.base_url, "--data-dir", up_server.data_dir,
        "--watch", f"up={up_server.programs[0].pid}", "--users", "4", "--duration", "1h", *flags, "--timeout", "10m",
        "--slo", "*:errors<0.0001%", "--abort-on-fail", "--no-live", "--json", report,
    )
    wait_until(lambda: load.process.poll() is not None or calls_of(up_server) > 200)
    up_server.programs[0].kill()
    assert load.wait(60) == 99, load.log()
    result = json.loads(report.read_text())
    assert_conserved(result)
    assert result["end"] == "aborted"
    assert result["total"]["ok"] > 0
    assert result["total"]["failed"] > 0
    assert {code["code"] for code in result["total"]["codes"]} <= codes
    assert result["watched"][0]["has_ended"]
