"""An event loop on a thread of its own, for callers that have none."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from typing import Any, TypeVar

from ._bound import Work
from .errors import CancelledError

T = TypeVar("T")


class LoopThread:
    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        # Guards _is_stopping, so that no work comes behind the last.
        self._mutex = threading.Lock()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._main, name="deltastream", daemon=True)
        self._thread.start()

    def _main(self) -> None:
        self._loop.run_forever()
        self._loop.close()

    def run(self, work: Work[T]) -> T:
        """Waits for the result, on any thread but the loop's. An interrupt (Ctrl-C) of the wait cancels the work."""
        with self._mutex:
            if self._is_stopping:
                work.close()
                raise CancelledError("the client is closed")
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise CancelledError("the client is closed") from None
        except BaseException:
            future.cancel()
            raise

    def stop(self, last: Work[None]) -> None:
        """Runs the last work, cancels what is left of all other, and ends the thread. Once."""
        with self._mutex:
            self._is_stopping = True
            asyncio.run_coroutine_threadsafe(self._finish(last), self._loop)
        # The garbage collector may have called on the loop's own thread, which ends when it can.
        if threading.current_thread() is not self._thread:
            self._thread.join()

    async def _finish(self, last: Work[None]) -> None:
        try:
            await last
            tasks: list[asyncio.Task[Any]] = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            self._loop.stop()
