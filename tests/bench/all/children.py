"""Programs that run to their end and print what they found; they end with us."""

import subprocess

from . import processes


def outputs(commands, timeout_s):
    """What each printed on stdout; all of them run at the same time, in sessions of their own: only we stop them."""
    running = []
    try:
        for command in commands:
            running.append(
                subprocess.Popen(
                    [*processes.DIES_WITH_US, *map(str, command)], stdout=subprocess.PIPE, text=True, start_new_session=True
                )
            )
        texts = [child.communicate(timeout=timeout_s)[0] for child in running]
    except BaseException:
        for child in running:
            child.terminate()
        for child in running:
            child.wait()
        raise
    for child, command in zip(running, commands):
        if child.returncode != 0:
            raise SystemExit(f"{command[0]} ended with {child.returncode}")
    return texts


def output(command, timeout_s):
    return outputs([command], timeout_s)[0]
