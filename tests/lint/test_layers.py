"""The layers of docs/ARCHITECTURE.md: who may include what. An arrow that points up fails here, by its name."""

import re
from pathlib import Path, PurePath

import pytest

ROOT = Path(__file__).resolve().parents[2]

# The generated headers belong to everybody: they describe the .proto files.
GENERATED = r".+\.pb-c\.h|schema\.gen\.h|descriptor\.gen\.h"

# folder -> what its files may include with quotes, as regular expressions.
LAYERS = {
    "services/common/ds": [r"ds/.+", r"control_service\.gen\.h", r"health_service\.gen\.h"],
    "services/common/http": [r"ds/.+", r"http/.+"],
    "services/common/admin": [r"ds/.+", r"http/.+", r"admin/.+"],
    "services/storage/store": [r"ds/.+", r"storage/store/.+"],
    "services/storage/core": [r"ds/.+", r"storage/store/.+", r"storage/core/.+"],
    "services/storage/rpc": [r"ds/.+", r"storage/.+", r"storage_service\.gen\.h"],
    "services/storage": [r"ds/.+", r"admin/.+", r"storage/.+", r"storage_service\.gen\.h"],
    "gateway": [r"ds/.+", r"http/.+", r"admin/.+", r"gateway/.+"],
    "clients/c": [r"ds/.+", r"clients/c/.+", r"clients/common/row_kind\.h", r"deltastream/.+\.h"],
    "clients/common": [r"ds/.+", r"clients/common/.+"],
    "clients/feed": [r"ds/.+", r"feed/.+", r"clients/common/.+", r"clients/feed/.+"],
    "clients/load": [r"ds/.+", r"clients/.+"],
    "clients/cli": [r"ds/.+", r"cli/.+", r"clients/.+", r"feed/.+"],
}

# `deltastream up` links the services and the gateway whole, by their public headers; rules of retention are read by one parser;
# the load-testing harness is measured against an HTTP server of its own.
UP = {
    "clients/cli/storage_restore.c": [r"storage/restore\.h"],
    "clients/cli/storage_retention.c": [r"storage/retention\.h"],
    "clients/load/selftest_rest.c": [r"http/.+"],
    "clients/cli/up.c": [r"admin/daemon\.h", r"storage/storage\.h", r"storage/host\.h", r"storage/config\.h", r"gateway/gateway\.h", r"gateway/host\.h"],
}

# A foreign library is known to one place only, so that it can be replaced there.
FOREIGN = {
    r"nng/.+": r"nowhere",  # A peer of the tests: the transport is ours.
    r"mbedtls/(?!sha1).+": r"services/common/ds/tls.*\.[ch]",
    r"mbedtls/sha1\.h": r"gateway/websocket_frames\.c",
    r"wslay/.+": r"gateway/websocket_frames\.c",
    r"zlib\.h": r"gateway/gzip\.c",
    r"xxhash\.h": r"gateway/etag\.c",
    r"lmdb\.h": r"services/storage/store/lmdb/.+",
    r"llhttp\.h": r"services/common/http/parser\.c",
    r"uv\.h": r"(services/common/(http|admin)|gateway)/.+|clients/load/selftest_rest\.c",
    r"double-conversion/.+": r"services/common/ds/number_double_conversion\.cc",
}

# Programs make their calls by libdeltastream, as a user's own does: they see its one header and nothing that carries calls...
CARRIERS = r"services/common/ds/(rpc_client|channel|channel_.+|event_subscriber|event_follower|nng_.+|sp_.+)\.h|clients/c/(?!deltastream\.h).+"
PROGRAMS = ("clients/cli", "clients/common", "clients/feed", "clients/load")
# ... but for `up` and the feed in it, whose service is of the same process.
IN_PROCESS = ["clients/cli/up.c", "clients/feed/direct_call.[ch]", "clients/feed/feed.[ch]", "clients/feed/latest_tick.[ch]"]


def sources():
    for pattern in ("*.c", "*.h", "*.cc"):
        for top in ("services", "gateway", "clients"):
            yield from sorted((ROOT / top).rglob(pattern))


def layer_of(path):
    matching = [folder for folder in LAYERS if path.startswith(folder + "/")]
    return max(matching, key=len, default=None)


def includes(path, quotes):
    opening, closing = quotes
    found = re.compile(rf"^\s*#\s*include\s+{re.escape(opening)}([^{re.escape(closing)}]+){re.escape(closing)}", re.M)
    return found.findall(path.read_text())


def allowed(path, name):
    rules = LAYERS[layer_of(path)] + UP.get(path, []) + [GENERATED]
    return any(re.fullmatch(rule, name) for rule in rules)


def violations(path, text_includes):
    return [name for name in text_includes if not allowed(path, name)]


@pytest.mark.parametrize("path", [str(source.relative_to(ROOT)) for source in sources()])
def test_a_file_includes_only_what_its_layer_may(path):
    assert layer_of(path) is not None, f"{path} belongs to no layer: name it in {Path(__file__).name}"
    assert violations(path, includes(ROOT / path, '""')) == []


@pytest.mark.parametrize("path", [str(source.relative_to(ROOT)) for source in sources()])
def test_a_foreign_library_is_known_to_one_place(path):
    for name in includes(ROOT / path, "<>"):
        for library, place in FOREIGN.items():
            if re.fullmatch(library, name):
                assert re.fullmatch(place, path), f"{path} includes <{name}>"


def find_header(name):
    places = [ROOT / folder / name for folder in ("services/common", "", "services")]
    return next((place for place in places if place.is_file()), None)


def reachable(path, found):
    for header in filter(None, map(find_header, includes(path, '""'))):
        if header not in found:
            found.add(header)
            reachable(header, found)
    return found


def carriers(path):
    names = (str(header.relative_to(ROOT)) for header in reachable(ROOT / path, set()))
    return sorted(name for name in names if re.fullmatch(CARRIERS, name))


def is_in_process(path):
    return any(PurePath(path).match(pattern) for pattern in IN_PROCESS)


@pytest.mark.parametrize("path", [str(source.relative_to(ROOT)) for folder in PROGRAMS for source in sorted((ROOT / folder).glob("*.[ch]"))])
def test_a_program_makes_its_calls_by_the_client_library(path):
    assert bool(carriers(path)) == is_in_process(path), carriers(path)


def test_the_rules_see_a_program_that_reaches_inside(monkeypatch, tmp_path):
    (tmp_path / "clients/cli").mkdir(parents=True)
    (tmp_path / "services/common/ds").mkdir(parents=True)
    (tmp_path / "services/common/ds/rpc_client.h").write_text("")
    (tmp_path / "clients/cli/connection.h").write_text('#include "ds/rpc_client.h"\n')
    (tmp_path / "clients/cli/call.c").write_text('#include "clients/cli/connection.h"\n')
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    assert carriers("clients/cli/call.c") == ["services/common/ds/rpc_client.h"]


def test_the_rules_see_an_arrow_that_points_up():
    assert violations("services/common/ds/arena.c", ["gateway/routes.h"]) == ["gateway/routes.h"]
    assert violations("gateway/exchange.c", ["storage/storage.h"]) == ["storage/storage.h"]
    assert violations("services/storage/store/lmdb/engine.c", ["storage/rpc/service.h"]) == ["storage/rpc/service.h"]
    assert violations("clients/cli/up.c", ["storage/storage.h", "ds/log.h"]) == []
