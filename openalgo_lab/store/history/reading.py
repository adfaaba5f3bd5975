"""Candles of any interval out of the lake, with the gaps of what they were built from."""

from __future__ import annotations

import msgspec

from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.market import Bars
from openalgo_lab.store.history.columns import cut
from openalgo_lab.store.history.gaps import Gap, gaps
from openalgo_lab.store.history.lake import Lake
from openalgo_lab.store.history.resample import parse_interval, resample
from openalgo_lab.store.history.series import Series

__all__ = ["Candles", "read_candles"]


class Candles(msgspec.Struct, frozen=True):
    """Candles and what the stored ones under them lack of the trading calendar."""

    bars: Bars
    gaps: tuple[Gap, ...]


def read_candles(
    lake: Lake, calendar: TradingCalendar, key: InstrumentKey, interval: str, span: tuple[int, int]
) -> Candles:
    """Candles that start in ``span`` (UTC ns, the end excluded), each built from all stored candles of its period.

    Gaps are those of the span. Nothing is fetched, and no other interval stands in for one that is not kept:
    minutes and hours come from minutes, days and longer from daily candles. Raises InputError or NotSupported for an
    interval that cannot be built, RuleError for hours that the calendar does not know.
    """
    start_ns, end_ns = span
    asked = parse_interval(interval)
    series = Series(key, asked.stored)
    stored = lake.read(series, start_ns - asked.longest_ns, end_ns + asked.longest_ns)
    bars = cut(resample(stored, asked, key.exchange, calendar), start_ns, end_ns)
    return Candles(bars, gaps(stored, asked.stored, key.exchange, calendar, span))
