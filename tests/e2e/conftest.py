"""Fixtures: servers in both shapes (one process, two daemons), with their logs on failure."""

import shutil
import tempfile
from pathlib import Path

import pytest

from programs import Launcher

launchers = pytest.StashKey()


@pytest.fixture
def folder():
    """A short path: a Unix socket's name has at most 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="ds-e2e-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def launcher(request, folder):
    launcher = Launcher(folder)
    request.node.stash.setdefault(launchers, []).append(launcher)
    yield launcher
    launcher.stop()


@pytest.fixture
def data_dir(folder):
    return folder / "data"


@pytest.fixture
def up_server(launcher, data_dir):
    """Everything in one process."""
    return launcher.up(data_dir)


@pytest.fixture
def daemons(launcher, data_dir):
    """deltastream-storaged and deltastream-gateway."""
    return launcher.daemons(data_dir)


@pytest.fixture(params=["up", "daemons"])
def server(request, launcher, data_dir):
    """A server of its own for the test, in both shapes."""
    return launcher.server(request.param, data_dir)


@pytest.fixture(scope="module", params=["up", "daemons"])
def shared_server(request):
    """A server for all tests of a module that only read or are refused."""
    path = Path(tempfile.mkdtemp(prefix="ds-e2e-"))
    launcher = Launcher(path)
    request.node.stash.setdefault(launchers, []).append(launcher)
    yield launcher.server(request.param, path / "data")
    launcher.stop()
    shutil.rmtree(path, ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        found = item.stash.get(launchers, []) + item.parent.stash.get(launchers, [])
        for launcher in found:
            for title, log in launcher.logs():
                report.sections.append((f"log of {title}", log[-8000:]))
    return report
