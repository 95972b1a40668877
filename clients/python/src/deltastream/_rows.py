"""Requests for rows, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timezone
from typing import Protocol, TypeVar, Union

from google.protobuf.timestamp_pb2 import Timestamp

from .storage import GetBarsRequest, ListChainsRequest, ListQuotesRequest, ListTicksRequest, Order

# Times without a zone are UTC.
Time = Union[datetime, Timestamp, None]

PAGE_SIZE = 1000
CHAINS_PAGE_SIZE = 100


class PageRequest(Protocol):
    page_token: str


class PageResponse(Protocol):
    next_page_token: str


AnyRequest = TypeVar("AnyRequest", bound=PageRequest)
AnyResponse = TypeVar("AnyResponse", bound=PageResponse)


async def pages(
    method: Callable[[AnyRequest], Awaitable[AnyResponse]], request: AnyRequest
) -> AsyncIterator[AnyResponse]:
    """The pages from the one that is asked for to the last; each changes the request's token."""
    while True:
        response = await method(request)
        yield response
        if not response.next_page_token:
            return
        request.page_token = response.next_page_token


def timestamp(time: Time) -> Timestamp | None:
    if time is None or isinstance(time, Timestamp):
        return time
    result = Timestamp()
    result.FromDatetime(time.astimezone(timezone.utc) if time.tzinfo else time)
    return result


def ticks_request(product: str, start: Time, end: Time, order: Order, page_size: int) -> ListTicksRequest:
    return ListTicksRequest(
        product=product, start=timestamp(start), end=timestamp(end), order=order, limit=page_size
    )


def quotes_request(symbol: str, start: Time, end: Time, order: Order, page_size: int) -> ListQuotesRequest:
    return ListQuotesRequest(symbol=symbol, start=timestamp(start), end=timestamp(end), order=order, limit=page_size)


def chains_request(
    product: str, expiry: str, start: Time, end: Time, order: Order, page_size: int
) -> ListChainsRequest:
    return ListChainsRequest(
        product=product, expiry=expiry, start=timestamp(start), end=timestamp(end), order=order, limit=page_size
    )


def bars_request(
    product: str, interval: str, start: Time, end: Time, order: Order, page_size: int
) -> GetBarsRequest:
    return GetBarsRequest(
        product=product, interval=interval, start=timestamp(start), end=timestamp(end), order=order, limit=page_size
    )
