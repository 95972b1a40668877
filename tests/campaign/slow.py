"""slowhttptest's four attacks, one after the other, while a good client goes on asking: it is always answered, the attacker's
connections are capped and all closed within the time limits.

    slow.py [ATTACK]     one of them alone: -H, -B, -R or -X
"""

import http.client
import json
import re
import subprocess
import sys
import threading
import time
import urllib.parse

from campaign import Figures, launched, metric

ATTACKERS = 1500
ATTACKERS_A_SECOND = 500
CAP = 1000
# Of large replies fewer: all clients together may have 128 MiB of unsent ones (docs/security.md).
READERS = 300
LARGE_READERS = 50
ATTACK_SECONDS = 35
CLOSED_WITHIN_SECONDS = 30
GOOD_CLIENT = "127.0.0.2"
GOOD_PAUSE_SECONDS = 0.02
GOOD_TIMEOUT_SECONDS = 30
ROWS = 10000
# The good client's two, and the one that asks for figures.
OURS = 3
LIMITS = (
    *("--connections-address-max", CAP, "--access-log", "off"),
    *("--headers-timeout", "10s", "--body-timeout", "10s", "--write-timeout", "10s", "--idle-timeout", "10s"),
)
# 32 bytes each 5 s, in windows of 10 to 20.
SLOW_READING = ("-X", "-w", 10, "-y", 20, "-n", 5, "-z", 32, "-t", "GET")
# The first two send something every second, far within any pause that a server may take for an end.
ATTACKS = {
    "slow headers (-H)": ("-H", "-i", 1, "-x", 24, "-t", "GET", "/v1/products"),
    "slow body (-B)": ("-B", "-i", 1, "-s", 8192, "-x", 10, "-t", "POST", "-f", "application/json", "/v1/ticks:ingest"),
    "ranges (-R)": ("-R", "-a", 1, "-b", 3000, "-t", "HEAD", "/v1/products"),
    "slow reading of 100 KB (-X)": (*SLOW_READING, "-c", READERS, "/v1/ticks/SLOW?limit=1000"),
    "slow reading of 1 MB (-X)": (*SLOW_READING, "-c", LARGE_READERS, "/v1/ticks/SLOW?limit=10000"),
}


class GoodClient:
    """Asks again and again from an address of its own, on a kept connection and on new ones in turn."""

    def __init__(self, base_url):
        self.address = urllib.parse.urlsplit(base_url)
        self.answered = 0
        self.failures = []
        self.worst_seconds = 0.0
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join()

    def connect(self):
        return http.client.HTTPConnection(
            self.address.hostname, self.address.port, timeout=GOOD_TIMEOUT_SECONDS, source_address=(GOOD_CLIENT, 0)
        )

    def ask(self, connection):
        begun = time.monotonic()
        try:
            connection.request("GET", "/v1/products")
            response = connection.getresponse()
            response.read()
            self.answered += response.status == 200
            if response.status != 200:
                self.failures.append(response.status)
        except OSError as error:
            self.failures.append(repr(error))
        self.worst_seconds = max(self.worst_seconds, time.monotonic() - begun)

    def run(self):
        kept = self.connect()
        while not self.ending.wait(GOOD_PAUSE_SECONDS):
            self.ask(kept)
            fresh = self.connect()
            self.ask(fresh)
            fresh.close()
        kept.close()


def attack(server, name, figures):
    *options, target = map(str, ATTACKS[name])
    command = ["slowhttptest", "-c", str(ATTACKERS), "-r", str(ATTACKERS_A_SECOND), "-l", str(ATTACK_SECONDS), "-v", "1"]
    most = now = 0
    closed_before = metric(server, "ds_http_timeouts_total")
    refused_before = metric(server, "ds_http_connections_refused_total")
    with GoodClient(server.base_url) as good:
        begun = time.monotonic()
        with subprocess.Popen(
            [*command, *options, "-u", server.base_url + target],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        ) as process:
            reader = threading.Thread(target=lambda: lines.append(process.stdout.read()))
            lines = []
            reader.start()
            while process.poll() is None:
                now = metric(server, "ds_http_connections_open")
                most = max(most, now)
                time.sleep(0.2)
            reader.join()
        taken = time.monotonic() - begun
        # The attacker has gone, and with it what it had open.
        deadline = time.monotonic() + CLOSED_WITHIN_SECONDS
        while metric(server, "ds_http_connections_open") > OURS and time.monotonic() < deadline:
            time.sleep(0.1)
    told = re.sub(r"\x1b\[[0-9;]*m", "", "".join(lines))
    status = re.search(r"Exit status:\s*(.*)", told)
    status = status[1].strip() if status else "no exit status: " + told[-300:]
    timeouts = metric(server, "ds_http_timeouts_total") - closed_before
    refused = metric(server, "ds_http_connections_refused_total") - refused_before
    figures.add(
        name,
        f"{taken:.0f} s, at most {most:,} connections open, {refused:,} refused, {timeouts:,} closed by a time limit; "
        f"good client {good.answered:,} answered, {len(good.failures)} not, slowest {good.worst_seconds * 1000:.0f} ms",
    )
    figures.expect(not good.failures, f"{name}: the good client is always answered: {good.failures[:3]}")
    figures.expect(good.answered > 0, f"{name}: the good client asks")
    figures.expect(most <= CAP + OURS, f"{name}: connections are capped")
    # What the kernel still delivers for a connection that the gateway has closed, slowhttptest takes for open.
    figures.expect("No open connections left" in status or now <= OURS, f"{name}: all attackers are closed before the attack ends")
    figures.expect(metric(server, "ds_http_connections_open") <= OURS, f"{name}: none is left behind")


def main():
    known = {options[0] for options in ATTACKS.values()}
    if unknown := set(sys.argv[1:]) - known:
        sys.exit(f"no attack {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
    figures = Figures("slow")
    version = subprocess.run(["dpkg-query", "-W", "-f=${Version}", "slowhttptest"], capture_output=True, text=True, check=True)
    figures.add("slowhttptest", version.stdout)
    figures.add("connections", f"{ATTACKERS:,} each, {READERS} and {LARGE_READERS} of slow readers; cap {CAP:,}, all time limits 10 s")
    with launched() as (launcher, folder):
        server = launcher.daemons(folder / "data", *LIMITS)
        times = [f"2025-01-25T{10 + number // 3600}:{number // 60 % 60:02}:{number % 60:02}Z" for number in range(ROWS)]
        rows = [{"product": "SLOW", "price": 1, "timestamp": at, "tick_id": number} for number, at in enumerate(times)]
        reply = server.post("/v1/ticks:ingest", json.dumps({"ticks": rows}).encode())
        figures.expect(reply.status == 200, f"rows are stored: {reply}")
        for name, options in ATTACKS.items():
            if options[0] in sys.argv[1:] or len(sys.argv) == 1:
                attack(server, name, figures)
    return figures.end()


sys.exit(main())
