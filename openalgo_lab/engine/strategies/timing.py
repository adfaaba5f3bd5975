"""When a hosted strategy runs by its schedule: Indian times, weekdays, and the exchange's calendar."""

from __future__ import annotations

from datetime import date, time, timedelta
from functools import cached_property
from time import time_ns
from typing import Final

from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.errors import InputError, RuleError
from openalgo_lab.model.strategy_commands import StrategySchedule
from openalgo_lab.model.times import at_ist, from_ns, parse_time, to_ns

__all__ = ["Timing", "due_now", "next_start_ns"]

_FURTHEST: Final = 370


class Timing:
    """The calendar, read when it is first needed."""

    @cached_property
    def calendar(self) -> TradingCalendar:
        """The dated one."""
        return TradingCalendar.load()

    @staticmethod
    def times(schedule: StrategySchedule) -> tuple[time, time]:
        """Start and stop. Raises InputError for times that are none, or in the wrong order."""
        start, stop = parse_time(schedule.start), parse_time(schedule.stop)
        if start >= stop:
            raise InputError(f"It would stop ({schedule.stop}) before it starts ({schedule.start}).", field="stop")
        if not schedule.days or any(day not in range(7) for day in schedule.days):
            raise InputError("Give the weekdays, 0 for Monday to 6 for Sunday.", field="days")
        return start, stop


def due_now(calendar: TradingCalendar, schedule: StrategySchedule | None, now_ns: int | None = None) -> bool:
    """Whether it should be running at this moment."""
    if schedule is None:
        return False
    start, stop = Timing.times(schedule)
    now = from_ns(time_ns() if now_ns is None else now_ns)
    return _is_day(calendar, schedule, now.date()) and start <= now.time() < stop


def next_start_ns(calendar: TradingCalendar, schedule: StrategySchedule, now_ns: int) -> int:
    """The next start after ``now_ns``; 0 where the calendar knows of none. Raises InputError."""
    start, _ = Timing.times(schedule)
    day = from_ns(now_ns).date()
    for _ in range(_FURTHEST):
        moment = to_ns(at_ist(day, start))
        if moment > now_ns and _is_day(calendar, schedule, day):
            return moment
        day += timedelta(days=1)
    return 0


def _is_day(calendar: TradingCalendar, schedule: StrategySchedule, day: date) -> bool:
    if day.weekday() not in schedule.days:
        return False
    try:
        return calendar.is_trading_day(schedule.exchange, day)
    except RuleError:  # a year whose holidays nobody has published yet: weekdays count
        return True
