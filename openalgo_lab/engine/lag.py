"""How late things are: a distribution of the last minute, and a sampler of the loop's own lateness."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from openalgo_lab.model.events import Latency

__all__ = ["LagSampler", "LatencyWindow"]

WINDOW_S = 60.0
SAMPLE_EVERY_S = 0.01


class LatencyWindow:
    """Durations of the last minute, in milliseconds."""

    def __init__(self, window_s: float = WINDOW_S, limit: int = 20_000) -> None:
        self._window_s = window_s
        self._samples: deque[tuple[float, float]] = deque(maxlen=limit)

    def add(self, ms: float) -> None:
        """Note one duration."""
        self._samples.append((time.monotonic(), ms))

    def summary(self) -> Latency:
        """Median and 99th percentile of what the window holds."""
        oldest = time.monotonic() - self._window_s
        # A copy in one go: whoever asks may be on another thread than whoever adds.
        values = sorted(ms for at, ms in tuple(self._samples) if at >= oldest)
        if not values:
            return Latency()
        last = len(values) - 1
        return Latency(p50_ms=values[last // 2], p99_ms=values[round(last * 0.99)], count=len(values))


class LagSampler:
    """Sleeps a little, again and again, and notes by how much too late the loop woke it."""

    def __init__(self, every_s: float = SAMPLE_EVERY_S) -> None:
        self._every_s = every_s
        self._window = LatencyWindow()
        self.beat = time.monotonic()
        """When the loop last ran; a caller on another thread can tell from it that the loop hangs."""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            due = time.perf_counter() + self._every_s
            await asyncio.sleep(self._every_s)
            self.beat = time.monotonic()
            self._window.add(max(time.perf_counter() - due, 0.0) * 1000)

    def summary(self) -> Latency:
        """The loop's lateness over the last minute."""
        return self._window.summary()
