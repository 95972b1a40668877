"""What a call that failed raises: one exception class for each code."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import ClassVar, Union

from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

REASON_DOMAIN = "deltastream"

Metadata = tuple[tuple[str, Union[str, bytes]], ...]


class Code(enum.IntEnum):
    """The codes of google.rpc.Code."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


@dataclass(frozen=True)
class Violation:
    """One field of the request that the server did not take."""

    field: str
    description: str


@dataclass(frozen=True)
class ErrorDetails:
    """What a failure says beside its code and message."""

    reason: str = ""
    violations: tuple[Violation, ...] = ()
    retry_pushback_ms: int | None = None
    metadata: Metadata = ()
    status: status_pb2.Status = field(default_factory=status_pb2.Status)


class DeltaStreamError(Exception):
    """A call that failed.

    code               one of Code
    message            a text for people
    reason             a name of deltastream.rpc.v1.Reason, such as "STORE_FULL"; "" where there is none
    violations         the request's fields that were not taken
    retry_pushback_ms  when the server wants to be asked again; negative: never; None: it did not say
    metadata           what the server sent beside the failure
    status             the google.rpc.Status with every typed detail
    """

    code: Code = Code.UNKNOWN
    _classes: ClassVar[dict[Code, type[DeltaStreamError]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        # The first of a code is its class; those made from it are the client's own business.
        DeltaStreamError._classes.setdefault(cls.code, cls)

    def __init__(self, message: str, details: ErrorDetails | None = None) -> None:
        super().__init__(message)
        details = details or ErrorDetails()
        self.message = message
        self.details = details
        self.reason = details.reason
        self.violations = details.violations
        self.retry_pushback_ms = details.retry_pushback_ms
        self.metadata = details.metadata
        self.status = details.status

    def __str__(self) -> str:
        name = f"{self.code.name}/{self.reason}" if self.reason else self.code.name
        return f"{name}: {self.message}"

    def __reduce__(self) -> tuple[type[DeltaStreamError], tuple[str, ErrorDetails]]:
        return type(self), (self.message, self.details)


class CancelledError(DeltaStreamError):
    code = Code.CANCELLED


class UnknownError(DeltaStreamError):
    code = Code.UNKNOWN


class InvalidArgumentError(DeltaStreamError):
    code = Code.INVALID_ARGUMENT


class DeadlineExceededError(DeltaStreamError, TimeoutError):
    code = Code.DEADLINE_EXCEEDED


class NotFoundError(DeltaStreamError):
    code = Code.NOT_FOUND


class AlreadyExistsError(DeltaStreamError):
    code = Code.ALREADY_EXISTS


class PermissionDeniedError(DeltaStreamError):
    code = Code.PERMISSION_DENIED


class ResourceExhaustedError(DeltaStreamError):
    code = Code.RESOURCE_EXHAUSTED


class FailedPreconditionError(DeltaStreamError):
    code = Code.FAILED_PRECONDITION


class AbortedError(DeltaStreamError):
    code = Code.ABORTED


class OutOfRangeError(DeltaStreamError):
    code = Code.OUT_OF_RANGE


class UnimplementedError(DeltaStreamError):
    code = Code.UNIMPLEMENTED


class InternalError(DeltaStreamError):
    code = Code.INTERNAL


class UnavailableError(DeltaStreamError, ConnectionError):
    code = Code.UNAVAILABLE


class DataLossError(DeltaStreamError):
    code = Code.DATA_LOSS


class UnauthenticatedError(DeltaStreamError):
    code = Code.UNAUTHENTICATED


def error_of_code(number: int, message: str, details: ErrorDetails | None = None) -> DeltaStreamError:
    """The exception for a code; a code that nobody knows is UNKNOWN."""
    try:
        code = Code(number)
    except ValueError:
        code = Code.UNKNOWN
    return DeltaStreamError._classes.get(code, UnknownError)(message, details)


def details_parse(status_details: bytes, retry_pushback_ms: int | None, metadata: Metadata) -> ErrorDetails:
    """What `status_details` of a response says; details that cannot be read are left out."""
    status = status_pb2.Status()
    try:
        status.ParseFromString(status_details)
    except DecodeError:
        status.Clear()
    reason = ""
    violations: list[Violation] = []
    for detail in status.details:
        info = error_details_pb2.ErrorInfo()
        bad_request = error_details_pb2.BadRequest()
        if detail.Is(info.DESCRIPTOR) and detail.Unpack(info) and info.domain == REASON_DOMAIN:
            reason = info.reason
        elif detail.Is(bad_request.DESCRIPTOR) and detail.Unpack(bad_request):
            violations += [Violation(each.field, each.description) for each in bad_request.field_violations]
    return ErrorDetails(reason, tuple(violations), retry_pushback_ms, metadata, status)
