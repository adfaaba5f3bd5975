"""Direction: Wilder's movement system, Aroon, Vortex, Ichimoku, Alligator."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from openalgo_lab.indicators.averages import rma
from openalgo_lab.indicators.checks import columns, whole_length
from openalgo_lab.indicators.loops import compiled_loop, first_known, rolling_argmax, rolling_argmin, rolling_sum
from openalgo_lab.indicators.prices import medprice, midprice, trange

__all__ = [
    "adx", "adxr", "alligator", "aroon", "aroonosc", "dx", "ichimoku", "minus_di", "minus_dm", "plus_di", "plus_dm",
    "vortex",
]  # fmt: skip

FloatArray = npt.NDArray[np.float64]
Values = npt.ArrayLike


def _steps(high: FloatArray, low: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Movement up and down from bar to bar; at most one of them is not 0."""
    up, down = np.diff(high, prepend=np.nan), -np.diff(low, prepend=np.nan)
    known = up * 0
    return (
        np.where((up > down) & (up > 0), up, 0.0) + known,
        np.where((down > up) & (down > 0), down, 0.0) + known,
    )


@compiled_loop
def _wilder_sum(values: FloatArray, length: int, start: int) -> FloatArray:
    """Wilder's running sum: old - old / length + new, begun with the plain sum of length - 1 values."""
    out = np.full(len(values), np.nan)
    total = 0.0
    for i in range(start, len(values)):
        if i - start < length - 1:
            total += values[i]
            if i - start == length - 2:
                out[i] = total
        else:
            total += values[i] - total / length
            out[i] = total
    return out


def _summed(values: FloatArray, length: int) -> FloatArray:
    size = whole_length(length, 2)
    return _wilder_sum(values, size, first_known(values))


def plus_dm(high: Values, low: Values, length: int = 14) -> FloatArray:
    """Wilder's sum of upward movement."""
    return _summed(_steps(*columns(high, low))[0], length)


def minus_dm(high: Values, low: Values, length: int = 14) -> FloatArray:
    """Wilder's sum of downward movement."""
    return _summed(_steps(*columns(high, low))[1], length)


def _di(high: Values, low: Values, close: Values, length: int) -> tuple[FloatArray, FloatArray]:
    h, lo, c = columns(high, low, close)
    reach = _summed(trange(h, lo, c), length)
    reach[:length] = np.nan  # the first sum is one step short; Wilder's system begins with the next
    with np.errstate(divide="ignore", invalid="ignore"):
        sides = [100 * np.where(reach == 0, 0.0, _summed(side, length) / reach) + reach * 0 for side in _steps(h, lo)]
    return sides[0], sides[1]


def plus_di(high: Values, low: Values, close: Values, length: int = 14) -> FloatArray:
    """Upward movement in per cent of the true range."""
    return _di(high, low, close, length)[0]


def minus_di(high: Values, low: Values, close: Values, length: int = 14) -> FloatArray:
    """Downward movement in per cent of the true range."""
    return _di(high, low, close, length)[1]


def dx(high: Values, low: Values, close: Values, length: int = 14) -> FloatArray:
    """Directional index: the sides' difference over their sum, per cent; 0 where nothing moves."""
    up, down = _di(high, low, close, length)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(100 * np.where(up + down == 0, 0.0, np.abs(up - down) / (up + down)) + up * 0)


def adx(high: Values, low: Values, close: Values, length: int = 14) -> FloatArray:
    """Average directional index (Wilder 1978)."""
    return rma(dx(high, low, close, length), length)


def adxr(high: Values, low: Values, close: Values, length: int = 14) -> FloatArray:
    """Mean of the index now and ``length`` - 1 bars ago."""
    now = adx(high, low, close, length)
    before: FloatArray = np.full(len(now), np.nan)
    before[length - 1 :] = now[: max(len(now) - length + 1, 0)]
    return (now + before) / 2


def aroon(high: Values, low: Values, length: int = 14) -> tuple[FloatArray, FloatArray]:
    """(down, up): how fresh the lowest low and the highest high of ``length`` + 1 bars are, 100 is now."""
    h, lo = columns(high, low)
    size, start = whole_length(length), first_known(h, lo)
    rows = np.arange(len(h))
    down, up = (
        np.where(at >= 0, 100 * (size - (rows - at)) / size, np.nan)
        for at in (rolling_argmin(lo, size + 1, start), rolling_argmax(h, size + 1, start))
    )
    return down, up


def aroonosc(high: Values, low: Values, length: int = 14) -> FloatArray:
    """Aroon up less down."""
    down, up = aroon(high, low, length)
    return up - down


def vortex(high: Values, low: Values, close: Values, length: int = 14) -> tuple[FloatArray, FloatArray]:
    """(plus, minus): sums of |high - low before| and |low - high before| over the sum of true ranges."""
    h, lo, c = columns(high, low, close)
    size = whole_length(length)
    reach = trange(h, lo, c)
    rises = np.concatenate(([np.nan], np.abs(h[1:] - lo[:-1])))
    falls = np.concatenate(([np.nan], np.abs(lo[1:] - h[:-1])))
    total = rolling_sum(reach, size, first_known(reach))
    return rolling_sum(rises, size, first_known(rises)) / total, rolling_sum(falls, size, first_known(falls)) / total


def ichimoku(
    high: Values, low: Values, tenkan: int = 9, kijun: int = 26, senkou: int = 52
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Tenkan, kijun, and the spans A and B as they stand over the present bar (drawn ``kijun`` bars ahead).

    The lagging span is the close itself, drawn back; it tells nothing that is not known now, so it is not given.
    """
    fast, slow = midprice(high, low, tenkan), midprice(high, low, kijun)
    ahead = [
        np.concatenate((np.full(kijun, np.nan), span[: max(len(span) - kijun, 0)]))[: len(span)]
        for span in ((fast + slow) / 2, midprice(high, low, senkou))
    ]
    return fast, slow, ahead[0], ahead[1]


def alligator(high: Values, low: Values) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Williams's jaw (13, 8 bars ahead), teeth (8, 5 ahead) and lips (5, 3 ahead): Wilder's averages of the middle."""
    middle = medprice(high, low)

    def ahead(length: int, bars: int) -> FloatArray:
        mean = rma(middle, length)
        return np.concatenate((np.full(bars, np.nan), mean[: max(len(mean) - bars, 0)]))[: len(mean)]

    return ahead(13, 8), ahead(8, 5), ahead(5, 3)
