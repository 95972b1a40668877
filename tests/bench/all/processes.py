"""Servers under measurement: started on their core, watched through /proc, stopped by their ids."""

import contextlib
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

READY_TIMEOUT_S = 30
STOP_TIMEOUT_S = 10
DIES_WITH_US = ("setpriv", "--pdeathsig", "TERM")
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class StartError(Exception):
    """A server that did not become ready; the text says which, and its last words."""


def on_core(core):
    return ["taskset", "-c", str(core)]


def free_port():
    """Of a moment ago; for servers that can't take 0 and tell."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fields_of(process_id):
    """The fields of /proc/PID/stat behind the name; None where the process is gone."""
    try:
        return pathlib.Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def family_of(process_id):
    """The process and all that came of it, as they are now."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (fields := fields_of(entry)) is not None:
            parents[int(entry)] = int(fields[1])
    family = [process_id]
    for member in family:
        family += [child for child, parent in parents.items() if parent == member]
    return family


class Server:
    """A process that serves, with its children. Dies with us, whatever ends us."""

    def __init__(self, name, command, core, folder, environment=None, cwd=None):
        self.name = name
        self.log = folder / f"{name}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [*on_core(core), *DIES_WITH_US, *map(str, command)],
                stdout=subprocess.PIPE,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env={**os.environ, **(environment or {})},
                cwd=cwd,
            )

    def last_words(self):
        return self.log.read_text(errors="replace").strip()[-400:]

    def await_line(self):
        """The URL of the first line that says "ready URL"."""
        text, until = b"", time.monotonic() + READY_TIMEOUT_S
        while (found := re.search(rb"^ready (\S+)\n", text, re.M)) is None:
            if not select.select([self.process.stdout], [], [], max(0, until - time.monotonic()))[0]:
                raise StartError(f"{self.name} did not become ready: {self.last_words()}")
            part = os.read(self.process.stdout.fileno(), 4096)
            if not part:
                raise StartError(f"{self.name} did not start: {self.last_words()}")
            text += part
        return found[1].decode()

    def await_answer(self, url, headers=None):
        """For servers that say nothing: until it answers anything at all."""
        until = time.monotonic() + READY_TIMEOUT_S
        while True:
            if self.process.poll() is not None:
                raise StartError(f"{self.name} did not start: {self.last_words()}")
            with contextlib.suppress(OSError):
                get(url, headers)
                return url
            if time.monotonic() > until:
                raise StartError(f"{self.name} did not answer: {self.last_words()}")
            time.sleep(0.05)

    def cpu_seconds(self):
        found = [fields_of(member) for member in family_of(self.process.pid)]
        return sum(int(fields[11]) + int(fields[12]) for fields in found if fields) / CLOCK_TICKS

    def memory_bytes(self):
        """RssAnon + RssShmem of all its processes; pages that a fork shares count once in each."""
        total = 0
        for member in family_of(self.process.pid):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                status = pathlib.Path(f"/proc/{member}/status").read_text()
                total += sum(int(kib) for kib in re.findall(r"^Rss(?:Anon|Shmem):\s+(\d+) kB", status, re.M)) * 1024
        return total

    def close(self):
        family = family_of(self.process.pid) if self.process.poll() is None else []
        self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            for member in family:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(member, signal.SIGKILL)
            self.process.wait()
        self.process.stdout.close()


def get(url, headers=None):
    """(status, body); an answer that refuses is one too."""
    request = urllib.request.Request(url, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=READY_TIMEOUT_S) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
