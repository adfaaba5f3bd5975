"""Sessions kept for the day, so that a restart needs no new login; and when a session ends."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Protocol

from openalgo_lab.broker.spec import Session
from openalgo_lab.model.times import IST, from_ns, to_ns

__all__ = ["MemoryTokens", "TokenStore", "next_expiry"]


class TokenStore(Protocol):
    """Where sessions are kept: in memory, or in the vault. Raises VaultError where it cannot be read or written."""

    async def load(self, broker: str, account: str) -> Session | None:
        """The kept session of an account; None when there is none."""

    async def save(self, broker: str, account: str, session: Session) -> None:
        """Keep it, in place of an earlier one."""

    async def forget(self, broker: str, account: str) -> None:
        """Keep it no longer."""


class MemoryTokens:
    """Sessions for as long as the process lives."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Session] = {}

    async def load(self, broker: str, account: str) -> Session | None:
        """The kept session of an account; None when there is none."""
        return self._kept.get((broker, account))

    async def save(self, broker: str, account: str, session: Session) -> None:
        """Keep it, in place of an earlier one."""
        self._kept[broker, account] = session

    async def forget(self, broker: str, account: str) -> None:
        """Keep it no longer."""
        self._kept.pop((broker, account), None)


def next_expiry(now_ns: int, time_of_day: str) -> int:
    """UTC ns of the next moment after ``now_ns`` at which the clock in India shows ``time_of_day`` (HH:MM).

    0 for "": such a session does not end by the clock.
    """
    if not time_of_day:
        return 0
    now = from_ns(now_ns).astimezone(IST)
    moment = datetime.combine(now.date(), time.fromisoformat(time_of_day), IST)
    return to_ns(moment if moment > now else moment + timedelta(days=1))
