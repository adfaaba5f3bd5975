"""Statistics of a moving window: deviation, regression, correlation."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from openalgo_lab.indicators.averages import sma
from openalgo_lab.indicators.checks import column, columns, whole_length
from openalgo_lab.indicators.loops import compiled_loop, first_known, rolling_regression, rolling_variance

__all__ = [
    "avgdev", "beta", "correl", "fosc", "historical_volatility", "linearreg", "linearreg_angle",
    "linearreg_intercept", "linearreg_slope", "stddev", "tsf", "var", "zscore",
]  # fmt: skip

FloatArray = npt.NDArray[np.float64]
Values = npt.ArrayLike


def var(values: Values, length: int = 20, freedom: int = 0) -> FloatArray:
    """Variance of the window; ``freedom`` 1 for the sample's."""
    data = column(values)
    return rolling_variance(data, whole_length(length, freedom + 1), first_known(data), freedom)


def stddev(values: Values, length: int = 20, freedom: int = 0) -> FloatArray:
    """Standard deviation of the window."""
    return np.asarray(np.sqrt(var(values, length, freedom)), dtype=np.float64)


def zscore(values: Values, length: int = 20) -> FloatArray:
    """Standard deviations between the value and the window's mean; 0 where nothing moves."""
    data = column(values)
    spread = stddev(data, length)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(spread == 0, 0.0, (data - sma(data, length)) / spread), dtype=np.float64)


def historical_volatility(close: Values, length: int = 20, periods: float = 252.0) -> FloatArray:
    """Deviation of logarithmic returns (sample's), annualised by ``periods`` a year, per cent."""
    data = column(close)
    returns = np.diff(np.log(data), prepend=np.nan)
    return 100 * math.sqrt(periods) * stddev(returns, length, 1)


def avgdev(values: Values, length: int = 14) -> FloatArray:
    """Mean absolute deviation from the window's mean."""
    data = column(values)
    return _mean_deviation(data, whole_length(length), first_known(data))


@compiled_loop
def _mean_deviation(values: FloatArray, length: int, start: int) -> FloatArray:
    out = np.full(len(values), np.nan)
    for i in range(start + length - 1, len(values)):
        mean = 0.0
        for k in range(i - length + 1, i + 1):
            mean += values[k]
        mean /= length
        total = 0.0
        for k in range(i - length + 1, i + 1):
            total += abs(values[k] - mean)
        out[i] = total / length
    return out


def _line(values: Values, length: int) -> tuple[FloatArray, FloatArray]:
    data = column(values)
    return rolling_regression(data, whole_length(length, 2), first_known(data))


def linearreg(values: Values, length: int = 14) -> FloatArray:
    """Least-squares line through the window, at the present bar."""
    start, slope = _line(values, length)
    return start + slope * (length - 1)


def linearreg_slope(values: Values, length: int = 14) -> FloatArray:
    """Its slope a bar."""
    return _line(values, length)[1]


def linearreg_intercept(values: Values, length: int = 14) -> FloatArray:
    """Its value at the window's oldest bar."""
    return _line(values, length)[0]


def linearreg_angle(values: Values, length: int = 14) -> FloatArray:
    """Its slope as an angle in degrees."""
    return np.asarray(np.degrees(np.arctan(_line(values, length)[1])), dtype=np.float64)


def tsf(values: Values, length: int = 14) -> FloatArray:
    """Time series forecast: the line one bar ahead."""
    start, slope = _line(values, length)
    return start + slope * length


def fosc(values: Values, length: int = 14) -> FloatArray:
    """Forecast oscillator: per cent between the value and what the bar before forecast for it."""
    data = column(values)
    forecast = np.concatenate(([np.nan], tsf(data, length)[:-1]))
    return 100 * (data - forecast) / data


def correl(left: Values, right: Values, length: int = 30) -> FloatArray:
    """Pearson's correlation of two columns in the window; 0 where one does not move."""
    a, b = columns(left, right)
    return _moments(a, b, whole_length(length, 2), first_known(a, b))[0]


def beta(values: Values, market: Values, length: int = 5) -> FloatArray:
    """Slope of the returns of ``values`` on those of ``market``, over ``length`` returns."""
    a, m = columns(values, market)
    returns = [np.concatenate(([np.nan], part[1:] / part[:-1] - 1)) for part in (m, a)]
    return _moments(returns[0], returns[1], whole_length(length, 2), first_known(*returns))[1]


@compiled_loop
def _moments(x: FloatArray, y: FloatArray, length: int, start: int) -> tuple[FloatArray, FloatArray]:
    """(correlation, slope of y on x)."""
    correlation, slope = np.full(len(x), np.nan), np.full(len(x), np.nan)
    for i in range(start + length - 1, len(x)):
        mean_x, mean_y = 0.0, 0.0
        for k in range(i - length + 1, i + 1):
            mean_x += x[k]
            mean_y += y[k]
        mean_x /= length
        mean_y /= length
        xx, yy, xy = 0.0, 0.0, 0.0
        for k in range(i - length + 1, i + 1):
            dx, dy = x[k] - mean_x, y[k] - mean_y
            xx += dx * dx
            yy += dy * dy
            xy += dx * dy
        correlation[i] = xy / np.sqrt(xx * yy) if xx * yy > 0 else 0.0
        slope[i] = xy / xx if xx > 0 else 0.0
    return correlation, slope
