"""Expiry dates from weekday rules, moved to the trading day before where a holiday falls on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.errors import RuleError
from openalgo_lab.model.rule_rows import ExpiryRow

__all__ = ["ladder", "month_ends", "nominal_month_expiry"]

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)


def month_ends(start: date) -> Iterator[date]:
    """Last calendar day of the month of `start` and of all that follow."""
    year, month = start.year, start.month
    while True:
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
        yield date(year, month, 1) - _DAY


def nominal_month_expiry(rows: Iterable[ExpiryRow], month_end: date) -> date | None:
    """The month's last weekday by the rule in force, before any holiday; None without such a rule."""
    for row in rows:
        if row.cycle == "monthly" and row.weekday is not None and month_end.month in row.months:
            day = month_end - ((month_end.weekday() - row.weekday) % 7) * _DAY
            if _covers(row, day):
                return day
    return None


def ladder(rows: tuple[ExpiryRow, ...], start: date, *, weekly: bool, calendar: TradingCalendar) -> Iterator[date]:
    """Expiry dates from `start` on, ascending. `weekly`: every expiry, with the month's own in its week;
    else the monthly ones only. Ends with the rules; raises `RuleError` where the calendar ends.
    """
    last: date | None = None
    source = _weeks(rows, start) if weekly else _months(rows, start, calendar)
    for row, nominal in source:
        day = _settled(row, nominal, calendar)
        if day >= start and (last is None or day > last):
            last = day
            yield day


def _covers(row: ExpiryRow, day: date) -> bool:
    return row.effective_from <= day and (row.effective_to is None or day <= row.effective_to)


def _over(rows: Iterable[ExpiryRow], day: date) -> bool:
    """Whether every rule has ended before `day`."""
    return all(row.effective_to is not None and row.effective_to < day for row in rows)


def _weeks(rows: tuple[ExpiryRow, ...], start: date) -> Iterator[tuple[ExpiryRow, date]]:
    monday = start - start.weekday() * _DAY
    while not _over(rows, monday):
        week = [(row, monday + (row.weekday or 0) * _DAY) for row in rows if row.weekday is not None]
        valid = [(row, day) for row, day in week if _covers(row, day)]
        monthly = [(row, day) for row, day in valid if row.cycle == "monthly" and (day + _WEEK).month != day.month]
        yield from monthly or [(row, day) for row, day in valid if row.cycle == "weekly"]
        monday += _WEEK


def _months(rows: tuple[ExpiryRow, ...], start: date, calendar: TradingCalendar) -> Iterator[tuple[ExpiryRow, date]]:
    monthly = [row for row in rows if row.cycle == "monthly"]
    for end in month_ends(start):
        if _over(monthly, end.replace(day=1)):
            return
        for row in monthly:
            day = _in_month(row, end, calendar) if end.month in row.months else None
            if day is not None and _covers(row, day):
                yield row, day


def _in_month(row: ExpiryRow, end: date, calendar: TradingCalendar) -> date | None:
    if row.weekday is not None:
        return nominal_month_expiry([row], end)
    if row.day_of_month is not None:
        return end.replace(day=min(row.day_of_month, end.day))
    working = calendar.trading_days(row.exchange, end.replace(day=1), end)
    back = 1 + (row.before_month_end or 0)
    return working[-back] if len(working) >= back else None


def _settled(row: ExpiryRow, nominal: date, calendar: TradingCalendar) -> date:
    """The day itself or the last one before it on which the exchange closes in the ordinary way."""
    for n in range(15):
        if calendar.has_ordinary_close(row.exchange, nominal - n * _DAY):
            return nominal - n * _DAY
    raise RuleError(f"No trading day lies before the expiry of {nominal}; check the calendar file holidays.json.")
