"""Figures of a run: against backtesting.py's on its own data, against worked numbers, and at the edges."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.backtest.run import run_vector
from openalgo_lab.backtest.statistics import (
    daily_returns,
    drawdown,
    equity_figures,
    figures,
    longest_drawdown,
    trade_figures,
)
from openalgo_lab.backtest.sweep import FIGURES, try_all, window
from openalgo_lab.strategy.examples import ChannelBreakout
from tests.backtest.test_against_peer import PAIRS, ours, theirs
from tests.backtest.worlds import PLAIN, market_of, tables, walk

pytestmark = pytest.mark.filterwarnings("ignore")

DAY = 86_400 * 10**9
SAME = {
    "return_pct": "Return [%]",
    "max_drawdown_pct": "Max. Drawdown [%]",
    "trades": "# Trades",
    "win_rate_pct": "Win Rate [%]",
    "equity_peak": "Equity Peak [$]",
    "sqn": "SQN",
}


@pytest.mark.parametrize("pair", PAIRS[:4], ids=lambda pair: pair[0].__name__)
def test_figures_are_theirs(pair: Any) -> None:
    known, stats = figures(ours(pair[0], "GOOG", 0.0)), theirs(pair[1], "GOOG", 0.0)
    for name, peer in SAME.items():
        assert known[name] == pytest.approx(stats[peer], rel=2e-5, abs=0.02), name
    # Their best and worst trades are in per cent; here in rupees, after charges.
    results = stats._trades["PnL"]
    assert known["best_trade"] == pytest.approx(results.max(), abs=0.02)
    assert known["worst_trade"] == pytest.approx(results.min(), abs=0.02)
    assert known["expectancy"] == pytest.approx(results.mean(), abs=0.02)
    assert known["profit_factor"] == pytest.approx(results[results > 0].sum() / -results[results <= 0].sum(), rel=1e-4)


def test_ratios_of_worked_days() -> None:
    equity = np.array([101.0, 100.0, 103.0, 102.0])
    days = np.arange(4, dtype=np.int32)
    known = equity_figures(equity, days, np.arange(4) * DAY, 100.0)
    returns = np.array([0.01, 100 / 101 - 1, 0.03, 102 / 103 - 1])
    assert known["sharpe"] == pytest.approx(returns.mean() / returns.std(ddof=1) * math.sqrt(252))
    below = math.sqrt((returns[returns < 0] ** 2).sum() / 4)
    assert known["sortino"] == pytest.approx(returns.mean() / below * math.sqrt(252))
    assert known["cagr_pct"] == pytest.approx(100 * (1.02 ** (365.25 / 3) - 1))
    assert known["max_drawdown_pct"] == pytest.approx(100 * (100 / 101 - 1))
    assert known["calmar"] == pytest.approx(known["cagr_pct"] / -known["max_drawdown_pct"])


def test_days_are_taken_at_their_last_bar() -> None:
    equity = np.array([110.0, 120.0, 90.0, 60.0])
    np.testing.assert_allclose(daily_returns(equity, np.array([0, 0, 1, 1], dtype=np.int32), 100.0), [0.2, -0.5])


def test_the_longest_drawdown_ends_at_its_recovery() -> None:
    time_ns = np.arange(8) * DAY
    assert longest_drawdown(np.array([1.0, 2, 1, 1, 2, 3, 2, 2]), time_ns) == 3
    assert longest_drawdown(np.array([3.0, 2, 1, 1, 2, 2, 2, 2]), time_ns) == 7
    assert longest_drawdown(np.arange(1.0, 9.0), time_ns) == 1


@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=50))
def test_a_drawdown_is_below_its_peak(values: list[float]) -> None:
    below = drawdown(np.array(values))
    assert (below <= 0).all()
    assert (below > -1).all()
    assert below[int(np.argmax(values))] == 0


def test_trades_in_figures() -> None:
    known = trade_figures(np.array([300_00, -100_00, -100_00, 200_00, 0]), np.array([1, 2, 3, 4, 5]))
    assert known["win_rate_pct"] == 40
    assert known["profit_factor"] == 2.5
    assert known["payoff"] == pytest.approx(250 / (200 / 3))
    assert known["kelly"] == pytest.approx(0.4 - 0.6 / known["payoff"])
    assert (known["longest_winning_streak"], known["longest_losing_streak"]) == (1, 2)
    assert known["average_bars"] == 3


def test_nothing_gives_no_figure_and_no_error() -> None:
    known = trade_figures(np.array([], dtype=np.int64), np.array([], dtype=np.int64))
    assert known["trades"] == 0
    assert all(math.isnan(known[name]) for name in ("win_rate_pct", "profit_factor", "expectancy", "kelly", "sqn"))
    still = equity_figures(np.full(3, 100.0), np.zeros(3, dtype=np.int32), np.arange(3) * DAY, 100.0)
    assert (still["return_pct"], still["max_drawdown_pct"]) == (0, 0)
    assert math.isnan(still["sharpe"])
    assert math.isnan(still["calmar"])


@given(st.integers(0, 500), st.integers(2, 15))
def test_a_sweep_has_the_figures_of_its_runs(seed: int, length: int) -> None:
    market = market_of(walk(seed, 150, volatility=0.01), PLAIN)
    tried = try_all(ChannelBreakout, [market], PLAIN, tables(), [{"length": length}])
    known = figures(run_vector(ChannelBreakout, market, PLAIN, tables(), {"length": length}))
    np.testing.assert_allclose(tried.figures[0], [known[name] for name in FIGURES], rtol=1e-9, equal_nan=True)


def test_a_window_is_warm_but_does_not_trade_before_it_starts() -> None:
    market = market_of(walk(4, 200, volatility=0.01), PLAIN)
    part, first = window(market, 100, 200, 40)
    assert (len(part), first) == (140, 40)
    cold = try_all(ChannelBreakout, [window(market, 100, 200, 0)[0]], PLAIN, tables(), [{"length": 30}])
    warm = try_all(ChannelBreakout, [part], PLAIN, tables(), [{"length": 30}], first=first)
    assert warm.returns.shape == cold.returns.shape
    assert warm.figures[0, FIGURES.index("trades")] >= cold.figures[0, FIGURES.index("trades")]
    assert not np.array_equal(warm.returns, cold.returns)


def test_both_engines_begin_a_window_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    market = market_of(walk(9, 260, volatility=0.01), PLAIN)
    part, first = window(market, 100, 260, 60)
    grid = [{"length": 10, "stop_pct": 1.0}, {"length": 30}]
    vector = try_all(ChannelBreakout, [part], PLAIN, tables(), grid, first=first)
    monkeypatch.setattr("openalgo_lab.backtest.sweep.vector_fits", lambda *_: False)
    event = try_all(ChannelBreakout, [part], PLAIN, tables(), grid, first=first)
    np.testing.assert_allclose(vector.figures, event.figures, rtol=1e-9, equal_nan=True)
    np.testing.assert_allclose(vector.returns, event.returns, rtol=1e-12)
