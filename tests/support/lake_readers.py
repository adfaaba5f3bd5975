"""Workers that read the lake while this process appends, on any executor."""

from __future__ import annotations

from concurrent.futures import Executor
from datetime import date
from pathlib import Path

import numpy as np

from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import NS_PER_DAY, day_bounds_ns
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.store.history.lake import Lake
from openalgo_lab.store.history.reading import LakeBars
from openalgo_lab.store.history.series import Series, Stored

__all__ = ["check_readers"]

KEY = InstrumentKey(Exchange.NSE, "SBIN")
FIRST = day_bounds_ns(date(2026, 1, 1))[0]
DAYS = 20


def day_of(number: int) -> Bars:
    """A day of minutes whose every price says which day it is."""
    starts = FIRST + number * NS_PER_DAY + (555 + np.arange(375, dtype=np.int64)) * 60_000_000_000
    price = np.full(375, 100.0 + number)
    return Bars(starts, price, price, price, price, price, price)


def read_often(reader: LakeBars, times: int) -> list[tuple[int, bool]]:
    """In another process: (candles, whether they are whole days in order) of every reading."""
    found = []
    for _ in range(times):
        bars = reader()
        days = (bars.start_ns - FIRST) // NS_PER_DAY
        whole = len(bars) % 375 == 0 and bool((np.diff(bars.start_ns) > 0).all())
        found.append((len(bars), whole and bool((bars.close == 100.0 + days).all())))
    return found


def check_readers(executor: Executor, folder: Path) -> None:
    """Two workers read while this process appends a day at a time."""
    lake, series = Lake(folder), Series(KEY, Stored.MINUTE)
    lake.append(series, day_of(0), [])
    reader = LakeBars(str(folder), KEY, "1m", FIRST, FIRST + 400 * NS_PER_DAY)
    first = executor.submit(read_often, reader, 1).result()  # the worker is up before the writer runs
    assert first == [(375, True)]
    readings = [executor.submit(read_often, reader, 8) for _ in range(2)]
    for number in range(1, DAYS):
        lake.append(series, day_of(number), [])
    for reading in readings:
        counts = [count for count, _ in reading.result()]
        assert all(good for _, good in reading.result())
        assert counts == sorted(counts)
    assert executor.submit(read_often, reader, 1).result() == [(DAYS * 375, True)]
