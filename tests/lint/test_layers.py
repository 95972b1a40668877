"""The layers of docs/ARCHITECTURE.md: who may include what. An arrow that points up fails here, by its name."""

import re
from pathlib import Path

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
    "clients/c": [r"ds/.+", r"clients/c/.+", r"deltastream/.+\.h"],
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
    r"mbedtls/.+": r"services/common/ds/tls.*\.[ch]",
    r"lmdb\.h": r"services/storage/store/lmdb/.+",
    r"llhttp\.h": r"services/common/http/parser\.c",
    r"uv\.h": r"(services/common/(http|admin)|gateway)/.+|clients/load/selftest_rest\.c",
    r"double-conversion/.+": r"services/common/ds/number_double_conversion\.cc",
}


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


def test_the_rules_see_an_arrow_that_points_up():
    assert violations("services/common/ds/arena.c", ["gateway/routes.h"]) == ["gateway/routes.h"]
    assert violations("gateway/exchange.c", ["storage/storage.h"]) == ["storage/storage.h"]
    assert violations("services/storage/store/lmdb/engine.c", ["storage/rpc/service.h"]) == ["storage/rpc/service.h"]
    assert violations("clients/cli/up.c", ["storage/storage.h", "ds/log.h"]) == []
