"""One REQ socket to one server: messages out, messages in. Nothing else here knows of nng."""

from __future__ import annotations

import asyncio
import contextlib

import pynng

from ._frame import MESSAGE_BYTES_MAX

# How soon nng dials again after a connection ended, and its longest wait between two attempts.
RECONNECT_MIN_MS = 20
RECONNECT_MAX_MS = 1000

# Messages without their answers; the others wait here. A server takes 64 of a connection by default and counts each a
# little longer than we do.
IN_FLIGHT_MAX = 48


class NotSent(Exception):
    """The message has not left: there is no connection."""


class ConnectionLost(Exception):
    """The connection ended while the answer was awaited: nobody knows whether the call was executed."""


class TransportClosed(Exception):
    """This side has closed it."""


class Transport:
    """Belongs to one event loop."""

    def __init__(self, url: str, tls: pynng.TLSConfig | None = None) -> None:
        # resend_time -1: never again by itself. Only the layer above knows what may be sent twice.
        self._socket = pynng.Req0(resend_time=-1, recv_max_size=MESSAGE_BYTES_MAX)
        self._socket.reconnect_time_min = RECONNECT_MIN_MS
        self._socket.reconnect_time_max = RECONNECT_MAX_MS
        self._in_flight: set[asyncio.Task[bytes]] = set()
        self._slots = asyncio.Semaphore(IN_FLIGHT_MAX)
        self._is_closed = False
        try:
            if tls is not None:
                self._socket.tls_config = tls
            self._socket.dial(url, block=False)
        except (pynng.InvalidOperation, pynng.NotSupported, pynng.AddressInvalid):
            self._socket.close()
            raise ValueError(f"{url!r} is not of the form ipc:///path, tcp://host:port or tls+tcp://host:port") from None
        except BaseException:
            self._socket.close()
            raise

    async def exchange(self, message: bytes, send_timeout_s: float) -> bytes:
        """The answer to a message. Cancelling it gives the answer up."""
        if self._is_closed:
            raise TransportClosed
        task = asyncio.ensure_future(self._exchange(message, send_timeout_s))
        self._in_flight.add(task)
        try:
            return await task
        except asyncio.CancelledError:
            if self._is_closed and not _is_being_cancelled():
                raise TransportClosed from None
            raise
        finally:
            task.cancel()
            self._in_flight.discard(task)

    async def _exchange(self, message: bytes, send_timeout_s: float) -> bytes:
        async with self._slots:
            return await self._exchange_now(message, send_timeout_s)

    async def _exchange_now(self, message: bytes, send_timeout_s: float) -> bytes:
        context = self._socket.new_context()
        try:
            await _send(context, message, send_timeout_s)
            # Only now: nng has trouble with a receive that ends while its send is still pending.
            answer: bytes = await context.arecv()
            return answer
        except (pynng.ConnectionReset, pynng.ConnectionAborted) as error:
            raise ConnectionLost(str(error)) from error
        except pynng.Closed as error:
            raise TransportClosed from error
        finally:
            with contextlib.suppress(pynng.NNGException):
                context.close()

    async def close(self) -> None:
        """Gives up what is in flight."""
        self._is_closed = True
        tasks = list(self._in_flight)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._socket.close()


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _send(context: pynng.Context, message: bytes, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await context.asend(message)
    except TimeoutError:
        raise NotSent("there is no connection to the server") from None
    # pynng forgets that a send was cancelled where that has been done already.
    if _is_being_cancelled():
        raise asyncio.CancelledError
