"""What-if tables and value at risk of a whole book."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from openalgo_lab.options.legs import LegSheet
from openalgo_lab.options.normal import normal_quantile

__all__ = ["ScenarioTable", "ValueAtRisk", "scenario_table", "value_at_risk"]

FloatArray = npt.NDArray[np.float64]


class ScenarioTable(msgspec.Struct, frozen=True):
    """Profit in rupees, ``profit[i, j]``: volatility moved by ``volatility_points[i]``, spot by ``moves_pct[j]``."""

    moves_pct: tuple[float, ...]
    volatility_points: tuple[float, ...]
    days: float
    profit: FloatArray


class ValueAtRisk(msgspec.Struct, frozen=True):
    """Loss (positive rupees) that is not exceeded with ``confidence`` over ``days``; and the mean of what is worse."""

    value: float
    shortfall: float
    confidence: float
    days: float


def scenario_table(
    books: Sequence[tuple[LegSheet, float]],
    *,
    moves_pct: Sequence[float],
    volatility_points: Sequence[float],
    days: float = 0.0,
) -> ScenarioTable:
    """Profit from now on of all ``books``, each a sheet and the level of its underlying now; all move alike."""
    moves, shifts = np.asarray(moves_pct, dtype=np.float64), np.asarray(volatility_points, dtype=np.float64)
    profit = np.zeros((len(shifts), len(moves)))
    for sheet, spot in books:
        now = float(sheet.profit(spot))
        profit += sheet.profit(spot * (1 + moves / 100), days=days, volatility_points=shifts[:, None]) - now
    return ScenarioTable(tuple(moves.tolist()), tuple(shifts.tolist()), days, profit)


def value_at_risk(
    books: Sequence[tuple[LegSheet, float, float]],
    *,
    days: float = 1.0,
    confidence: float = 0.99,
    volatility_beta: float = -1.0,
    points: int = 2001,
) -> ValueAtRisk:
    """By full revaluation over a normal market factor that all underlyings share.

    ``books``: sheet, level now, yearly volatility (fraction) of the underlying. With the factor at z the level moves by
    z volatility √(days / 365), and implied volatility by ``volatility_beta`` points for each per cent of that move (it
    rises when the market falls). Underlyings are taken to move together, which is the cautious case for a one-sided
    book.
    """
    z = np.asarray(normal_quantile((np.arange(points) + 0.5) / points), dtype=np.float64)
    profit = np.zeros(points)
    for sheet, spot, volatility in books:
        move = z * volatility * math.sqrt(days / 365.0)
        shift = volatility_beta * 100.0 * move
        now = float(sheet.profit(spot))
        profit += sheet.profit(spot * np.exp(move), days=days, volatility_points=shift) - now
    worst = np.sort(profit)
    tail = max(round(points * (1.0 - confidence)), 1)
    return ValueAtRisk(max(-float(worst[tail - 1]), 0.0), max(-float(worst[:tail].mean()), 0.0), confidence, days)
