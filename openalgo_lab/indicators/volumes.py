"""Volume: where money flows."""

from __future__ import annotations

# ruff: noqa: PLR0917 - prices come in the field's order, then the windows
import numpy as np
import numpy.typing as npt

from openalgo_lab.indicators.averages import ema, sma
from openalgo_lab.indicators.checks import columns, whole_length
from openalgo_lab.indicators.loops import compiled_loop, first_known, rolling_sum
from openalgo_lab.indicators.prices import typprice
from openalgo_lab.indicators.strength import ppo

__all__ = ["ad", "adosc", "cmf", "efi", "emv", "marketfi", "mfi", "nvi", "obv", "pvi", "pvo", "pvt", "rvol", "vwap"]

FloatArray = npt.NDArray[np.float64]
Values = npt.ArrayLike


def _flow(high: FloatArray, low: FloatArray, close: FloatArray, volume: FloatArray) -> FloatArray:
    """Volume times the close's place in the bar, -1 at the low to 1 at the high."""
    span = high - low
    return np.divide(2 * close - high - low, span, out=np.zeros(len(span)), where=span > 0) * volume


def obv(close: Values, volume: Values) -> FloatArray:
    """On-balance volume (Granville 1963), begun with the first bar's volume."""
    c, v = columns(close, volume)
    return np.cumsum(np.concatenate((v[:1], np.sign(np.diff(c)) * v[1:])))


def ad(high: Values, low: Values, close: Values, volume: Values) -> FloatArray:
    """Accumulation/distribution line (Chaikin)."""
    return np.cumsum(_flow(*columns(high, low, close, volume)))


def adosc(high: Values, low: Values, close: Values, volume: Values, fast: int = 3, slow: int = 10) -> FloatArray:
    """Chaikin's oscillator: fast less slow average of the line, both begun with its first value."""
    line = ad(high, low, close, volume)
    quick, calm = whole_length(fast), whole_length(slow)
    out = _from_first(line, 2 / (quick + 1)) - _from_first(line, 2 / (calm + 1))
    out[: max(quick, calm) - 1] = np.nan
    return out


@compiled_loop
def _from_first(values: FloatArray, weight: float) -> FloatArray:
    out = np.empty(len(values))
    mean = values[0] if len(values) > 0 else 0.0
    for i in range(len(values)):
        mean = weight * values[i] + (1 - weight) * mean
        out[i] = mean
    return out


def cmf(high: Values, low: Values, close: Values, volume: Values, length: int = 20) -> FloatArray:
    """Chaikin's money flow, -1–1; 0 where nothing was traded."""
    h, lo, c, v = columns(high, low, close, volume)
    size, start = whole_length(length), first_known(h, lo, c, v)
    traded = rolling_sum(v, size, start)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(
            np.where(traded == 0, 0.0, rolling_sum(_flow(h, lo, c, v), size, start) / traded) + traded * 0
        )


def mfi(high: Values, low: Values, close: Values, volume: Values, length: int = 14) -> FloatArray:
    """Money flow index, 0–100; 0 where less than a unit of money moved."""
    h, lo, c, v = columns(high, low, close, volume)
    price = typprice(h, lo, c)
    change = np.diff(price, prepend=np.nan)
    known = change * 0
    size = whole_length(length)
    money = price * v
    start = first_known(known)
    up = rolling_sum(np.where(change > 0, money, 0.0) + known, size, start)
    down = rolling_sum(np.where(change < 0, money, 0.0) + known, size, start)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(up + down < 1, 0.0, 100 * up / (up + down)) + up * 0, dtype=np.float64)


def efi(close: Values, volume: Values, length: int = 13) -> FloatArray:
    """Elder's force index: exponential average of change × volume."""
    c, v = columns(close, volume)
    return ema(np.diff(c, prepend=np.nan) * v, length)


def emv(high: Values, low: Values, volume: Values, length: int = 14) -> FloatArray:
    """Ease of movement (Arms): average of the middle's change × range / volume; 0 for bars without volume."""
    h, lo, v = columns(high, low, volume)
    moved = np.diff((h + lo) / 2, prepend=np.nan)
    return sma(np.divide(moved * (h - lo), v, out=moved * 0, where=v > 0), length)


def marketfi(high: Values, low: Values, volume: Values) -> FloatArray:
    """Market facilitation index (Williams): range a unit of volume; 0 without volume."""
    h, lo, v = columns(high, low, volume)
    return np.divide(h - lo, v, out=np.zeros(len(v)), where=v > 0)


def nvi(close: Values, volume: Values) -> FloatArray:
    """Negative volume index: grows with the price on bars of falling volume, begun with 1000."""
    return _index(close, volume, -1)


def pvi(close: Values, volume: Values) -> FloatArray:
    """Positive volume index: grows with the price on bars of rising volume, begun with 1000."""
    return _index(close, volume, 1)


def _index(close: Values, volume: Values, side: int) -> FloatArray:
    c, v = columns(close, volume)
    growth = np.where(np.sign(np.diff(v)) == side, c[1:] / c[:-1], 1.0)
    return 1000 * np.cumprod(np.concatenate((np.ones(min(len(c), 1)), growth)))


def pvt(close: Values, volume: Values) -> FloatArray:
    """Price volume trend: sum of volume × rate of change, begun with 0."""
    c, v = columns(close, volume)
    return np.cumsum(np.concatenate((np.zeros(min(len(c), 1)), np.diff(c) / c[:-1] * v[1:])))


def pvo(volume: Values, fast: int = 12, slow: int = 26) -> FloatArray:
    """Percentage volume oscillator."""
    return ppo(volume, fast, slow)


def rvol(volume: Values, length: int = 20) -> FloatArray:
    """Volume over the simple average of the ``length`` bars before."""
    (v,) = columns(volume)
    return v / np.concatenate(([np.nan], sma(v, length)[:-1]))


def vwap(high: Values, low: Values, close: Values, volume: Values, day: npt.ArrayLike | None = None) -> FloatArray:
    """Volume-weighted average of the typical price since the beginning, or since each day's first bar.

    ``day`` numbers the days (any values that change with them). NaN until something was traded.
    """
    h, lo, c, v = columns(high, low, close, volume)
    money = (h + lo + c) / 3 * v
    fresh = np.zeros(len(v), dtype=np.bool_)
    if day is not None:
        fresh[1:] = np.asarray(day)[1:] != np.asarray(day)[:-1]
    return _running_mean(money, v, fresh)


@compiled_loop
def _running_mean(money: FloatArray, volume: FloatArray, fresh: npt.NDArray[np.bool_]) -> FloatArray:
    out = np.full(len(money), np.nan)
    total, traded = 0.0, 0.0
    for i in range(len(money)):
        if fresh[i]:
            total, traded = 0.0, 0.0
        total += money[i]
        traded += volume[i]
        if traded > 0:
            out[i] = total / traded
    return out
