"""The judgement of ./dev campaign soak. It measures nothing."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "bench"))

# isort: split
from all import soak  # noqa: E402

MIB = 1024 * 1024


def make_days(memories, descriptors=20, threads=5, failed=0):
    """Days after which both servers hold that much, in MiB."""
    server = {"descriptors": descriptors, "threads": threads}
    return [
        {
            "requests": 1000,
            "failed": failed,
            "bad_clients": 7,
            "minutes": number + 1,
            "held": {name: {**server, "memory_bytes": memory * MIB} for name in ("storaged", "gateway")},
        }
        for number, memory in enumerate(memories)
    ]


def test_servers_that_hold_as_much_as_before_are_well():
    assert not soak.faults(make_days([30] * 20))


def test_caches_may_fill_in_the_first_quarter():
    assert not soak.faults(make_days([5, 10, 20, 30, *[30] * 12]))


def test_memory_that_goes_on_growing_is_a_fault_of_each_server():
    found = soak.faults(make_days([30 + day / 2 for day in range(20)]))
    assert [fault.split()[0] for fault in found] == ["storaged", "gateway"]
    assert all("in the second quarter" in fault for fault in found)


def test_one_day_of_much_is_no_growth():
    assert not soak.faults(make_days([30] * 18 + [60, 30]))


def test_memory_of_few_days_is_not_judged():
    assert not soak.faults(make_days(range(10, 10 + soak.DAYS_JUDGED_MIN - 1)))
    assert soak.faults(make_days(range(10, 10 + soak.DAYS_JUDGED_MIN)))


@pytest.mark.parametrize("what", ["descriptors", "threads"])
def test_one_more_than_after_the_first_day_is_a_fault(what):
    days = make_days([30, 30])
    days[1]["held"]["gateway"][what] += 1
    assert len(soak.faults(days)) == 1 and what in soak.faults(days)[0]


def test_fewer_than_after_the_first_day_are_none():
    days = make_days([30, 30])
    days[1]["held"]["gateway"]["descriptors"] -= 1
    assert not soak.faults(days)


def test_requests_that_failed_are_a_fault():
    assert soak.faults(make_days([30, 30], failed=1)) == ["2 of 2000 requests failed"]


def test_the_table_has_the_first_and_the_last_day():
    lines = soak.table(make_days([30] * 20)).splitlines()
    assert lines[2].startswith("| 1 |") and lines[-1].startswith("| 20 |")
    assert len(lines) <= 2 + 8
