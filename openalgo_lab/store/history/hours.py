"""Trading hours as integers: the continuous sessions of Indian days, and the day that a moment trades on."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from openalgo_lab.model.calendar import Phase, Session
from openalgo_lab.model.times import NS_PER_DAY, at_ist, to_ns
from openalgo_lab.model.vocabulary import Exchange

__all__ = ["IST_OFFSET_NS", "AlwaysOpen", "Hours", "day_of", "days_of", "sessions_of", "trading_opens"]

IST_OFFSET_NS: Final = (5 * 60 + 30) * 60 * 1_000_000_000
_EPOCH: Final = date(1970, 1, 1)

IntArray = npt.NDArray[np.int64]


class Hours(Protocol):
    """When a market trades: the trading calendar, or that of a market that never closes."""

    def sessions(self, exchange: Exchange, day: date, /) -> tuple[Session, ...]:
        """Phases of a day. Raises RuleError for a year that is not known."""

    def trading_days(self, exchange: Exchange, start: date, end: date, /) -> tuple[date, ...]:
        """All trading days, both ends included."""


class AlwaysOpen:
    """Every minute of every day, as the simulated exchange trades where it keeps no hours."""

    def sessions(self, _: Exchange, day: date, /) -> tuple[Session, ...]:
        """One, from midnight to midnight."""
        first = at_ist(day, time())
        return (Session(Phase.CONTINUOUS, first, _next(first)),)

    def trading_days(self, _: Exchange, start: date, end: date, /) -> tuple[date, ...]:
        """All days."""
        return tuple(start + timedelta(days=n) for n in range((end - start).days + 1))


def _next(midnight: datetime) -> datetime:
    return midnight + timedelta(days=1)


def days_of(moments: IntArray) -> IntArray:
    """Indian days (days since 1970) of UTC ns."""
    return np.asarray((moments + IST_OFFSET_NS) // NS_PER_DAY, dtype=np.int64)


def day_of(number: int) -> date:
    """The date of days since 1970."""
    return _EPOCH + timedelta(days=number)


def sessions_of(calendar: Hours, exchange: Exchange, day: date) -> list[tuple[int, int]]:
    """Spans of continuous trading of a day in UTC ns, none when it is closed. Raises RuleError for an unknown year."""
    sessions = calendar.sessions(exchange, day)
    return [(to_ns(one.start), to_ns(one.end)) for one in sessions if one.phase is Phase.CONTINUOUS]


def trading_opens(calendar: Hours, exchange: Exchange, moments: IntArray) -> IntArray:
    """For each moment (ascending UTC ns) the opening of its trading day: the first moment of continuous trading of its
    Indian day, or of the day before while that one's session runs past midnight. A day without trading opens at
    midnight. Raises RuleError for a year that the calendar does not know.
    """
    days = days_of(moments)
    opens = np.empty(len(moments), dtype=np.int64)
    edges = np.flatnonzero(np.diff(days, prepend=days[:1] - 1))
    for first, last in zip(edges.tolist(), [*edges[1:].tolist(), len(days)], strict=True):
        number = int(days[first])
        today = sessions_of(calendar, exchange, day_of(number))
        opens[first:last] = today[0][0] if today else number * NS_PER_DAY - IST_OFFSET_NS
        if exchange is Exchange.CRYPTO or not (late := _past_midnight(calendar, exchange, number - 1)):
            continue
        late_until = int(np.searchsorted(moments[first:last], late[1]))
        opens[first : first + late_until] = late[0]
    return opens


def _past_midnight(calendar: Hours, exchange: Exchange, number: int) -> tuple[int, int] | None:
    """Opening and end of a day whose session ends after its midnight."""
    day = day_of(number)
    if day.month == 12 and day.day == 31:
        return None  # no exchange has traded over New Year, whose list of the old year may not be known
    sessions = sessions_of(calendar, exchange, day)
    midnight = (number + 1) * NS_PER_DAY - IST_OFFSET_NS
    return (sessions[0][0], sessions[-1][1]) if sessions and sessions[-1][1] > midnight else None
