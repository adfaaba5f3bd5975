"""Gaps: what the calendar expects and the candles lack, no more and no less."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import at_ist, day_bounds_ns, to_ns
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.store.history.columns import no_bars, picked
from openalgo_lab.store.history.gaps import Gap, GapKind, gaps
from openalgo_lab.store.history.lake import Lake
from openalgo_lab.store.history.reading import read_candles
from openalgo_lab.store.history.series import Series, Stored

MakeBars = Callable[..., Bars]

MINUTE = 60_000_000_000
MONDAY, WEDNESDAY = date(2026, 1, 5), date(2026, 1, 7)
SPAN = (day_bounds_ns(MONDAY)[0], day_bounds_ns(WEDNESDAY)[1])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.integers(0, 1124), max_size=40))
def test_every_lost_minute_is_in_one_gap(session_bars: MakeBars, calendar: TradingCalendar, lost: set[int]) -> None:
    bars = session_bars(MONDAY, WEDNESDAY)
    kept = picked(bars, np.array([row for row in range(len(bars)) if row not in lost], dtype=np.int64))
    found = gaps(kept, Stored.MINUTE, Exchange.NSE, calendar, SPAN)
    starts = [ns for gap in found for ns in range(gap.start_ns, gap.end_ns, MINUTE)]
    assert starts == [int(bars.start_ns[row]) for row in sorted(lost)]
    assert sum(gap.candles for gap in found) == len(lost)


def test_whole_candles_have_no_gaps_over_weekends_and_holidays(
    session_bars: MakeBars, calendar: TradingCalendar
) -> None:
    start, end = date(2026, 1, 1), date(2026, 3, 31)
    span = (day_bounds_ns(start)[0], day_bounds_ns(end)[1])
    for exchange in (Exchange.NSE, Exchange.MCX, Exchange.CDS):
        assert gaps(session_bars(start, end, exchange), Stored.MINUTE, exchange, calendar, span) == ()


def test_lost_days_are_one_gap_of_days(calendar: TradingCalendar) -> None:
    midnights = [day_bounds_ns(day)[0] for day in (MONDAY, WEDNESDAY)]
    ones = np.ones(2)
    bars = Bars(np.array(midnights, dtype=np.int64), ones, ones, ones, ones, ones, ones)
    end = day_bounds_ns(date(2026, 1, 9))[1]
    found = gaps(bars, Stored.DAY, Exchange.NSE, calendar, (SPAN[0], end))
    tuesday, thursday = day_bounds_ns(date(2026, 1, 6)), day_bounds_ns(date(2026, 1, 8))
    assert found == (Gap(GapKind.MISSING, *tuesday, 1), Gap(GapKind.MISSING, thursday[0], end, 2))
    assert str(found[1]) == "2026-01-08 00:00:00 to 2026-01-10 00:00:00: 2 candles missing."


def test_years_without_a_calendar_are_listed_as_not_verified(calendar: TradingCalendar) -> None:
    span = (day_bounds_ns(date(2011, 5, 2))[0], day_bounds_ns(date(2011, 5, 20))[1])
    assert gaps(no_bars(), Stored.MINUTE, Exchange.NSE, calendar, span) == (Gap(GapKind.UNVERIFIED, *span, 0),)


def test_a_reading_from_the_lake_lists_its_gaps(lake: Lake, calendar: TradingCalendar, session_bars: MakeBars) -> None:
    bars = session_bars(MONDAY, WEDNESDAY)
    key = InstrumentKey(Exchange.NSE, "SBIN")
    kept = np.r_[0:100, 130 : len(bars)]
    lake.append(Series(key, Stored.MINUTE), picked(bars, kept), [SPAN])
    (gap,) = read_candles(lake, calendar, key, "15m", SPAN).gaps
    first = to_ns(at_ist(MONDAY, time(10, 55)))
    assert gap == Gap(GapKind.MISSING, first, first + 30 * MINUTE, 30)
