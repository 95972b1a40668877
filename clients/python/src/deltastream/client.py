"""The client for code without an event loop."""

from __future__ import annotations

import os
import weakref
from collections.abc import AsyncIterator, Iterator
from typing import Any, Generic, TypeVar

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from . import aio
from ._bound import Batch, Entry, Work
from ._loop import LoopThread
from ._core import Settings
from ._process import process_check, process_is_home
from ._rows import CHAINS_PAGE_SIZE, PAGE_SIZE, Time
from ._services import Services
from .calls import CallOptions, Method, Q, R, Reply, RetryPolicy
from .events import AsyncSubscription, Event, Gap, Row
from .rpc import HelloResponse
from .storage import ORDER_ASC, Bar, OptionChain, Order, Quote, Tick

T = TypeVar("T")


def connect(
    url: str,
    *,
    connect_timeout: float = 5.0,
    authorization: str = "",
    retry: RetryPolicy = RetryPolicy(),
    tls_ca: str | os.PathLike[str] | None = None,
    tls_server_name: str | None = None,
) -> Client:
    """
    A client of the server at a URL: "ipc:///run/deltastream/storage.sock", "tcp://127.0.0.1:7001",
    "tls+tcp://storage.example.net:9003".

    connect_timeout  seconds until a call for which there is no connection fails with UnavailableError
    authorization    what an HTTP Authorization header would hold, for all calls
    retry            when calls that failed are made again; RetryPolicy(attempts=1): never
    tls_ca           of tls+tcp: the file with the authorities' certificates in PEM; without it the system's count
    tls_server_name  of tls+tcp: the host that the server's certificate has to be for, where the URL has another

    UnavailableError where nobody answers there.
    """
    return Client(Caller(Settings(url, connect_timeout, authorization, retry, tls_ca, tls_server_name)))


class Caller:
    """What a client's methods refer to; closed when the last of them is gone."""

    def __init__(self, settings: Settings) -> None:
        process_check()
        thread = LoopThread()
        try:
            self.client = thread.run(aio.connected(settings))
        except BaseException:
            thread.stop(aio.nothing())
            raise
        self._thread = thread
        # The garbage collector and the interpreter's end call it, too.
        self._close = weakref.finalize(self, _shut, thread, self.client)

    def run(self, work: Work[T]) -> T:
        try:
            process_check()
        except RuntimeError:
            work.close()
            raise
        return self._thread.run(work)

    def call(self, method: Method[Q, R], request: Q, options: CallOptions) -> Reply[R]:
        return self.run(self.client.call(method, request, options))

    def call_together(self, entries: list[Entry[Any, Any]]) -> None:
        self.run(self.client.call_together(entries))

    def close(self) -> None:
        process_check()
        self._close()


def _shut(thread: LoopThread, client: aio.Client) -> None:
    # In a forked child there is no such thread.
    if process_is_home():
        thread.stop(client.close())


class Client(Services):
    """A connection to one server. Any number of threads may use it at once."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(caller)
        self._caller = caller
        self._client = caller.client

    @property
    def hello(self) -> HelloResponse:
        """What the server said of itself: its limits, services, epoch."""
        return self._client.hello

    def refresh(self) -> HelloResponse:
        """Asks the server who it is; it may have been started anew with another store."""
        return self._caller.run(self._client.refresh())

    def batch(self) -> Batch:
        return Batch(self._caller)

    def descriptors(self) -> FileDescriptorSet:
        """Reflection: every .proto file that the server's release was built from."""
        return self._caller.run(self._client.descriptors())

    def subscribe(self, row_type: type[Row], prefix: str = "") -> Subscription[Row]:
        """
        Events of the rows that the service accepts from now on: of Tick, Quote or OptionChain, and of keys that begin with
        prefix. What got lost on the way is asked for again; what nobody has any more comes as a Gap.
        """
        return Subscription(self._caller, self._caller.run(self._client.subscribe(row_type, prefix)))

    def ticks(
        self,
        product: str,
        *,
        start: Time = None,
        end: Time = None,
        order: Order = ORDER_ASC,
        page_size: int = PAGE_SIZE,
    ) -> Iterator[Tick]:
        """All ticks of a range, both ends included, the oldest first."""
        return self._iterate(self._client.ticks(product, start=start, end=end, order=order, page_size=page_size))

    def quotes(
        self,
        symbol: str,
        *,
        start: Time = None,
        end: Time = None,
        order: Order = ORDER_ASC,
        page_size: int = PAGE_SIZE,
    ) -> Iterator[Quote]:
        """All quotes of an option in a range, both ends included, the oldest first."""
        return self._iterate(self._client.quotes(symbol, start=start, end=end, order=order, page_size=page_size))

    def chains(
        self,
        product: str,
        expiry: str = "",
        *,
        start: Time = None,
        end: Time = None,
        order: Order = ORDER_ASC,
        page_size: int = CHAINS_PAGE_SIZE,
    ) -> Iterator[OptionChain]:
        """All chains of a range, both ends included, the oldest first."""
        return self._iterate(
            self._client.chains(product, expiry, start=start, end=end, order=order, page_size=page_size)
        )

    def bars(
        self,
        product: str,
        interval: str = "1m",
        *,
        start: Time = None,
        end: Time = None,
        order: Order = ORDER_ASC,
        page_size: int = PAGE_SIZE,
    ) -> Iterator[Bar]:
        """The bars of a range, the oldest first."""
        return self._iterate(
            self._client.bars(product, interval, start=start, end=end, order=order, page_size=page_size)
        )

    def _iterate(self, rows: AsyncIterator[T]) -> Iterator[T]:
        while True:
            # Many rows a turn: each turn is a change of threads.
            some = self._caller.run(_take(rows, PAGE_SIZE))
            yield from some
            if len(some) < PAGE_SIZE:
                return

    def close(self) -> None:
        """Calls in flight end with CancelledError. Closing again is nothing."""
        self._caller.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Subscription(Generic[Row]):
    """Events of one kind in the order of their numbers, each once: `for event in subscription`. For one thread."""

    def __init__(self, caller: Caller, subscription: AsyncSubscription[Row]) -> None:
        self._caller = caller
        self._subscription = subscription

    def __iter__(self) -> Iterator[Event[Row] | Gap]:
        return self

    def __next__(self) -> Event[Row] | Gap:
        event = self._caller.run(_next(self._subscription))
        if event is None:
            raise StopIteration
        return event

    def close(self) -> None:
        self._caller.run(self._subscription.close())

    def __enter__(self) -> Subscription[Row]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


async def _next(subscription: AsyncSubscription[Row]) -> Event[Row] | Gap | None:
    return await anext(subscription, None)


async def _take(rows: AsyncIterator[T], count: int) -> list[T]:
    taken: list[T] = []
    async for row in rows:
        taken.append(row)
        if len(taken) == count:
            break
    return taken
