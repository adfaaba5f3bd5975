"""When exchanges trade: sessions and holidays by date, from dated tables, on the Indian clock.

Nothing is guessed. A year without a published list raises `RuleError`; a special session whose time is not
known is closed, and `reason` says so; rows that are only planned are marked provisional.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal, Self

import msgspec

from openalgo_lab.model.errors import RuleError
from openalgo_lab.model.tables import HhMm, Row, clock_time, read_file, read_table
from openalgo_lab.model.times import at_ist, ist, to_ms
from openalgo_lab.model.timetable import (
    Board,
    Phase,
    PhaseRow,
    Schedule,
    Segment,
    Session,
    lay_out,
    schedule_on,
    segment_of,
)
from openalgo_lab.model.vocabulary import Exchange

__all__ = [
    "CALENDAR_EXCHANGES",
    "Board",
    "Holiday",
    "HolidayType",
    "OpenWindow",
    "Phase",
    "Session",
    "TradingCalendar",
]

CALENDAR_EXCHANGES: Final = (
    Exchange.NSE,
    Exchange.BSE,
    Exchange.NFO,
    Exchange.BFO,
    Exchange.CDS,
    Exchange.BCD,
    Exchange.MCX,
    Exchange.NCO,
)
"""The exchanges whose holidays are listed; CRYPTO never closes."""

_DAY: Final = timedelta(days=1)
_SEARCH_DAYS: Final = 30  # longer than any run of holidays: a search that finds nothing is a fault in the table


class HolidayType(StrEnum):
    """What kind of day a calendar row describes, in the public contract's words."""

    TRADING_HOLIDAY = "TRADING_HOLIDAY"
    SETTLEMENT_HOLIDAY = "SETTLEMENT_HOLIDAY"  # shares trade; banks, and with them currency, are closed
    SPECIAL_SESSION = "SPECIAL_SESSION"


DayStatus = Literal["open", "closed", "morning", "evening", "unknown"]


class DayRow(Row, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A day that is not like others. A segment that is not named keeps its ordinary day (and its weekend)."""

    date: date
    description: str
    type: HolidayType
    segments: dict[Segment, DayStatus | tuple[PhaseRow, ...]]


class YearRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A year whose list is known (final) or planned (provisional)."""

    year: int
    status: Literal["final", "provisional"]


class CalendarFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`holidays.json`. On days split in two, the morning session ends and the evening session starts at
    `evening_from`."""

    rows: tuple[DayRow, ...]
    years: tuple[YearRow, ...] = ()
    evening_from: HhMm | None = None
    source: str = ""


class OpenWindow(msgspec.Struct, frozen=True):
    """When an exchange trades on a day: first and last moment of continuous trading, epoch milliseconds."""

    exchange: Exchange
    start_time: int
    end_time: int


class Holiday(msgspec.Struct, frozen=True):
    """A calendar row as the public API shows it; exchanges in neither list keep their ordinary day."""

    date: date
    description: str
    holiday_type: HolidayType
    closed_exchanges: tuple[Exchange, ...]
    open_exchanges: tuple[OpenWindow, ...]
    provisional: bool = False


class TradingCalendar:
    """Sessions, holidays and searches over them. Immutable in effect and safe to share between threads."""

    def __init__(self, schedules: tuple[Schedule, ...], files: list[CalendarFile]) -> None:
        self._schedules = schedules
        self._years = {row.year: row for file in files for row in file.years}
        self._rows = {row.date: row for file in files for row in file.rows}
        self._evening_from = next(f.evening_from for f in reversed(files) if f.evening_from is not None)
        self._cache: dict[tuple[Segment, Board, date], tuple[Session, ...]] = {}

    @classmethod
    def load(cls, extra: Path | None = None) -> Self:
        """Read `sessions.json` and `holidays.json` of this package and, over them, those in the folder
        `extra`.

        A row of the user's own replaces ours of the same date. Raises `RuleError` naming a file that does
        not fit.
        """
        return cls(read_table("sessions.json", Schedule, extra), read_file("holidays.json", CalendarFile, extra))

    def __repr__(self) -> str:
        years = ", ".join(f"{y}{'?' * (r.status == 'provisional')}" for y, r in sorted(self._years.items()))
        return f"TradingCalendar({years})"

    # One day ---------------------------------------------------------------------------------------------------

    def sessions(self, exchange: Exchange, day: date, board: Board = Board.ORDINARY) -> tuple[Session, ...]:
        """Phases of `day` in order, empty when closed all day. Raises `RuleError` for a year that is not
        known.
        """
        key = (segment_of(exchange), board, day)
        found = self._cache.get(key)
        if found is None:
            found = self._cache[key] = self._sessions(*key)
        return found

    def is_trading_day(self, exchange: Exchange, day: date) -> bool:
        """Whether there is continuous trading at any time of `day`, be it an hour of Muhurat or an evening."""
        return any(session.phase is Phase.CONTINUOUS for session in self.sessions(exchange, day))

    def has_ordinary_close(self, exchange: Exchange, day: date) -> bool:
        """Whether the exchange ends the day in its usual way, so that contracts can expire: not on a day
        that is closed, cut short, or has only an hour of Muhurat.
        """
        if not self.is_trading_day(exchange, day):
            return False
        row = self._rows.get(day)
        status = row.segments.get(segment_of(exchange)) if row is not None else None
        return status in (None, "open", "evening")

    def reason(self, exchange: Exchange, day: date) -> str:
        """Why there is no trading on `day`, in a few words; empty when there is."""
        if self.is_trading_day(exchange, day):
            return ""
        row = self._rows.get(day)
        if row is None or segment_of(exchange) not in row.segments:
            return "weekend"
        if row.segments[segment_of(exchange)] == "unknown":
            return f"{row.description}: special session whose time is not known; add it to the calendar file"
        return row.description

    def is_provisional(self, day: date) -> bool:
        """Whether the calendar of that year is only planned: the exchanges have not published it."""
        return self._year(day.year).status == "provisional"

    def minutes(self, exchange: Exchange, day: date, board: Board = Board.ORDINARY) -> int:
        """Minutes of continuous trading: how many one-minute candles a gapless day has at most."""
        spans = (s.end - s.start for s in self.sessions(exchange, day, board) if s.phase is Phase.CONTINUOUS)
        return sum(spans, timedelta()) // timedelta(minutes=1)

    def window(self, exchange: Exchange, day: date, board: Board = Board.ORDINARY) -> tuple[datetime, datetime] | None:
        """First and last moment of continuous trading; None on a day without."""
        trading = [s for s in self.sessions(exchange, day, board) if s.phase is Phase.CONTINUOUS]
        return (trading[0].start, trading[-1].end) if trading else None

    # One moment ------------------------------------------------------------------------------------------------

    def phase_at(self, exchange: Exchange, when: datetime, board: Board = Board.ORDINARY) -> Phase:
        """The phase at a moment (aware datetime); CLOSED between and outside the day's phases."""
        moment = ist(when)
        for day in self._days_reaching(moment.date()):
            for session in self.sessions(exchange, day, board):
                if session.start <= moment < session.end:
                    return session.phase
        return Phase.CLOSED

    def is_open(self, exchange: Exchange, when: datetime, board: Board = Board.ORDINARY) -> bool:
        """Whether continuous trading is on."""
        return self.phase_at(exchange, when, board) is Phase.CONTINUOUS

    def next_open(self, exchange: Exchange, when: datetime, board: Board = Board.ORDINARY) -> datetime:
        """Start of the first continuous session that begins after `when`."""
        moment = ist(when)
        for ahead in range(_SEARCH_DAYS + 1):
            for session in self.sessions(exchange, moment.date() + ahead * _DAY, board):
                if session.phase is Phase.CONTINUOUS and session.start > moment:
                    return session.start
        raise _found_none(exchange, moment.date())

    # Searches --------------------------------------------------------------------------------------------------

    def previous_trading_day(self, exchange: Exchange, day: date) -> date:
        """The last trading day before `day`."""
        return self._search(exchange, day, -_DAY)

    def next_trading_day(self, exchange: Exchange, day: date) -> date:
        """The first trading day after `day`."""
        return self._search(exchange, day, _DAY)

    def trading_days(self, exchange: Exchange, start: date, end: date) -> tuple[date, ...]:
        """All trading days from `start` to `end`, both included."""
        days = (start + n * _DAY for n in range((end - start).days + 1))
        return tuple(day for day in days if self.is_trading_day(exchange, day))

    # The public API's shapes -----------------------------------------------------------------------------------

    def holidays(self, year: int) -> tuple[Holiday, ...]:
        """The rows of a year in date order. Raises `RuleError` for a year that is not known."""
        provisional = self._year(year).status == "provisional"
        return tuple(self._holiday(row, provisional) for row in self._rows_of(year))

    def timings(self, day: date) -> tuple[OpenWindow, ...]:
        """The exchanges that trade on `day` and when; CRYPTO always."""
        return tuple(self._windows((*CALENDAR_EXCHANGES, Exchange.CRYPTO), day))

    # -----------------------------------------------------------------------------------------------------------

    def _sessions(self, segment: Segment, board: Board, day: date) -> tuple[Session, ...]:
        if segment is Segment.CRYPTO:
            midnight = datetime.min.time()
            return (Session(Phase.CONTINUOUS, at_ist(day, midnight), at_ist(day + _DAY, midnight)),)
        self._year(day.year)
        row = self._rows.get(day)
        status = row.segments.get(segment) if row is not None else None
        if status in ("closed", "unknown") or (status is None and day.weekday() >= 5):
            return ()
        if isinstance(status, tuple):
            return lay_out(status, day)
        regular = lay_out(schedule_on(self._schedules, segment, board, day).phases, day)
        return regular if status in (None, "open") else self._half(regular, status == "morning", day)

    def _half(self, regular: tuple[Session, ...], morning: bool, day: date) -> tuple[Session, ...]:
        """The part of a day before or after the evening session's start."""
        noon = at_ist(day, clock_time(self._evening_from, day))
        clipped = (
            Session(s.phase, s.start, min(s.end, noon)) if morning else Session(s.phase, max(s.start, noon), s.end)
            for s in regular
        )
        return tuple(s for s in clipped if s.start < s.end)

    def _days_reaching(self, day: date) -> Iterator[date]:
        yield day
        if (day - _DAY).year in self._years:  # a session of the day before may run past midnight
            yield day - _DAY

    def _search(self, exchange: Exchange, day: date, step: timedelta) -> date:
        for n in range(1, _SEARCH_DAYS + 1):
            if self.is_trading_day(exchange, day + n * step):
                return day + n * step
        raise _found_none(exchange, day)

    def _year(self, year: int) -> YearRow:
        row = self._years.get(year)
        if row is None:
            raise RuleError(f"The trading calendar for {year} is not known; update the calendar file holidays.json.")
        return row

    def _rows_of(self, year: int) -> Iterator[DayRow]:
        return (self._rows[day] for day in sorted(self._rows) if day.year == year)

    def _holiday(self, row: DayRow, provisional: bool) -> Holiday:
        named = [e for e in CALENDAR_EXCHANGES if segment_of(e) in row.segments]
        closed = tuple(exchange for exchange in named if not self.is_trading_day(exchange, row.date))
        special = [
            exchange
            for exchange in named
            if exchange not in closed
            and (row.segments[segment_of(exchange)] != "open" or row.type is HolidayType.SPECIAL_SESSION)
        ]
        windows = tuple(self._windows(special, row.date))
        return Holiday(row.date, row.description, row.type, closed, windows, provisional)

    def _windows(self, exchanges: tuple[Exchange, ...] | list[Exchange], day: date) -> Iterator[OpenWindow]:
        for exchange in exchanges:
            window = self.window(exchange, day)
            if window is not None:
                yield OpenWindow(exchange, to_ms(window[0]), to_ms(window[1]))


def _found_none(exchange: Exchange, day: date) -> RuleError:
    return RuleError(
        f"No trading day of {exchange.value} lies within {_SEARCH_DAYS} days of {day}; "
        f"check the calendar file holidays.json."
    )
