"""deltastream-load selftest: runs against servers of its own, whose answers are known."""

import re
import subprocess

from programs import binary, clean_environment, seconds


def test_the_selftest_counts_right_and_tells_its_own_ceiling():
    done = subprocess.run(
        [binary("deltastream-load"), "selftest", "--duration", "500ms"],
        capture_output=True,
        timeout=seconds(120),
        env=clean_environment(),
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["ok", "ok", "figure", "figure"]
    for line, protocol in zip(lines[2:], ("REST", "native")):
        found = re.fullmatch(
            rf"figure +{protocol}: (\d+) calls a second with one thread, (\d+) a CPU second of this program", line
        )
        assert found and int(found[1]) > 0 and int(found[2]) > 0, line
    assert done.stderr == ""
