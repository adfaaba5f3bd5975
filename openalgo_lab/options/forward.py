"""The forward of an expiry and where it comes from. A forward is never shown without its source."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from openalgo_lab.options.chain import synthetic_forwards

__all__ = ["Forward", "ForwardSource", "choose_forward", "parity_forward"]

FloatArray = npt.NDArray[np.float64]

_NEAREST: Final = 5


class ForwardSource(StrEnum):
    """Where a forward comes from."""

    FUTURE = "future"
    PARITY = "put–call parity"
    CARRY = "spot with carry"
    SPOT = "spot"
    GIVEN = "given"
    NONE = "not known"


class Forward(msgspec.Struct, frozen=True):
    """Rupees (NaN: not known), its source, and one clause that says how it was formed."""

    value: float
    source: ForwardSource
    detail: str


def choose_forward(
    strikes: FloatArray,
    calls: FloatArray,
    puts: FloatArray,
    *,
    spot: float,
    future: float,
    future_is_liquid: bool,
    years: float,
    rate: float = 0.0,
    carry: float = 0.0,
    spreads: FloatArray | None = None,
) -> Forward:
    """The future of this expiry when it is liquid, else parity of the strikes near the money, else spot with carry.

    ``calls`` and ``puts`` are the prices by strike; ``spreads``, if known, the width of both books together.
    """
    if future_is_liquid and future > 0:
        return Forward(future, ForwardSource.FUTURE, "future of this expiry")
    found, used = parity_forward(strikes, calls, puts, near=spot, years=years, rate=rate, spreads=spreads)
    if math.isfinite(found):
        return Forward(found, ForwardSource.PARITY, f"median of {used} strikes at the money")
    if math.isfinite(spot) and spot > 0:
        grown = spot * math.exp((rate - carry) * max(years, 0.0))
        if grown != spot:
            return Forward(grown, ForwardSource.CARRY, f"{100 * (rate - carry):g} % a year")
        return Forward(spot, ForwardSource.SPOT, "no pair of prices, no rate")
    return Forward(math.nan, ForwardSource.NONE, "no price of the underlying yet")


def parity_forward(
    strikes: FloatArray,
    calls: FloatArray,
    puts: FloatArray,
    *,
    near: float = math.nan,
    years: float = 0.0,
    rate: float = 0.0,
    spreads: FloatArray | None = None,
    count: int = _NEAREST,
) -> tuple[float, int]:
    """Median of K + e^(rT) (call - put) over the ``count`` strikes nearest to ``near``, and how many there were.

    Without ``near`` the money is where call and put cost most nearly the same. With ``spreads`` the median is weighted
    by 1 / spread, so that a strike with a wide book has less to say. NaN and 0 without any pair of prices.
    """
    forwards = synthetic_forwards(strikes, calls, puts, years=years, rate=rate)
    known = np.flatnonzero(~np.isnan(forwards))
    if not len(known):
        return math.nan, 0
    if not math.isfinite(near):
        near = float(strikes[known[np.argmin(np.abs(calls[known] - puts[known]))]])
    chosen = known[np.argsort(np.abs(strikes[known] - near), kind="stable")[:count]]
    weights = np.ones(len(chosen))
    if spreads is not None and np.isfinite(spreads[chosen]).all() and (spreads[chosen] > 0).all():
        weights = 1.0 / spreads[chosen]
    return _weighted_median(forwards[chosen], weights), len(chosen)


def _weighted_median(values: FloatArray, weights: FloatArray) -> float:
    """The middle by weight; between two values where it falls between them."""
    order = np.argsort(values)
    values, reached = values[order], np.cumsum(weights[order])
    half = reached[-1] / 2.0
    at = int(np.searchsorted(reached, half * (1 - 1e-12)))
    if at + 1 < len(values) and abs(reached[at] - half) <= 1e-12 * half:
        return float(values[at] + values[at + 1]) / 2.0
    return float(values[at])
