"""Walk-forward: chosen on one span of days, traded on the next, span after span."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from openalgo_lab.backtest.market import Market
from openalgo_lab.backtest.sweep import FIGURES, try_all
from openalgo_lab.lab.backtest import dated_tables
from openalgo_lab.lab.backtest_data import series_of
from openalgo_lab.lab.sweep_result import WalkForward, better
from openalgo_lab.lab.sweep_work import Job, Progress
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.times import format_ist

__all__ = ["spans", "walk_forward"]

Span = tuple[int, int, int]


def spans(days: int, train: int, test: int, *, anchored: bool) -> Iterator[Span]:
    """(first training day, first test day, day after the test) by number; a last test may be short.

    Raises InputError when not one fits.
    """
    if train < 1 or test < 1 or days <= train:
        raise InputError(
            f"{days} trading days are not enough to train on {train} and test on {test}; give shorter spans.",
            field="train_days",
        )
    for start in range(train, days, test):
        yield (0 if anchored else start - train), start, min(start + test, days)


def walk_forward(
    job: Job,
    combinations: Sequence[Mapping[str, Any]],
    *,
    objective: str,
    train_days: int,
    test_days: int,
    anchored: bool,
    progress: Progress | None,
) -> WalkForward:
    """Train, test, move on; the out-of-sample returns are put one after the other."""
    import pandas as pd

    markets = job.markets()
    if len(markets) != 1:
        raise InputError("A walk-forward runs on one instrument; give one frame.", field="data")
    market, sign, column = markets[0], better(objective), FIGURES.index(objective)
    tables = dated_tables()
    plan = list(spans(len(market.days), train_days, test_days, anchored=anchored))
    rows, returns, moments = [], [], []
    for number, (first, split, last) in enumerate(plan, 1):
        inside = try_all(job.strategy, [_days(market, first, split)], job.settings, tables, combinations)
        values = sign * inside.figures[:, column]
        best = int(np.nanargmax(values)) if not np.isnan(values).all() else 0
        whole = _days(market, first, last)
        begin = int(np.searchsorted(market.day, split)) - int(np.searchsorted(market.day, first))
        outside = try_all(job.strategy, [whole], job.settings, tables, [combinations[best]], first=begin)
        rows.append(
            {
                "train_from": _date(market, first),
                "test_from": _date(market, split),
                "test_to": _date(market, last - 1),
                **combinations[best],
                f"train_{objective}": inside.figures[best, column],
                f"test_{objective}": outside.figures[0, column],
                "train_daily_pct": inside.returns[:, best].mean() * 100,
                "test_daily_pct": outside.returns[:, 0].mean() * 100,
                "test_return_pct": outside.figures[0, FIGURES.index("return_pct")],
            }
        )
        returns.append(outside.returns[:, 0])
        moments.append(market.bars.start_ns[np.searchsorted(market.day, np.arange(split, last), side="right") - 1])
        if progress is not None:
            progress(number, len(plan))
    daily = np.concatenate(returns)
    equity = series_of(np.concatenate(moments), job.settings.cash * np.cumprod(1 + daily), "equity")
    return WalkForward(job.strategy.__name__, pd.DataFrame(rows), daily, equity)


def _days(market: Market, first: int, last: int) -> Market:
    """The bars of the days ``first`` to ``last`` (excluded)."""
    start, stop = np.searchsorted(market.day, (first, last))
    return market.cut(int(start), int(stop))


def _date(market: Market, day: int) -> str:
    return format_ist(int(market.bars.start_ns[np.searchsorted(market.day, day)]))[:10]
