"""Whether the kernel's loop has been listening: a click that waited behind a busy cell must not trade."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from openalgo_lab.ui.live import KernelLoop

__all__ = ["KernelPulse"]

TOO_LONG_S: Final = 2.0
AFTERGLOW_S: Final = 1.0
"""Clicks that waited are delivered within this time after the loop runs again."""


class KernelPulse:
    """Beats from the publisher thread to the kernel's loop and tells how long the last one was on its way."""

    def __init__(self, loop: KernelLoop, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._loop = loop
        self._monotonic = monotonic
        self._sent = 0.0
        self._arrived = True
        self._slow_until = float("-inf")

    def beat(self) -> None:
        """Send one, unless one is on its way. Any thread."""
        if self._arrived:
            self._arrived, self._sent = False, self._monotonic()
            self._loop.call(self._arrive)

    @property
    def was_blocked(self) -> bool:
        """Whether what the loop hears at this moment may be old."""
        now = self._monotonic()
        return now < self._slow_until or (not self._arrived and now - self._sent > TOO_LONG_S)

    def _arrive(self) -> None:
        now = self._monotonic()
        if now - self._sent > TOO_LONG_S:
            self._slow_until = now + AFTERGLOW_S
        self._arrived = True
