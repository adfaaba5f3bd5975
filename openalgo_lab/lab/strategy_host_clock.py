"""The moments at which a running strategy is called without a price having changed: bars' ends, timers, square-off."""

from __future__ import annotations

from datetime import time
from typing import Final

from openalgo_lab.model.times import NS_PER_DAY, NS_PER_SECOND

__all__ = ["IST_NS", "Moments"]

IST_NS: Final = (5 * 3600 + 1800) * NS_PER_SECOND
_OPENING: Final = (9 * 3600 + 15 * 60) * NS_PER_SECOND


class Moments:
    """Ends of bars stand where the bars that are known say it; before the first one at 09:15 and so on."""

    def __init__(self, length_ns: int, now_ns: int) -> None:
        self._length = length_ns
        self._anchor = _midnight(now_ns) + _OPENING
        self._timers: list[tuple[int, str]] = []
        self._square_off: int | None = None
        self._told = now_ns

    def anchor(self, start_ns: int) -> None:
        """A bar starts at this moment."""
        self._anchor = start_ns

    def add(self, at: time, name: str) -> None:
        """A timer of every day."""
        self._timers.append((_of_day(at), name))
        self._timers.sort()

    def square_off(self, at: time | None) -> None:
        """When intraday positions are closed; None: never."""
        self._square_off = None if at is None else _of_day(at)

    def next_ns(self) -> int:
        """The first moment after the last one that was told."""
        after = self._told
        bar = self._anchor + ((after - self._anchor) // self._length + 1) * self._length
        midnight = _midnight(after)
        daily = [moment for moment, _ in self._timers]
        if self._square_off is not None:
            daily.append(self._square_off)
        later = (midnight + moment + (NS_PER_DAY if midnight + moment <= after else 0) for moment in daily)
        return min(bar, *later) if daily else bar

    def due(self, now_ns: int) -> tuple[list[str], bool]:
        """(timers that have come due, whether the square-off has); all up to ``now_ns`` counts as told from here on."""
        midnight, before = _midnight(now_ns), self._told
        timers = [name for moment, name in self._timers if before < midnight + moment <= now_ns]
        squares = self._square_off is not None and before < midnight + self._square_off <= now_ns
        self._told = max(self._told, now_ns)
        return timers, squares


def _midnight(now_ns: int) -> int:
    return (now_ns + IST_NS) // NS_PER_DAY * NS_PER_DAY - IST_NS


def _of_day(at: time) -> int:
    return (at.hour * 3600 + at.minute * 60 + at.second) * NS_PER_SECOND
