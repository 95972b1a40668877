"""Who makes the load: wrk, and deltastream-load where it is built. Each has one core and one thread."""

import math
import os
import pathlib
import subprocess
import tempfile
import threading
import time

from . import figures, processes

CONNECTIONS = 64
# Over what was asked for: a generator that hangs ends the run.
GRACE_S = 60
# Of a run: when its memory is looked at.
LOOK_SHARE = 0.7


class GeneratorError(Exception):
    """A generator that failed; the text has its last words."""


def run(command, seconds, environment=None):
    """(what it printed, its share of a core)"""
    before, began = os.times(), time.monotonic()
    try:
        done = subprocess.run(
            list(map(str, command)),
            capture_output=True,
            text=True,
            timeout=seconds + GRACE_S,
            env={**os.environ, **(environment or {})},
        )
    except subprocess.TimeoutExpired as error:
        raise GeneratorError(f"{command} did not end") from error
    after, wall = os.times(), time.monotonic() - began
    if done.returncode != 0:
        raise GeneratorError(f"{' '.join(map(str, command))}: {(done.stderr + done.stdout).strip()[-400:]}")
    return done.stdout, (after.children_user + after.children_system - before.children_user - before.children_system) / wall


def run_wrk(core, url, path, seconds, headers, connections=CONNECTIONS):
    whole = max(1, math.ceil(seconds))  # wrk takes whole seconds only
    named = [argument for name, value in headers.items() for argument in ("-H", f"{name}: {value}")]
    text, share = run(
        [
            *processes.on_core(core),
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{whole}s",
            "--timeout",
            "10s",
            "--latency",
            *named,
            url + path,
        ],
        whole,
    )
    found = figures.wrk_figures(text)
    found.generator_share = share
    return found


def run_load(program, core, target, seconds, pace=("--users", CONNECTIONS), connections=CONNECTIONS, environment=None):
    """The report of deltastream-load, as text. `target`: the arguments that say what is asked of whom."""
    with tempfile.TemporaryDirectory(prefix="ds-bench-load-") as folder:
        report = pathlib.Path(folder) / "report.json"
        run(
            [
                *processes.on_core(core),
                program,
                "run",
                "--quiet",
                *target,
                *pace,
                "--connections",
                connections,
                "--duration",
                f"{round(seconds * 1000)}ms",
                "--json",
                report,
            ],
            seconds,
            environment,
        )
        return report.read_text()


def run_load_get(program, core, url, path, seconds, headers):
    """The figures of GETs of one path. The one header that a work may have is the token."""
    token = {"DS_LOAD_AUTHORIZATION": headers["Authorization"]} if headers else {}
    return figures.load_figures(run_load(program, core, ("--rest", url, "--get", path), seconds, environment=token))


def measured(started, run, seconds):
    """The figures of a run against a server, with what it cost the server. Memory is looked at once while the connections are
    there, which costs the run nothing that it would notice, and once behind it."""
    seen = []
    look = threading.Timer(seconds * LOOK_SHARE, lambda: seen.append(started.memory_bytes()))
    cpu_before = started.cpu_seconds()
    look.start()
    try:
        found = run()
    finally:
        look.cancel()
        look.join()
    found.cpu_us = (started.cpu_seconds() - cpu_before) * 1e6 / max(1, found.requests)
    found.memory_bytes = max([*seen, started.memory_bytes()])
    return found


WRK, LOAD = "wrk", "deltastream-load"


class Generators:
    """Those that this machine has."""

    def __init__(self, bin_folder, core):
        self.core, self.load = core, bin_folder / "deltastream-load"
        self.names = (WRK, LOAD) if self.load.exists() else (WRK,)

    def measure(self, name, started, path, seconds, headers):
        """One run of a generator against a server."""
        if name == WRK:
            return measured(started, lambda: run_wrk(self.core, started.url, path, seconds, headers), seconds)
        return measured(
            started, lambda: run_load_get(self.load, self.core, started.url, path, seconds, headers), seconds
        )
