"""Memory that start-up needed for a moment goes back to the system.

The C library keeps what was freed for the thread that had it: a sixth of an idle engine's memory. Where it can be asked
(glibc), it is asked once start-up is over, and now and then, since a new day leaves the same behind.
"""

from __future__ import annotations

import asyncio
import ctypes
import sys
from collections.abc import Callable

__all__ = ["give_back", "keep_small"]

FIRST_S = 1.0
EVERY_S = 1800.0


def give_back() -> bool:
    """Whether the C library could be asked. Takes some milliseconds, without holding the interpreter."""
    trim = _trim()
    if trim is None:
        return False
    trim(0)
    return True


async def keep_small() -> None:
    """Soon after the start, then every half hour; until cancelled. Returns where the library cannot be asked."""
    wait_s = FIRST_S
    while True:
        await asyncio.sleep(wait_s)
        if not await asyncio.to_thread(give_back):
            return
        wait_s = EVERY_S


def _trim() -> Callable[[int], int] | None:
    if not sys.platform.startswith("linux"):
        return None
    found: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return found
