"""``lab.backtest``: what people hold goes in, frames come out; kept, loaded, compared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from openalgo_lab import Lab
from openalgo_lab.lab.backtest_data import bars_of_frame
from openalgo_lab.lab.backtest_result import BacktestResult, compare
from openalgo_lab.model.errors import InputError, StoreError
from openalgo_lab.model.market import Bars
from openalgo_lab.strategy import SignalStrategy, Strategy, crossed_above, crossed_below


def mean(values: Any, length: int) -> Any:
    return pd.Series(values).rolling(length).mean().to_numpy()


class Cross(SignalStrategy):
    fast = 5
    slow = 20

    def signals(self, bars: Bars) -> Any:
        fast, slow = mean(bars.close, self.fast), mean(bars.close, self.slow)
        return np.where(crossed_above(fast, slow), 1, np.where(crossed_below(fast, slow), 2, 0)).astype(np.int8)


class Holds(Strategy):
    def on_bar(self, bar: Any) -> None:
        if len(self.bars_of(bar.symbol)) == 1:
            self.buy(5, bar.symbol)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENALGO_LAB_HOME", str(tmp_path_factory.mktemp("home")))
        with Lab("backtests", seed=3, hours="exchange") as opened:
            yield opened


@pytest.fixture(scope="module")
def bars(lab: Lab) -> pd.DataFrame:
    return lab.history("SBIN", "15m", "2026-09-01", "2026-10-30", exchange="NSE")


@pytest.fixture(scope="module")
def result(lab: Lab, bars: pd.DataFrame) -> BacktestResult:
    return lab.backtest(Cross, bars, fast=4, cash=5_00_000, product="MIS", leverage=5, slippage=0.01)


def test_history_says_whose_it_is_and_both_engines_agree(lab: Lab, bars: pd.DataFrame, result: BacktestResult) -> None:
    assert bars.attrs["symbol"] == "NSE:SBIN"
    event = lab.backtest(Cross, bars, engine="event", fast=4, cash=5_00_000, product="MIS", leverage=5, slippage=0.01)
    pd.testing.assert_frame_equal(result.trades, event.trades)
    pd.testing.assert_series_equal(result.equity, event.equity)
    pd.testing.assert_series_equal(result.stats.drop("refused_orders"), event.stats.drop("refused_orders"))
    assert len(event.orders) >= len(event.trades)
    assert result.parameters["fast"] == 4
    assert result.parameters["slow"] == 20


def test_frames_add_up(result: BacktestResult) -> None:
    trades, stats = result.trades, result.stats
    assert len(trades) == stats["trades"] > 5
    assert stats["equity_final"] == pytest.approx(5_00_000 + trades["net"].sum())
    assert stats["charges"] == pytest.approx(trades["charges"].sum())
    assert stats["win_rate_pct"] == pytest.approx((trades["net"] > 0).mean() * 100)
    assert result.drawdown.min() == pytest.approx(stats["max_drawdown_pct"])
    months = (1 + result.monthly_returns.stack() / 100).prod()
    assert (months - 1) * 100 == pytest.approx(stats["return_pct"])
    assert str(result.equity.index.tz) == "Asia/Kolkata"
    assert "sharpe" in repr(result)
    assert "Cross(" in result._repr_html_()


def test_a_run_is_kept_and_compared(lab: Lab, result: BacktestResult, tmp_path: Path) -> None:
    again = lab.load_backtest(result.save(tmp_path / "run.oalbt"))
    pd.testing.assert_frame_equal(again.trades, result.trades)
    pd.testing.assert_series_equal(again.stats, result.stats)
    pd.testing.assert_frame_equal(again.bars["SBIN"], result.bars["SBIN"])
    assert again.settings == result.settings
    assert again.parameters == result.parameters
    table = compare(result, again)
    assert table.shape[1] == 2
    assert (table.iloc[:, 0].dropna() == table.iloc[:, 1].dropna()).all()
    assert list(tmp_path.iterdir()) == [tmp_path / "run.oalbt"]


@pytest.mark.parametrize("content", [b"", b"not a run", b"PK\x03\x04broken"])
def test_what_is_no_run_is_not_loaded(lab: Lab, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(StoreError, match="not a saved backtest|cannot be read"):
        lab.load_backtest(tmp_path / "x")
    with pytest.raises(StoreError, match="cannot be read"):
        lab.load_backtest(tmp_path / "missing")


def test_several_instruments(lab: Lab, bars: pd.DataFrame) -> None:
    other = lab.history("INFY", "15m", "2026-09-01", "2026-10-30", exchange="NSE")
    result = lab.backtest(Holds, {"NSE:SBIN": bars, "NSE:INFY": other})
    assert result.record.open_units == {"SBIN": 5, "INFY": 5}
    assert list(result.bars) == ["SBIN", "INFY"]
    assert np.isnan(result.stats["buy_and_hold_pct"])


def test_a_strategy_may_name_its_universe(lab: Lab) -> None:
    class Named(Holds):
        universe = ("NSE:SBIN", "NSE:INFY")

    result = lab.backtest(Named, ("15m", "2026-09-01", "2026-09-30"))
    assert list(result.bars) == ["SBIN", "INFY"]
    frame = lab.history("SBIN", "15m", "2026-09-01", "2026-09-30", exchange="NSE")
    pd.testing.assert_frame_equal(result.bars["SBIN"], pd.DataFrame(frame), check_freq=False)
    with pytest.raises(InputError, match="names no universe"):
        lab.backtest(Holds, ("15m", "2026-09-01"))
    with pytest.raises(InputError, match="swap them"):
        lab.backtest(Named, ("15m", "2026-09-10", "2026-09-01"))
    with pytest.raises(InputError, match="or a span"):
        lab.backtest(Named, "SBIN")


def test_mistakes_are_told(lab: Lab, bars: pd.DataFrame) -> None:
    nameless = bars.copy()
    nameless.attrs.clear()
    with pytest.raises(InputError, match="which instrument"):
        lab.backtest(Cross, nameless)
    with pytest.raises(InputError, match=r"no parameter 'fats'; it has: size, .*fast, slow"):
        lab.backtest(Cross, bars, fats=3)
    with pytest.raises(InputError, match="engine='event'"):
        lab.backtest(Holds, bars, engine="vector")
    with pytest.raises(InputError, match="without a zone"):
        bars_of_frame(bars.tz_localize(None))
    with pytest.raises(InputError, match="no column 'high'"):
        bars_of_frame(bars.drop(columns="high"))
    with pytest.raises(InputError, match="no price"):
        lab.backtest(Cross, bars.assign(close=np.nan))
