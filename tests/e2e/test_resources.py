"""Memory and readiness, read from /proc and printed; docs/ quotes these lines."""

import pytest

MIB = 1024 * 1024


@pytest.fixture
def tell(capsys):
    def say(text):
        with capsys.disabled():
            print(f"\n{text}")

    return say


def check_memory(program, limit_mib, what, tell):
    used = program.memory_bytes() / MIB
    shape = "sanitized, not compared" if program.is_sanitized() else f"limit {limit_mib} MiB"
    tell(f"{what}: {used:.1f} MiB idle ({shape}), ready after {program.ready_after * 1000:.0f} ms")
    if not program.is_sanitized():
        assert used <= limit_mib


def test_idle_daemons_are_small(launcher, data_dir, tell):
    # The second start is the one on an existing folder.
    for program in launcher.daemons(data_dir).programs:
        assert program.stop() == 0
    gateway, storage = launcher.daemons(data_dir).programs
    check_memory(storage, 8, "deltastream-storaged", tell)
    check_memory(gateway, 8, "deltastream-gateway", tell)


@pytest.mark.parametrize("flags", [[], ["--demo"]])
def test_up_is_small(launcher, data_dir, flags, tell):
    assert launcher.up(data_dir, *flags).programs[0].stop() == 0
    server = launcher.up(data_dir, *flags)
    check_memory(server.programs[0], 20, " ".join(["deltastream up", *flags]), tell)
