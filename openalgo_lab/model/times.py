"""Moments: integer UTC nanoseconds inside, aware datetimes in Indian Standard Time at the edges.

A naive datetime is refused everywhere: on a machine that is not set to IST it would silently mean another
moment.
"""

from __future__ import annotations

import time as _time
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from openalgo_lab.model.errors import InputError

__all__ = [
    "IST",
    "NS_PER_DAY",
    "NS_PER_MS",
    "NS_PER_SECOND",
    "Clock",
    "ManualClock",
    "SystemClock",
    "at_ist",
    "day_bounds_ns",
    "format_ist",
    "from_ms",
    "from_ns",
    "ist",
    "parse_time",
    "to_ms",
    "to_ns",
    "trade_date",
]

IST: Final = ZoneInfo("Asia/Kolkata")
NS_PER_MS: Final = 1_000_000
NS_PER_SECOND: Final = 1_000_000_000
NS_PER_DAY: Final = 86_400 * NS_PER_SECOND

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def _aware(when: datetime) -> datetime:
    if when.tzinfo is None or when.utcoffset() is None:
        raise InputError(
            f"{when.isoformat()} has no time zone; give an aware time, for example "
            f"datetime({when.year}, {when.month}, {when.day}, {when.hour}, {when.minute}, tzinfo=IST)."
        )
    return when


def ist(when: datetime) -> datetime:
    """The same moment on the Indian clock. Raises `InputError` for a naive datetime."""
    return _aware(when).astimezone(IST)


def to_ns(when: datetime) -> int:
    """Nanoseconds since 1970-01-01 UTC, exact to the microsecond a datetime holds. Refuses naive datetimes."""
    return (_aware(when) - _EPOCH) // _MICROSECOND * 1_000


def from_ns(ns: int) -> datetime:
    """Aware IST datetime of integer UTC nanoseconds; what is finer than a microsecond is cut off."""
    return (_EPOCH + timedelta(microseconds=ns // 1_000)).astimezone(IST)


def to_ms(when: datetime) -> int:
    """Milliseconds since 1970-01-01 UTC (the unit of the public API's calendar), rounded down."""
    return to_ns(when) // NS_PER_MS


def from_ms(ms: int) -> datetime:
    """Aware IST datetime of integer UTC milliseconds."""
    return from_ns(ms * NS_PER_MS)


def at_ist(day: date, clock_time: time) -> datetime:
    """The moment at which the Indian clock shows `clock_time` on `day`. `clock_time` carries no zone of its
    own.
    """
    if clock_time.tzinfo is not None:
        raise InputError(f"{clock_time} carries a time zone; give the plain time of day that the Indian clock shows.")
    return datetime.combine(day, clock_time, tzinfo=IST)


def trade_date(when: datetime | int) -> date:
    """Calendar date in India at a moment (aware datetime or UTC ns): the date that dated rules are looked
    up by.
    """
    return (from_ns(when) if isinstance(when, int) else ist(when)).date()


def day_bounds_ns(day: date) -> tuple[int, int]:
    """Half-open interval [midnight, next midnight) of an Indian date in UTC ns."""
    start = to_ns(at_ist(day, time()))
    return start, start + NS_PER_DAY


def parse_time(text: str) -> time:
    """Time of day from `HH:MM` or `HH:MM:SS` (24 h). Raises `InputError` for anything else."""
    parts = text.split(":")
    if len(parts) in (2, 3) and all(len(part) == 2 and part.isascii() and part.isdigit() for part in parts):
        try:
            hour, minute, second = (*map(int, parts), 0)[:3]
            return time(hour, minute, second)
        except ValueError:
            pass  # 25:00 has the form but is no time: same sentence
    raise InputError(f"'{text}' is not a time of day; write it as HH:MM, for example 09:15.")


def format_ist(when: datetime | int, *, millis: bool = False) -> str:
    """`YYYY-MM-DD HH:MM:SS` (with `millis`: `.mmm`) on the Indian clock; `when` is aware or UTC ns."""
    local = from_ns(when) if isinstance(when, int) else ist(when)
    return local.replace(tzinfo=None).isoformat(" ", "milliseconds" if millis else "seconds")


class Clock(Protocol):
    """Where a component learns the time, so that live, replay and backtest differ in this object only."""

    def now_ns(self) -> int:
        """Wall clock, UTC ns. May jump when the machine's clock is set."""
        ...

    def monotonic_ns(self) -> int:
        """Never goes back; only differences mean something (timeouts, ages)."""
        ...


class SystemClock:
    """The machine's clocks."""

    __slots__ = ()

    def now_ns(self) -> int:
        return _time.time_ns()

    def monotonic_ns(self) -> int:
        return _time.monotonic_ns()


class ManualClock:
    """A clock that moves only when told: tests, replay, backtest. Starts at `start` (aware datetime or UTC
    ns).
    """

    __slots__ = ("_monotonic", "_now")

    def __init__(self, start: datetime | int) -> None:
        self._now = start if isinstance(start, int) else to_ns(start)
        self._monotonic = 0

    def now_ns(self) -> int:
        return self._now

    def monotonic_ns(self) -> int:
        return self._monotonic

    def advance(self, ns: int) -> None:
        """Let `ns` >= 0 nanoseconds pass on both clocks."""
        if ns < 0:
            raise InputError(f"A clock cannot advance by {ns} ns; use set() to put the wall clock back.")
        self._now += ns
        self._monotonic += ns

    def set(self, when: datetime | int) -> None:
        """Put the wall clock to a moment; the monotonic clock follows forwards and stands still backwards."""
        now = when if isinstance(when, int) else to_ns(when)
        self._monotonic += max(0, now - self._now)
        self._now = now
