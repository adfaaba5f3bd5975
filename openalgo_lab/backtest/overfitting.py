"""How much of a sweep's best result is luck: the deflated Sharpe ratio and the probability of overfitting.

Returns are daily, one column a combination tried; Sharpe ratios here are of days, not annualised.
"""

from __future__ import annotations

import math
from itertools import combinations
from statistics import NormalDist
from typing import Final

import numpy as np
import numpy.typing as npt

from openalgo_lab.model.errors import InputError

__all__ = ["deflated_sharpe", "expected_best_sharpe", "overfitting_probability", "sharpe_of"]

FloatArray = npt.NDArray[np.float64]

_EULER: Final = 0.5772156649015329


def sharpe_of(returns: FloatArray) -> FloatArray:
    """Sharpe ratio of each column; 0 for one that never moves."""
    deviation = returns.std(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(deviation > 0, returns.mean(axis=0) / deviation, 0.0)


def expected_best_sharpe(deviation: float, tries: int) -> float:
    """The best of ``tries`` Sharpe ratios that chance alone brings, if they scatter by ``deviation`` around 0.

    Bailey, López de Prado: The Deflated Sharpe Ratio, 2014, equation 6.
    """
    if tries < 2:
        return 0.0
    normal = NormalDist()
    one, other = normal.inv_cdf(1 - 1 / tries), normal.inv_cdf(1 - 1 / (tries * math.e))
    return deviation * ((1 - _EULER) * one + _EULER * other)


def deflated_sharpe(returns: FloatArray, best: int | None = None) -> float:
    """Probability that the best column's Sharpe ratio is above what the best of as many tries has by chance.

    ``best`` is its number, None the one of the highest ratio. Corrects for the number of tries, the length of the run,
    skewness and fat tails. NaN for less than three days. Bailey, López de Prado 2014.
    """
    days, tries = returns.shape
    if days < 3:
        return math.nan
    ratios = sharpe_of(returns)
    chosen = int(ratios.argmax()) if best is None else best
    threshold = expected_best_sharpe(float(ratios.std(ddof=1)) if tries > 1 else 0.0, tries)
    column, ratio = returns[:, chosen], float(ratios[chosen])
    spread = column.std()
    if spread == 0:
        return math.nan
    scaled = (column - column.mean()) / spread
    skew, kurtosis = float((scaled**3).mean()), float((scaled**4).mean())
    inside = 1 - skew * ratio + (kurtosis - 1) / 4 * ratio**2
    return NormalDist().cdf((ratio - threshold) * math.sqrt(days - 1) / math.sqrt(inside)) if inside > 0 else math.nan


def overfitting_probability(returns: FloatArray, blocks: int = 12) -> float:
    """PBO: how often the combination that is best on one half of the days is worse than the median on the other.

    All ways of halving ``blocks`` spans of days (combinatorially symmetric cross-validation; Bailey, Borwein, López de
    Prado, Zhu: The Probability of Backtest Overfitting, 2015). 0 is good, ½ is chance. Raises InputError for an odd
    number of blocks, fewer days than two a block, or fewer than two columns.
    """
    days, tries = returns.shape
    if blocks < 2 or blocks % 2 or days < 2 * blocks or tries < 2:
        raise InputError(
            f"{days} days and {tries} combinations cannot be split into {blocks} blocks: give an even number of at "
            f"most {days // 2} and try at least two combinations.",
            field="blocks",
        )
    parts = np.array_split(returns, blocks)
    sums = np.array([part.sum(axis=0) for part in parts])
    squares = np.array([(part**2).sum(axis=0) for part in parts])
    counts = np.array([len(part) for part in parts], dtype=np.float64)
    chosen = np.zeros((math.comb(blocks, blocks // 2), blocks))
    for row, picked in enumerate(combinations(range(blocks), blocks // 2)):
        chosen[row, picked] = 1.0
    inside = _ratios(chosen, sums, squares, counts)
    outside = _ratios(1 - chosen, sums, squares, counts)
    best = inside.argmax(axis=1)
    reached = outside[np.arange(len(best)), best][:, None]
    rank = (outside < reached).sum(axis=1) + 0.5 * (outside == reached).sum(axis=1) + 0.5
    return float(np.mean(rank / (tries + 1) <= 0.5))


def _ratios(chosen: FloatArray, sums: FloatArray, squares: FloatArray, counts: FloatArray) -> FloatArray:
    """Sharpe ratio of each column over each choice of blocks, from the blocks' sums."""
    days = (chosen @ counts)[:, None]
    mean = chosen @ sums / days
    variance = (chosen @ squares - days * mean**2) / (days - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(variance > 0, mean / np.sqrt(variance), 0.0)
