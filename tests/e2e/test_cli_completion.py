"""Completion in real shells, and the manual pages."""

import json
import os
import shutil
import subprocess

import pytest

from programs import binary, clean_environment, run_cli, seconds, wait_until
from test_cli_contract import commands, flags_of

SHELLS = {"bash": ["bash", "-n"], "zsh": ["zsh", "-n"], "fish": ["fish", "--no-execute"]}


@pytest.fixture
def script_of(folder):
    def script(shell):
        path = folder / f"completion.{shell}"
        path.write_bytes(run_cli("completion", shell).stdout)
        return path

    return script


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_read_by_its_shell(script_of, shell):
    done = subprocess.run([*SHELLS[shell], str(script_of(shell))], capture_output=True, timeout=seconds(20), check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def environment():
    """deltastream on the path, as it is installed."""
    variables = clean_environment()
    variables["PATH"] = f"{os.path.dirname(binary('deltastream'))}:{variables['PATH']}"
    return variables


def in_bash(script, line):
    """What bash offers for the end of the line."""
    driver = f"""
source '{script}'
COMP_LINE={json.dumps(line)}
COMP_POINT=${{#COMP_LINE}}
COMP_WORDS=($COMP_LINE)
COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
_deltastream
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(
        ["bash", "--norc", "-c", driver], capture_output=True, timeout=seconds(20), env=environment(), check=True
    )
    assert done.stderr == b""
    return done.stdout.decode().split()


def in_fish(script, line):
    done = subprocess.run(
        ["fish", "--no-config", "-c", f"source '{script}'; complete -C {json.dumps(line)}"],
        capture_output=True, timeout=seconds(20), env={**environment(), "HOME": os.path.dirname(script)}, check=True,
    )  # fmt: skip
    return [candidate.split("\t")[0] for candidate in done.stdout.decode().splitlines()]


def in_zsh(script, line):
    """The functions that zsh has inside its line editor are stood in for; the rest is zsh's."""
    driver = f"""
compdef() {{ : }}
_describe() {{ local -a given; given=("${{(@P)2}}"); print -l -- "${{(@)given%%:*}}" }}
_files() {{ print files "$@" }}
source '{script}'
words=({line}{' ""' if line.endswith(' ') else ''})
CURRENT=$#words
_deltastream
"""
    done = subprocess.run(["zsh", "-f", "-c", driver], capture_output=True, timeout=seconds(20), env=environment(), check=True)
    assert done.stderr == b""
    return done.stdout.decode().split()


ASK = {"bash": in_bash, "fish": in_fish, "zsh": in_zsh}

LINES = [
    ("deltastream tic", {"ticks"}),
    ("deltastream ticks l", {"list", "latest"}),
    ("deltastream tick as", {"asof"}),
    ("deltastream ticks list NIFTY --or", {"--order"}),
    ("deltastream ticks list NIFTY -o ", {"auto", "table", "json", "ndjson", "csv"}),
    ("deltastream call LatestT", {"LatestTick", "LatestTicks"}),
    ("deltastream completion ", {"bash", "zsh", "fish"}),
    ("deltastream help prod", {"products"}),
]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("line, candidates", LINES)
def test_words_are_completed(script_of, shell, line, candidates):
    assert set(ASK[shell](script_of(shell), line)) == candidates


def test_a_value_behind_equals_is_completed(script_of):
    # bash replaces only what stands behind the sign.
    assert in_bash(script_of("bash"), "deltastream ticks list NIFTY --output=js") == ["json"]
    assert in_fish(script_of("fish"), "deltastream ticks list NIFTY --output=js") == ["--output=json"]


def test_files_and_folders_are_completed(script_of, folder):
    (folder / "prices.csv").touch()
    (folder / "data").mkdir()
    script = script_of("bash")
    assert in_bash(script, f"deltastream import {folder}/pri") == [f"{folder}/prices.csv"]
    assert in_bash(script, f"deltastream ticks list X --data-dir {folder}/") == [f"{folder}/data"]
    assert in_zsh(script_of("zsh"), "deltastream ticks list X --data-dir ") == ["files", "-/"]


def test_products_are_completed_where_a_service_answers(script_of, up_server):
    row = {"price": 1, "timestamp": "2025-01-25T10:00:00Z", "tick_id": 1}
    up_server.ingest([{**row, "product": "NIFTY"}, {**row, "product": "BANKNIFTY"}])
    line = f"deltastream ticks list --data-dir {up_server.data_dir} "
    # The shell does not wait long for the service: on a busy machine it offers nothing for once.
    wait_until(lambda: in_bash(script_of("bash"), line) == ["BANKNIFTY", "NIFTY"])
    wait_until(lambda: in_bash(script_of("bash"), line + "NI") == ["NIFTY"])


def test_where_no_service_answers_nothing_is_offered_or_said(folder):
    done = run_cli("__complete", "ticks", "list", "--data-dir", folder, "")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_every_command_is_offered_with_its_flags():
    nouns = {line.split("\t")[0] for line in run_cli("__complete", "").stdout.decode().splitlines()}
    for command in commands():
        noun, *verb = command.split()
        assert noun in nouns
        if verb:
            verbs = run_cli("__complete", noun, "").stdout.decode().splitlines()
            assert verb[0] in [line.split("\t")[0] for line in verbs]
        assert "--help" in flags_of(command)


def test_every_command_has_a_page_that_lints(folder):
    done = run_cli("man", folder / "man")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    pages = sorted(path.name for path in (folder / "man").iterdir())
    assert pages == sorted(["deltastream.1", *[f"deltastream-{name.replace(' ', '-')}.1" for name in commands()]])
    assert shutil.which("mandoc"), "install mandoc"
    linted = subprocess.run(
        ["mandoc", "-T", "lint", *[str(folder / "man" / page) for page in pages]],
        capture_output=True, timeout=seconds(60), check=False,
    )  # fmt: skip
    # The pages refer to one another, and none of them is installed.
    faults = [line for line in linted.stdout.decode().splitlines() if "referenced manual not found" not in line]
    assert faults == []


def test_a_page_says_what_help_says(folder):
    run_cli("man", folder / "man", environment={"SOURCE_DATE_EPOCH": "1737763200"})
    shown = subprocess.run(
        ["mandoc", "-T", "ascii", str(folder / "man" / "deltastream-ticks-list.1")], capture_output=True, timeout=seconds(20), check=True
    ).stdout.decode()
    plain = "".join(shown[i] for i in range(len(shown)) if shown[i] != "\b" and (i + 1 == len(shown) or shown[i + 1] != "\b"))
    assert "January 25, 2025" in plain
    assert "--limit N" in plain and "DS_CONNECT" in plain and "EXIT STATUS" in plain
    assert "deltastream ticks list NIFTY --limit 5" in plain
    for flag in flags_of("ticks list"):
        assert flag in plain


def test_pages_that_can_not_be_written_end_with_1():
    done = run_cli("man", "/proc/nowhere")
    assert done.returncode == 1
    assert b"/proc/nowhere" in done.stderr
