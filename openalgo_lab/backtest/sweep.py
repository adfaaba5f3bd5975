"""Many runs of one strategy on the same bars: the unit of work of a sweep, in this process or on any worker."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import msgspec
import numpy as np
import numpy.typing as npt

from openalgo_lab.backtest.market import Market, Tables, terms_of
from openalgo_lab.backtest.run import SignalHost, margin_rule, run_events, signals_of, trade, vector_fits
from openalgo_lab.backtest.settings import BacktestSettings
from openalgo_lab.backtest.statistics import TRADING_DAYS, daily_returns, equity_figures
from openalgo_lab.indicators.loops import compiled_loop
from openalgo_lab.strategy.signals import HOLD, SignalStrategy
from openalgo_lab.strategy.strategy import Strategy

__all__ = ["FIGURES", "Tried", "try_all", "window"]

FloatArray = npt.NDArray[np.float64]

FIGURES = (
    "return_pct", "cagr_pct", "volatility_pct", "sharpe", "sortino", "calmar", "max_drawdown_pct",
    "longest_drawdown_days", "trades", "win_rate_pct", "profit_factor", "expectancy", "average_bars", "charges",
)  # fmt: skip
"""Figures of each combination, named as in the statistics of a single run."""


class Tried(msgspec.Struct, frozen=True):
    """Results in the order of the combinations: figures (combinations, :data:`FIGURES`), daily returns (days,
    combinations).
    """

    figures: FloatArray
    returns: FloatArray


def try_all(
    strategy: type[Strategy],
    markets: Sequence[Market],
    settings: BacktestSettings,
    tables: Tables,
    combinations: Sequence[Mapping[str, Any]],
    *,
    first: int = 0,
    done: Callable[[int], None] | None = None,
) -> Tried:
    """Run every combination. Signal strategies go through the kernel and share what they compute with ``self.shared``.

    ``first`` is the bar from which on they trade (earlier ones only feed indicators). ``done`` hears how many are
    through. The look-ahead guard runs with the first combination only.
    """
    run = _vector if vector_fits(strategy, markets, settings) else _events
    figures, returns = [], []
    one = run(strategy, markets, settings, tables, first)
    for number, parameters in enumerate(combinations):
        row, column = one(parameters, number == 0)
        figures.append(row)
        returns.append(column)
        if done is not None:
            done(number + 1)
    return Tried(np.array(figures), np.array(returns).T)


def window(market: Market, start: int, stop: int, warm_up: int) -> tuple[Market, int]:
    """(bars from ``warm_up`` before ``start`` up to ``stop``, the row of ``start`` in them)."""
    begin = max(start - warm_up, 0)
    return market.cut(begin, stop), start - begin


Run = Callable[[Mapping[str, Any], bool], tuple[list[float], FloatArray]]


def _vector(
    strategy: type[Strategy], markets: Sequence[Market], settings: BacktestSettings, tables: Tables, first: int
) -> Run:
    market = markets[0]
    host = SignalHost(market)
    terms = terms_of(market, settings, margin_rule(settings, tables).rate(market.instrument, market.days[0]))
    equity = np.empty(len(market))
    day, time_ns = market.day[first:], market.bars.start_ns[first:]
    ends = first + np.append(np.flatnonzero(np.diff(day)), len(day) - 1)
    years = (time_ns[-1] - time_ns[0]) / (365.25 * 86_400e9)

    def run(parameters: Mapping[str, Any], careful: bool) -> tuple[list[float], FloatArray]:
        made = cast("SignalStrategy", strategy(cast("Any", host), parameters))
        signals = signals_of(made, market, guard=careful and settings.guard)
        if first:
            signals = signals.copy()
            signals[:first] = HOLD
        outcome = trade(made, signals, market, terms, equity)
        deepest, longest = _depths(equity, market.bars.start_ns, first)
        closes = np.concatenate(([float(terms.cash)], equity[ends]))
        with np.errstate(divide="ignore", invalid="ignore"):
            returns = np.diff(closes) / closes[:-1]
        curve = _curve(closes[-1] / terms.cash, years, returns, deepest, longest)
        charges = (int(outcome.trades[:, 4].sum()) + outcome.open_charges) / 100
        net, bars = outcome.trades[:, 3] - outcome.trades[:, 4], outcome.trades[:, 1] - outcome.trades[:, 0]
        return _row(curve, net, bars, charges), returns

    return run


def _events(
    strategy: type[Strategy], markets: Sequence[Market], settings: BacktestSettings, tables: Tables, first: int
) -> Run:
    careless = msgspec.structs.replace(settings, guard=False)

    def run(parameters: Mapping[str, Any], careful: bool) -> tuple[list[float], FloatArray]:
        record, _ = run_events(strategy, markets, settings if careful else careless, tables, parameters, first=first)
        start = float(record.start_cash)
        curve = equity_figures(record.equity, record.day, record.start_ns, start)
        charges = (int(record.trades.charges.sum()) + record.open_charges) / 100
        returns = daily_returns(record.equity, record.day, start)
        return _row(curve, record.trades.net, record.trades.bars, charges), returns

    return run


def _row(
    curve: Mapping[str, float], net: npt.NDArray[np.int64], bars: npt.NDArray[np.int64], charges: float
) -> list[float]:
    known = {**curve, **_trades(net, bars), "charges": charges}
    return [float(known[name]) for name in FIGURES]


def _trades(net: npt.NDArray[np.int64], bars: npt.NDArray[np.int64]) -> dict[str, float]:
    """Those of :func:`~openalgo_lab.backtest.statistics.trade_figures` that a sweep shows, without the rest's work."""
    count = len(net)
    if count == 0:
        return dict.fromkeys(("win_rate_pct", "profit_factor", "expectancy", "average_bars"), math.nan) | {"trades": 0}
    total, won = int(net.sum()), int(np.maximum(net, 0).sum())
    return {
        "trades": count,
        "win_rate_pct": np.count_nonzero(net > 0) / count * 100,
        "profit_factor": won / (won - total) if won > total else math.nan,
        "expectancy": total / count / 100,
        "average_bars": int(bars.sum()) / count,
    }


def _curve(growth: float, years: float, daily: FloatArray, deepest: float, longest: float) -> dict[str, float]:
    """The same as :func:`~openalgo_lab.backtest.statistics.equity_figures`, from what one pass has found."""
    deviation = float(daily.std(ddof=1)) if len(daily) > 1 else math.nan
    below = math.sqrt(float(np.mean(np.minimum(daily, 0) ** 2)))
    mean, root = float(daily.mean()), math.sqrt(TRADING_DAYS)
    cagr = growth ** (1 / years) - 1 if growth > 0 and years > 0 else math.nan
    return {
        "return_pct": (growth - 1) * 100,
        "cagr_pct": cagr * 100,
        "volatility_pct": deviation * root * 100,
        "sharpe": mean / deviation * root if deviation > 0 else math.nan,
        "sortino": mean / below * root if below > 0 and len(daily) > 1 else math.nan,
        "calmar": cagr / -deepest if deepest < 0 else math.nan,
        "max_drawdown_pct": deepest * 100,
        "longest_drawdown_days": longest,
    }


@compiled_loop
def _depths(equity: FloatArray, time_ns: npt.NDArray[np.int64], first: int) -> tuple[float, float]:
    """(deepest drawdown as a fraction ≤ 0, days of the longest one) from the bar ``first`` on, in one pass."""
    peak, lowest, at, deepest, longest = equity[first], equity[first], time_ns[first], 0.0, 0
    for i in range(first, len(equity)):
        if equity[i] >= peak:
            deepest = min(deepest, lowest / peak - 1.0)
            longest = max(longest, time_ns[i] - at)
            peak, lowest, at = equity[i], equity[i], time_ns[i]
        else:
            lowest = min(lowest, equity[i])
    return min(deepest, lowest / peak - 1.0), max(longest, time_ns[-1] - at) / 86_400e9
