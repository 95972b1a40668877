"""The real programs as child processes, and small clients to talk to them."""

import http.client
import json
import os
import queue
import signal
import subprocess
import threading
import time
import urllib.parse
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BIN_DIR = Path(os.environ.get("DS_BIN_DIR", REPOSITORY / "build" / "dev" / "bin"))

# Sanitizers and busy machines are slower; every wait is multiplied by this. Only a test that fails waits so long.
TIMEOUT_MULT = float(os.environ.get("TIMEOUT_MULT", "3"))

# Settings of the tester's own shell must not reach the programs.
SETTING_PREFIXES = ("DS_", "CORS_ALLOWED_ORIGINS", "MONGO_URL", "HOST", "PORT", "LOG_LEVEL", "SERVICE_NAME", "NOTIFY_SOCKET")


def seconds(amount):
    return amount * TIMEOUT_MULT


def clean_environment(extra=None):
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(SETTING_PREFIXES)
    }
    # The contexts of whoever runs the tests are not theirs.
    environment["XDG_CONFIG_HOME"] = "/dev/null/none"
    environment.update(extra or {})
    return environment


def binary(name):
    path = BIN_DIR / name
    assert path.exists(), f"{path} is missing: build it, or set DS_BIN_DIR"
    return str(path)


class Program:
    """A running program. Its stdout is read line by line, its stderr goes to a file."""

    def __init__(self, name, arguments, log_path, environment=None, **popen):
        self.name = name
        self.arguments = [str(argument) for argument in arguments]
        self.log_path = log_path
        self.stdout_lines = []
        self._lines = queue.Queue()
        self._log = open(log_path, "wb")
        self._kept_log = None
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            [binary(name), *self.arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=clean_environment(environment),
            **popen,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line.decode())
        self._lines.put(None)

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        """What it wrote to stderr; kept once it has ended, because its folder goes before the report."""
        if self._kept_log is not None:
            return self._kept_log
        return self.log_path.read_text(errors="replace")

    def wait_ready(self, count=1):
        """The URLs of the first `count` lines "ready URL"."""
        urls = []
        deadline = time.monotonic() + seconds(20)
        while len(urls) < count:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"{self.name} is not ready in time\n{self.log()}") from None
            if line is None:
                raise AssertionError(
                    f"{self.name} ended with {self.process.wait()} before it was ready\n{self.log()}"
                )
            self.stdout_lines.append(line)
            if line.startswith("ready "):
                urls.append(line.removeprefix("ready ").strip())
        self.ready_after = time.monotonic() - self.started_at
        return urls

    def wait(self, timeout=20):
        """The exit code of a program that ends by itself."""
        code = self.process.wait(seconds(timeout))
        self._reader.join(seconds(5))
        self._close()
        return code

    def kill(self):
        """kill -9: nothing is said, nothing is written."""
        if self.process.poll() is None:
            self.process.kill()
        self.wait()

    def stop(self, signal_number=signal.SIGTERM):
        """Ends the program as a service manager would; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} does not end on signal {signal_number}\n{self.log()}") from None

    def _close(self):
        self._log.close()
        if self._kept_log is None:
            self._kept_log = self.log_path.read_text(errors="replace")

    def memory_bytes(self):
        """RssAnon + RssShmem: mapped files are the kernel's to give back."""
        fields = {}
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            name, _, value = line.partition(":")
            fields[name] = value.split()
        return sum(int(fields[name][0]) * 1024 for name in ("RssAnon", "RssShmem"))

    def is_sanitized(self):
        return b"__asan_init" in Path(binary(self.name)).read_bytes()


class Reply:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


def http_request(base_url, method, target, body=None, headers=None, timeout=20):
    """One request on a connection of its own."""
    address = urllib.parse.urlsplit(base_url).netloc
    connection = http.client.HTTPConnection(address, timeout=seconds(timeout))
    try:
        connection.request(method, target, body=body, headers=headers or {})
        response = connection.getresponse()
        return Reply(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()


def wait_until(condition, timeout=20):
    """Asks until it is so; an assertion fails where it does not come to be."""
    deadline = time.monotonic() + seconds(timeout)
    while not condition():
        assert time.monotonic() < deadline, "it does not come to be"
        time.sleep(0.02)


def run_cli(*arguments, stdin=b"", environment=None, timeout=60, **options):
    """The command line run to its end, with its output as bytes."""
    return subprocess.run(
        [binary("deltastream"), *[str(argument) for argument in arguments]],
        input=stdin,
        capture_output=True,
        timeout=seconds(timeout),
        env=clean_environment(environment),
        check=False,
        **options,
    )


class Server:
    """DeltaStream as its clients see it, whatever processes it is made of."""

    def __init__(self, base_url, data_dir, programs):
        self.base_url = base_url
        self.data_dir = data_dir
        self.programs = programs

    def request(self, method, target, body=None, headers=None):
        return http_request(self.base_url, method, target, body, headers)

    def get(self, target, **headers):
        return self.request("GET", target, headers=headers)

    def post(self, target, body, content_type="application/json"):
        return self.request("POST", target, body, {"Content-Type": content_type})

    def wait_healthy(self):
        """The health report once it is good: a check that a busy machine makes too late is bad for a moment."""
        replies = []

        def is_healthy():
            replies.append(self.get("/health"))
            return replies[-1].status == 200

        wait_until(is_healthy)
        return replies[-1].json()

    def ingest(self, ticks):
        """Stores rows through REST and returns the counts."""
        reply = self.post("/v1/ticks:ingest", json.dumps({"ticks": ticks}).encode())
        assert reply.status == 200, reply
        return reply.json()

    def cli(self, *arguments, **options):
        return run_cli(*arguments, "--data-dir", self.data_dir, **options)


class Launcher:
    """Starts programs for one test and ends them with it."""

    def __init__(self, folder):
        self.folder = folder
        self.programs = []

    def start(self, name, *arguments, **options):
        log_path = self.folder / f"{len(self.programs)}-{name}.log"
        program = Program(name, arguments, log_path, **options)
        self.programs.append(program)
        return program

    def up(self, data_dir, *arguments):
        program = self.start(
            "deltastream", "up", "--data-dir", data_dir, "--listen", "127.0.0.1:0", *arguments
        )
        return Server(program.wait_ready()[0], data_dir, [program])

    def daemons(self, data_dir, *arguments):
        """The two daemons; `arguments` go to the gateway."""
        storage = self.start("deltastream-storaged", "--data-dir", data_dir)
        storage.wait_ready()
        gateway = self.start(
            "deltastream-gateway", "--data-dir", data_dir, "--listen", "127.0.0.1:0", *arguments
        )
        return Server(gateway.wait_ready()[0], data_dir, [gateway, storage])

    def server(self, kind, data_dir, *arguments):
        return self.up(data_dir, *arguments) if kind == "up" else self.daemons(data_dir, *arguments)

    def stop(self):
        """Ends what still runs, the newest first; every program has to end well."""
        failures = []
        for program in reversed(self.programs):
            was_running = program.process.poll() is None
            code = program.stop()
            if was_running and code != 0:
                failures.append(f"{program.name} ended with {code}\n{program.log()}")
        assert not failures, "\n".join(failures)

    def logs(self):
        return [
            (f"{program.name} {' '.join(program.arguments)}", program.log())
            for program in self.programs
        ]
