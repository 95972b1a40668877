"""clang-format 14 decides how the C looks; ./dev fmt applies it."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def c_sources():
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.c", "*.h", "*.cc"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )
    return [name for name in listed.stdout.split() if (ROOT / name).exists()]


def test_the_c_sources_are_formatted():
    files = c_sources()
    assert files
    check = subprocess.run(
        ["clang-format-14", "--dry-run", "-Werror", *files], cwd=ROOT, capture_output=True, text=True
    )
    assert check.returncode == 0, "run ./dev fmt\n" + check.stderr[-3000:]
