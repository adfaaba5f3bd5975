"""Candles of any interval out of the lake, with the gaps of what they were built from."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec

from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import NS_PER_SECOND
from openalgo_lab.store.history.columns import cut, merged
from openalgo_lab.store.history.gaps import Gap, gaps
from openalgo_lab.store.history.hours import AlwaysOpen, Hours
from openalgo_lab.store.history.lake import Lake
from openalgo_lab.store.history.resample import Interval, parse_interval, resample
from openalgo_lab.store.history.series import Series, series_dir

__all__ = ["Candles", "LakeBars", "hours_of", "needed_end", "read_candles"]


class Candles(msgspec.Struct, frozen=True):
    """Candles and what the stored ones under them lack of the trading calendar."""

    bars: Bars
    gaps: tuple[Gap, ...]


def needed_end(interval: Interval, end_ns: int) -> int:
    """Where the stored candles end that candles starting before ``end_ns`` are built from."""
    if interval.count == 1 and interval.unit in "mD":
        return end_ns
    if interval.unit == "m":
        return end_ns + interval.count * 60 * NS_PER_SECOND
    return end_ns + interval.longest_ns


def read_candles(
    lake: Lake,
    calendar: Hours,
    key: InstrumentKey,
    interval: str,
    span: tuple[int, int],
    *,
    fresh: Bars | None = None,
    now_ns: int | None = None,
) -> Candles:
    """Candles that start in ``span`` (UTC ns, the end excluded), each built from all stored candles of its period;
    ``fresh`` are newer ones of the stored length that are not kept yet.

    Gaps are those of the span, up to the candle that runs at ``now_ns``. Nothing is fetched, and no other interval
    stands in for one that is not kept: minutes and hours come from minutes, days and longer from daily candles.
    Raises InputError or NotSupported for an interval that cannot be built, RuleError for hours that nobody knows.
    """
    start_ns, end_ns = span
    asked = parse_interval(interval)
    series = Series(key, asked.stored)
    stored = lake.read(series, start_ns - asked.longest_ns, needed_end(asked, end_ns))
    if fresh is not None:
        stored = merged([stored, fresh])
    bars = cut(resample(stored, asked, key.exchange, calendar), start_ns, end_ns)
    over_ns = end_ns if now_ns is None else min(end_ns, now_ns - asked.stored.length_ns)
    return Candles(bars, gaps(stored, asked.stored, key.exchange, calendar, (start_ns, over_ns)))


class LakeBars(msgspec.Struct, frozen=True):
    """Candles that are read where they are needed: ``LakeBars(...)()`` opens the lake in whatever process it is called,
    so a sweep's workers are sent these few words instead of the candles. What is not kept is not there.
    """

    root: str
    key: InstrumentKey
    interval: str
    start_ns: int
    end_ns: int
    always_open: bool = False

    def __call__(self) -> Bars:
        """The candles, in order. Raises StoreError and what :func:`read_candles` raises."""
        return self.candles().bars

    def candles(self, fresh: Bars | None = None, now_ns: int | None = None) -> Candles:
        """The same with their gaps; ``fresh`` are newer candles of the stored length that are not kept yet."""
        span, hours = (self.start_ns, self.end_ns), hours_of(self.always_open)
        return read_candles(_lake(self.root), hours, self.key, self.interval, span, fresh=fresh, now_ns=now_ns)

    def damaged(self) -> tuple[str, ...]:
        """Names of the series' files that were found damaged and set aside."""
        folder = series_dir(Path(self.root), Series(self.key, parse_interval(self.interval).stored))
        return tuple(sorted(file.name for file in folder.glob("*.damaged*")))


def hours_of(always_open: bool) -> Hours:
    """The trading hours of a source: those of a market that never closes, or the calendar's."""
    return AlwaysOpen() if always_open else _calendar()


@cache
def _calendar() -> Hours:
    return TradingCalendar.load()


@cache
def _lake(root: str) -> Lake:
    """One a process and folder: its DuckDB is opened once."""
    return Lake(Path(root))
