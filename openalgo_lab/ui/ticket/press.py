"""The discipline of the button: one press is one order, and a press that was stuck on its way is none."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Final

__all__ = ["Lateness", "PressGuard"]

DOUBLE_CLICK_S: Final = 0.4
"""Two presses of one ticket closer than this are one trembling hand."""

LATEST_S: Final = 2.5
"""A press that took longer from the browser to here (a busy notebook) is not what the trader wants any more."""


class PressGuard:
    """Armed, or waiting for an answer. Used on the kernel's loop only."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._waiting = False
        self._last = float("-inf")

    @property
    def waiting(self) -> bool:
        """Whether an order is on its way and not answered."""
        return self._waiting

    def press(self) -> str:
        """A fresh client key, and disarmed until :meth:`answered`; "" when this press must not count."""
        now = self._monotonic()
        if self._waiting or now - self._last < DOUBLE_CLICK_S:
            return ""
        self._waiting, self._last = True, now
        return secrets.token_hex(12)

    def answered(self) -> None:
        """Arm again."""
        self._waiting = False


class Lateness:
    """How long a message took beyond the quickest one since the page said hello; the two clocks need not agree."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._quickest = float("inf")

    def restart(self, sent_s: float) -> None:
        """A page was drawn (again): measure from its first message."""
        self._quickest = self._now() - sent_s

    def of(self, sent_s: float) -> float:
        """Seconds that a message sent at ``sent_s`` (the browser's clock) was late."""
        took = self._now() - sent_s
        self._quickest = min(self._quickest, took)
        return took - self._quickest
