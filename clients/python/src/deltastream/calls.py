"""What a call is made of: its method, its options, its reply."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar, Union

from google.protobuf.message import Message

from .errors import Metadata

Q = TypeVar("Q", bound=Message)
R = TypeVar("R", bound=Message)

# What a caller may give as metadata.
MetadataInput = Union[Mapping[str, Union[str, bytes]], Iterable[tuple[str, Union[str, bytes]]]]

_KEY = re.compile(r"[0-9a-z_.-]+")
_TEXT = re.compile(r"[\x20-\x7e]*")
_RESERVED = frozenset({"authorization", "idempotency-key", "traceparent", "tracestate"})
METADATA_ENTRIES_MAX = 64
METADATA_BYTES_MAX = 8192
IDEMPOTENCY_KEY_BYTES_MAX = 64


@dataclass(frozen=True)
class Method(Generic[Q, R]):
    """A method of a service as its .proto file states it."""

    path: str
    request_type: type[Q]
    response_type: type[R]
    # NO_SIDE_EFFECTS: may be made again whatever became of it.
    is_safe: bool
    # What the server takes where a call names no time limit.
    timeout_s: float
    request_bytes_max: int

    @property
    def service(self) -> str:
        return self.path.partition("/")[0]

    @property
    def name(self) -> str:
        return self.path.partition("/")[2]


@dataclass(frozen=True)
class Reply(Generic[R]):
    """An answer with all that came beside it."""

    message: R
    metadata: Metadata
    # Another value than before: the server was started anew and has forgotten idempotency keys and page tokens' state.
    server_epoch: int
    # How long the call waited for a thread, and how long it ran.
    queue_us: int
    execution_us: int
    # 0: the first try brought it.
    attempt: int


@dataclass(frozen=True)
class CallOptions:
    """
    timeout          seconds that the call may take, retries included; None: what the method states
    metadata         keys of [0-9a-z_.-]+; bytes for keys that end in "-bin", printable ASCII for all others
    idempotency_key  at most 64 bytes; lets a call with side effects be retried without being executed twice
    authorization    what an HTTP Authorization header would hold; None: the client's
    traceparent      W3C trace context
    """

    timeout: float | None = None
    metadata: MetadataInput = ()
    idempotency_key: str | bytes = b""
    authorization: str | None = None
    traceparent: str = ""
    tracestate: str = ""


@dataclass(frozen=True)
class RetryPolicy:
    """
    When a call that failed is made again by the client: after UNAVAILABLE where the method has no side effects or the
    call has an idempotency key, and after failures that say that the call was not executed. attempts=1: never.
    """

    attempts: int = 4
    initial_backoff_s: float = 0.05
    backoff_max_s: float = 1.0
    multiplier: float = 2.0
    jitter: float = 0.2
    # A failure takes one, a success gives token_ratio back; no retries while half of them or fewer are left.
    tokens: float = 10.0
    token_ratio: float = 0.1

    def backoff_s(self, retry: int) -> float:
        """The wait before a retry, counted from 1."""
        due = min(self.backoff_max_s, self.initial_backoff_s * self.multiplier ** (retry - 1))
        return due * random.uniform(1 - self.jitter, 1 + self.jitter)


@dataclass
class RetryBudget:
    """The tokens that are left."""

    policy: RetryPolicy
    tokens: float = field(default=0.0)

    def __post_init__(self) -> None:
        self.tokens = self.policy.tokens

    def take(self) -> bool:
        self.tokens = max(0.0, self.tokens - 1)
        return self.tokens > self.policy.tokens / 2

    def give(self) -> None:
        self.tokens = min(self.policy.tokens, self.tokens + self.policy.token_ratio)


def metadata_check(metadata: MetadataInput) -> Metadata:
    """The entries by the wire's rules; ValueError names the one that breaks them."""
    entries = tuple(metadata.items() if isinstance(metadata, Mapping) else metadata)
    size = 0
    for key, value in entries:
        if not _KEY.fullmatch(key):
            raise ValueError(f"metadata key {key!r}: keys are made of 0-9 a-z _ . -")
        if key in _RESERVED or key.startswith(("grpc-", "ds-")):
            raise ValueError(f"metadata key {key!r} is reserved")
        if key.endswith("-bin") != isinstance(value, bytes):
            raise ValueError(f"metadata key {key!r}: bytes belong to keys that end in -bin, text to all others")
        if isinstance(value, str) and not _TEXT.fullmatch(value):
            raise ValueError(f"metadata key {key!r}: a text has printable ASCII only")
        size += len(key) + len(value)
    if len(entries) > METADATA_ENTRIES_MAX or size > METADATA_BYTES_MAX:
        raise ValueError(f"metadata has at most {METADATA_ENTRIES_MAX} entries and {METADATA_BYTES_MAX} bytes")
    return entries


def key_check(key: str | bytes) -> bytes:
    data = key.encode() if isinstance(key, str) else key
    if len(data) > IDEMPOTENCY_KEY_BYTES_MAX:
        raise ValueError(f"an idempotency key has at most {IDEMPOTENCY_KEY_BYTES_MAX} bytes")
    return data
