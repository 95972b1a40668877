"""The client for asyncio: `async with await deltastream.aio.connect(url) as client`."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from . import _rows
from ._bound import AsyncBatch, Entry
from ._core import Core, Settings
from ._process import process_check
from ._rows import CHAINS_PAGE_SIZE, PAGE_SIZE, Time
from ._services import AsyncServices
from ._version import __version__
from .calls import CallOptions, Method, Q, R, Reply, RetryPolicy
from .errors import DeadlineExceededError, UnavailableError
from .events import AsyncSubscription, Row, url_choose
from .rpc import HelloRequest, HelloResponse, ListEventsRequest, ListEventsResponse
from .storage import ORDER_ASC, Bar, OptionChain, Order, Quote, Tick

# How long a server to which there is a connection may take for its Hello.
HELLO_SECONDS = 5.0


async def connect(
    url: str,
    *,
    connect_timeout: float = 5.0,
    authorization: str = "",
    retry: RetryPolicy = RetryPolicy(),
    tls_ca: str | os.PathLike[str] | None = None,
    tls_server_name: str | None = None,
) -> Client:
    """As deltastream.connect, for the running event loop."""
    return await connected(Settings(url, connect_timeout, authorization, retry, tls_ca, tls_server_name))


async def connected(settings: Settings) -> Client:
    """A client that has heard the server's Hello."""
    process_check()
    client = Client(settings)
    try:
        await client.refresh()
    except DeadlineExceededError as error:
        await client.close()
        raise UnavailableError(f"no answer from {settings.url} within {HELLO_SECONDS:g} s of connecting") from error
    except BaseException:
        await client.close()
        raise
    return client


async def nothing() -> None:
    """The last work of a loop that has nothing to close."""


class Client(AsyncServices):
    """A connection to one server, for the event loop that made it: not for other threads."""

    def __init__(self, settings: Settings) -> None:
        self._core = Core(settings)
        super().__init__(self._core)

    async def refresh(self) -> HelloResponse:
        """Asks the server who it is; it may have been started anew with another store."""
        # Beyond the connection's own time: without one the call is unavailable, and not late.
        timeout = self._core.settings.connect_timeout + HELLO_SECONDS
        hello = await self.control.hello(HelloRequest(client=f"deltastream-python/{__version__}"), timeout=timeout)
        self._core.learn(hello)
        return hello

    @property
    def hello(self) -> HelloResponse:
        """What the server said of itself: its limits, services, epoch."""
        return self._core.hello

    async def call(self, method: Method[Q, R], request: Q, options: CallOptions) -> Reply[R]:
        return await self._core.call(method, request, options)

    async def call_together(self, entries: list[Entry[Any, Any]]) -> None:
        await self._core.call_together(entries)

    def batch(self) -> AsyncBatch:
        return AsyncBatch(self._core)

    async def descriptors(self) -> FileDescriptorSet:
        """Reflection: every .proto file that the server's release was built from."""
        response = await self.control.get_descriptor_set()
        return FileDescriptorSet.FromString(response.file_descriptor_set)

    async def subscribe(self, row_type: type[Row], prefix: str = "") -> AsyncSubscription[Row]:
        """
        Events of the rows that the service accepts from now on: of Tick, Quote or OptionChain, and of keys that begin with
        prefix. What got lost on the way is asked for again; what nobody has any more comes as a Gap.
        """
        url = url_choose(list(self.hello.event_urls), self._core.settings.url)

        async def list_events(request: ListEventsRequest) -> ListEventsResponse:
            return await self.storage.list_events(request)

        subscription = AsyncSubscription(row_type, url, prefix, list_events)
        try:
            await subscription.begin(self._core.settings.connect_timeout)
        except BaseException:
            await subscription.close()
            raise
        return subscription

    async def ticks(
        self,
        product: str,
        *,
        start: Time = None,
        end: Time = None,
        order: Order = ORDER_ASC,
        page_size: int = PAGE_SIZE,
    ) -> AsyncIterator[Tick]:
        """All ticks of a range, both ends included, the oldest first."""
        request = _rows.ticks_request(product, start, end, order, page_size)
        async for response in _rows.pages(self.storage.list_ticks, request):
            for tick in response.ticks:
                tick.product = response.product
                yield tick

    async def quotes(
        self,
        symbol: str,
        *,
        start: Time = None,
        end: Time = None,
        order: Order = ORDER_ASC,
        page_size: int = PAGE_SIZE,
    ) -> AsyncIterator[Quote]:
        """All quotes of an option in a range, both ends included, the oldest first."""
        request = _rows.quotes_request(symbol, start, end, order, page_size)
        async for response in _rows.pages(self.storage.list_quotes, request):
            for quote in response.quotes:
                quote.symbol = response.symbol
                yield quote

    async def chains(
        self,
        product: str,
        expiry: str = "",
        *,
        start: Time = None,
        end: Time = None,
        order: Order = ORDER_ASC,
        page_size: int = CHAINS_PAGE_SIZE,
    ) -> AsyncIterator[OptionChain]:
        """All chains of a range, both ends included, the oldest first."""
        request = _rows.chains_request(product, expiry, start, end, order, page_size)
        async for response in _rows.pages(self.storage.list_chains, request):
            for chain in response.chains:
                chain.product = response.product
                yield chain

    async def bars(
        self,
        product: str,
        interval: str = "1m",
        *,
        start: Time = None,
        end: Time = None,
        order: Order = ORDER_ASC,
        page_size: int = PAGE_SIZE,
    ) -> AsyncIterator[Bar]:
        """The bars of a range, the oldest first."""
        request = _rows.bars_request(product, interval, start, end, order, page_size)
        async for response in _rows.pages(self.storage.get_bars, request):
            for bar in response.bars:
                yield bar

    async def close(self) -> None:
        """Calls in flight end with CancelledError. A client that is closed stays so; closing it again is nothing."""
        await self._core.close()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
