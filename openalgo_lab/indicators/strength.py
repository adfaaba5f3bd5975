"""How strong and how fast one price column moves. Per cent where the range is 0–100 or -100–100."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from openalgo_lab.indicators.averages import ema, rma, sma, wma
from openalgo_lab.indicators.checks import column, whole_length
from openalgo_lab.indicators.loops import compiled_loop, exponential, first_known, rolling_sum
from openalgo_lab.indicators.prices import highest, lowest

__all__ = [
    "apo", "cmo", "coppock", "dpo", "er", "macd", "mom", "percent_rank", "ppo", "roc", "rocp", "rsi", "rvi",
    "stochrsi", "trix", "tsi", "vhf",
]  # fmt: skip

FloatArray = npt.NDArray[np.float64]
Values = npt.ArrayLike


def _ratio(top: FloatArray, bottom: FloatArray, otherwise: float = 0.0) -> FloatArray:
    """top / bottom; ``otherwise`` where the bottom is 0, NaN where it is not known."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(bottom == 0, otherwise, top / bottom), dtype=np.float64)


def _ago(data: FloatArray, bars: int) -> FloatArray:
    return np.concatenate((np.full(min(bars, len(data)), np.nan), data[: max(len(data) - bars, 0)]))


def rsi(values: Values, length: int = 14) -> FloatArray:
    """Relative strength index (Wilder 1978), 0–100; 0 where nothing moves, as TA-Lib has it."""
    up, down = _moves(values, length)
    return 100 * _ratio(up, up + down)


def cmo(values: Values, length: int = 14) -> FloatArray:
    """Chande's momentum oscillator with Wilder's averages, as TA-Lib has it, -100–100."""
    up, down = _moves(values, length)
    return 100 * _ratio(up - down, up + down)


def _moves(values: Values, length: int) -> tuple[FloatArray, FloatArray]:
    change = np.diff(column(values), prepend=np.nan)
    return rma(np.maximum(change, 0.0), length), rma(np.maximum(-change, 0.0), length)


def mom(values: Values, length: int = 10) -> FloatArray:
    """Momentum: the change in ``length`` bars."""
    data = column(values)
    return data - _ago(data, whole_length(length))


def roc(values: Values, length: int = 10) -> FloatArray:
    """Rate of change in per cent."""
    return 100 * rocp(values, length)


def rocp(values: Values, length: int = 10) -> FloatArray:
    """Rate of change as a fraction."""
    data = column(values)
    return _ratio(data, _ago(data, whole_length(length)), 1.0) - 1


def apo(values: Values, fast: int = 12, slow: int = 26) -> FloatArray:
    """Absolute price oscillator: fast less slow exponential average."""
    return ema(values, fast) - ema(values, slow)


def ppo(values: Values, fast: int = 12, slow: int = 26) -> FloatArray:
    """The same in per cent of the slow average."""
    return 100 * _ratio(apo(values, fast, slow), ema(values, slow))


def macd(values: Values, fast: int = 12, slow: int = 26, signal: int = 9) -> tuple[FloatArray, FloatArray, FloatArray]:
    """MACD line, its signal line, their difference (Appel). Both averages begin with the slow one's first value."""
    data = column(values)
    quick, calm = whole_length(fast), whole_length(slow)
    start = first_known(data)
    line = exponential(data, quick, 2 / (quick + 1), start + max(calm - quick, 0)) - ema(data, calm)
    trigger = ema(line, signal)
    return line, trigger, line - trigger


def trix(values: Values, length: int = 30) -> FloatArray:
    """Rate of change in per cent, bar to bar, of a triple exponential average."""
    return roc(ema(ema(ema(values, length), length), length), 1)


def tsi(values: Values, first: int = 25, second: int = 13) -> FloatArray:
    """True strength index (Blau 1991): doubly smoothed change over doubly smoothed absolute change, per cent."""
    change = mom(values, 1)
    return 100 * _ratio(ema(ema(change, first), second), ema(ema(np.abs(change), first), second))


def er(values: Values, length: int = 10) -> FloatArray:
    """Kaufman's efficiency ratio, 0–1: how straight the way was."""
    data = column(values)
    steps = np.abs(np.diff(data, prepend=np.nan))
    return _ratio(np.abs(mom(data, length)), rolling_sum(steps, whole_length(length), first_known(steps)))


def vhf(values: Values, length: int = 28) -> FloatArray:
    """Vertical horizontal filter: the window's range over the way gone in it."""
    data = column(values)
    steps = np.abs(np.diff(data, prepend=np.nan))
    span = highest(data, length) - lowest(data, length)
    return _ratio(span, rolling_sum(steps, whole_length(length), first_known(steps)))


def dpo(values: Values, length: int = 20) -> FloatArray:
    """Detrended price: the value length/2 + 1 bars ago less the simple average now (nothing of the future)."""
    data = column(values)
    return _ago(data, whole_length(length) // 2 + 1) - sma(data, length)


def coppock(values: Values, length: int = 10, short: int = 11, long: int = 14) -> FloatArray:
    """Coppock's curve (1962): weighted average of two rates of change."""
    return wma(roc(values, short) + roc(values, long), length)


def stochrsi(values: Values, length: int = 14, k: int = 5, d: int = 3) -> tuple[FloatArray, FloatArray]:
    """Where the RSI lies in its own range (Chande, Kroll 1994), per cent, and its average."""
    strength = rsi(values, length)
    low = lowest(strength, k)
    place = 100 * _ratio(strength - low, highest(strength, k) - low)
    return place, sma(place, d)


def percent_rank(values: Values, length: int = 100) -> FloatArray:
    """Per cent of the ``length`` values before that lie at or below the present one."""
    data = column(values)
    return _ranks(data, whole_length(length), first_known(data))


@compiled_loop
def _ranks(values: FloatArray, length: int, start: int) -> FloatArray:
    out = np.full(len(values), np.nan)
    for i in range(start + length, len(values)):
        below = 0
        for k in range(i - length, i):
            if values[k] <= values[i]:
                below += 1
        out[i] = 100.0 * below / length
    return out


def rvi(values: Values, length: int = 14, deviation: int = 10) -> FloatArray:
    """Relative volatility index (Dorsey 1993): how much of the standard deviation falls on rising bars, 0–100."""
    from openalgo_lab.indicators.statistics import stddev

    data = column(values)
    spread, change = stddev(data, deviation), np.diff(data, prepend=np.nan)
    known = spread * 0
    up = rma(np.where(change > 0, spread, 0.0) + known, length)
    down = rma(np.where(change < 0, spread, 0.0) + known, length)
    return 100 * _ratio(up, up + down)
