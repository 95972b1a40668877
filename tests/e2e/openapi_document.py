"""/openapi.json as tests use it: its operations, the requests that its examples make, and its schemas."""

import copy
import json
import urllib.parse
from datetime import datetime
from typing import NamedTuple, Optional

from jsonschema import Draft202012Validator, FormatChecker

METHODS = ("get", "post", "put", "patch", "delete")


class Sample(NamedTuple):
    """A request that the document shows."""

    method: str
    target: str
    body: Optional[bytes]
    content_type: Optional[str]


class Operation(NamedTuple):
    path: str
    method: str  # "GET"
    fields: dict

    @property
    def id(self):
        return self.fields["operationId"]

    @property
    def is_of_gateway(self):
        return self.fields["tags"] == ["Gateway"]

    @property
    def is_of_connect(self):
        return self.fields.get("x-deltastream-profile") == "Connect"

    @property
    def needs_credentials(self):
        return self.fields["security"] != [] and {} not in self.fields["security"]


def operations(document):
    return [
        Operation(path, method.upper(), item[method])
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    ]


def resolved(document, value):
    """What a reference means."""
    while isinstance(value, dict) and "$ref" in value:
        target = document
        for part in value["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        value = target
    return value


def text_of(value):
    return value if isinstance(value, str) else json.dumps(value)


def target_of(document, operation):
    """The path and query that the examples of the parameters make."""
    path, query = operation.path, []
    for parameter in operation.fields.get("parameters", []):
        parameter = resolved(document, parameter)
        shown = parameter.get("content", {}).get("application/json", parameter)
        if "example" not in shown:
            assert not parameter.get("required"), f"{operation.id}: {parameter['name']} has no example"
            continue
        if parameter["in"] == "path":
            path = path.replace("{" + parameter["name"] + "}", urllib.parse.quote(text_of(shown["example"]), safe=""))
        else:
            values = shown["example"] if isinstance(shown["example"], list) else [shown["example"]]
            query += [(parameter["name"], text_of(value)) for value in values]
    assert "{" not in path, f"{operation.id}: a part of {path} is no parameter"
    return path + ("?" + urllib.parse.urlencode(query) if query else "")


def samples(document, operation):
    """One request for each content type of the body that has an example, or one without a body."""
    target = target_of(document, operation)
    content = operation.fields.get("requestBody", {}).get("content", {})
    if not content:
        return [Sample(operation.method, target, None, None)]
    return [
        Sample(operation.method, target, text_of(media["example"]).encode(), content_type)
        for content_type, media in content.items()
        if "example" in media
    ]


def send(server, sample, **headers):
    fields = {} if sample.content_type is None else {"Content-Type": sample.content_type}
    return server.request(sample.method, sample.target, sample.body, {**fields, **headers})


def strict(document):
    """The document with replies closed: a member that no schema names is against it too."""
    closed = copy.deepcopy(document)
    for schema in closed["components"]["schemas"].values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    return closed


formats = FormatChecker()


@formats.checks("date-time", raises=ValueError)
def is_time(value):
    return not isinstance(value, str) or (value.endswith("Z") and datetime.fromisoformat(value) is not None)


def faults(document, schema, value):
    """What is wrong with a value of that schema, formats included."""
    validator = Draft202012Validator({"components": document["components"], **schema}, format_checker=formats)
    return [f"{list(error.absolute_path)}: {error.message[:300]}" for error in validator.iter_errors(value)]
