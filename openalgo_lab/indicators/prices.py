"""Prices made of a bar's four, and what a bar's range tells."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from openalgo_lab.indicators.checks import column, columns, whole_length
from openalgo_lab.indicators.loops import compiled_loop, first_known, rolling_max, rolling_min

__all__ = [
    "avgprice", "bop", "heikin_ashi", "highest", "lowest", "medprice", "midpoint", "midprice", "pivots", "trange",
    "typprice", "wclprice",
]  # fmt: skip

FloatArray = npt.NDArray[np.float64]
Values = npt.ArrayLike


def avgprice(first: Values, high: Values, low: Values, close: Values) -> FloatArray:
    """Mean of open, high, low and close."""
    o, h, lo, c = columns(first, high, low, close)
    return (o + h + lo + c) / 4


def medprice(high: Values, low: Values) -> FloatArray:
    """Middle of high and low."""
    h, lo = columns(high, low)
    return (h + lo) / 2


def typprice(high: Values, low: Values, close: Values) -> FloatArray:
    """Typical price: mean of high, low and close."""
    h, lo, c = columns(high, low, close)
    return (h + lo + c) / 3


def wclprice(high: Values, low: Values, close: Values) -> FloatArray:
    """Weighted close: the close counts twice."""
    h, lo, c = columns(high, low, close)
    return (h + lo + 2 * c) / 4


def bop(first: Values, high: Values, low: Values, close: Values) -> FloatArray:
    """Balance of power: (close - open) / (high - low); 0 for a bar without a range."""
    o, h, lo, c = columns(first, high, low, close)
    span = h - lo
    return np.divide(c - o, span, out=np.zeros(len(c)), where=span > 0)


def trange(high: Values, low: Values, close: Values) -> FloatArray:
    """True range (Wilder 1978): the bar's range, the gap from the close before included; NaN at the first bar."""
    h, lo, c = columns(high, low, close)
    before = np.concatenate(([np.nan], c[:-1]))
    return np.asarray(np.maximum(h, before) - np.minimum(lo, before), dtype=np.float64)


def highest(values: Values, length: int = 20) -> FloatArray:
    """The highest of the last ``length`` values."""
    data = column(values)
    return rolling_max(data, whole_length(length), first_known(data))


def lowest(values: Values, length: int = 20) -> FloatArray:
    """The lowest of the last ``length`` values."""
    data = column(values)
    return rolling_min(data, whole_length(length), first_known(data))


def midpoint(values: Values, length: int = 14) -> FloatArray:
    """Middle of the highest and the lowest value of the window."""
    return (highest(values, length) + lowest(values, length)) / 2


def midprice(high: Values, low: Values, length: int = 14) -> FloatArray:
    """Middle of the window's highest high and lowest low."""
    h, lo = columns(high, low)
    return (highest(h, length) + lowest(lo, length)) / 2


def heikin_ashi(
    first: Values, high: Values, low: Values, close: Values
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Heikin-Ashi open, high, low, close; the first bar opens in the middle of its own open and close."""
    o, h, lo, c = columns(first, high, low, close)
    mean = (o + h + lo + c) / 4
    opens = _heikin_opens(mean, (o[0] + c[0]) / 2 if len(o) else 0.0)
    return opens, np.maximum.reduce([h, opens, mean]), np.minimum.reduce([lo, opens, mean]), mean


@compiled_loop
def _heikin_opens(mean: FloatArray, first: float) -> FloatArray:
    out = np.empty(len(mean))
    before = first
    for i in range(len(mean)):
        if i > 0:
            before = (before + mean[i - 1]) / 2
        out[i] = before
    return out


def pivots(high: Values, low: Values, close: Values) -> dict[str, FloatArray]:
    """Floor traders' levels for the next bar (mostly a day), from the bar before: p, r1–r3, s1–s3."""
    h, lo, c = (np.concatenate(([np.nan], part[:-1])) for part in columns(high, low, close))
    p = (h + lo + c) / 3
    return {
        "p": p, "r1": 2 * p - lo, "r2": p + h - lo, "r3": h + 2 * (p - lo),
        "s1": 2 * p - h, "s2": p - h + lo, "s3": lo - 2 * (h - p),
    }  # fmt: skip
