"""A client on an event loop: deadlines, retries, cancelling, sharing. deltastream.aio and deltastream.Client wrap it."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from google.protobuf.message import DecodeError

from ._bound import Entry
from ._frame import SHARED_BYTES_MAX, SHARED_FRAMES_MAX, Frame, FrameError, FrameType, VersionRejected, decode, encode
from ._process import process_check
from ._tls import tls_config
from ._transport import ConnectionLost, NotSent, Transport, TransportClosed
from .calls import CallOptions, Method, Q, R, Reply, RetryBudget, RetryPolicy, key_check, metadata_check
from .errors import (
    CancelledError,
    Code,
    DataLossError,
    DeadlineExceededError,
    DeltaStreamError,
    ErrorDetails,
    InternalError,
    Metadata,
    UnavailableError,
    UnimplementedError,
    details_parse,
    error_of_code,
)
from .rpc.v1.control_pb2 import HelloResponse
from .rpc.v1.frame_pb2 import RequestHeader, ResponseHeader

# How much longer than the method's own limit the client waits where a call names none, for the way.
WAY_S = 1.0
# A CANCEL that is not answered in this time is given up.
CANCEL_TIMEOUT_S = 5.0
# Reasons that say that the call was not executed.
NOT_EXECUTED = frozenset({"SERVER_BUSY", "SERVER_STOPPING"})


@dataclass(frozen=True)
class Settings:
    url: str
    connect_timeout: float
    authorization: str
    retry: RetryPolicy
    tls_ca: str | os.PathLike[str] | None = None
    tls_server_name: str | None = None


@dataclass
class PreparedCall(Generic[R]):
    """A call whose input has been checked."""

    path: str
    response_type: type[R]
    payload: bytes
    metadata: Metadata
    options: CallOptions
    idempotency_key: bytes
    # Whether it may be made again after a try of which nobody knows what it did.
    is_repeatable: bool
    # By the loop's clock.
    deadline: float
    # Of the try under way.
    call_id: bytes = b""
    # Of the server that the first try went to, as far as one knows.
    server_epoch: int = 0


class NotDelivered(UnavailableError):
    """The call has not left this machine."""


class Core:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.hello = HelloResponse()
        self._server_epoch = 0
        self.inline_methods: frozenset[str] = frozenset()
        self._budget = RetryBudget(settings.retry)
        self._tls = tls_config(settings.url, settings.tls_ca, settings.tls_server_name)
        self._transport = Transport(settings.url, self._tls)
        self._cancel_transport: Transport | None = None
        self._cancels: set[asyncio.Task[None]] = set()
        self._client_id = os.urandom(16)
        self._numbers = itertools.count(1)
        self._is_closed = False

    def learn(self, hello: HelloResponse) -> None:
        """What the server says of itself."""
        self.hello = hello
        self._server_epoch = hello.server_epoch
        self.inline_methods = frozenset(
            f"{service.name}/{name}" for service in hello.services for name in service.inline_methods
        )

    async def close(self) -> None:
        self._is_closed = True
        await self._transport.close()
        for task in list(self._cancels):
            task.cancel()
        if self._cancel_transport is not None:
            await self._cancel_transport.close()

    async def call(self, method: Method[Q, R], request: Q, options: CallOptions) -> Reply[R]:
        process_check()
        return await self._tries(self._prepare(method, request, options), None)

    async def call_together(self, entries: Sequence[Entry[Any, Any]]) -> None:
        """Makes calls at once; those that may share messages do."""
        process_check()
        calls = [self._prepare(entry.method, entry.request, entry.options) for entry in entries]
        for entry, outcome in zip(entries, await self._outcomes(calls)):
            entry.settle(outcome)

    def _prepare(self, method: Method[Q, R], request: Q, options: CallOptions) -> PreparedCall[R]:
        """TypeError or ValueError for what cannot be sent."""
        if not isinstance(request, method.request_type):
            raise TypeError(f"{method.path} takes a {method.request_type.__name__}, not a {type(request).__name__}")
        key = key_check(options.idempotency_key)
        limit = method.timeout_s + WAY_S if options.timeout is None else options.timeout
        return PreparedCall(
            path=method.path,
            response_type=method.response_type,
            payload=request.SerializeToString(),
            metadata=metadata_check(options.metadata),
            options=options,
            idempotency_key=key,
            is_repeatable=method.is_safe or bool(key),
            deadline=asyncio.get_running_loop().time() + limit,
        )

    async def _outcomes(self, calls: Sequence[PreparedCall[Any]]) -> list[Reply[Any] | DeltaStreamError]:
        firsts: list[asyncio.Future[Frame] | None] = [None] * len(calls)
        exchanges = []
        for group in self._groups(calls):
            frames = [self._frame(calls[index], 0) for index in group]
            futures = [asyncio.get_running_loop().create_future() for _ in group]
            for index, future in zip(group, futures):
                firsts[index] = future
            deadline = max(calls[index].deadline for index in group)
            ids = [calls[index].call_id for index in group]
            exchanges.append(asyncio.ensure_future(self._exchange_shared(b"".join(frames), ids, futures, deadline)))
        outcomes = [asyncio.ensure_future(_outcome(self._tries(call, first))) for call, first in zip(calls, firsts)]
        try:
            return await asyncio.gather(*outcomes)
        finally:
            for task in (*exchanges, *outcomes):
                task.cancel()

    def _groups(self, calls: Sequence[PreparedCall[Any]]) -> list[list[int]]:
        """Which calls share a message: those of inline methods, within the limits, in groups of two or more."""
        groups: list[list[int]] = [[]]
        size = 0
        for index, call in enumerate(calls):
            if call.path not in self.inline_methods:
                continue
            frame_size = len(self._frame(call, 0))
            if len(groups[-1]) == SHARED_FRAMES_MAX or size + frame_size > SHARED_BYTES_MAX:
                groups.append([])
                size = 0
            groups[-1].append(index)
            size += frame_size
        return [group for group in groups if len(group) > 1]

    async def _exchange_shared(
        self, message: bytes, ids: list[bytes], futures: list[asyncio.Future[Frame]], deadline: float
    ) -> None:
        """Gives each call of a shared message its frame, or the failure of all."""
        try:
            frames = await self._exchange(message, deadline)
            by_id = {_response_header(frame).call_id: frame for frame in frames}
            speaks_for_all = by_id.get(b"")
            for call_id, future in zip(ids, futures):
                frame = by_id.get(call_id, speaks_for_all)
                if frame is not None and not future.done():
                    future.set_result(frame)
            failure: DeltaStreamError = InternalError("the server's answer leaves this call out")
        except DeltaStreamError as error:
            failure = error
        for future in futures:
            if not future.done():
                future.set_exception(failure)

    async def _tries(self, call: PreparedCall[R], shared: asyncio.Future[Frame] | None) -> Reply[R]:
        """Makes a call until it has succeeded or may not be made again; its first try may share a message."""
        attempt = 0
        while True:
            try:
                source = self._try_alone(call, attempt) if shared is None else _within(shared, call.deadline)
                reply = self._reply(call, await source, attempt)
                self._budget.give()
                return reply
            except DeltaStreamError as error:
                if shared is not None and error.reason == "SHARE_OVERFLOW":
                    # Not executed, only put off: going alone is no retry.
                    shared = None
                    continue
                wait_s = self._retry_wait_s(call, error, attempt)
                if wait_s is None:
                    raise
            except asyncio.CancelledError:
                if shared is None:
                    self._cancel_later(call.call_id)
                raise
            shared = None
            attempt += 1
            await asyncio.sleep(wait_s)

    def _retry_wait_s(self, call: PreparedCall[Any], error: DeltaStreamError, attempt: int) -> float | None:
        """How long to wait before the call is made again; None: it is not."""
        if isinstance(error, NotDelivered):
            # It has waited for a connection all the while.
            return None
        if error.reason not in NOT_EXECUTED and not (error.code == Code.UNAVAILABLE and call.is_repeatable):
            return None
        has_tokens = self._budget.take()
        pushback_ms = error.retry_pushback_ms
        if not has_tokens or attempt + 1 >= self.settings.retry.attempts or (pushback_ms is not None and pushback_ms < 0):
            return None
        wait_s = self.settings.retry.backoff_s(attempt + 1) if pushback_ms is None else pushback_ms / 1000
        return wait_s if asyncio.get_running_loop().time() + wait_s < call.deadline else None

    async def _try_alone(self, call: PreparedCall[Any], attempt: int) -> Frame:
        frames = await self._exchange(self._frame(call, attempt), call.deadline)
        if len(frames) != 1:
            raise InternalError(f"{len(frames)} answers to one call")
        return frames[0]

    def _frame(self, call: PreparedCall[Any], attempt: int) -> bytes:
        options = call.options
        call.call_id = call.call_id if attempt == 0 and call.call_id else next(self._numbers).to_bytes(8, "big")
        header = RequestHeader(
            call_id=call.call_id,
            method=call.path,
            sent_at_us=time.time_ns() // 1000,
            attempt=attempt,
            idempotency_key=call.idempotency_key,
            traceparent=options.traceparent,
            tracestate=options.tracestate,
            authorization=self.settings.authorization if options.authorization is None else options.authorization,
            client_id=self._client_id,
        )
        if attempt == 0:
            call.server_epoch = self._server_epoch
        elif call.idempotency_key:
            # A server that was started anew has forgotten the key, and must not execute the call a second time.
            header.server_epoch = call.server_epoch
        if options.timeout is not None:
            left_s = call.deadline - asyncio.get_running_loop().time()
            # 0 would leave it to the method.
            header.timeout_ms = max(1, min(int(left_s * 1000), 2**32 - 1))
        for key, value in call.metadata:
            header.metadata.add(key=key, value=value if isinstance(value, bytes) else value.encode())
        return encode(FrameType.REQUEST, header.SerializeToString(), call.payload)

    async def _exchange(self, message: bytes, deadline: float) -> list[Frame]:
        """One message and its answer; every way in which that fails is a DeltaStreamError."""
        now = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(deadline):
                answer = await self._transport.exchange(message, self.settings.connect_timeout)
            return decode(answer)
        except TimeoutError:
            if now >= deadline:
                raise DeadlineExceededError("the time was over before the call was sent") from None
            raise DeadlineExceededError("no answer came in time") from None
        except NotSent as error:
            # nng keeps to itself why a handshake failed.
            is_tls = self.settings.url.startswith("tls+")
            hint = "is it up, and its certificate for that host and of a trusted authority?" if is_tls else "is it up?"
            raise NotDelivered(f"{error} at {self.settings.url}; {hint}") from None
        except ConnectionLost:
            raise UnavailableError("the connection ended before the answer came") from None
        except TransportClosed:
            raise CancelledError("the client is closed") from None
        except VersionRejected as error:
            raise UnimplementedError(str(error)) from error
        except FrameError as error:
            raise InternalError(f"the server's answer cannot be read: {error}") from error

    def _reply(self, call: PreparedCall[R], frame: Frame, attempt: int) -> Reply[R]:
        header = _response_header(frame)
        self._server_epoch = header.server_epoch or self._server_epoch
        metadata: Metadata = tuple(
            (entry.key, entry.value if entry.key.endswith("-bin") else entry.value.decode("ascii", "replace"))
            for entry in header.metadata
        )
        if header.code != Code.OK:
            pushback_ms = header.retry_pushback_ms if header.HasField("retry_pushback_ms") else None
            raise error_of_code(
                header.code, header.message, details_parse(header.status_details, pushback_ms, metadata)
            )
        if header.call_id != call.call_id:
            raise InternalError("the answer is another call's")
        message = call.response_type()
        try:
            message.ParseFromString(frame.payload)
        except DecodeError as error:
            raise DataLossError("the response cannot be read", ErrorDetails(metadata=metadata)) from error
        return Reply(message, metadata, header.server_epoch, header.queue_us, header.execution_us, attempt)

    def _cancel_later(self, call_id: bytes) -> None:
        """Tells the server that nobody waits any more; the one who gave up doesn't wait for that either."""
        if self._is_closed or not call_id:
            return
        task = asyncio.ensure_future(self._cancel(call_id))
        self._cancels.add(task)
        task.add_done_callback(self._cancels.discard)

    async def _cancel(self, call_id: bytes) -> None:
        if self._cancel_transport is None:
            # A connection of its own, as docs/rpc.md wants it.
            self._cancel_transport = Transport(self.settings.url, self._tls)
        header = RequestHeader(call_id=call_id, client_id=self._client_id).SerializeToString()
        try:
            async with asyncio.timeout(CANCEL_TIMEOUT_S):
                await self._cancel_transport.exchange(encode(FrameType.CANCEL, header), CANCEL_TIMEOUT_S)
        except (TimeoutError, NotSent, ConnectionLost, TransportClosed):
            # Whoever is not there executes nothing: a connection that ends cancels its calls.
            pass


def _response_header(frame: Frame) -> ResponseHeader:
    if frame.type != FrameType.RESPONSE:
        raise InternalError(f"the answer is a frame of type {frame.type}")
    header = ResponseHeader()
    try:
        header.ParseFromString(frame.header)
    except DecodeError as error:
        raise InternalError("the answer's header cannot be read") from error
    return header


async def _within(future: asyncio.Future[Frame], deadline: float) -> Frame:
    """A call's own deadline counts in a shared message, too."""
    try:
        async with asyncio.timeout_at(deadline):
            return await asyncio.shield(future)
    except TimeoutError:
        raise DeadlineExceededError("no answer came in time") from None


async def _outcome(reply: Awaitable[Reply[R]]) -> Reply[R] | DeltaStreamError:
    try:
        return await reply
    except DeltaStreamError as error:
        return error
