"""Longer candles: where they begin, by rule and by an oracle that counts candle by candle."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.errors import InputError, NotSupported, RuleError
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import IST, at_ist, day_bounds_ns, from_ns, to_ns
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.store.history.columns import FIELDS, cut, picked
from openalgo_lab.store.history.lake import Lake
from openalgo_lab.store.history.reading import read_candles
from openalgo_lab.store.history.resample import parse_interval, resample
from openalgo_lab.store.history.series import Series, Stored

MakeBars = Callable[..., Bars]

MINUTE = 60_000_000_000


def flat(moments: list[datetime]) -> Bars:
    starts = np.array([to_ns(moment) for moment in moments], dtype=np.int64)
    ones = np.ones(len(starts))
    return Bars(starts, ones, ones, ones, ones, ones, ones)


def clock(bars: Bars) -> list[str]:
    return [from_ns(int(ns)).strftime("%H:%M") for ns in bars.start_ns]


def daily(start: date, end: date, calendar: TradingCalendar) -> Bars:
    days = calendar.trading_days(Exchange.NSE, start, end)
    return flat([at_ist(day, time()) for day in days])


def dates(bars: Bars) -> list[str]:
    return [from_ns(int(ns)).date().isoformat() for ns in bars.start_ns]


@pytest.mark.parametrize(
    ("exchange", "day", "interval", "starts"),
    [
        (Exchange.NSE, date(2026, 1, 5), "1h", "09:15 10:15 11:15 12:15 13:15 14:15 15:15"),
        (Exchange.NSE, date(2026, 1, 5), "75m", "09:15 10:30 11:45 13:00 14:15"),
        (Exchange.NSE, date(2026, 1, 5), "125m", "09:15 11:20 13:25"),
        (Exchange.NSE, date(2026, 1, 5), "1440m", "09:15"),
        (Exchange.NFO, date(2026, 9, 1), "2h", "09:15 11:15 13:15 15:15"),
        (Exchange.CDS, date(2026, 1, 5), "4h", "09:00 13:00"),
        (Exchange.MCX, date(2026, 1, 15), "3h", "17:00 20:00 23:00"),  # an evening only
    ],
)
def test_candles_of_minutes_begin_with_the_session(
    session_bars: MakeBars, calendar: TradingCalendar, exchange: Exchange, day: date, interval: str, starts: str
) -> None:
    bars = session_bars(day, day, exchange)
    assert clock(resample(bars, parse_interval(interval), exchange, calendar)) == starts.split()


def test_an_hour_of_muhurat_is_a_session_of_its_own(session_bars: MakeBars, calendar: TradingCalendar) -> None:
    day = date(2023, 11, 12)  # a Sunday
    made = resample(session_bars(day, day), parse_interval("30m"), Exchange.NSE, calendar)
    assert clock(made) == ["18:15", "18:45"]


def test_minutes_before_the_opening_stay_apart(calendar: TradingCalendar) -> None:
    bars = flat([at_ist(date(2026, 1, 5), time(9, minute)) for minute in (7, 14, 15, 16)])
    made = resample(bars, parse_interval("15m"), Exchange.NSE, calendar)
    assert (clock(made), made.volume.tolist()) == (["09:00", "09:15"], [2, 2])
    whole_day = resample(bars, parse_interval("24h"), Exchange.NSE, calendar)
    assert clock(whole_day) == ["00:00", "09:15"]


def test_hours_that_nobody_knows_are_not_guessed(calendar: TradingCalendar) -> None:
    bars = flat([datetime(2011, 1, 3, 9, 30, tzinfo=IST)])
    with pytest.raises(RuleError, match="2011"):
        resample(bars, parse_interval("5m"), Exchange.NSE, calendar)


@pytest.mark.parametrize(
    ("interval", "starts"),
    [
        ("W", "2025-12-22 2025-12-29 2026-01-05 2026-01-12 2026-01-19"),
        ("2W", "2025-12-15 2025-12-29 2026-01-12"),  # 22 December lies in week 52, 29 December begins week 1 of 2026
        ("M", "2025-12-01 2026-01-01"),
        ("2M", "2025-11-01 2026-01-01"),
        ("Q", "2025-10-01 2026-01-01"),
        ("Y", "2025-01-01 2026-01-01"),
        ("2Y", "2024-01-01 2026-01-01"),
        ("2Q", "2025-07-01 2026-01-01"),
    ],
)
def test_periods_align_to_weeks_and_years(calendar: TradingCalendar, interval: str, starts: str) -> None:
    bars = daily(date(2025, 12, 22), date(2026, 1, 23), calendar)
    assert dates(resample(bars, parse_interval(interval), Exchange.NSE, calendar)) == starts.split()


def test_days_are_counted_in_trading_days_of_the_year(calendar: TradingCalendar) -> None:
    bars = daily(date(2026, 1, 1), date(2026, 1, 31), calendar)
    made = resample(bars, parse_interval("3D"), Exchange.NSE, calendar)
    assert dates(made) == dates(picked(bars, slice(0, None, 3)))
    assert made.volume[:-1].tolist() == [3.0] * (len(made) - 1)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 400), st.lists(st.integers(0, 1124), min_size=1, max_size=60, unique=True))
def test_every_candle_holds_its_own_minutes(
    session_bars: MakeBars, calendar: TradingCalendar, minutes: int, kept: list[int]
) -> None:
    """Any length, any holes: against a count candle by candle."""
    bars = picked(session_bars(date(2026, 1, 5), date(2026, 1, 7)), np.array(sorted(kept), dtype=np.int64))
    made = resample(bars, parse_interval(f"{minutes}m"), Exchange.NSE, calendar)
    expected: dict[int, list[int]] = {}
    for row, ns in enumerate(bars.start_ns.tolist()):
        opening = to_ns(at_ist(from_ns(ns).date(), time(9, 15)))
        expected.setdefault(opening + (ns - opening) // (minutes * MINUTE) * minutes * MINUTE, []).append(row)
    assert made.start_ns.tolist() == list(expected)
    for place, rows in enumerate(expected.values()):
        of_candle = picked(bars, np.array(rows))
        assert made.open[place] == of_candle.open[0]
        assert made.high[place] == of_candle.high.max()
        assert made.low[place] == of_candle.low.min()
        assert made.close[place] == of_candle.close[-1]
        assert made.volume[place] == of_candle.volume.sum()
        assert made.oi[place] == of_candle.oi[-1]


@pytest.mark.parametrize("interval", ["1m", "7m", "1h"])
def test_a_part_read_from_the_lake_is_the_part_of_the_whole(
    lake: Lake, calendar: TradingCalendar, session_bars: MakeBars, interval: str
) -> None:
    bars = session_bars(date(2025, 12, 29), date(2026, 1, 5))
    key = InstrumentKey(Exchange.NSE, "SBIN")
    lake.append(Series(key, Stored.MINUTE), bars, [])
    whole = resample(bars, parse_interval(interval), Exchange.NSE, calendar)
    rng = np.random.default_rng(4)
    for _ in range(12):
        start, end = sorted(rng.integers(bars.start_ns[0], bars.start_ns[-1], 2).tolist())
        read = read_candles(lake, calendar, key, interval, (start, end)).bars
        part = cut(whole, start, end)
        assert all(np.array_equal(getattr(read, name), getattr(part, name)) for name in FIELDS)


@pytest.mark.parametrize("interval", ["W", "2M", "3D", "Y"])
def test_a_period_read_from_the_lake_is_whole(lake: Lake, calendar: TradingCalendar, interval: str) -> None:
    bars = daily(date(2025, 1, 1), date(2026, 11, 20), calendar)
    key = InstrumentKey(Exchange.NSE, "SBIN")
    lake.append(Series(key, Stored.DAY), bars, [])
    whole = resample(bars, parse_interval(interval), Exchange.NSE, calendar)
    start, end = day_bounds_ns(date(2025, 12, 30))[0], day_bounds_ns(date(2026, 1, 8))[0]
    read = read_candles(lake, calendar, key, interval, (start, end)).bars
    assert read.volume.tolist() == cut(whole, start, end).volume.tolist()
    assert len(read)


@pytest.mark.parametrize("text", ["", "m", "0m", "5", "h", "5x", "1441m", "25h", "-1m", "1.5h", "D2"])
def test_what_is_no_interval_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_interval(text)


def test_seconds_are_not_kept() -> None:
    with pytest.raises(NotSupported, match="30s"):
        parse_interval("30s")
