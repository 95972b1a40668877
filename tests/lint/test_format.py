"""clang-format 14 decides how the C looks; ./dev fmt applies it."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def c_sources():
    for top in ("services", "gateway", "clients", "proto", "tests"):
        for pattern in ("*.c", "*.h", "*.cc"):
            yield from (str(path) for path in sorted((ROOT / top).rglob(pattern)))


def test_the_c_sources_are_formatted():
    files = list(c_sources())
    assert files
    check = subprocess.run(
        ["clang-format-14", "--dry-run", "-Werror", *files], cwd=ROOT, capture_output=True, text=True
    )
    assert check.returncode == 0, "run ./dev fmt\n" + check.stderr[-3000:]
