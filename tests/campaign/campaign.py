"""What the campaigns share: programs in a folder that goes with them, and the figures told at the end, as docs/conformance.md has them."""

import contextlib
import datetime
import http.client
import os
import platform
import re
import shutil
import sys
import tempfile
import urllib.parse
from pathlib import Path

from programs import Launcher


@contextlib.contextmanager
def launched():
    """(launcher, folder) for one campaign; every program has to end well, and a sanitizer that finds something is no good end."""
    folder = Path(tempfile.mkdtemp(prefix="ds-campaign-"))
    launcher = Launcher(folder)
    try:
        yield launcher, folder
    finally:
        try:
            launcher.stop()
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def metric(server, name):
    """A figure of /metrics that has no labels, asked for from an address that no crowd uses up."""
    address = urllib.parse.urlsplit(server.base_url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60, source_address=("127.0.0.250", 0))
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return int(float(re.search(rf"^{name} (\S+)$", text, re.M)[1]))


class Figures:
    """Figures by name, and the expectations that did not hold."""

    def __init__(self, name):
        self.name = name
        self.rows = []
        self.failures = []

    def add(self, what, value):
        self.rows.append((what, value))
        print(f"   {what}: {value}", flush=True)

    def expect(self, holds, what):
        """One thing that must be so; the campaign goes on where it is not, and fails at its end."""
        if not holds:
            self.failures.append(what)
            print(f"   NOT SO: {what}", flush=True)

    def end(self):
        """The exit code, after the table."""
        today = datetime.date.today().isoformat()
        print(f"\n{self.name}, {today}, {os.cpu_count()} cores, Linux {platform.release().split('-')[0]}")
        for what, value in self.rows:
            print(f"| {what} | {value} |")
        for failure in self.failures:
            print(f"FAILED: {failure}", file=sys.stderr)
        print(f"{self.name}: {'failed' if self.failures else 'all is as it must be'}")
        return 1 if self.failures else 0
