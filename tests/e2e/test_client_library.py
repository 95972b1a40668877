"""libdeltastream as others get it: installed, found by pkg-config and by CMake, its examples run against the real service."""

import os
import re
import shlex
import subprocess
import tempfile
from pathlib import Path
from shutil import rmtree

import pytest

from programs import BIN_DIR, REPOSITORY, clean_environment, seconds

EXAMPLES = REPOSITORY / "examples" / "c"
BUILD = BIN_DIR.parent
NAMES = ("read_ticks", "ingest", "subscribe", "batch")
STRICT = ("-Wall", "-Wextra", "-Wpedantic", "-Werror")

# Of the compiler and of the sanitizers, not of ours.
FOREIGN_SYMBOLS = re.compile(r"__(odr_)?asan|__ubsan|DELTASTREAM_0\.1$")


def run(*command, **options):
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=seconds(300), check=False, **options
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def sanitizer_flags():
    """A program that links a library of a sanitizer's build has to be built so, too."""
    cache = (BUILD / "CMakeCache.txt").read_text()
    sanitizers = re.search(r"^DS_SANITIZE:\w+=(.*)$", cache, re.M)
    return [f"-fsanitize={sanitizers[1]}"] if sanitizers and sanitizers[1] else []


@pytest.fixture(scope="module")
def prefix():
    path = Path(tempfile.mkdtemp(prefix="ds-prefix-"))
    run("cmake", "--install", BUILD, "--prefix", path, "--component", "library", env=clean_environment())
    yield path
    rmtree(path)


def environment_of(prefix):
    return clean_environment({"PKG_CONFIG_PATH": prefix / "lib" / "pkgconfig", "LD_LIBRARY_PATH": prefix / "lib"})


def pkg_config(prefix, *arguments):
    return shlex.split(run("pkg-config", *arguments, "libdeltastream", env=environment_of(prefix)))


def build_by_pkg_config(prefix, target, is_static):
    flags = pkg_config(prefix, "--cflags", "--libs", *(["--static"] if is_static else []))
    if is_static:
        flags = ["-l:libdeltastream.a" if flag == "-ldeltastream" else flag for flag in flags]
    for name in NAMES:
        run("cc", "-std=c17", *STRICT, *sanitizer_flags(), "-o", target / name, EXAMPLES / f"{name}.c", "-pthread", *flags)


def build_by_cmake(prefix, target, is_static):
    flags = " ".join(sanitizer_flags())
    run(
        "cmake", "-S", EXAMPLES, "-B", target, f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_C_FLAGS={flags}",
        f"-DSTATIC={'ON' if is_static else 'OFF'}", env=clean_environment(),
    )  # fmt: skip
    run("cmake", "--build", target)


class Examples:
    def __init__(self, folder, prefix, url):
        self.folder, self.prefix, self.url = folder, prefix, url

    def run(self, name, *arguments):
        return run(self.folder / name, self.url, *arguments, env=environment_of(self.prefix))

    def start(self, name, *arguments):
        return subprocess.Popen(
            [self.folder / name, self.url, *arguments], stdout=subprocess.PIPE, text=True, env=environment_of(self.prefix)
        )


@pytest.fixture
def service(launcher, folder, data_dir):
    (folder / "rpc").mkdir(mode=0o700)
    program = launcher.start(
        "deltastream-storaged", "--data-dir", data_dir, "--listen", f"ipc://{folder}/rpc/s", "--events", f"ipc://{folder}/rpc/e"
    )
    return program.wait_ready()[0]


@pytest.mark.parametrize("is_static", [False, True], ids=["shared", "static"])
@pytest.mark.parametrize("build", [build_by_pkg_config, build_by_cmake], ids=["pkg-config", "cmake"])
def test_the_examples_run_from_an_installed_tree(prefix, service, folder, build, is_static):
    target = folder / "examples"
    target.mkdir()
    build(prefix, target, is_static)
    examples = Examples(target, prefix, service)

    subscriber = examples.start("subscribe", "3")
    try:
        assert subscriber.stdout.readline() == "started\n"
        assert examples.run("ingest", "first") == "accepted 3, duplicate 0\n"
        told, _ = subscriber.communicate(timeout=seconds(60))
    finally:
        subscriber.kill()
        subscriber.wait()
    assert subscriber.returncode == 0
    assert told.splitlines() == ["ticks/NIFTY 21500.00", "ticks/NIFTY 21500.25", "ticks/NIFTY 21500.50"]

    # The same key is not executed again; another one is, and finds the rows there.
    assert examples.run("ingest", "first") == "accepted 3, duplicate 0\n"
    assert examples.run("ingest", "second") == "accepted 0, duplicate 3\n"
    assert examples.run("read_ticks", "NIFTY") == "".join(
        f"NIFTY {1735787045 + i} {21500 + i / 4:.2f}\n" for i in range(3)
    )
    assert examples.run("batch", "NIFTY") == "200 of 200 answered\n"

    needed = run("readelf", "-d", target / "batch")
    assert ("libdeltastream.so.0" in needed) == (not is_static)


def test_an_installed_tree_may_be_moved(prefix, folder):
    moved = folder / "elsewhere"
    run("cp", "-a", prefix, moved)
    folders = [Path(flag[2:]).resolve() for flag in pkg_config(moved, "--cflags") if flag.startswith("-I")]
    assert moved / "include" in folders


def test_programs_that_find_no_library_of_their_version_are_told(prefix, folder):
    source = folder / "CMakeLists.txt"
    source.write_text("cmake_minimum_required(VERSION 3.16)\nproject(p C)\nfind_package(deltastream 9.0 REQUIRED)\n")
    done = subprocess.run(
        ["cmake", "-S", folder, "-B", folder / "b", f"-DCMAKE_PREFIX_PATH={prefix}"],
        capture_output=True, text=True, timeout=seconds(60), env=clean_environment(), check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "9.0" in done.stderr


@pytest.mark.parametrize("compiler", ["cc -std=c99", "cc -std=c17", "c++ -std=c++17"])
@pytest.mark.parametrize("definition", ["", "-DDELTASTREAM_UNTYPED"], ids=["typed", "untyped"])
def test_the_header_compiles_alone_without_a_warning(prefix, folder, compiler, definition):
    source = folder / ("alone.cc" if "c++" in compiler else "alone.c")
    source.write_text("#include <deltastream.h>\nint main(void) { return deltastream_version()[0] == 0; }\n")
    flags = pkg_config(prefix, "--cflags")
    run(*compiler.split(), *STRICT, *([definition] if definition else []), *flags, "-c", source, "-o", folder / "alone.o")


def test_each_header_of_a_service_compiles_alone_too(prefix, folder):
    flags = pkg_config(prefix, "--cflags")
    headers = sorted((prefix / "include" / "deltastream").glob("*.h"))
    assert {header.name for header in headers} >= {"storage.h", "control.h", "health.h", "services.h", "optional_fields.h"}
    for header in headers:
        source = folder / "alone.c"
        source.write_text(f"#include <deltastream/{header.name}>\nint main(void) {{ return 0; }}\n")
        run("cc", "-std=c17", *STRICT, *flags, "-c", source, "-o", folder / "alone.o")


def global_symbols(*arguments):
    lines = [line.split() for line in run("nm", "--defined-only", "-P", *arguments).splitlines()]
    return {line[0].split("@")[0] for line in lines if len(line) > 1 and not FOREIGN_SYMBOLS.match(line[0])}


def test_every_exported_symbol_is_the_librarys_own_and_has_a_version(prefix):
    shared = prefix / "lib" / "libdeltastream.so.0"
    exported = global_symbols("-D", shared)
    assert exported
    assert [name for name in sorted(exported) if not name.startswith("deltastream_")] == []
    for line in run("nm", "-D", "--defined-only", "--with-symbol-versions", shared).splitlines():
        name = line.split()[-1]
        assert name.endswith("@@DELTASTREAM_0.1") or FOREIGN_SYMBOLS.match(name), name
    # What is local in the archive can't meet a program's own functions.
    archived = global_symbols("-g", prefix / "lib" / "libdeltastream.a")
    assert archived == exported


def test_every_exported_function_is_declared_in_a_header_that_is_installed(prefix):
    text = "\n".join(header.read_text() for header in (prefix / "include").rglob("*.h"))
    words = set(re.findall(r"\bdeltastream_\w+", text))
    assert [name for name in sorted(global_symbols("-D", prefix / "lib" / "libdeltastream.so.0")) if name not in words] == []


def test_no_internal_name_is_in_the_header(prefix):
    text = (prefix / "include" / "deltastream.h").read_text()
    assert re.findall(r"\b(?:ds_|DS_)\w+", text) == []
    for header in (prefix / "include" / "deltastream").glob("*.h"):
        assert re.findall(r"\b(?:ds_|DS_)\w+", header.read_text()) == [], header


def test_the_library_needs_nothing_of_the_servers(prefix):
    dynamic = run("readelf", "-d", prefix / "lib" / "libdeltastream.so.0")
    needed = set(re.findall(r"NEEDED.*\[(lib[a-z0-9+-]+)", dynamic))
    assert re.search(r"SONAME.*\[libdeltastream\.so\.0\]", dynamic)
    assert "libprotobuf-c" in needed
    assert needed & {"libnng", "libuv", "liblmdb", "libllhttp", "libsodium"} == set()


def test_everything_is_installed_together(folder):
    run("cmake", "--install", BUILD, "--prefix", folder / "all", env=clean_environment())
    for path in (
        "bin/deltastream",
        "include/deltastream.h",
        "include/deltastream/storage/v1/rows.pb-c.h",
        "lib/libdeltastream.a",
        "lib/libdeltastream.so",
        "lib/pkgconfig/libdeltastream.pc",
        "lib/cmake/deltastream/deltastream-config.cmake",
        "share/doc/deltastream/LICENSE",
        "share/man/man1/deltastream.1",
    ):
        assert (folder / "all" / path).stat().st_size > 0, path
    assert os.readlink(folder / "all/lib/libdeltastream.so.0") == "libdeltastream.so.0.1.0"
