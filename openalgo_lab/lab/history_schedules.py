"""Groups of symbols, and the downloads that keep them up to date by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from openalgo_lab.lab.core import LabCore
from openalgo_lab.lab.history_jobs import DownloadJob, keys_of
from openalgo_lab.lab.words import SymbolLike
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.history_commands import (
    DropHistoryGroup,
    DropHistorySchedule,
    GetHistoryGroups,
    GetHistorySchedules,
    HistorySchedule,
    PutHistoryGroup,
    PutHistorySchedule,
    RunHistorySchedule,
)
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.times import format_ist

__all__ = ["LiveSchedule", "ScheduleCalls", "weekdays"]

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class ScheduleCalls:
    """The part of ``lab.lake`` that keeps groups up to date."""

    _lab: LabCore

    @property
    def groups(self) -> Mapping[str, tuple[InstrumentKey, ...]]:
        """Symbols by the group's name."""
        return {group.name: group.keys for group in self._lab.call(GetHistoryGroups())}

    def group(self, name: str, symbols: SymbolLike | Iterable[SymbolLike]) -> tuple[InstrumentKey, ...]:
        """Make a group, or give it other symbols: ``lab.lake.group("banks", ["SBIN", "HDFCBANK"])``."""
        return self._lab.call(PutHistoryGroup(name, keys_of(self._lab, symbols))).keys

    def drop_group(self, name: str) -> None:
        """The group is no more; its candles stay."""
        self._lab.call(DropHistoryGroup(name))

    def schedule(
        self,
        group: str,
        interval: str,
        at: str = "18:00",
        days: str | Iterable[str] = "mon-fri",
        *,
        lookback_days: int = 30,
    ) -> LiveSchedule:
        """Download a group every day: ``lab.lake.schedule("banks", "1m", at="18:00")``. Days that its exchanges do not
        trade are left out; what was due while nothing ran is made up for at the next start.

        Args:
            at: ``"HH:MM"``, Indian time. Candles of a day are final an hour after the close.
            days: ``"mon-fri"``, ``"daily"``, ``"sat"``, ``["mon", "wed"]`` …
            lookback_days: so many days are kept complete; only what is missing is fetched.
        """
        command = PutHistorySchedule(group, interval, at, weekdays(days), lookback_days)
        return LiveSchedule(self._lab, self._lab.call(command))

    @property
    def schedules(self) -> list[LiveSchedule]:
        """All schedules."""
        return [LiveSchedule(self._lab, one) for one in self._lab.call(GetHistorySchedules())]


class LiveSchedule:
    """A schedule; ``.now`` asks the engine."""

    def __init__(self, lab: LabCore, schedule: HistorySchedule) -> None:
        self._lab = lab
        self._schedule = schedule

    @property
    def now(self) -> HistorySchedule:
        """As it stands."""
        for one in self._lab.call(GetHistorySchedules()):
            if one.schedule_id == self._schedule.schedule_id:
                self._schedule = one
        return self._schedule

    def run(self) -> DownloadJob:
        """Begin its download now."""
        return DownloadJob(self._lab, self._lab.call(RunHistorySchedule(self._schedule.schedule_id)))

    def pause(self) -> LiveSchedule:
        """Begin nothing until :meth:`resume`."""
        return self._put(enabled=False)

    def resume(self) -> LiveSchedule:
        """Begin downloads again, from the next time on."""
        return self._put(enabled=True)

    def drop(self) -> None:
        """No more of it; candles and a download that runs stay."""
        self._lab.call(DropHistorySchedule(self._schedule.schedule_id))

    def _put(self, *, enabled: bool) -> LiveSchedule:
        one = self.now
        command = PutHistorySchedule(
            one.group, one.interval, one.at, one.days, one.lookback_days, enabled, one.schedule_id
        )
        self._schedule = self._lab.call(command)
        return self

    def __repr__(self) -> str:
        one = self.now
        days = ", ".join(_DAYS[day] for day in one.days)
        state = f"next {format_ist(one.next_run_ns)[:16]}" if one.enabled and one.next_run_ns else "paused"
        text = f"<Schedule {one.schedule_id}: {one.group} {one.interval} at {one.at} on {days}; {state}"
        return f"{text}; {one.message}>" if one.message else f"{text}>"


def weekdays(days: str | Iterable[str]) -> tuple[int, ...]:
    """Numbers (0 = Monday) of ``"mon-fri"``, ``"daily"``, ``"sat"``, ``["mon", "wed"]``. Raises InputError."""
    words = days.split(",") if isinstance(days, str) else list(days)
    found: set[int] = set()
    for word in words:
        first, _, last = word.strip().lower().partition("-")
        if first == "daily":
            found |= set(range(len(_DAYS)))
            continue
        low, high = _day(first, word), _day(last or first, word)
        found |= {day % 7 for day in range(low, high + (7 if high < low else 0) + 1)}
    return tuple(sorted(found))


def _day(text: str, whole: str) -> int:
    if text[:3] not in _DAYS:
        raise InputError(f"{whole!r} is no day: write 'mon-fri', 'daily' or ['mon', 'wed'].", field="days")
    return _DAYS.index(text[:3])
