"""The Go example: a client that was written from docs/rpc.md alone, built with Debian's Go and run to its end."""

import os
import subprocess

import pytest

from programs import REPOSITORY, Program, clean_environment, seconds

EXAMPLE = REPOSITORY / "examples" / "go"
# Kept from run to run, with Go's modules and objects.
TARGET = REPOSITORY / "build" / "go-example"
DEBIANS_GO = "/usr/bin/go"

EXPECTED = """\
server speaks frame versions 1 to 1
service deltastream.rpc.v1.Control
service grpc.health.v1.Health
service deltastream.storage.v1.Storage
stored 3, known 0
tick NIFTY 2025-01-02T03:04:05Z 21500.00
tick NIFTY 2025-01-02T03:04:06Z 21500.25
tick NIFTY 2025-01-02T03:04:07Z 21500.50
refused with code 3, reason INVALID_REQUEST, fields [product]: product must not be empty
late: context deadline exceeded
cancel of an unknown call: code 5
event ticks/NIFTY 1 21500.00
event ticks/NIFTY 2 21500.25
event ticks/NIFTY 3 21500.50
"""


@pytest.fixture(scope="module")
def example():
    assert os.path.exists(DEBIANS_GO), "Debian's package golang-go is missing; ./dev test installs it"
    # Go's modules come from its proxy; where that is out of reach this fails, and says so.
    built = subprocess.run(
        [EXAMPLE / "build.sh", TARGET],
        env={**clean_environment(), "GO": DEBIANS_GO},
        capture_output=True,
        text=True,
        timeout=seconds(600),
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return TARGET / "deltastream-example"


@pytest.mark.parametrize("scheme", ["ipc", "tcp"])
def test_a_client_in_go_that_knows_the_document_only_speaks_with_the_server(folder, example, scheme):
    (folder / "rpc").mkdir(mode=0o700)
    url = f"ipc://{folder}/rpc/s" if scheme == "ipc" else "tcp://127.0.0.1:0"
    events = f"ipc://{folder}/rpc/e" if scheme == "ipc" else "tcp://127.0.0.1:0"
    arguments = ("--data-dir", folder / "data", "--listen", url, "--events", events)
    server = Program("deltastream-storaged", arguments, folder / "log")
    try:
        [url] = server.wait_ready()
        ran = subprocess.run([example, url], capture_output=True, text=True, timeout=seconds(120))
        assert (ran.returncode, ran.stdout) == (0, EXPECTED), ran.stderr
    finally:
        assert server.stop() == 0
