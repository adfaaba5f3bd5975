"""Moving averages. ``length`` in bars; the first values, which are not known yet, are NaN."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from openalgo_lab.indicators.checks import column, whole_length
from openalgo_lab.indicators.loops import (
    compiled_loop,
    exponential,
    first_known,
    rolling_mean,
    rolling_sum,
    weighted_mean,
)

__all__ = [
    "dema",
    "ema",
    "hma",
    "kama",
    "rma",
    "sma",
    "t3",
    "tema",
    "trima",
    "vwma",
    "wma",
    "zlema",
]

FloatArray = npt.NDArray[np.float64]


def sma(values: npt.ArrayLike, length: int = 20) -> FloatArray:
    """Simple moving average."""
    data = column(values)
    return rolling_mean(data, whole_length(length), first_known(data))


def ema(values: npt.ArrayLike, length: int = 20) -> FloatArray:
    """Exponential moving average of weight 2 / (length + 1), begun with the simple one."""
    data = column(values)
    size = whole_length(length)
    return exponential(data, size, 2 / (size + 1), first_known(data))


def rma(values: npt.ArrayLike, length: int = 14) -> FloatArray:
    """Wilder's average: exponential of weight 1 / length, begun with the simple one."""
    data = column(values)
    size = whole_length(length)
    return exponential(data, size, 1 / size, first_known(data))


def wma(values: npt.ArrayLike, length: int = 20) -> FloatArray:
    """Linearly weighted average, the present value weighing most."""
    data = column(values)
    return weighted_mean(data, whole_length(length), first_known(data))


def dema(values: npt.ArrayLike, length: int = 20) -> FloatArray:
    """Double exponential average (Mulloy 1994): 2·EMA - EMA of EMA."""
    once = ema(values, length)
    return 2 * once - ema(once, length)


def tema(values: npt.ArrayLike, length: int = 20) -> FloatArray:
    """Triple exponential average (Mulloy 1994): 3·EMA - 3·EMA² + EMA³."""
    once = ema(values, length)
    twice = ema(once, length)
    return 3 * once - 3 * twice + ema(twice, length)


def t3(values: npt.ArrayLike, length: int = 5, volume_factor: float = 0.7) -> FloatArray:
    """Tillson's T3 (1998): six exponential averages combined by the volume factor."""
    stages = [ema(values, length)]
    for _ in range(5):
        stages.append(ema(stages[-1], length))
    v = volume_factor
    weights = (-(v**3), 3 * v**2 + 3 * v**3, -6 * v**2 - 3 * v - 3 * v**3, 1 + 3 * v + v**3 + 3 * v**2)
    return np.asarray(sum(w * stages[at] for w, at in zip(weights, (5, 4, 3, 2), strict=True)), dtype=np.float64)


def trima(values: npt.ArrayLike, length: int = 20) -> FloatArray:
    """Triangular average: the simple average of a simple average."""
    size = whole_length(length)
    half = size // 2 + 1
    return sma(sma(values, size + 1 - half), half)


def hma(values: npt.ArrayLike, length: int = 20) -> FloatArray:
    """Hull's average (2005): weighted average over √length of 2·WMA(length/2) - WMA(length)."""
    size = whole_length(length)
    return wma(2 * wma(values, max(size // 2, 1)) - wma(values, size), max(math.isqrt(size), 1))


def zlema(values: npt.ArrayLike, length: int = 20) -> FloatArray:
    """Exponential average with its lag taken out (Ehlers, Way 2010): of 2·value - value (length-1)/2 bars ago."""
    data = column(values)
    lag = (whole_length(length) - 1) // 2
    ahead = np.full(len(data), np.nan)
    ahead[lag:] = 2 * data[lag:] - data[: len(data) - lag]
    return ema(ahead, length)


def vwma(values: npt.ArrayLike, volume: npt.ArrayLike, length: int = 20) -> FloatArray:
    """Average weighted by volume; NaN where nothing was traded."""
    data, traded = column(values), column(volume)
    size, start = whole_length(length), first_known(data, traded)
    with np.errstate(divide="ignore", invalid="ignore"):
        return rolling_sum(data * traded, size, start) / rolling_sum(traded, size, start)


def kama(values: npt.ArrayLike, length: int = 30, fast: int = 2, slow: int = 30) -> FloatArray:
    """Kaufman's adaptive average (1998): its weight follows how straight the price moves."""
    data = column(values)
    return _kama(data, whole_length(length), 2 / (fast + 1), 2 / (slow + 1), first_known(data))


@compiled_loop
def _kama(values: FloatArray, length: int, fast: float, slow: float, start: int) -> FloatArray:
    out = np.full(len(values), np.nan)
    if start + length >= len(values):
        return out
    path = 0.0
    for i in range(start + 1, start + length + 1):
        path += abs(values[i] - values[i - 1])
    mean = values[start + length - 1]
    for i in range(start + length, len(values)):
        if i > start + length:
            path += abs(values[i] - values[i - 1]) - abs(values[i - length] - values[i - length - 1])
        move = abs(values[i] - values[i - length])
        straight = 1.0 if path <= move or path == 0.0 else move / path
        weight = (straight * (fast - slow) + slow) ** 2
        mean += weight * (values[i] - mean)
        out[i] = mean
    return out
