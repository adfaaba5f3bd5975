"""One day's paths of all underlyings, arranged so that any moment and any running extreme is a lookup."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from openalgo_lab.sim.noise import IntArray
from openalgo_lab.sim.path import Minutes
from openalgo_lab.sim.sessions import BLOCK_MINUTES
from openalgo_lab.sim.strokes import SAMPLES, Strokes

__all__ = ["LAST_SAMPLE", "DayPath"]

LAST_SAMPLE: Final = SAMPLES - 1

FloatArray = npt.NDArray[np.float64]


class DayPath:
    """Paths by (path, minute) with what a quote needs of them.

    A block is :data:`BLOCK_MINUTES` minutes. Within one, volatility and time to expiry stand still, so that every
    derivative is a monotone function of its underlying there.
    """

    def __init__(self, minutes: Minutes, strokes: Strokes) -> None:
        self.minutes = minutes
        self._strokes = strokes
        self.traded = minutes.traded
        paths, count = minutes.level.shape
        self._worth = np.zeros_like(self.traded)
        np.cumsum(minutes.activity * 0.5 * (minutes.high + minutes.low), axis=1, out=self._worth[:, 1:])
        self.blocks = -(-count // BLOCK_MINUTES)
        padding = ((0, 0), (0, self.blocks * BLOCK_MINUTES - count))
        highs = np.pad(minutes.high, padding, constant_values=-np.inf).reshape(paths, self.blocks, BLOCK_MINUTES)
        lows = np.pad(minutes.low, padding, constant_values=np.inf).reshape(paths, self.blocks, BLOCK_MINUTES)
        self.block_high: FloatArray = highs.max(axis=2)
        self.block_low: FloatArray = lows.min(axis=2)
        self._high_before = _running(np.maximum, highs, -np.inf)
        self._low_before = _running(np.minimum, lows, np.inf)

    def spot(self, path: IntArray, minute: IntArray, sample: IntArray) -> FloatArray:
        """Prices at samples."""
        return self._at(self._strokes.walk, path, minute, sample)

    def range_in_block(self, path: IntArray, minute: IntArray, sample: IntArray) -> tuple[FloatArray, FloatArray]:
        """Highest and lowest price from the block's start to a sample, which counts."""
        high = np.maximum(self._high_before[path, minute], self._at(self._strokes.high, path, minute, sample))
        low = np.minimum(self._low_before[path, minute], self._at(self._strokes.low, path, minute, sample))
        return high, low

    def activity(self, path: IntArray, minute: IntArray, sample: IntArray) -> FloatArray:
        """Share of a usual day's trading done by a sample."""
        within = self.minutes.activity[path, minute] * ((sample + 1) / SAMPLES)
        return np.asarray(self.traded[path, minute] + within, dtype=np.float64)

    def average(self, path: IntArray, minute: IntArray, sample: IntArray) -> FloatArray:
        """Price weighted by activity from the day's beginning to a sample."""
        within = self.minutes.activity[path, minute] * ((sample + 1) / SAMPLES)
        worth = self._worth[path, minute] + within * self.spot(path, minute, sample)
        return np.asarray(worth / (self.traded[path, minute] + within), dtype=np.float64)

    def _at(self, library: npt.NDArray[np.float32], path: IntArray, minute: IntArray, sample: IntArray) -> FloatArray:
        m = self.minutes
        move = m.scale[path, minute] * library[m.stroke[path, minute], sample]
        return np.asarray(m.level[path, minute] * (1.0 + move), dtype=np.float64)


def _running(best: np.ufunc, values: FloatArray, start: float) -> FloatArray:
    """The extreme of the block's minutes before each minute; ``start`` at a block's first."""
    out = np.full_like(values, start)
    out[:, :, 1:] = best.accumulate(values, axis=2)[:, :, :-1]
    return out.reshape(values.shape[0], -1)
