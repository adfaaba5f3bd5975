"""Strokes: what a price does within one minute, drawn once as a library of short random walks.

A minute of a path is its level plus its volatility times one stroke of the library. Since the highest and lowest
point of every stroke, up to every sample, is known, a candle of years ago and the live price of this second come
from the same numbers at the price of one random integer a minute.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from openalgo_lab.model.times import NS_PER_MS
from openalgo_lab.sim.noise import normals

__all__ = ["SAMPLES", "SAMPLE_NS", "STROKES", "Strokes"]

SAMPLE_NS: Final = 250 * NS_PER_MS
"""The grid on which the simulated market moves."""
SAMPLES: Final = 240
"""Samples a minute."""
STROKES: Final = 1024
"""Size of the library: half of it drawn, half its mirror image, so that no drift hides in it."""

FloatArray = npt.NDArray[np.float64]


class Strokes:
    """The library of one seed. ``walk``, ``high``, ``low``: (STROKES, SAMPLES), the latter two so far; ``end``,
    ``top``, ``bottom``, ``first``: (STROKES,); ``activity``: how much trades in such a minute, mean 1.

    The standard deviation of ``end`` is 1. The mirror image of stroke i is STROKES - 1 - i.
    """

    def __init__(self, seed: int) -> None:
        half = STROKES // 2
        steps = normals(half * SAMPLES, seed, "strokes").reshape(half, SAMPLES)
        # Minutes are quiet or lively: fat tails within the day.
        liveliness = np.exp(0.35 * normals(half, seed, "liveliness"))
        drawn = np.cumsum(steps * liveliness[:, None], axis=1)
        drawn /= np.sqrt(np.mean(drawn[:, -1] ** 2))
        walk = np.concatenate((drawn, -drawn[::-1])).astype(np.float32)
        self.walk = walk
        self.high = np.maximum.accumulate(walk, axis=1)
        self.low = np.minimum.accumulate(walk, axis=1)
        self.first = walk[:, 0].astype(np.float64)
        self.end = walk[:, -1].astype(np.float64)
        self.top = self.high[:, -1].astype(np.float64)
        self.bottom = self.low[:, -1].astype(np.float64)
        activity = np.concatenate((liveliness, liveliness[::-1])) * (0.6 + 0.4 * np.abs(self.end))
        self.activity: FloatArray = np.asarray(activity / activity.mean(), dtype=np.float64)
