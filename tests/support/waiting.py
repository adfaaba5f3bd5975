"""Waiting for something to become true, with a limit that only guards against hanging."""

from __future__ import annotations

import time
from collections.abc import Callable

LIMIT_S = 60.0


def eventually(true: Callable[[], object]) -> None:
    """Return once ``true()`` holds; fail after the limit."""
    deadline = time.monotonic() + LIMIT_S
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)
