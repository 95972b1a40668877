"""What a service tells of the rows that it accepts: section 10 of docs/rpc.md."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, Union

import pynng
from google.protobuf.message import DecodeError, Message

from ._frame import Frame, FrameError, FrameType, decode
from .errors import InternalError, OutOfRangeError, UnavailableError
from .rpc import EventHeader, ListEventsRequest, ListEventsResponse
from .storage import OptionChain, Quote, Tick

# Tick, Quote or OptionChain.
Row = TypeVar("Row", bound=Message)

KINDS: dict[type[Any], str] = {Tick: "ticks", Quote: "quotes", OptionChain: "chains"}
MESSAGE_BYTES_MAX = 65_536
# Messages that wait here while the program is busy; what is lost past that is listed again.
QUEUE_MESSAGES_MAX = 1024


@dataclass(frozen=True)
class Event(Generic[Row]):
    """A row that the service has accepted."""

    # "ticks/NIFTY".
    topic: str
    epoch: int
    sequence: int
    row: Row


@dataclass(frozen=True)
class Gap:
    """
    Events that nobody has any more; the rows are in the store, to be read by time. `last` is None where the service was
    started anew and their number is not known.
    """

    epoch: int
    first: int
    last: int | None


Lister = Callable[[ListEventsRequest], Awaitable[ListEventsResponse]]


class AsyncSubscription(Generic[Row]):
    """Events of one kind in the order of their numbers, each once: `async for event in subscription`."""

    def __init__(self, row_type: type[Row], url: str, prefix: str, lister: Lister) -> None:
        if row_type not in KINDS:
            raise TypeError(f"there are events of Tick, Quote and OptionChain, not of {row_type.__name__}")
        self._row_type = row_type
        self._kind = KINDS[row_type]
        self._prefix = f"{self._kind}/{prefix}"
        self._list = lister
        self._epoch = 0
        self._next = 0
        self._ready: deque[Union[Event[Row], Gap]] = deque()
        self._socket = pynng.Sub0(recv_max_size=MESSAGE_BYTES_MAX)
        try:
            self._socket.recv_buffer_size = QUEUE_MESSAGES_MAX
            # All of the kind: its numbers run through all of its topics, so that a loss is seen.
            self._socket.subscribe(f"{self._kind}/".encode())
            self._socket.dial(url, block=False)
        except BaseException:
            self._socket.close()
            raise

    async def begin(self, timeout_s: float) -> None:
        """Waits for the publisher's first word; all that is accepted after that comes, and maybe some from just before."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._take(await self._socket.arecv())
        except TimeoutError:
            raise UnavailableError("no word of the service's event socket came in time") from None

    def __aiter__(self) -> AsyncIterator[Event[Row] | Gap]:
        return self

    async def __anext__(self) -> Event[Row] | Gap:
        while not self._ready:
            try:
                message = await self._socket.arecv()
            except pynng.Closed:
                raise StopAsyncIteration from None
            await self._take(message)
        return self._ready.popleft()

    async def _take(self, message: bytes) -> None:
        try:
            frames = decode(message.partition(b"\0")[2])
        except FrameError as error:
            raise InternalError(f"an event that cannot be read: {error}") from error
        for frame in frames:
            if frame.type == FrameType.EVENT:
                await self._frame_take(frame)

    async def _frame_take(self, frame: Frame) -> None:
        header = EventHeader()
        try:
            header.ParseFromString(frame.header)
        except DecodeError as error:
            raise InternalError("an event's header cannot be read") from error
        newest = header.newest_sequence if header.is_heartbeat else header.sequence
        if header.epoch != self._epoch:
            if self._epoch != 0:
                self._ready.append(Gap(self._epoch, self._next, None))
            self._epoch = header.epoch
            self._next = newest + 1 if header.is_heartbeat else newest
        has_row = not header.is_heartbeat and not header.is_left_out
        await self._refill(newest - 1 if has_row else newest)
        if has_row and header.sequence == self._next:
            self._row_take(header, frame.payload)

    def _row_take(self, header: EventHeader, payload: bytes) -> None:
        self._next = header.sequence + 1
        if not header.topic.startswith(self._prefix):
            return
        try:
            row = self._row_type.FromString(payload)
        except DecodeError as error:
            raise InternalError("an event's row cannot be read") from error
        self._ready.append(Event(header.topic, header.epoch, header.sequence, row))

    async def _refill(self, last: int) -> None:
        """Asks for what has not come, up to the last number."""
        while self._next <= last:
            request = ListEventsRequest(
                kind=self._kind, epoch=self._epoch, after_sequence=self._next - 1, topic_prefix=self._prefix
            )
            try:
                response = await self._list(request)
            except OutOfRangeError:
                self._ready.append(Gap(self._epoch, self._next, last))
                self._next = last + 1
                return
            if response.through_sequence < self._next:
                raise InternalError("the service lists nothing of what it has published")
            for event in response.events:
                self._row_take(event.header, event.payload)
            self._next = response.through_sequence + 1

    async def close(self) -> None:
        self._socket.close()

    async def __aenter__(self) -> AsyncSubscription[Row]:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def url_choose(urls: list[str], client_url: str) -> str:
    """Of the event sockets that the caller can reach, the one of its own transport before others."""
    if not urls:
        raise UnavailableError("the service publishes no events where this client can reach them")
    scheme = client_url.partition(":")[0]
    return next((url for url in urls if url.startswith(f"{scheme}:")), urls[0])
