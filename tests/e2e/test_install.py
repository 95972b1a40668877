"""What cmake --install puts where."""

import subprocess

from programs import BIN_DIR, clean_environment, seconds


def test_programs_completions_and_pages_are_installed(folder):
    done = subprocess.run(
        ["cmake", "--install", str(BIN_DIR.parent), "--prefix", str(folder)],
        capture_output=True, timeout=seconds(60), env=clean_environment(), check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for path in (
        "bin/deltastream",
        "bin/deltastream-storaged",
        "bin/deltastream-gateway",
        "share/man/man1/deltastream.1",
        "share/man/man1/deltastream-ticks-list.1",
        "share/bash-completion/completions/deltastream",
        "share/zsh/site-functions/_deltastream",
        "share/fish/vendor_completions.d/deltastream.fish",
        "share/deltastream/load/report.schema.json",
        "share/deltastream/load/compare.schema.json",
        "share/deltastream/load/scenarios/market_readers.json",
    ):
        assert (folder / path).stat().st_size > 0, path
    version = subprocess.run([folder / "bin/deltastream", "--version"], capture_output=True, timeout=seconds(20), check=True)
    assert version.stdout.startswith(b"deltastream ")
