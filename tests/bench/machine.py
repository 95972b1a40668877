"""What a benchmark says about the machine it ran on, and whether others were using it meanwhile."""

import os
import pathlib
import platform
import re
import sys
import time

# Above this many cores used by others the figures mean little.
FOREIGN_CORES_MAX = 0.3


def description():
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return {
        "cpu": model[1] if model else platform.machine(),
        "kernel": platform.release(),
        "cores": sorted(os.sched_getaffinity(0)),
    }


def busy_ticks():
    """All cores' time that was not idle, in clock ticks since the start of the machine."""
    fields = list(map(int, pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]))
    return sum(fields) - fields[3] - fields[4]


def foreign_cores():
    """The cores that others use while we wait a second; says so aloud where it is too much."""
    before = busy_ticks()
    time.sleep(1)
    foreign = (busy_ticks() - before) / os.sysconf("SC_CLK_TCK")
    if foreign > FOREIGN_CORES_MAX:
        print(f"BUSY MACHINE: others use {foreign:.1f} cores; these figures mean little", file=sys.stderr)
    return foreign
