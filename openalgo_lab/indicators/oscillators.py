"""Oscillators of a bar's range: where the close lies, and how momentum turns."""

from __future__ import annotations

# ruff: noqa: PLR0917 - prices come in the field's order, then the windows
import numpy as np
import numpy.typing as npt

from openalgo_lab.indicators.averages import ema, rma, sma
from openalgo_lab.indicators.checks import columns, whole_length
from openalgo_lab.indicators.loops import first_known, rolling_sum
from openalgo_lab.indicators.prices import highest, lowest, medprice, typprice
from openalgo_lab.indicators.statistics import avgdev

__all__ = ["ac", "ao", "cci", "eri", "imi", "kdj", "qstick", "stoch", "stochf", "ultosc", "willr"]

FloatArray = npt.NDArray[np.float64]
Values = npt.ArrayLike


def _part(top: FloatArray, bottom: FloatArray, otherwise: float = 0.0) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(bottom == 0, otherwise, top / bottom) + bottom * 0, dtype=np.float64)


def _place(high: Values, low: Values, close: Values, length: int) -> FloatArray:
    """Per cent of the window's range at which the close lies; 0 where there is no range."""
    h, lo, c = columns(high, low, close)
    bottom = lowest(lo, length)
    return 100 * _part(c - bottom, highest(h, length) - bottom)


def stochf(high: Values, low: Values, close: Values, k: int = 5, d: int = 3) -> tuple[FloatArray, FloatArray]:
    """Fast stochastic %K and %D (Lane)."""
    place = _place(high, low, close, k)
    return place, sma(place, d)


def stoch(
    high: Values, low: Values, close: Values, k: int = 5, slow: int = 3, d: int = 3
) -> tuple[FloatArray, FloatArray]:
    """Slow stochastic: %K averaged over ``slow``, and its average over ``d``."""
    calm = sma(_place(high, low, close, k), slow)
    return calm, sma(calm, d)


def kdj(
    high: Values, low: Values, close: Values, length: int = 9, k: int = 3, d: int = 3
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """K, D by Wilder's averages, and J = 3K - 2D."""
    quick = rma(_place(high, low, close, length), k)
    calm = rma(quick, d)
    return quick, calm, 3 * quick - 2 * calm


def willr(high: Values, low: Values, close: Values, length: int = 14) -> FloatArray:
    """Williams's %R, -100–0; 0 where there is no range."""
    h, lo, c = columns(high, low, close)
    top = highest(h, length)
    return -100 * _part(top - c, top - lowest(lo, length))


def cci(high: Values, low: Values, close: Values, length: int = 14) -> FloatArray:
    """Commodity channel index (Lambert 1980); 0 where nothing moves."""
    price = typprice(high, low, close)
    return _part(price - sma(price, length), 0.015 * avgdev(price, length))


def ultosc(high: Values, low: Values, close: Values, short: int = 7, middle: int = 14, long: int = 28) -> FloatArray:
    """Ultimate oscillator (Williams 1976), 0–100: three windows weighted 4, 2 and 1."""
    h, lo, c = columns(high, low, close)
    before = np.concatenate(([np.nan], c[:-1]))
    floor = np.minimum(lo, before)
    pressure, reach = c - floor, np.maximum(h, before) - floor

    def part(length: int) -> FloatArray:
        size, start = whole_length(length), first_known(reach)
        return _part(rolling_sum(pressure, size, start), rolling_sum(reach, size, start))

    return 100 * (4 * part(short) + 2 * part(middle) + part(long)) / 7


def ao(high: Values, low: Values, fast: int = 5, slow: int = 34) -> FloatArray:
    """Williams's awesome oscillator: simple averages of the bars' middles, fast less slow."""
    middle = medprice(high, low)
    return sma(middle, fast) - sma(middle, slow)


def ac(high: Values, low: Values, fast: int = 5, slow: int = 34, signal: int = 5) -> FloatArray:
    """Williams's accelerator: the awesome oscillator less its own average."""
    line = ao(high, low, fast, slow)
    return line - sma(line, signal)


def qstick(first: Values, close: Values, length: int = 10) -> FloatArray:
    """Chande's Qstick: average of close less open."""
    o, c = columns(first, close)
    return sma(c - o, length)


def imi(first: Values, close: Values, length: int = 14) -> FloatArray:
    """Intraday momentum index (Chande), 0–100: gains of rising bars in all bars' way."""
    o, c = columns(first, close)
    size, start = whole_length(length), first_known(o, c)
    gains, losses = rolling_sum(np.maximum(c - o, 0.0), size, start), rolling_sum(np.maximum(o - c, 0.0), size, start)
    return 100 * _part(gains, gains + losses)


def eri(high: Values, low: Values, close: Values, length: int = 13) -> tuple[FloatArray, FloatArray]:
    """Elder-ray: bull power (high) and bear power (low) against the exponential average."""
    h, lo, c = columns(high, low, close)
    mean = ema(c, length)
    return h - mean, lo - mean
