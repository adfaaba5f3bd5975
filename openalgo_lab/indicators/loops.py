"""The loops that indicators are made of, as machine code (Numba, cached on disk, compiled when first used).

All take float64 columns of one length and give new ones; values that are not known yet are NaN. NaN at the front of an
input moves the start to where it is known. Value i rests on inputs up to i only.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

__all__ = [
    "compiled_loop",
    "exponential",
    "first_known",
    "rolling_argmax",
    "rolling_argmin",
    "rolling_max",
    "rolling_mean",
    "rolling_min",
    "rolling_regression",
    "rolling_sum",
    "rolling_variance",
    "weighted_mean",
]

P = ParamSpec("P")
R = TypeVar("R")
FloatArray = npt.NDArray[np.float64]


def compiled_loop(function: Callable[P, R]) -> Callable[P, R]:
    """The function as machine code from its first call on."""

    @cache
    def made() -> Callable[P, R]:
        from numba import njit

        jitted: Callable[P, R] = njit(cache=True, nogil=True)(function)
        return jitted

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        return made()(*args, **kwargs)

    return call


def first_known(*columns: FloatArray) -> int:
    """The first row at which every column has a value; the columns' length when there is none."""
    known = np.ones(len(columns[0]), dtype=np.bool_)
    for column in columns:
        known &= ~np.isnan(column)
    return int(known.argmax()) if known.any() else len(known)


@compiled_loop
def rolling_sum(values: FloatArray, length: int, start: int) -> FloatArray:
    """Sum of the last ``length`` values, from row ``start`` + length - 1 on."""
    out = np.full(len(values), np.nan)
    total = 0.0
    for i in range(start, len(values)):
        total += values[i]
        if i - start >= length:
            total -= values[i - length]
        if i - start >= length - 1:
            out[i] = total
    return out


@compiled_loop
def rolling_mean(values: FloatArray, length: int, start: int) -> FloatArray:
    """Mean of the last ``length`` values."""
    out = np.full(len(values), np.nan)
    total = 0.0
    for i in range(start, min(start + length - 1, len(values))):
        total += values[i]
    for i in range(start + length - 1, len(values)):
        total += values[i]
        out[i] = total / length
        total -= values[i - length + 1]
    return out


@compiled_loop
def exponential(values: FloatArray, length: int, weight: float, start: int) -> FloatArray:
    """Recursive mean: new = old + ``weight`` × (value - old), begun with the mean of the first ``length`` values."""
    out = np.full(len(values), np.nan)
    if start + length > len(values):
        return out
    mean = 0.0
    for i in range(start, start + length):
        mean += values[i]
    mean /= length
    out[start + length - 1] = mean
    for i in range(start + length, len(values)):
        mean += weight * (values[i] - mean)
        out[i] = mean
    return out


@compiled_loop
def weighted_mean(values: FloatArray, length: int, start: int) -> FloatArray:
    """Mean with weights 1 … ``length``, the present value weighing most."""
    out = np.full(len(values), np.nan)
    whole = length * (length + 1) / 2
    for i in range(start + length - 1, len(values)):
        total = 0.0
        for k in range(length):
            total += values[i - length + 1 + k] * (k + 1)
        out[i] = total / whole
    return out


@compiled_loop
def rolling_variance(values: FloatArray, length: int, start: int, freedom: int) -> FloatArray:
    """Variance of the last ``length`` values with ``length`` - ``freedom`` as divisor; two passes, exact."""
    out = np.full(len(values), np.nan)
    for i in range(start + length - 1, len(values)):
        mean = 0.0
        for k in range(i - length + 1, i + 1):
            mean += values[k]
        mean /= length
        total = 0.0
        for k in range(i - length + 1, i + 1):
            total += (values[k] - mean) ** 2
        out[i] = total / (length - freedom)
    return out


@compiled_loop
def rolling_argmax(values: FloatArray, length: int, start: int) -> npt.NDArray[np.int64]:
    """Row of the highest of the last ``length`` values, the latest of equals; -1 where not known."""
    out = np.full(len(values), -1, dtype=np.int64)
    best = -1
    for i in range(start, len(values)):
        if best < start or best <= i - length:
            best = max(start, i - length + 1)
            for k in range(best + 1, i + 1):
                if values[k] >= values[best]:
                    best = k
        elif values[i] >= values[best]:
            best = i
        if i - start >= length - 1:
            out[i] = best
    return out


@compiled_loop
def rolling_argmin(values: FloatArray, length: int, start: int) -> npt.NDArray[np.int64]:
    """Row of the lowest of the last ``length`` values, the latest of equals; -1 where not known."""
    out = np.full(len(values), -1, dtype=np.int64)
    best = -1
    for i in range(start, len(values)):
        if best < start or best <= i - length:
            best = max(start, i - length + 1)
            for k in range(best + 1, i + 1):
                if values[k] <= values[best]:
                    best = k
        elif values[i] <= values[best]:
            best = i
        if i - start >= length - 1:
            out[i] = best
    return out


def rolling_max(values: FloatArray, length: int, start: int) -> FloatArray:
    """The highest of the last ``length`` values."""
    return _at(values, rolling_argmax(values, length, start))


def rolling_min(values: FloatArray, length: int, start: int) -> FloatArray:
    """The lowest of the last ``length`` values."""
    return _at(values, rolling_argmin(values, length, start))


@compiled_loop
def rolling_regression(values: FloatArray, length: int, start: int) -> tuple[FloatArray, FloatArray]:
    """(intercept at the oldest value, slope a bar) of the least-squares line through the last ``length`` values."""
    intercept, slope = np.full(len(values), np.nan), np.full(len(values), np.nan)
    mean_x = (length - 1) / 2
    spread = length * (length * length - 1) / 12
    for i in range(start + length - 1, len(values)):
        mean_y, cross = 0.0, 0.0
        for k in range(length):
            mean_y += values[i - length + 1 + k]
            cross += k * values[i - length + 1 + k]
        mean_y /= length
        slope[i] = (cross - length * mean_x * mean_y) / spread
        intercept[i] = mean_y - slope[i] * mean_x
    return intercept, slope


def _at(values: FloatArray, rows: npt.NDArray[np.int64]) -> FloatArray:
    return np.asarray(np.where(rows >= 0, values[rows], np.nan), dtype=np.float64)
