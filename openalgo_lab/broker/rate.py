"""How many ticks a second a feed brings."""

from __future__ import annotations

__all__ = ["TickRate"]


class TickRate:
    """Ticks a second, over the last full second."""

    __slots__ = ("_count", "_last", "_second")

    def __init__(self) -> None:
        self._second = 0
        self._count = 0
        self._last = 0

    def count(self, ticks: int, now: float) -> None:
        """So many came at ``now``, in monotonic seconds."""
        self._turn(int(now))
        self._count += ticks

    def per_second(self, now: float) -> float:
        """As of now."""
        self._turn(int(now))
        return float(self._last)

    def _turn(self, second: int) -> None:
        if second != self._second:
            self._last = self._count if second == self._second + 1 else 0
            self._count = 0
            self._second = second
