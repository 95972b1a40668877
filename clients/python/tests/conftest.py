"""The tests run on the package as its wheel has it, against the real deltastream-storaged and against a scripted server."""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1]
ROOT = PACKAGE.parents[1]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

_folder = tempfile.TemporaryDirectory(prefix="ds-python-")
BUILT = Path(_folder.name)


def wheel_build(target, *options):
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--disable-pip-version-check", "--no-deps", *options]
        + ["-w", target, PACKAGE],
        check=True,
    )
    return next(target.glob("deltastream-*.whl"))


WHEEL = wheel_build(BUILT / "wheel", "--no-build-isolation")
SITE = BUILT / "site"
zipfile.ZipFile(WHEEL).extractall(SITE)
sys.path.insert(0, str(SITE))

import deltastream  # noqa: E402
from fake_server import FakeServer  # noqa: E402
from programs import Program, seconds  # noqa: E402

# Long: only the tests whose time limit is to fire set a short one.
PATIENCE = seconds(60)


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="ds-") as name:
        yield Path(name)


@pytest.fixture
def storaged(folder):
    """The URLs of a real server, by their scheme."""
    arguments = ("--data-dir", folder / "data", "--listen", "tcp://127.0.0.1:0", "--listen", f"ipc://{folder}/rpc/s")
    arguments += ("--events", f"ipc://{folder}/rpc/e", "--events", "tcp://127.0.0.1:0")
    (folder / "rpc").mkdir(mode=0o700)
    program = Program("deltastream-storaged", arguments, folder / "storaged.log")
    urls = program.wait_ready(2)
    program.urls = {url.partition(":")[0]: url for url in urls}
    yield program
    assert program.stop() == 0, program.log()


@pytest.fixture(params=["ipc", "tcp"])
def url(request, storaged):
    return storaged.urls[request.param]


@pytest.fixture
def client(url):
    with deltastream.connect(url, connect_timeout=PATIENCE) as client:
        yield client


@pytest.fixture
def fake():
    with FakeServer() as server:
        yield server
