"""Volatility and bands: how far prices reach, and where they turn."""

from __future__ import annotations

# ruff: noqa: PLR0917 - prices come in the field's order, then the windows
import numpy as np
import numpy.typing as npt

from openalgo_lab.indicators.averages import ema, rma, sma
from openalgo_lab.indicators.checks import column, columns, whole_length
from openalgo_lab.indicators.loops import compiled_loop, first_known, rolling_sum
from openalgo_lab.indicators.prices import highest, lowest, trange, typprice
from openalgo_lab.indicators.statistics import stddev

__all__ = [
    "accbands", "adr", "atr", "bband_percent", "bband_width", "bbands", "chandelier", "choppiness", "cvi", "donchian",
    "keltner", "massi", "natr", "sar", "supertrend", "ulcer",
]  # fmt: skip

FloatArray = npt.NDArray[np.float64]
Values = npt.ArrayLike
Bands = tuple[FloatArray, FloatArray, FloatArray]


def atr(high: Values, low: Values, close: Values, length: int = 14) -> FloatArray:
    """Average true range (Wilder 1978)."""
    return rma(trange(high, low, close), length)


def natr(high: Values, low: Values, close: Values, length: int = 14) -> FloatArray:
    """Average true range in per cent of the close."""
    return 100 * atr(high, low, close, length) / column(close)


def adr(high: Values, low: Values, length: int = 14) -> FloatArray:
    """Average range: simple mean of high - low."""
    h, lo = columns(high, low)
    return sma(h - lo, length)


def bbands(values: Values, length: int = 20, width: float = 2.0) -> Bands:
    """Bollinger's upper, middle and lower band: the average ± ``width`` deviations."""
    middle, reach = sma(values, length), width * stddev(values, length)
    return middle + reach, middle, middle - reach


def bband_width(values: Values, length: int = 20, width: float = 2.0) -> FloatArray:
    """Distance of the bands in per cent of the middle one."""
    upper, middle, lower = bbands(values, length, width)
    return 100 * (upper - lower) / middle


def bband_percent(values: Values, length: int = 20, width: float = 2.0) -> FloatArray:
    """Where the value lies between the bands: 0 at the lower, 1 at the upper; ½ where they are one."""
    upper, _, lower = bbands(values, length, width)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(upper == lower, 0.5, (column(values) - lower) / (upper - lower)), dtype=np.float64)


def donchian(high: Values, low: Values, length: int = 20) -> Bands:
    """Highest high, middle, lowest low of the window."""
    upper, lower = highest(high, length), lowest(low, length)
    return upper, (upper + lower) / 2, lower


def keltner(
    high: Values, low: Values, close: Values, length: int = 20, atr_length: int = 10, width: float = 2.0
) -> Bands:
    """Keltner's channel: exponential average of the typical price ± ``width`` average true ranges."""
    middle, span = ema(typprice(high, low, close), length), trange(high, low, close)
    span[: max(whole_length(length) - whole_length(atr_length), 0)] = np.nan  # both averages are known from one bar on
    reach = width * rma(span, atr_length)
    return middle + reach, middle, middle - reach


def accbands(high: Values, low: Values, close: Values, length: int = 20) -> Bands:
    """Acceleration bands (Headley): averages of high and low widened by the bar's own range."""
    h, lo, c = columns(high, low, close)
    total = h + lo
    part = np.divide(4 * (h - lo), total, out=np.zeros(len(h)), where=total != 0)
    return sma(h * (1 + part), length), sma(c, length), sma(lo * (1 - part), length)


def cvi(high: Values, low: Values, length: int = 10, change: int = 10) -> FloatArray:
    """Chaikin's volatility: rate of change, per cent, of the averaged range."""
    h, lo = columns(high, low)
    mean = ema(h - lo, length)
    before: FloatArray = np.concatenate(
        (np.full(min(whole_length(change), len(h)), np.nan), mean[: max(len(h) - change, 0)])
    )
    return 100 * (mean / before - 1)


def massi(high: Values, low: Values, length: int = 9, window: int = 25) -> FloatArray:
    """Mass index (Dorsey 1992): sum of the averaged range over its own average."""
    h, lo = columns(high, low)
    once = ema(h - lo, length)
    part = once / ema(once, length)
    return rolling_sum(part, whole_length(window), first_known(part))


def ulcer(close: Values, length: int = 14) -> FloatArray:
    """Ulcer index (Martin 1987): root mean square of the drawdown, per cent, from the window's high."""
    data = column(close)
    below = 100 * (data / highest(data, length) - 1)
    return np.asarray(np.sqrt(sma(below**2, length)), dtype=np.float64)


def choppiness(high: Values, low: Values, close: Values, length: int = 14) -> FloatArray:
    """Choppiness index (Dreiss 1993), 0–100: high when the market goes nowhere."""
    span = trange(high, low, close)
    way = rolling_sum(span, whole_length(length, 2), first_known(span))
    return np.asarray(
        100 * np.log10(way / (highest(high, length) - lowest(low, length))) / np.log10(length), dtype=np.float64
    )


def chandelier(
    high: Values, low: Values, close: Values, length: int = 22, width: float = 3.0
) -> tuple[FloatArray, FloatArray]:
    """Chandelier exits (Le Beau) for longs and shorts: the extreme less or plus ``width`` average true ranges."""
    reach = width * atr(high, low, close, length)
    return highest(high, length) - reach, lowest(low, length) + reach


def supertrend(
    high: Values, low: Values, close: Values, length: int = 10, width: float = 3.0
) -> tuple[FloatArray, FloatArray]:
    """Supertrend line and its direction, 1 up or -1 down; the line stands below prices in an uptrend."""
    h, lo, c = columns(high, low, close)
    reach = width * atr(h, lo, c, length)
    return _supertrend((h + lo) / 2, reach, c, first_known(reach))


@compiled_loop
def _supertrend(middle: FloatArray, reach: FloatArray, close: FloatArray, start: int) -> tuple[FloatArray, FloatArray]:
    line, trend = np.full(len(close), np.nan), np.full(len(close), np.nan)
    upper, lower, way = 0.0, 0.0, 1.0
    for i in range(start, len(close)):
        top, bottom = middle[i] + reach[i], middle[i] - reach[i]
        if i == start:
            upper, lower = top, bottom
            way = 1.0 if close[i] >= lower else -1.0
        else:
            before = close[i - 1]
            upper_now = top if top < upper or before > upper else upper
            lower_now = bottom if bottom > lower or before < lower else lower
            if way < 0 and close[i] > upper_now:
                way = 1.0
            elif way > 0 and close[i] < lower_now:
                way = -1.0
            upper, lower = upper_now, lower_now
        line[i] = lower if way > 0 else upper
        trend[i] = way
    return line, trend


def sar(high: Values, low: Values, step: float = 0.02, most: float = 0.2) -> FloatArray:
    """Parabolic stop and reverse (Wilder 1978); the first direction is that of the second bar's movement."""
    h, lo = columns(high, low)
    return _sar(h, lo, step, most)


@compiled_loop
def _sar(high: FloatArray, low: FloatArray, step: float, most: float) -> FloatArray:
    out = np.full(len(high), np.nan)
    if len(high) < 2:
        return out
    step = min(step, most)
    fall, rise = low[0] - low[1], high[1] - high[0]
    is_long = not (fall > 0 and fall > rise)
    factor = step
    best = high[1] if is_long else low[1]
    level = low[0] if is_long else high[0]
    for i in range(1, len(high)):
        # The level may not lie within the last two bars; the second bar stands for the one before it.
        last = i - 1 if i > 1 else 1
        if is_long:
            if low[i] <= level:
                is_long = False
                level = max(best, high[last], high[i])
                out[i] = level
                factor, best = step, low[i]
                level = max(level + factor * (best - level), high[last], high[i])
            else:
                out[i] = level
                if high[i] > best:
                    best, factor = high[i], min(factor + step, most)
                level = min(level + factor * (best - level), low[last], low[i])
        elif high[i] >= level:
            is_long = True
            level = min(best, low[last], low[i])
            out[i] = level
            factor, best = step, high[i]
            level = min(level + factor * (best - level), low[last], low[i])
        else:
            out[i] = level
            if low[i] < best:
                best, factor = low[i], min(factor + step, most)
            level = max(level + factor * (best - level), high[last], high[i])
    return out
