"""Columns to compute with."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[np.float64]


@cache
def market(seed: int = 1, count: int = 1200) -> dict[str, Column]:
    """Open, high, low, close, volume of a random walk."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, count)))
    first = np.concatenate(([100.0], close[:-1])) * np.exp(rng.normal(0, 0.003, count))
    high = np.maximum(first, close) * np.exp(np.abs(rng.normal(0, 0.004, count)))
    low = np.minimum(first, close) * np.exp(-np.abs(rng.normal(0, 0.004, count)))
    volume = np.floor(rng.uniform(1000, 50_000, count))
    return {"open": first, "high": high, "low": low, "close": close, "volume": volume}
