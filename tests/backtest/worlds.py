"""Markets to test with: bars from drawn numbers, instruments, the package's own dated tables."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from openalgo_lab.backtest.market import Market, Tables, make_market
from openalgo_lab.backtest.record import Record
from openalgo_lab.backtest.run import run_events
from openalgo_lab.backtest.settings import NO_CHARGES, BacktestSettings
from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Bars
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.times import IST, to_ns
from openalgo_lab.model.vocabulary import Exchange, InstrumentType, Product
from openalgo_lab.strategy import Strategy

MINUTE = 60 * 10**9


@cache
def tables() -> Tables:
    return Tables(RuleBook.load(), TradingCalendar.load())


def share(symbol: str = "SBIN", lot: int = 1, tick: float = 0.05) -> Instrument:
    return Instrument(symbol, Exchange.NSE, InstrumentType.EQ, symbol, 1, lot, tick)


def minutes(count: int, *, a_day: int = 25, first: date = date(2026, 6, 1), step: int = 15) -> npt.NDArray[np.int64]:
    """Starts of bars of ``step`` minutes from 09:15, ``a_day`` bars a calendar day."""
    out = []
    for number in range(count):
        day, bar = divmod(number, a_day)
        out.append(to_ns(datetime.combine(first + timedelta(days=day), time(9, 15), tzinfo=IST)) + bar * step * MINUTE)
    return np.array(out, dtype=np.int64)


def bars_of(rows: list[tuple[float, float, float, float]], volume: float = 1e6, **times: Any) -> Bars:
    """Bars from (open, high, low, close)."""
    columns = np.array(rows, dtype=np.float64).T.copy()
    count = len(rows)
    return Bars(minutes(count, **times), *columns, np.full(count, volume), np.zeros(count))


def walk(seed: int, count: int, *, volatility: float = 0.004, gap: float = 0.002, **times: Any) -> Bars:
    """A random walk with gaps, on the tick of 0.05."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, volatility, count)))
    first = np.concatenate(([100.0], close[:-1])) * np.exp(rng.normal(0, gap, count))
    high = np.maximum(first, close) * np.exp(np.abs(rng.normal(0, volatility / 2, count)))
    low = np.minimum(first, close) * np.exp(-np.abs(rng.normal(0, volatility / 2, count)))
    o, h, lo, c = (np.round(column * 20) / 20 for column in (first, high, low, close))
    high, low = np.maximum.reduce([o, h, lo, c]), np.minimum.reduce([o, h, lo, c])
    return Bars(minutes(count, **times), o, high, low, c, np.floor(rng.uniform(100, 5000, count)), np.zeros(count))


def market_of(bars: Bars, settings: BacktestSettings, instrument: Instrument | None = None) -> Market:
    return make_market(instrument or share(), bars, settings, tables())


PLAIN = BacktestSettings(charges=NO_CHARGES, cash=1_00_000, product=Product.NRML)


def run(
    strategy: type[Strategy],
    bars: Bars,
    settings: BacktestSettings = PLAIN,
    instrument: Instrument | None = None,
    **parameters: Any,
) -> tuple[Record, Strategy]:
    market = market_of(bars, settings, instrument)
    return run_events(strategy, [market], settings, tables(), parameters)


def identity(record: Record) -> None:
    """The accounting identity, to the paisa."""
    trades = record.trades
    expected = record.start_cash + int(trades.gross.sum()) - int(trades.charges.sum())
    assert record.equity[-1] == expected + record.open_gross - record.open_charges


signals_drawn = st.lists(st.sampled_from([0, 0, 0, 1, -1, 2]), min_size=60, max_size=60)
