"""Against backtesting.py on its own bundled data: the same trades at the same prices, the same final equity.

Differences that remain, by design, and how they are met here:

* It keeps money in floats, we in whole paise: each order rounds its value and its charges, so equity may differ by up
  to a paisa an order and fill (asserted as such).
* It puts a relative size on the fill's price, we on the last close that the strategy knew: sizes here are units.
* A stop with a limit that gaps beyond its trigger fills at the trigger there, at the open here.
* Where a bar opens beyond the target and falls to the stop later, the stop comes first there, the target (at the open)
  here.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from backtesting import Backtest
from backtesting import Strategy as PeerStrategy
from backtesting.test import EURUSD, GOOG

from openalgo_lab.backtest.record import Record
from openalgo_lab.backtest.settings import BacktestSettings, FlatCharges
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Bars
from openalgo_lab.model.vocabulary import Exchange, InstrumentType, Product
from openalgo_lab.strategy import Strategy
from tests.backtest.worlds import identity, run

FloatArray = npt.NDArray[np.float64]

pytestmark = pytest.mark.filterwarnings("ignore")

DATA = {"GOOG": (GOOG, 100, 0.02), "EURUSD": (EURUSD, 100_000, 0.001)}
"""Bars, units of an order, and a move that is usual within days."""
CASH = 10_00_000


def sma(values: Any, length: int) -> FloatArray:
    return pd.Series(np.asarray(values)).rolling(length).mean().to_numpy()


def highest(values: Any, length: int) -> FloatArray:
    return pd.Series(np.asarray(values)).rolling(length).max().to_numpy()


def lowest(values: Any, length: int) -> FloatArray:
    return pd.Series(np.asarray(values)).rolling(length).min().to_numpy()


class Cross(Strategy):
    units = 0
    move = 0.0

    def init(self) -> None:
        self.fast = self.indicator(sma, self.data.close, 10)
        self.slow = self.indicator(sma, self.data.close, 30)

    def on_bar(self, bar: Any) -> None:
        if len(self.data) < 31:
            return
        if self.fast[-1] > self.slow[-1] and self.fast[-2] <= self.slow[-2]:
            self.target(self.units)
        elif self.fast[-1] < self.slow[-1] and self.fast[-2] >= self.slow[-2]:
            self.target(-self.units)


class PeerCross(PeerStrategy):
    units = 0
    move = 0.0

    def init(self) -> None:
        self.fast = self.I(sma, self.data.Close, 10)
        self.slow = self.I(sma, self.data.Close, 30)

    def next(self) -> None:
        if len(self.data) < 31:
            return
        if self.fast[-1] > self.slow[-1] and self.fast[-2] <= self.slow[-2]:
            self.position.close()
            self.buy(size=self.units)
        elif self.fast[-1] < self.slow[-1] and self.fast[-2] >= self.slow[-2]:
            self.position.close()
            self.sell(size=self.units)


class Bracket(Strategy):
    """Every twentieth bar a purchase with a stop and a target by price."""

    units = 0
    move = 0.0

    def on_bar(self, bar: Any) -> None:
        if len(self.data) % 20 == 0 and not self.position:
            self.buy(self.units, stop_loss=bar.close * (1 - self.move), take_profit=bar.close * (1 + 2 * self.move))


class PeerBracket(PeerStrategy):
    units = 0
    move = 0.0

    def init(self) -> None: ...

    def next(self) -> None:
        if len(self.data) % 20 == 0 and not self.position:
            close = self.data.Close[-1]
            self.buy(size=self.units, sl=close * (1 - self.move), tp=close * (1 + 2 * self.move))


class Dip(Strategy):
    """Limit orders below the market, out after ten bars."""

    units = 0
    move = 0.0

    def init(self) -> None:
        self.held = 0

    def on_bar(self, bar: Any) -> None:
        self.held = self.held + 1 if self.position else 0
        if self.held >= 10:
            self.close()
        elif not self.position:
            self.cancel_all()
            self.buy(self.units, price=bar.close * (1 - self.move), good_till_cancelled=True)


class PeerDip(PeerStrategy):
    units = 0
    move = 0.0

    def init(self) -> None:
        self.held = 0

    def next(self) -> None:
        self.held = self.held + 1 if self.position else 0
        if self.held >= 10:
            self.position.close()
        elif not self.position:
            for order in self.orders:
                order.cancel()
            self.buy(size=self.units, limit=self.data.Close[-1] * (1 - self.move))


class Breakout(Strategy):
    """Stop orders over the channel, out below the lower one."""

    units = 0
    move = 0.0

    def init(self) -> None:
        self.top = self.indicator(highest, self.data.high, 20)
        self.bottom = self.indicator(lowest, self.data.low, 10)

    def on_bar(self, bar: Any) -> None:
        if len(self.data) < 21:
            return
        if self.position:
            if bar.close < self.bottom[-2]:
                self.close()
        else:
            self.cancel_all()
            self.buy(self.units, trigger=self.top[-1] * 1.0001, good_till_cancelled=True)


class PeerBreakout(PeerStrategy):
    units = 0
    move = 0.0

    def init(self) -> None:
        self.top = self.I(highest, self.data.High, 20)
        self.bottom = self.I(lowest, self.data.Low, 10)

    def next(self) -> None:
        if len(self.data) < 21:
            return
        if self.position:
            if self.data.Close[-1] < self.bottom[-2]:
                self.position.close()
        else:
            for order in self.orders:
                order.cancel()
            self.buy(size=self.units, stop=self.top[-1] * 1.0001)


class Pyramid(Strategy):
    """Adds to what it holds and takes it off first in first out."""

    units = 0
    move = 0.0

    def on_bar(self, bar: Any) -> None:
        number = len(self.data)
        if number % 40 in (5, 12, 19):
            self.buy(self.units)
        elif number % 40 in (25, 33):
            self.sell(self.units + self.units // 2)


class PeerPyramid(PeerStrategy):
    units = 0
    move = 0.0

    def init(self) -> None: ...

    def next(self) -> None:
        number = len(self.data)
        if number % 40 in (5, 12, 19):
            self.buy(size=self.units)
        elif number % 40 in (25, 33):
            self.sell(size=self.units + self.units // 2)


PAIRS = [(Cross, PeerCross), (Bracket, PeerBracket), (Dip, PeerDip), (Breakout, PeerBreakout), (Pyramid, PeerPyramid)]


def bars_from(frame: pd.DataFrame) -> Bars:
    start = frame.index.tz_localize("Asia/Kolkata").as_unit("ns").asi8
    columns = [frame[name].to_numpy(dtype=np.float64) for name in ("Open", "High", "Low", "Close", "Volume")]
    return Bars(start, *columns, np.zeros(len(frame)))


def ours(strategy: type[Strategy], name: str, percent: float) -> Record:
    frame, units, move = DATA[name]
    settings = BacktestSettings(
        cash=CASH, charges=FlatCharges(percent), product=Product.NRML, leverage=20.0, tick_rounding=False
    )
    instrument = Instrument(name, Exchange.GLOBAL_INDEX, InstrumentType.EQ, name, 1, 1, 0.01)
    record, _ = run(strategy, bars_from(frame), settings, instrument, units=units, move=move)
    return record


def theirs(strategy: type[PeerStrategy], name: str, percent: float) -> Any:
    frame, units, move = DATA[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        test = Backtest(frame, strategy, cash=CASH, commission=percent / 100, margin=0.05)
        return test.run(units=units, move=move)


@pytest.mark.parametrize("percent", [0.0, 0.1], ids=["free", "charged"])
@pytest.mark.parametrize("name", list(DATA))
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0].__name__)
def test_trades_and_equity_are_theirs(
    pair: tuple[type[Strategy], Callable[..., Any]], name: str, percent: float
) -> None:
    record, stats = ours(pair[0], name, percent), theirs(pair[1], name, percent)
    identity(record)
    trades = record.trades
    peer = stats._trades.sort_values(["ExitBar", "EntryBar"], kind="stable")
    start = {int(moment): number for number, moment in enumerate(record.start_ns.tolist())}
    mine = pd.DataFrame(
        {
            "Size": trades.units,
            "EntryBar": [start[int(moment)] for moment in trades.entry_ns],
            "ExitBar": [start[int(moment)] for moment in trades.exit_ns],
            "EntryPrice": trades.entry_price,
            "ExitPrice": trades.exit_price,
        }
    ).sort_values(["ExitBar", "EntryBar"], kind="stable")
    assert len(mine) >= 20
    np.testing.assert_array_equal(mine[["Size", "EntryBar", "ExitBar"]], peer[["Size", "EntryBar", "ExitBar"]])
    np.testing.assert_allclose(mine[["EntryPrice", "ExitPrice"]], peer[["EntryPrice", "ExitPrice"]], rtol=1e-12)
    fills = 2 * len(trades) + 4
    assert record.equity[-1] / 100 == pytest.approx(stats["Equity Final [$]"], abs=0.01 * fills)
    curve = stats._equity_curve["Equity"].to_numpy()
    np.testing.assert_allclose(record.equity / 100, curve, atol=0.01 * fills)
