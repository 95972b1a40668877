"""nng's threads do not survive a fork: a child must not touch what its parent made."""

from __future__ import annotations

import os
from typing import Any

import pynng

_home: int | None = None


def process_check() -> None:
    """RuntimeError in the child of a process that has used a client."""
    global _home
    if _home is None:
        _home = os.getpid()
    elif _home != os.getpid():
        raise RuntimeError(
            "deltastream was used before this process was forked, and nng does not survive that: "
            "start the process anew (multiprocessing's spawn), or connect in the child only"
        )


def process_is_home() -> bool:
    return _home == os.getpid()


class _Nothing:
    """Stands in for nng: does nothing and says that it went well."""

    def __getattr__(self, _: str) -> Any:
        return lambda *_: 0


def _disarm() -> None:
    """
    In the child of a process that has used nng, its sockets' finalizers would wait for nng's threads, which are not
    there, and the child would never end.
    """
    if _home is not None:
        for module in (pynng.nng, pynng._aio):
            module.lib = _Nothing()


os.register_at_fork(after_in_child=_disarm)
