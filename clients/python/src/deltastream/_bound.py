"""Methods bound to a client, and calls that are collected to be made together."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Generic, Protocol, TypedDict, TypeVar, Unpack

from .calls import CallOptions, MetadataInput, Method, Q, R, Reply
from .errors import DeltaStreamError

T = TypeVar("T")


class Options(TypedDict, total=False):
    """The keyword arguments of every call; CallOptions says what they mean."""

    timeout: float | None
    metadata: MetadataInput
    idempotency_key: str | bytes
    authorization: str | None
    traceparent: str
    tracestate: str


class SyncCaller(Protocol):
    def call(self, method: Method[Q, R], request: Q, options: CallOptions) -> Reply[R]: ...

    def call_together(self, entries: list[Entry[Any, Any]]) -> None: ...


class AsyncCaller(Protocol):
    async def call(self, method: Method[Q, R], request: Q, options: CallOptions) -> Reply[R]: ...

    async def call_together(self, entries: list[Entry[Any, Any]]) -> None: ...


class BoundMethod(Protocol[Q, R]):
    @property
    def method(self) -> Method[Q, R]: ...


class Unary(Generic[Q, R]):
    """A method of a client: call it with its request to get its response."""

    def __init__(self, caller: SyncCaller, method: Method[Q, R]) -> None:
        self._caller = caller
        self.method = method

    def __call__(self, request: Q | None = None, /, **options: Unpack[Options]) -> R:
        return self.with_reply(request, **options).message

    def with_reply(self, request: Q | None = None, /, **options: Unpack[Options]) -> Reply[R]:
        """The response with its metadata, times and the server's epoch."""
        return self._caller.call(self.method, request or self.method.request_type(), CallOptions(**options))

    def __repr__(self) -> str:
        return f"<method {self.method.path}>"


class AsyncUnary(Generic[Q, R]):
    """A method of a client: await it with its request to get its response."""

    def __init__(self, caller: AsyncCaller, method: Method[Q, R]) -> None:
        self._caller = caller
        self.method = method

    async def __call__(self, request: Q | None = None, /, **options: Unpack[Options]) -> R:
        return (await self.with_reply(request, **options)).message

    async def with_reply(self, request: Q | None = None, /, **options: Unpack[Options]) -> Reply[R]:
        """The response with its metadata, times and the server's epoch."""
        return await self._caller.call(self.method, request or self.method.request_type(), CallOptions(**options))

    def __repr__(self) -> str:
        return f"<method {self.method.path}>"


class Entry(Generic[Q, R]):
    """One call of a batch; its outcome is here once the batch has been sent."""

    def __init__(self, method: Method[Q, R], request: Q, options: CallOptions) -> None:
        self.method = method
        self.request = request
        self.options = options
        self._outcome: Reply[R] | DeltaStreamError | None = None

    def settle(self, outcome: Reply[R] | DeltaStreamError) -> None:
        self._outcome = outcome

    def reply(self) -> Reply[R]:
        """Raises what the call alone would have raised."""
        if self._outcome is None:
            raise RuntimeError("the batch has not been sent")
        if isinstance(self._outcome, DeltaStreamError):
            raise self._outcome
        return self._outcome

    def result(self) -> R:
        return self.reply().message


class Collection:
    """Calls that wait to be made together."""

    def __init__(self) -> None:
        self.entries: list[Entry[Any, Any]] = []

    def add(self, bound: BoundMethod[Q, R], request: Q | None = None, /, **options: Unpack[Options]) -> Entry[Q, R]:
        method = bound.method
        entry = Entry(method, request or method.request_type(), CallOptions(**options))
        self.entries.append(entry)
        return entry

    def take(self) -> list[Entry[Any, Any]]:
        entries, self.entries = self.entries, []
        return entries


class Batch(Collection):
    """
    Calls that are made together: those of short reads share messages, which costs a fraction of a call each.
    The end of the `with` block sends them; each entry then has its own outcome.
    """

    def __init__(self, caller: SyncCaller) -> None:
        super().__init__()
        self._caller = caller

    def send(self) -> None:
        self._caller.call_together(self.take())

    def __enter__(self) -> Batch:
        return self

    def __exit__(self, exception_type: type[BaseException] | None, *_: object) -> None:
        if exception_type is None:
            self.send()


class AsyncBatch(Collection):
    """As Batch, on an event loop: `async with`, or `await batch.send()`."""

    def __init__(self, caller: AsyncCaller) -> None:
        super().__init__()
        self._caller = caller

    async def send(self) -> None:
        await self._caller.call_together(self.take())

    async def __aenter__(self) -> AsyncBatch:
        return self

    async def __aexit__(self, exception_type: type[BaseException] | None, *_: object) -> None:
        if exception_type is None:
            await self.send()


Work = Coroutine[Any, Any, T]
