"""What a strategy can win and lose: break-evens, extremes, the probability of profit."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from openalgo_lab.options.legs import LegSheet
from openalgo_lab.options.normal import normal_cdf

__all__ = ["Outcome", "break_evens", "outcome", "probability_above_zero"]

FloatArray = npt.NDArray[np.float64]

_POINTS: Final = 801
_FAR: Final = 4.0  # times the spot: beyond it every payoff of options is a straight line
_HALVINGS: Final = 34
_FLAT: Final = 1e-6  # units: a slope that is only rounding


class Outcome(msgspec.Struct, frozen=True):
    """At the first expiry, rupees; ``inf`` and ``-inf`` mean without limit. Probabilities as fractions.

    ``break_evens``: levels of the underlying at which nothing is won or lost, ascending. ``expected``: the mean of the
    profit under the same distribution as the ``probability`` (lognormal round the forward at the given volatility).
    """

    max_profit: float
    max_loss: float
    break_evens: tuple[float, ...]
    probability: float
    expected: float

    @property
    def reward_to_risk(self) -> float:
        """Most to be won over most to be lost; NaN where either has no limit."""
        finite = math.isfinite(self.max_profit) and math.isfinite(self.max_loss) and self.max_loss < 0
        return self.max_profit / -self.max_loss if finite else math.nan


def outcome(sheet: LegSheet, spot: float, *, forward: float, volatility: float) -> Outcome:
    """All of it; ``forward`` and ``volatility`` (fraction) are those of the first expiry."""
    levels = _levels(sheet, spot)
    profit = sheet.at_expiry(levels)
    slope = float(profit[-1] - profit[-2]) / float(levels[-1] - levels[-2])
    roots = break_evens(sheet, levels, profit)
    most, least = float(profit.max()), float(profit.min())
    return Outcome(
        max_profit=math.inf if slope > _FLAT else most,
        max_loss=-math.inf if slope < -_FLAT else least,
        break_evens=roots,
        probability=probability_above_zero(sheet, roots, forward, volatility, sheet.nearest_years),
        expected=_expected(sheet, forward, volatility),
    )


def break_evens(sheet: LegSheet, levels: FloatArray, profit: FloatArray) -> tuple[float, ...]:
    """Where the profit at expiry changes its sign between ``levels``, to a paisa."""
    signs = np.sign(np.where(np.abs(profit) < 1e-9, 0.0, profit))
    at = np.flatnonzero(signs[:-1] * signs[1:] < 0)
    touching = np.flatnonzero((signs[1:-1] == 0) & (signs[:-2] * signs[2:] < 0)) + 1
    low, high, rises = levels[at], levels[at + 1], profit[at + 1] > 0
    crossing = low - profit[at] * (high - low) / (profit[at + 1] - profit[at])
    if len(crossing) and not sheet.one_expiry:  # a curve: the straight line between two levels is a first guess only
        for _ in range(_HALVINGS):
            above = (sheet.at_expiry(crossing) > 0) == rises
            low, high = np.where(above, low, crossing), np.where(above, crossing, high)
            crossing = (low + high) / 2.0
    found = np.concatenate((crossing, levels[touching]))
    return tuple(round(float(level), 4) for level in np.sort(found))


def probability_above_zero(
    sheet: LegSheet, roots: tuple[float, ...], forward: float, volatility: float, years: float
) -> float:
    """Mass of a lognormal round ``forward`` where the profit at expiry is above 0; NaN if unknown."""
    total = volatility * math.sqrt(max(years, 0.0))
    if not (forward > 0 and math.isfinite(total)):
        return math.nan
    if total == 0:
        return float(sheet.at_expiry(forward) > 0)
    edges = np.array([0.0, *roots, math.inf])
    inside = np.array([_between(low, high) for low, high in pairwise(edges.tolist())])
    with np.errstate(divide="ignore"):
        reached = normal_cdf(np.log(edges / forward) / total + 0.5 * total)
    return float(np.diff(reached)[sheet.at_expiry(inside) > 0].sum())


def _between(low: float, high: float) -> float:
    """A level inside an interval that may have no upper end."""
    if math.isinf(high):
        return max(low, 1.0) * 2.0
    return (low + high) / 2.0


def _expected(sheet: LegSheet, forward: float, volatility: float) -> float:
    """Mean profit by 401 equal steps of probability-weighted quantiles of the lognormal (Simpson in z over ±6)."""
    total = volatility * math.sqrt(max(sheet.nearest_years, 0.0))
    if not (forward > 0 and math.isfinite(total)):
        return math.nan
    z = np.linspace(-6.0, 6.0, 401)
    weights = np.exp(-0.5 * z * z) * np.array([1, *([4, 2] * 199), 4, 1])
    profit = sheet.at_expiry(forward * np.exp(total * z - 0.5 * total * total))
    return float(profit @ weights / weights.sum())


def _levels(sheet: LegSheet, spot: float) -> FloatArray:
    """From 0 to four times the spot, every strike among them; dense round the spot."""
    near = spot * np.linspace(0.5, 1.5, _POINTS)
    highest = max(float(sheet.strikes.max(initial=0.0)), spot) * _FAR
    wide = np.array([1e-6, *np.linspace(0.05, 0.5, 20) * spot, *np.linspace(1.5 * spot, highest, 60)])
    return np.unique(np.concatenate((near, wide, sheet.strikes, [highest, highest * 1.01])))
