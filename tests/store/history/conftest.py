"""Lakes and candles for these tests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.market import Bars
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.store.history.hours import sessions_of
from openalgo_lab.store.history.lake import Lake
from openalgo_lab.store.history.series import Series, Stored

MINUTE = 60_000_000_000
MakeBars = Callable[..., Bars]


def walk(starts: np.ndarray, seed: int = 1) -> Bars:
    """Candles at these moments, a random walk in ticks of 0.05."""
    rng = np.random.default_rng(seed)
    ticks = 20_000 + np.cumsum(rng.integers(-4, 5, (len(starts), 4)).ravel()).reshape(-1, 4)
    prices = (ticks * 0.05).astype(np.float64)
    volume = rng.integers(0, 10_000, len(starts)).astype(float)
    oi = rng.integers(0, 10_000, len(starts)).astype(float)
    return Bars(starts, prices[:, 0], prices.max(axis=1), prices.min(axis=1), prices[:, 3], volume, oi)


@pytest.fixture(scope="session")
def calendar() -> TradingCalendar:
    return TradingCalendar.load()


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def minutes() -> Series:
    return Series(InstrumentKey(Exchange.NSE, "M&M"), Stored.MINUTE)


@pytest.fixture
def days() -> Series:
    return Series(InstrumentKey(Exchange.NSE, "M&M"), Stored.DAY)


@pytest.fixture
def session_bars(calendar: TradingCalendar) -> MakeBars:
    """All minutes of the trading days between two dates."""

    def make(start: date, end: date, exchange: Exchange = Exchange.NSE, seed: int = 1) -> Bars:
        spans = [
            span for day in calendar.trading_days(exchange, start, end) for span in sessions_of(calendar, exchange, day)
        ]
        return walk(np.concatenate([np.arange(*span, MINUTE, dtype=np.int64) for span in spans]), seed)

    return make
