"""The history lake: a million candles read, a day kept for five hundred symbols."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from openalgo_lab.bench import Measured, figure
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.times import day_bounds_ns
from openalgo_lab.model.vocabulary import Exchange

if TYPE_CHECKING:
    from openalgo_lab.model.market import Bars
    from openalgo_lab.store.history.lake import Lake
    from openalgo_lab.store.history.series import Series

_MINUTE: Final = 60_000_000_000
_DAY_MINUTES: Final = 375
_SYMBOLS: Final = 500
_YEAR_ROWS: Final = 80_000
_ROUNDS: Final = 7


def _minutes(first: date, count: int) -> Bars:
    """Consecutive minutes from nine o'clock of a day, a random walk in ticks."""
    from openalgo_lab.model.market import Bars

    rng = np.random.default_rng(1)
    start = day_bounds_ns(first)[0] + 555 * _MINUTE
    close = np.round(500 + np.cumsum(rng.integers(-2, 3, count)) * 0.05, 2)
    volume = rng.integers(0, 50_000, count).astype(np.float64)
    starts = start + np.arange(count, dtype=np.int64) * _MINUTE
    return Bars(starts, close, close + 0.1, close - 0.1, close, volume, np.zeros(count))


def _sessions(count: int) -> Bars:
    """The same with the minutes of sessions, 09:15 to 15:30 of every weekday since 2015."""
    import msgspec

    bars = _minutes(date(2015, 1, 1), count)
    first = day_bounds_ns(date(2015, 1, 1))[0]
    days = np.arange(2 * count // _DAY_MINUTES, dtype=np.int64)
    days = days[(days + 3) % 7 < 5]  # the first was a Thursday
    starts = first + days[:, None] * 86_400_000_000_000 + (555 + np.arange(_DAY_MINUTES)) * _MINUTE
    return msgspec.structs.replace(bars, start_ns=starts.ravel()[:count])


@figure("history_1m_bars_s", unit="s", goal=0.15, better="lower", also={"first": 1.0})
def history_1m_bars_s() -> Measured:
    """A million one-minute candles of one symbol, a file a year, into the frame of ``lab.history``, their gaps looked
    for; median, the first beside it.
    """
    from openalgo_lab.lab.history_frame import history_frame
    from openalgo_lab.store.history.lake import Lake
    from openalgo_lab.store.history.reading import LakeBars
    from openalgo_lab.store.history.series import Series, Stored

    series = Series(InstrumentKey(Exchange.NSE, "SBIN"), Stored.MINUTE)
    rows = 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Path(folder))
        lake.append(series, _sessions(rows), [])
        took = []
        span = day_bounds_ns(date(2015, 1, 1))[0], day_bounds_ns(date(2026, 1, 1))[0]
        kept = LakeBars(folder, series.key, "1m", *span)
        for _ in range(_ROUNDS + 1):
            began = time.perf_counter()
            found = kept.candles()
            frame = history_frame(found.bars, symbol=str(series.key), gaps=found.gaps)
            took.append(time.perf_counter() - began)
            assert len(frame) == rows
    return Measured(statistics.median(took[1:]), also={"first": took[0]})


@figure("history_append_s", unit="s", goal=5.0, better="lower")
def history_append_s() -> float:
    """A day of 375 minutes for each of 500 symbols that have 80,000 candles of the year and some recent days already:
    of one in twenty the recent days are folded into the year.
    """
    from openalgo_lab.store.history.lake import Lake
    from openalgo_lab.store.history.series import Series, Stored

    day = _minutes(date(2026, 11, 25), _DAY_MINUTES)
    names = [Series(InstrumentKey(Exchange.NSE, f"SHARE{number:03d}"), Stored.MINUTE) for number in range(_SYMBOLS)]
    span = day_bounds_ns(date(2026, 11, 25))
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Path(folder))
        _fill(lake, names)
        began = time.perf_counter()
        lake.append_many((series, day, [span]) for series in names)
        return time.perf_counter() - began


def _fill(lake: Lake, names: list[Series]) -> None:
    """What the year brought so far: files made once and linked, for a writer replaces files and never changes them."""
    from openalgo_lab.store.history.columns import picked
    from openalgo_lab.store.history.lake import recent_room
    from openalgo_lab.store.history.parquet import Parquet
    from openalgo_lab.store.history.series import series_dir

    parquet = Parquet()
    lake.root.mkdir(exist_ok=True)
    year = lake.root / "year.parquet"
    parquet.write(year, _minutes(date(2026, 1, 1), _YEAR_ROWS))
    most = max(recent_room(series) for series in names) // _DAY_MINUTES
    recent = _minutes(date(2026, 10, 1), most * _DAY_MINUTES)
    for days in range(1, most + 1):
        parquet.write(lake.root / f"recent{days}.parquet", picked(recent, slice(0, days * _DAY_MINUTES)))
    for number, series in enumerate(names):
        folder = series_dir(lake.root, series)
        folder.mkdir(parents=True)
        os.link(year, folder / "2026.parquet")
        days = number % (recent_room(series) // _DAY_MINUTES + 1)
        if days:
            os.link(lake.root / f"recent{days}.parquet", folder / "2026.recent.parquet")
