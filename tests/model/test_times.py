"""IST, nanoseconds and clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.model import times
from openalgo_lab.model.errors import LabError
from openalgo_lab.model.times import IST, ManualClock, SystemClock

NS = st.integers(min_value=0, max_value=4_000_000_000 * times.NS_PER_SECOND)
AWARE = st.datetimes(
    min_value=datetime(1970, 1, 2),  # noqa: DTZ001 - the strategy adds the zone
    max_value=datetime(2090, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([IST, UTC]),
)


@given(AWARE)
def test_datetime_survives_nanoseconds(when: datetime) -> None:
    back = times.from_ns(times.to_ns(when))
    assert back == when
    assert back.utcoffset() == timedelta(hours=5, minutes=30)


@given(NS)
def test_nanoseconds_survive_to_the_microsecond(ns: int) -> None:
    assert times.to_ns(times.from_ns(ns)) == ns - ns % 1_000


@given(st.integers(min_value=0, max_value=4_000_000_000_000))
def test_milliseconds_survive(ms: int) -> None:
    assert times.to_ms(times.from_ms(ms)) == ms


def test_known_moment() -> None:
    when = datetime(2026, 11, 10, 17, 0, tzinfo=IST)
    assert times.to_ms(when) == 1_794_310_200_000
    assert times.from_ms(1_794_335_100_000).isoformat() == "2026-11-10T23:55:00+05:30"


@pytest.mark.parametrize("function", [times.ist, times.to_ns, times.to_ms, times.trade_date, times.format_ist])
def test_naive_datetime_is_refused(function: object) -> None:
    with pytest.raises(LabError, match=r"no time zone.*tzinfo=IST"):
        function(datetime(2026, 11, 25, 9, 15))  # type: ignore[operator]  # noqa: DTZ001


class Nowhere(tzinfo):
    """A zone that does not know its own offset."""

    def utcoffset(self, when: datetime | None) -> timedelta | None:
        return None

    def dst(self, when: datetime | None) -> timedelta | None:
        return None

    def tzname(self, when: datetime | None) -> str | None:
        return None


def test_zone_with_unknown_offset_counts_as_naive() -> None:
    with pytest.raises(LabError, match="no time zone"):
        times.to_ns(datetime(2026, 1, 1, tzinfo=Nowhere()))


def test_trade_date_is_the_date_in_india() -> None:
    late_in_london = datetime(2026, 8, 2, 18, 30, tzinfo=UTC)
    assert times.trade_date(late_in_london) == date(2026, 8, 3)
    assert times.trade_date(times.to_ns(late_in_london) - 1_000) == date(2026, 8, 2)


@given(st.dates(min_value=date(1971, 1, 1), max_value=date(2089, 1, 1)))
def test_day_bounds(day: date) -> None:
    start, end = times.day_bounds_ns(day)
    assert times.trade_date(start) == day == times.trade_date(end - 1)
    assert times.trade_date(end) == day + timedelta(days=1)


def test_at_ist_refuses_a_zone() -> None:
    assert times.at_ist(date(2026, 1, 2), time(9, 15)).isoformat() == "2026-01-02T09:15:00+05:30"
    with pytest.raises(LabError, match="plain time of day"):
        times.at_ist(date(2026, 1, 2), time(9, 15, tzinfo=UTC))


@pytest.mark.parametrize(("text", "value"), [("09:15", time(9, 15)), ("23:59:59", time(23, 59, 59))])
def test_parse_time(text: str, value: time) -> None:
    assert times.parse_time(text) == value


@pytest.mark.parametrize("text", ["", "9:15", "25:00", "09:60", "09:15:0", "0915", "-1:00", "٠٩:١٥", "09:15:00:00"])
def test_parse_time_refuses(text: str) -> None:
    with pytest.raises(LabError, match="HH:MM"):
        times.parse_time(text)


def test_format_ist() -> None:
    when = datetime(2026, 11, 25, 3, 45, 0, 123_456, tzinfo=UTC)
    assert times.format_ist(when) == "2026-11-25 09:15:00"
    assert times.format_ist(times.to_ns(when), millis=True) == "2026-11-25 09:15:00.123"


def test_system_clock_agrees_with_the_machine() -> None:
    clock = SystemClock()
    before = datetime.now(tz=IST) - timedelta(seconds=1)
    assert before < times.from_ns(clock.now_ns()) < before + timedelta(hours=1)
    assert clock.monotonic_ns() <= clock.monotonic_ns()


def test_manual_clock() -> None:
    clock = ManualClock(datetime(2026, 8, 3, 9, 15, tzinfo=IST))
    start = clock.now_ns()
    clock.advance(5)
    assert (clock.now_ns() - start, clock.monotonic_ns()) == (5, 5)
    clock.set(start + 25)
    assert (clock.now_ns() - start, clock.monotonic_ns()) == (25, 25)
    clock.set(datetime(2026, 8, 3, 9, 0, tzinfo=IST))
    assert times.format_ist(clock.now_ns()) == "2026-08-03 09:00:00"
    assert clock.monotonic_ns() == 25  # a wall clock put back never takes the monotonic one along
    with pytest.raises(LabError, match="set"):
        clock.advance(-1)
