"""Requests for rows, page by page."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Union

from google.protobuf.timestamp_pb2 import Timestamp

from .storage import GetBarsRequest, ListChainsRequest, ListQuotesRequest, ListTicksRequest, Order

# Times without a zone are UTC.
Time = Union[datetime, Timestamp, None]

PAGE_SIZE = 1000
CHAINS_PAGE_SIZE = 100


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
