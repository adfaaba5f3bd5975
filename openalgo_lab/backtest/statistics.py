"""The usual figures of a run, from its equity and its trades.

Ratios are of daily returns (equity at the last bar of each trading day), a year has 252 trading days, the riskless rate
is 0. Per cent where the name says so, sums in rupees after charges. NaN where a figure does not exist (no trades, no
losses, less than two days).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from openalgo_lab.backtest.record import Record

__all__ = [
    "TRADING_DAYS",
    "daily_returns",
    "drawdown",
    "equity_figures",
    "figures",
    "longest_drawdown",
    "trade_figures",
]

FloatArray = npt.NDArray[np.float64]

TRADING_DAYS: Final = 252
_YEAR_NS: Final = 365.25 * 86_400e9
_DAY_NS: Final = 86_400e9


def drawdown(equity: FloatArray) -> FloatArray:
    """How far the equity lies below its peak so far, as a fraction ≤ 0."""
    return np.asarray(equity / np.maximum.accumulate(equity) - 1.0, dtype=np.float64)


def daily_returns(equity: FloatArray, day: npt.NDArray[np.int32], start: float) -> FloatArray:
    """Returns from day to day, the first against the ``start``."""
    last = np.append(np.flatnonzero(np.diff(day)), len(day) - 1)
    closes = np.concatenate(([start], equity[last]))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.diff(closes) / closes[:-1], dtype=np.float64)


def longest_drawdown(equity: FloatArray, time_ns: npt.NDArray[np.int64]) -> float:
    """Days from a peak to its recovery, or to the end; the longest of the run."""
    peak = np.maximum.accumulate(equity)
    at_peak = np.append(np.flatnonzero(equity >= peak), len(equity) - 1)
    return float(np.diff(time_ns[at_peak]).max(initial=0)) / _DAY_NS


def equity_figures(
    equity: FloatArray, day: npt.NDArray[np.int32], time_ns: npt.NDArray[np.int64], start: float
) -> dict[str, float]:
    """Return, risk and their ratios. ``equity`` and ``start`` in one unit."""
    growth = equity[-1] / start
    years = (time_ns[-1] - time_ns[0]) / _YEAR_NS
    below = drawdown(equity)
    daily = daily_returns(equity, day, start)
    cagr = growth ** (1 / years) - 1 if growth > 0 and years > 0 else math.nan
    deepest = float(below.min())
    return {
        "return_pct": (growth - 1) * 100,
        "cagr_pct": cagr * 100,
        "volatility_pct": _std(daily) * math.sqrt(TRADING_DAYS) * 100,
        "sharpe": _ratio(daily, _std(daily)),
        "sortino": _ratio(daily, math.sqrt(float(np.mean(np.minimum(daily, 0) ** 2)))),
        "calmar": cagr / -deepest if deepest < 0 else math.nan,
        "max_drawdown_pct": deepest * 100,
        "longest_drawdown_days": longest_drawdown(equity, time_ns),
    }


def trade_figures(net: npt.NDArray[np.int64], bars: npt.NDArray[np.int64]) -> dict[str, float]:
    """Figures of the closed trades, from their results in paise after charges and the bars they lasted."""
    count = len(net)
    rupees = net / 100
    won, lost = rupees[rupees > 0], rupees[rupees <= 0]
    win_rate = len(won) / count if count else math.nan
    payoff = won.mean() / -lost.mean() if len(won) and lost.sum() < 0 else math.nan
    return {
        "trades": count,
        "win_rate_pct": win_rate * 100,
        "profit_factor": won.sum() / -lost.sum() if lost.sum() < 0 else math.nan,
        "payoff": payoff,
        "expectancy": float(rupees.mean()) if count else math.nan,
        "best_trade": float(rupees.max()) if count else math.nan,
        "worst_trade": float(rupees.min()) if count else math.nan,
        "longest_winning_streak": _longest(rupees > 0),
        "longest_losing_streak": _longest(rupees <= 0),
        "average_bars": float(bars.mean()) if count else math.nan,
        "sqn": math.sqrt(count) * float(rupees.mean()) / _std(rupees) if count > 1 and _std(rupees) else math.nan,
        "kelly": win_rate - (1 - win_rate) / payoff if payoff and not math.isnan(payoff) else math.nan,
    }


def figures(record: Record, buy_and_hold: float = math.nan) -> dict[str, float]:
    """All figures of a run; ``buy_and_hold`` is the market's own growth as a fraction, where one exists."""
    start = float(record.start_cash)
    charges = int(record.trades.charges.sum()) + record.open_charges
    known = {
        "equity_final": record.equity[-1] / 100,
        "equity_peak": float(record.equity.max()) / 100,
        **equity_figures(record.equity, record.day, record.start_ns, start),
        "buy_and_hold_pct": buy_and_hold * 100,
        "exposure_pct": float(np.mean(record.exposed > 0)) * 100,
        "charges": charges / 100,
        **trade_figures(record.trades.net, record.trades.bars),
        "refused_orders": record.refused,
    }
    return {name: float(value) for name, value in known.items()}


def _std(values: FloatArray) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else math.nan


def _ratio(daily: FloatArray, risk: float) -> float:
    return float(daily.mean()) / risk * math.sqrt(TRADING_DAYS) if len(daily) > 1 and risk > 0 else math.nan


def _longest(flags: npt.NDArray[np.bool_]) -> float:
    """The longest run of true."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return float(np.max(edges[1::2] - edges[::2], initial=0))
