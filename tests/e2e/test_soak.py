"""./dev campaign soak in short: what clients leave behind of descriptors and threads."""

import json
import os
import subprocess
import sys

from programs import BIN_DIR, REPOSITORY, clean_environment, seconds


def test_after_days_of_all_kinds_of_clients_the_servers_hold_what_they_held(folder):
    done = subprocess.run(
        [sys.executable, "-m", "all.soak", BIN_DIR, "0.1", "--day", "3", "--output", folder],
        env=clean_environment({"PYTHONPATH": os.fspath(REPOSITORY / "tests/bench")}),
        capture_output=True,
        text=True,
        timeout=seconds(300),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    days = json.loads((folder / "result.json").read_text())["days"]
    assert len(days) == 2
    for day in days:
        assert day["requests"] > 0 and day["bad_clients"] > 0
        for server in day["held"].values():
            assert server["descriptors"] > 3 and server["threads"] >= 1 and server["memory_bytes"] > 0
