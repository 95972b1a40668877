"""The package as others get it: types, the wheel in an environment of its own, the README's example."""

import re
import subprocess
import sys
import zipfile

from conftest import BUILT, PACKAGE, PATIENCE, SITE, WHEEL, wheel_build
from programs import seconds

USES = """
import deltastream
from deltastream.storage import LatestTickRequest, ListTicksRequest

with deltastream.connect("ipc:///x") as client:
    price: float = client.storage.latest_tick(LatestTickRequest(product="A")).price
    products: list[str] = [tick.product for tick in client.ticks("A")]
    with client.batch() as batch:
        entry = batch.add(client.storage.list_ticks, ListTicksRequest(product="A"), timeout=1.0)
    count: int = entry.result().count
    {line}
"""


def mypy(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", PACKAGE / "pyproject.toml", "--cache-dir", BUILT / "mypy", *arguments],
        cwd=SITE,
        env={"MYPYPATH": str(SITE)},
        capture_output=True,
        text=True,
    )


def test_the_package_is_typed_through_and_through():
    checked = mypy("deltastream")
    assert checked.returncode == 0, checked.stdout


def test_a_wrong_use_is_found_by_the_types(tmp_path):
    wrong = {
        "pass": None,
        "client.storage.latest_tick(ListTicksRequest())": "arg-type",
        "client.storage.latest_tick(timeout='soon')": "arg-type",
        "client.storage.latest_tick(tiemout=1.0)": "call-arg",
        "client.storage.dance()": "attr-defined",
        "name: str = entry.result().count": "assignment",
    }
    for number, (line, error) in enumerate(wrong.items()):
        (tmp_path / f"use_{number}.py").write_text(USES.format(line=line))
    checked = mypy(tmp_path)
    for number, (line, error) in enumerate(wrong.items()):
        found = re.findall(rf"use_{number}\.py:11: error: .*\[([a-z-]+)\]", checked.stdout)
        assert found == ([error] if error else []), checked.stdout
    assert checked.stdout.count(" error: ") == len(wrong) - 1


def test_the_wheel_holds_the_package_and_nothing_is_left_in_the_source_tree():
    names = zipfile.ZipFile(WHEEL).namelist()
    assert {"deltastream/py.typed", "deltastream/storage/v1/rows_pb2.py", "deltastream/storage/v1/rows_pb2.pyi"} <= set(names)
    assert all(name.startswith("deltastream") for name in names)
    assert not list(PACKAGE.glob("build")) and not list(PACKAGE.rglob("*.egg-info")) and not list(PACKAGE.rglob("*_pb2*"))


def test_the_readmes_example_runs_with_the_wheel_in_an_environment_of_its_own(storaged, tmp_path):
    environment = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin" / "python"
    # As a user would: built apart, with what pyproject.toml asks for, from the package index.
    wheel = wheel_build(tmp_path / "wheel")
    subprocess.run(
        [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", wheel], check=True, timeout=seconds(600)
    )
    [code] = re.findall(r"```python\n(.*?)```", (PACKAGE / "README.md").read_text(), re.S)
    assert "ipc:///run/deltastream/storage.sock" in code
    code = code.replace("ipc:///run/deltastream/storage.sock", storaged.urls["ipc"])
    ran = subprocess.run([python, "-W", "error", "-c", code], capture_output=True, text=True, timeout=PATIENCE)
    expected = "accepted 1\nNIFTY 2025-01-02T03:04:05Z 21500.25\nNOT_FOUND NOT_FOUND\n"
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, expected, "")
