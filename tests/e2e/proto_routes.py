"""The REST bindings of the .proto files, read from their text: what the generated documents are held against."""

import re

from programs import REPOSITORY

PROTO = REPOSITORY / "proto"


def bindings_of_proto(text):
    """ "GET /v1/ticks/{product}" of each google.api.http rule and each (deltastream.binding)."""
    rules = re.findall(r'\b(get|post|put|patch|delete): "(/[^"]*)"', text)
    own = re.findall(r'method: "([A-Z]+)"\s+path: "([^"]+)"', text)
    return {f"{method.upper()} {path}" for method, path in rules + own}


def all_bindings():
    """Those of every .proto file."""
    texts = [path.read_text() for path in sorted(PROTO.rglob("*.proto"))]
    return {binding for text in texts for binding in bindings_of_proto(text)}
