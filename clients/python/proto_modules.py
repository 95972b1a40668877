"""
Writes the modules that come from proto/: protoc's classes with their stubs, and typed methods of each service.

protoc (Debian 12: 3.21) reads the .proto files once. The options of the server's build are then taken out of the
descriptors, so that the package needs neither google/api nor deltastream/options.proto, and what stands under grpc/ is
moved under deltastream/, because a process may hold grpc's own classes of the same names, too.
"""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from google.protobuf import descriptor_pb2

OWN = re.compile(r"(?:deltastream|grpc)/(\w+)/v1/\w+\.proto")
DROPPED_IMPORTS = {"deltastream/options.proto", "google/api/annotations.proto", "google/api/http.proto"}


def protoc(*arguments: object) -> None:
    subprocess.run(["protoc", *map(str, arguments)], check=True)


def descriptors_read(proto: Path, paths: list[str], folder: Path) -> tuple[descriptor_pb2.FileDescriptorSet, ModuleType]:
    """The files with their options, and the module that knows deltastream's own."""
    everything = folder / "everything.binpb"
    protoc(f"-I{proto}", "--include_imports", "--include_source_info", f"--descriptor_set_out={everything}", *paths)
    protoc(f"-I{proto}", f"--python_out={folder}", "deltastream/options.proto")
    sys.path.insert(0, str(folder))
    try:
        options = importlib.import_module("deltastream.options_pb2")
    finally:
        sys.path.remove(str(folder))
    return descriptor_pb2.FileDescriptorSet.FromString(everything.read_bytes()), options


def moved(text: str) -> str:
    """Names of grpc's packages under deltastream."""
    return re.sub(r"^(\.?)grpc([./])", r"\1deltastream\2", text)


def messages_of(container: Any) -> Iterator[descriptor_pb2.DescriptorProto]:
    for message in getattr(container, "message_type", getattr(container, "nested_type", ())):
        yield message
        yield from messages_of(message)


def strip(file: descriptor_pb2.FileDescriptorProto) -> None:
    file.name = moved(file.name)
    file.package = moved(file.package)
    file.ClearField("options")
    kept = [moved(name) for name in file.dependency if name not in DROPPED_IMPORTS]
    del file.dependency[:]
    file.dependency.extend(kept)
    enums = list(file.enum_type)
    for message in messages_of(file):
        enums += message.enum_type
        is_map_entry = message.options.map_entry
        message.ClearField("options")
        if is_map_entry:
            message.options.map_entry = True
        for field in message.field:
            field.ClearField("options")
            if field.type_name:
                field.type_name = moved(field.type_name)
    for enum in enums:
        for value in enum.value:
            value.ClearField("options")
    # The services become Python of our own.
    file.ClearField("service")
    file.ClearField("source_code_info")


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def comment_of(file: descriptor_pb2.FileDescriptorProto, *path: int) -> str:
    for location in file.source_code_info.location:
        if list(location.path) == list(path):
            return " ".join(location.leading_comments.split())
    return ""


def module_of(file: descriptor_pb2.FileDescriptorProto) -> str:
    return moved(file.name).removesuffix(".proto").replace("/", ".") + "_pb2"


class Package:
    """What deltastream/<name>/__init__.py holds."""

    def __init__(self, name: str, options: ModuleType, modules_of_types: dict[str, str]) -> None:
        self.name = name
        self.options = options
        self.modules_of_types = modules_of_types
        self.modules: dict[str, set[str]] = {}
        self.services: dict[str, list[str]] = {}
        self.texts: list[str] = []

    def take(self, file: descriptor_pb2.FileDescriptorProto) -> None:
        names = [message.name for message in file.message_type]
        for enum in file.enum_type:
            names += [enum.name, *(value.name for value in enum.value)]
        self.modules.setdefault(module_of(file), set()).update(names)
        for index, service in enumerate(file.service):
            self.service_take(file, index, service)

    def service_take(
        self, file: descriptor_pb2.FileDescriptorProto, at: int, service: descriptor_pb2.ServiceDescriptorProto
    ) -> None:
        methods, bound = [], []
        for index, method in enumerate(service.method):
            rules = method.options.Extensions[self.options.method]
            request, response = map(self.type_take, (method.input_type, method.output_type))
            constant = snake(method.name).upper()
            is_safe = method.options.idempotency_level == descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS
            methods.append(
                f"{constant}: Final = Method(\n"
                f'    path="{file.package}.{service.name}/{method.name}",\n'
                f"    request_type={request},\n"
                f"    response_type={response},\n"
                f"    is_safe={is_safe},\n"
                f"    timeout_s={rules.timeout_ms / 1000},\n"
                f"    request_bytes_max={rules.request_bytes_max},\n"
                f")\n"
            )
            about = comment_of(file, 6, at, 2, index)
            effects = "No side effects: made again by itself after UNAVAILABLE." if is_safe else "Has side effects."
            text = " ".join(filter(None, [about, effects, f"Permission {rules.permission}, limit {rules.timeout_ms} ms."]))
            bound.append((snake(method.name), constant, request, response, text))
        self.texts.append("\n".join(methods))
        self.texts.append(bound_class(service.name, "", "Sync", "Unary", bound))
        self.texts.append(bound_class(service.name, "Async", "Async", "AsyncUnary", bound))
        self.services[snake(service.name)] = [service.name]

    def type_take(self, full_name: str) -> str:
        """A message that a method speaks of may be another package's."""
        name = full_name.rpartition(".")[2]
        self.modules.setdefault(self.modules_of_types[full_name], set()).add(name)
        return name

    def text(self) -> str:
        lines = [f'"""Messages, enums and methods of deltastream\'s package {self.name}; made from proto/."""\n']
        has_services = bool(self.services)
        lines.append("from typing import Final\n" if has_services else "")
        for module, names in sorted(self.modules.items()):
            if names:
                imported = "".join(f"    {name} as {name},\n" for name in sorted(names))
                lines.append(f"from {module} import (\n{imported})")
        if has_services:
            lines.append("from deltastream._bound import AsyncCaller, AsyncUnary, SyncCaller, Unary")
            lines.append("from deltastream.calls import Method")
        return "\n".join(lines) + "\n\n" + "\n\n".join(self.texts)


def bound_class(service: str, prefix: str, caller: str, unary: str, methods: list[tuple[str, ...]]) -> str:
    lines = [f"class {prefix}{service}Methods:", f'    """The methods of {service} for one client."""', ""]
    lines.append(f"    def __init__(self, caller: {caller}Caller) -> None:")
    for name, constant, request, response, text in methods:
        lines.append(f"        self.{name}: {unary}[{request}, {response}] = {unary}(caller, {constant})")
        lines.append(f'        """{text}"""')
    return "\n".join(lines) + "\n"


def stub_typed(text: str) -> str:
    """protoc 3.21 leaves out two types that a strict checker wants."""
    text = re.sub(r"\b_Mapping\]", "_Mapping[str, _Any]]", text)
    text = text.replace("__slots__ = []", "__slots__: list[str] = []")
    return text.replace("from typing import ClassVar", "from typing import Any as _Any, ClassVar", 1)


def services_text(packages: list[Package]) -> str:
    lines = ['"""The services of a client; made from proto/."""\n', "from __future__ import annotations\n"]
    lines.append("from ._bound import AsyncCaller, SyncCaller")
    found = [(package.name, attribute, name) for package in packages for attribute, [name] in package.services.items()]
    for package, _, name in sorted(found):
        lines.append(f"from .{package} import Async{name}Methods, {name}Methods")
    for prefix, caller in (("", "SyncCaller"), ("Async", "AsyncCaller")):
        lines += ["", "", f"class {prefix}Services:", f"    def __init__(self, caller: {caller}) -> None:"]
        lines += [f"        self.{attribute} = {prefix}{name}Methods(caller)" for _, attribute, name in found]
    return "\n".join(lines) + "\n"


def generate(proto: Path, target: Path) -> None:
    """target is the folder that holds the package deltastream."""
    paths = sorted(str(path.relative_to(proto)) for path in proto.rglob("*.proto"))
    paths = [path for path in paths if OWN.fullmatch(path)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files, options = descriptors_read(proto, paths, folder)
        modules = {
            f".{file.package}.{message.name}": module_of(file) for file in files.file for message in file.message_type
        }
        packages: dict[str, Package] = {}
        stripped = descriptor_pb2.FileDescriptorSet()
        for file in files.file:
            match = OWN.fullmatch(file.name)
            if match is None:
                if file.name not in DROPPED_IMPORTS:
                    stripped.file.add().CopyFrom(file)
                continue
            packages.setdefault(match[1], Package(match[1], options, modules)).take(file)
            strip(file)
            stripped.file.add().CopyFrom(file)
        (folder / "stripped.binpb").write_bytes(stripped.SerializeToString())
        protoc(
            f"--descriptor_set_in={folder / 'stripped.binpb'}",
            f"--python_out={target}",
            f"--pyi_out={target}",
            *map(moved, paths),
        )
    for stub in (target / "deltastream").rglob("*_pb2.pyi"):
        stub.write_text(stub_typed(stub.read_text()))
    for package in packages.values():
        (target / "deltastream" / package.name / "__init__.py").write_text(package.text())
    (target / "deltastream" / "_services.py").write_text(services_text(list(packages.values())))
