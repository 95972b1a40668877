"""Every guard that docs/security.md names has the test that it names."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def named_tests():
    """(file below tests/, name of a test) for each one in the tables of guards."""
    for line in (ROOT / "docs/security.md").read_text().splitlines():
        if not line.startswith("|"):
            continue
        for path, names in re.findall(r"`([a-z0-9_]+/[a-z0-9_]+\.(?:c|py))`: ((?:`[a-z0-9_]+`(?:, )?)+)", line):
            for name in re.findall(r"`([a-z0-9_]+)`", names):
                yield path, name


def test_each_guard_has_its_test():
    tests = list(named_tests())
    assert tests
    missing = []
    for path, name in tests:
        file = ROOT / "tests" / path
        begin = f"static void {name}(void **state)" if path.endswith(".c") else f"\ndef {name}("
        if not file.is_file() or begin not in file.read_text():
            missing.append(f"{path}: {name}")
    assert not missing, missing


def test_each_guard_names_a_test():
    guards = (ROOT / "docs/security.md").read_text().split("## Guards")[1].split("\n## ")[0]
    rows = [line for line in guards.splitlines() if line.startswith("| ") and not line.startswith("| guard ")]
    assert rows
    assert [row for row in rows if not re.search(r"`[a-z0-9]+/[a-z0-9_]+\.(c|py)`: `", row)] == []
