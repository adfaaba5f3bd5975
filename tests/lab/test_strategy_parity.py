"""The same strategy gives the same trades in a backtest, in a replay and in the sandbox: the promise of one object.

A backtest on the recording's ticks, the replay's own account through the whole engine, and the sandbox on the prices
that the engine shows: three ways to a fill, compared order by order and trade by trade, to the paisa. A backtest on
candles knows no spread; where a strategy takes the market it gives the same trades, half a spread away.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from openalgo_lab import Lab
from openalgo_lab.model.commands import ControlReplay
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.market import Quote
from openalgo_lab.model.vocabulary import OptionType, Side
from openalgo_lab.strategy import Bar, Leg, Strategy, StrategyOrder
from tests.lab.recordings import write_recording
from tests.lab.strategies import Cross

CALL = "NIFTY25AUG2624050CE"
LOT = 65


class Market(Cross):
    """Crosses of averages, at market."""

    fast = 2
    slow = 5
    size = LOT


class Limits(Strategy):
    """Bids below the close, offers above it, takes back what was not reached."""

    def on_bar(self, bar: Bar) -> None:
        self.cancel_all()
        if not self.position:
            self.buy(2 * LOT, price=bar.close - 0.5)
        else:
            self.sell(self.position.quantity, price=bar.close + 0.5)


class Stops(Strategy):
    """Enters beyond the bar's range, guarded on both sides and by a trailing stop."""

    stop_pct = 2.0
    target_pct = 3.0
    trail_pct = 2.5

    def on_bar(self, bar: Bar) -> None:
        self.cancel_all()
        if not self.position:
            guards = {"stop_pct": self.stop_pct, "target_pct": self.target_pct, "trail_pct": self.trail_pct}
            self.buy(LOT, trigger=bar.high + 0.2, price=bar.high + 2.0, **guards)


class Condor(Strategy):
    """Four legs by their place in the chain, one stop, target and trail over all, with re-entries."""

    def on_bar(self, bar: Bar) -> None:
        if bar.symbol == "NIFTY" and not self.groups and len(self.data) > 3:
            legs = [
                Leg(side, 1, underlying="NIFTY", kind=kind, moneyness=place)
                for kind in (OptionType.CE, OptionType.PE)
                for side, place in ((Side.SELL, "ATM"), (Side.BUY, "OTM2"))
            ]
            self.group(*legs, stop=150.0, target=200.0, trail=80.0, re_entries=3)


class Ticks(Strategy):
    """Acts on single prices, on its orders' news and on a timer."""

    def init(self) -> None:
        self.every_day("10:24", "leave")
        self.over = False
        self.last = 0.0
        self.news: list[int] = []

    def on_tick(self, quote: Quote) -> None:
        if not self.over and not self.position and not self.working and quote.ltp < self.last:
            self.buy(LOT)
        elif self.position and not self.working and quote.ltp > self.last:
            self.close(tag="up")
        self.last = quote.ltp

    def on_order(self, order: StrategyOrder) -> None:
        self.news.append(order.number)
        if order.tag == "up" and not order.remaining and len(self.news) % 3 == 0:
            self.buy(LOT, price=order.average - 0.1)

    def on_timer(self, name: str) -> None:
        self.over = name == "leave"
        self.close()


CASES = [(Market, CALL), (Limits, CALL), (Stops, CALL), (Condor, "NIFTY"), (Ticks, CALL)]
TERMS: dict[str, Any] = {"product": "NRML", "cash": 5_00_000.0}


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recording(tmp_path_factory.mktemp("recording") / "walk.csv")


@pytest.fixture(scope="module")
def lab(recording: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A replay that stands at its beginning, with a sandbox on its prices."""
    before = os.environ.get("OPENALGO_LAB_HOME")
    os.environ["OPENALGO_LAB_HOME"] = str(tmp_path_factory.mktemp("home"))
    lab = Lab("parity", replay=recording, speed=0.01)
    if before is None:
        del os.environ["OPENALGO_LAB_HOME"]
    else:
        os.environ["OPENALGO_LAB_HOME"] = before
    lab.sandbox.open()
    yield lab
    lab.close()


def rewind(lab: Lab) -> None:
    assert lab.handle.status.replay is not None
    lab.call(ControlReplay(paused=True, seek_ns=lab.handle.status.replay.start_ns))


@pytest.mark.parametrize(("strategy", "symbol"), CASES, ids=lambda case: getattr(case, "__name__", ""))
def test_backtest_replay_and_sandbox(lab: Lab, recording: Path, strategy: type[Strategy], symbol: str) -> None:
    backtest = lab.backtest(strategy, recording, symbol=symbol, **TERMS)
    assert len(backtest.trades) >= 3
    record = backtest.record  # to the paisa: last equity = start + results - charges + open
    results = record.trades.gross.sum() - record.trades.charges.sum()
    assert record.equity[-1] == record.start_cash + results + record.open_gross - record.open_charges
    for account in ("REPLAY", "SANDBOX"):
        rewind(lab)
        run = lab.strategies.run(
            strategy, symbol, account=account, name=f"{strategy.__name__}-{account}", stepped=True, **TERMS
        )
        assert run.state == "ended", run.error
        pd.testing.assert_frame_equal(run.trades, backtest.trades)
        pd.testing.assert_frame_equal(run.orders, backtest.orders)
        pd.testing.assert_series_equal(run.result.equity, backtest.equity)
        engine_fills = [fill for fill in lab.trades if fill.strategy == run.name]
        assert sum(fill.quantity for fill in engine_fills) == backtest.orders.filled.sum()


def test_candles_give_the_same_trades_half_a_spread_away(lab: Lab, recording: Path) -> None:
    ticks = lab.backtest(Market, recording, symbol=CALL, **TERMS)
    assert lab.handle.status.replay is not None
    lab.call(ControlReplay(paused=True, seek_ns=lab.handle.status.replay.end_ns))
    candles = lab.backtest(Market, lab.history(CALL, "1m", "2026-08-19"), engine="event", **TERMS)
    just_before = pd.Timedelta(microseconds=1)
    assert len(candles.trades) == len(ticks.trades) >= 3
    for time, price, sign in (("entry_time", "entry_price", 1), ("exit_time", "exit_price", -1)):
        assert (candles.trades[time] - just_before == ticks.trades[time]).all()
        half = ((candles.trades[price] * 0.001 / 0.05).round().clip(lower=1) * 0.05).round(2)
        assert (candles.trades[price] + sign * half).round(2).tolist() == ticks.trades[price].round(2).tolist()


def test_another_strategy_gives_other_trades(lab: Lab, recording: Path) -> None:
    one = lab.backtest(Market, recording, symbol=CALL, **TERMS)
    other = lab.backtest(Market, recording, symbol=CALL, fast=3, **TERMS)
    assert not one.trades.equals(other.trades)


def test_ticks_need_a_recording(lab: Lab) -> None:
    shared = lab.handle.status.replay
    assert shared is not None
    with pytest.raises(InputError, match="from a minute to some hours"):
        lab.strategies.run(Market, CALL, "D", stepped=True)
    with pytest.raises(InputError, match="no account"):
        lab.strategies.run(Market, CALL, account="NOBODY", stepped=True)
    with pytest.raises(InputError, match="names no universe"):
        lab.strategies.run(Market, stepped=True)
