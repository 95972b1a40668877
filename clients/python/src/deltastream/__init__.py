"""
A client of DeltaStream's services.

    with deltastream.connect("ipc:///run/deltastream/storage.sock") as client:
        for tick in client.ticks("NIFTY"):
            print(tick.timestamp.ToDatetime(), tick.price)

deltastream.storage has the messages of the storage service, deltastream.aio the client for asyncio.
"""

from ._bound import AsyncBatch, AsyncUnary, Batch, Entry, Unary
from ._version import __version__
from .calls import CallOptions, Method, Reply, RetryPolicy
from .client import Client, Subscription, connect
from .errors import (
    AbortedError,
    AlreadyExistsError,
    CancelledError,
    Code,
    DataLossError,
    DeadlineExceededError,
    DeltaStreamError,
    ErrorDetails,
    FailedPreconditionError,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    OutOfRangeError,
    PermissionDeniedError,
    ResourceExhaustedError,
    UnauthenticatedError,
    UnavailableError,
    UnimplementedError,
    UnknownError,
    Violation,
)
from .events import AsyncSubscription, Event, Gap

__all__ = [
    "AbortedError",
    "AlreadyExistsError",
    "AsyncBatch",
    "AsyncSubscription",
    "AsyncUnary",
    "Batch",
    "CallOptions",
    "CancelledError",
    "Client",
    "Code",
    "DataLossError",
    "DeadlineExceededError",
    "DeltaStreamError",
    "Entry",
    "ErrorDetails",
    "Event",
    "FailedPreconditionError",
    "Gap",
    "InternalError",
    "InvalidArgumentError",
    "Method",
    "NotFoundError",
    "OutOfRangeError",
    "PermissionDeniedError",
    "Reply",
    "ResourceExhaustedError",
    "RetryPolicy",
    "Subscription",
    "UnauthenticatedError",
    "UnavailableError",
    "UnimplementedError",
    "UnknownError",
    "Unary",
    "Violation",
    "__version__",
    "connect",
]
