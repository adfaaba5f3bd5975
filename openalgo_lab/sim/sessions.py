"""The simulated market's days: by the exchanges' calendar, or every Indian day around the clock."""

from __future__ import annotations

from datetime import date
from enum import IntEnum
from typing import Final, Literal

import msgspec
import numpy as np

from openalgo_lab.model.calendar import Board, TradingCalendar
from openalgo_lab.model.errors import InputError, RuleError
from openalgo_lab.model.times import NS_PER_DAY, NS_PER_SECOND, to_ns, trade_date
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.sim.noise import IntArray

__all__ = ["BLOCK_MINUTES", "FIRST_DAY", "LAST_DAY", "NS_PER_MINUTE", "Hours", "SimSession", "SimSessions", "Venue"]

Hours = Literal["always", "calendar"]

FIRST_DAY: Final = date(2010, 1, 1)
LAST_DAY: Final = date(2039, 12, 31)
BLOCK_MINUTES: Final = 5
NS_PER_MINUTE: Final = 60 * NS_PER_SECOND
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_MIDNIGHT_OFFSET: Final = (5 * 60 + 30) * NS_PER_MINUTE  # India is ahead of UTC by this, and has no summer time
_OPEN_MINUTE: Final = 9 * 60 + 15
_ALL_DAY: Final = 1440
_USUAL_DAY: Final = 375
_SEARCH_DAYS: Final = 30


# A day needs a memory of days before it, and the days after it.
_EARLIEST: Final = FIRST_DAY.toordinal() - _EPOCH_DAY + 60
_LATEST: Final = LAST_DAY.toordinal() - _EPOCH_DAY - 31


class Venue(IntEnum):
    """Groups of instruments that keep one closing time."""

    INDEX = 0
    SHARE = 1
    DERIVATIVE = 2


class SimSession(msgspec.Struct, frozen=True):
    """One trading day. ``ordinal`` counts days since 1970; minutes are counted from ``open_ns`` (UTC ns).

    ``minutes`` is the length of the underlying's path; ``ends`` the minute at which each :class:`Venue` stops.
    """

    ordinal: int
    open_ns: int
    minutes: int
    ends: tuple[int, int, int]

    @property
    def day(self) -> date:
        """Its Indian date."""
        return date.fromordinal(self.ordinal + _EPOCH_DAY)

    @property
    def blocks(self) -> int:
        """Blocks of :data:`BLOCK_MINUTES` in the day, the last one perhaps shorter."""
        return -(-self.minutes // BLOCK_MINUTES)


class SimSessions:
    """All sessions. In years whose holidays the calendar does not know, every weekday trades 09:15 to 15:30."""

    def __init__(self, hours: Hours, calendar: TradingCalendar) -> None:
        self.hours = hours
        self._calendar = calendar
        self._known: dict[int, SimSession | None] = {}
        self._years: dict[int, bool] = {}

    def on(self, ordinal: int) -> SimSession | None:
        """The session of a day (days since 1970); None on a day without, and outside the span of the market."""
        if not _EARLIEST <= ordinal <= _LATEST:
            return None
        if ordinal not in self._known:
            self._known[ordinal] = self._make(ordinal)
        return self._known[ordinal]

    def started(self, now_ns: int) -> SimSession:
        """The last session that has begun by ``now_ns``."""
        first = int((now_ns + _MIDNIGHT_OFFSET) // NS_PER_DAY)
        for ordinal in range(first, first - _SEARCH_DAYS, -1):
            session = self.on(ordinal)
            if session is not None and session.open_ns <= now_ns:
                return session
        raise _outside(trade_date(now_ns))

    def listed(self, now_ns: int) -> SimSession:
        """The session whose contracts are listed at ``now_ns``: today's, or the next one on a day without."""
        first = int((now_ns + _MIDNIGHT_OFFSET) // NS_PER_DAY)
        for ordinal in range(first, first + _SEARCH_DAYS):
            session = self.on(ordinal)
            if session is not None:
                return session
        raise _outside(trade_date(now_ns))

    def before(self, session: SimSession) -> SimSession:
        """The session before."""
        for ordinal in range(session.ordinal - 1, session.ordinal - 1 - _SEARCH_DAYS, -1):
            found = self.on(ordinal)
            if found is not None:
                return found
        raise _outside(session.day)

    def between(self, start_ns: int, end_ns: int) -> list[SimSession]:
        """Sessions that overlap [start_ns, end_ns), clipped to the span that the market knows."""
        first, last = _ordinal(FIRST_DAY) + 1, _ordinal(LAST_DAY)
        low = max(int((start_ns + _MIDNIGHT_OFFSET) // NS_PER_DAY), first)
        high = min(int((end_ns - 1 + _MIDNIGHT_OFFSET) // NS_PER_DAY), last)
        found = (self.on(ordinal) for ordinal in range(low, high + 1))
        return [s for s in found if s and s.open_ns < end_ns and s.open_ns + s.minutes * NS_PER_MINUTE > start_ns]

    def trading_ordinals(self) -> IntArray:
        """Every trading day of the span, as days since 1970, ascending."""
        days = np.arange(_ordinal(FIRST_DAY), _ordinal(LAST_DAY) + 1, dtype=np.int64)
        if self.hours == "always":
            return days
        trades = (days + 3) % 7 < 5  # day 0 was a Thursday
        for year in range(FIRST_DAY.year, LAST_DAY.year + 1):
            if self._knows(date(year, 1, 1)):
                first, last = _ordinal(date(year, 1, 1)), _ordinal(date(year, 12, 31))
                at = first - int(days[0])
                trades[at : at + last - first + 1] = [self.on(day) is not None for day in range(first, last + 1)]
        return np.asarray(days[trades], dtype=np.int64)

    def _knows(self, day: date) -> bool:
        """Whether the calendar reaches that day."""
        if day.year not in self._years:
            try:
                self._calendar.is_provisional(day)
            except RuleError:
                self._years[day.year] = False
            else:
                self._years[day.year] = True
        return self._years[day.year]

    def _make(self, ordinal: int) -> SimSession | None:
        midnight = ordinal * NS_PER_DAY - _MIDNIGHT_OFFSET
        if self.hours == "always":
            return SimSession(ordinal, midnight, _ALL_DAY, (_ALL_DAY,) * 3)
        day = date.fromordinal(ordinal + _EPOCH_DAY)
        if not self._knows(day):
            if day.weekday() >= 5:
                return None
            return SimSession(ordinal, midnight + _OPEN_MINUTE * NS_PER_MINUTE, _USUAL_DAY, (_USUAL_DAY,) * 3)
        return self._scheduled(ordinal, day)

    def _scheduled(self, ordinal: int, day: date) -> SimSession | None:
        groups = (
            (Exchange.NSE, Board.ORDINARY),
            (Exchange.NSE, Board.CLOSING_AUCTION),
            (Exchange.NFO, Board.ORDINARY),
        )
        windows = [self._calendar.window(exchange, day, board) for exchange, board in groups]
        opened = [window for window in windows if window is not None]
        if len(opened) < len(windows):
            return None
        start = to_ns(min(window[0] for window in opened))
        ends = [(to_ns(window[1]) - start) // NS_PER_MINUTE for window in opened]
        return SimSession(ordinal, start, max(ends), (ends[0], ends[1], ends[2]))


def _ordinal(day: date) -> int:
    return day.toordinal() - _EPOCH_DAY


def _outside(day: date) -> InputError:
    return InputError(f"The simulated market knows no session near {day}; choose a day from {FIRST_DAY} to {LAST_DAY}.")
