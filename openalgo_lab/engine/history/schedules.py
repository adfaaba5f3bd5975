"""Scheduled downloads: begun at a time of the day, on days that the exchanges trade, made up for after downtime."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from typing import Final

import msgspec

from openalgo_lab.engine.history.book import HistoryBook
from openalgo_lab.engine.history.groups import Groups
from openalgo_lab.engine.history.jobs import Jobs
from openalgo_lab.engine.history.sources import Sources
from openalgo_lab.engine.scheduler import EngineScheduler
from openalgo_lab.model.errors import InputError, LabError
from openalgo_lab.model.history_commands import DownloadHistory, HistoryJob, HistorySchedule, PutHistorySchedule
from openalgo_lab.model.times import at_ist, day_bounds_ns, parse_time, to_ns, trade_date
from openalgo_lab.store.history.reading import hours_of
from openalgo_lab.store.history.resample import parse_interval

__all__ = ["Schedules", "last_due"]

_KIND: Final = "schedule"
_MOST_LOOKBACK_DAYS: Final = 3_660
_WEEK: Final = 7


class Schedules:
    """Used on the engine's loop."""

    def __init__(
        self,
        *,
        scheduler: EngineScheduler,
        jobs: Jobs,
        groups: Groups,
        sources: Sources,
        book: HistoryBook,
        now_ns: Callable[[], int],
        report: Callable[[str, str], None],
    ) -> None:
        self._scheduler = scheduler
        self._jobs = jobs
        self._groups = groups
        self._sources = sources
        self._book = book
        self._now_ns = now_ns
        self._report = report
        self._schedules: dict[str, HistorySchedule] = {}

    async def restore(self) -> None:
        """Take up what the profile's file holds, and begin once what was due while no engine ran."""
        self._schedules = await self._book.all(_KIND, HistorySchedule)
        for schedule in list(self._schedules.values()):
            if not schedule.enabled:
                continue
            await self._enter(schedule)
            due = last_due(schedule, self._now_ns(), partial(self._trades, schedule))
            if due > max(schedule.last_run_ns, schedule.created_ns):
                await self._begin(schedule)

    def all(self) -> tuple[HistorySchedule, ...]:
        """With the moments at which they are next due."""
        return tuple(map(self._shown, self._schedules.values()))

    async def put(self, command: PutHistorySchedule) -> HistorySchedule:
        """A new one, or other terms of one. Raises InputError."""
        _check(command)
        self._groups.keys(command.group)
        interval = parse_interval(command.interval).stored
        old = self._find(command.schedule_id) if command.schedule_id else None
        source = self._sources.shown()
        schedule = HistorySchedule(
            schedule_id=old.schedule_id if old else secrets.token_hex(4),
            group=command.group,
            interval=interval,
            at=command.at,
            days=tuple(sorted(set(command.days))),
            lookback_days=command.lookback_days,
            source=old.source if old else ("" if source.computed else source.name),
            created_ns=self._now_ns(),
            enabled=command.enabled,
            last_run_ns=old.last_run_ns if old else 0,
            last_job=old.last_job if old else "",
        )
        await self._keep(schedule)
        if schedule.enabled:
            await self._enter(schedule)
        else:
            self._scheduler.drop(_entry(schedule.schedule_id))
        return self._shown(schedule)

    async def drop(self, schedule_id: str) -> None:
        """No more of it; a download that runs goes on."""
        self._find(schedule_id)
        self._scheduler.drop(_entry(schedule_id))
        await self._book.drop(_KIND, schedule_id)
        del self._schedules[schedule_id]

    async def run(self, schedule_id: str) -> HistoryJob:
        """Begin its download now; one of it that still runs is given back."""
        schedule = self._find(schedule_id)
        running = self._jobs.find(schedule.last_job)
        if running is not None and not running.state.over:
            return running
        now_ns = self._now_ns()
        end_ns = day_bounds_ns(trade_date(now_ns))[1]
        start_ns = day_bounds_ns(trade_date(now_ns) - timedelta(days=schedule.lookback_days))[0]
        name = f"{schedule.group} {schedule.interval} at {schedule.at}"
        command = DownloadHistory(self._groups.keys(schedule.group), schedule.interval, start_ns, end_ns, name)
        job = await self._jobs.download(command, schedule.source)
        await self._keep(msgspec.structs.replace(schedule, last_run_ns=now_ns, last_job=job.job_id, message=""))
        return job

    async def _due(self, schedule_id: str) -> None:
        """Its time has come."""
        schedule = self._schedules.get(schedule_id)
        if schedule is None:
            return
        today = trade_date(self._now_ns())
        if self._trades(schedule, today):
            await self._begin(schedule)
            return
        message = f"Not begun: its exchanges do not trade on {today}."
        await self._keep(msgspec.structs.replace(schedule, last_run_ns=self._now_ns(), message=message))

    async def _begin(self, schedule: HistorySchedule) -> None:
        """Nobody waits for the answer: what goes wrong stands in the schedule's message and is told."""
        try:
            await self.run(schedule.schedule_id)
        except LabError as error:
            self._report("history", f"The scheduled download of {schedule.group} was not begun: {error}")
            failed = msgspec.structs.replace(schedule, last_run_ns=self._now_ns(), message=str(error))
            await self._keep(failed)

    def _trades(self, schedule: HistorySchedule, day: date) -> bool:
        """Whether an exchange of the group trades on a day."""
        source = self._sources.named(schedule.source) if schedule.source else self._sources.shown()
        hours = hours_of(source is not None and source.always_open)
        try:
            exchanges = {key.exchange for key in self._groups.keys(schedule.group)}
            return any(hours.sessions(exchange, day) for exchange in exchanges)
        except LabError:  # a year or a group that nobody knows: begin it, and what is wrong is told
            return True

    async def _enter(self, schedule: HistorySchedule) -> None:
        async def due() -> None:
            await self._due(schedule.schedule_id)

        name = _entry(schedule.schedule_id)
        await self._scheduler.daily(name, parse_time(schedule.at), schedule.days, due)

    async def _keep(self, schedule: HistorySchedule) -> None:
        await self._book.put(_KIND, schedule.schedule_id, schedule)
        self._schedules[schedule.schedule_id] = schedule

    def _shown(self, schedule: HistorySchedule) -> HistorySchedule:
        due = self._scheduler.next_due(_entry(schedule.schedule_id))
        return schedule if due is None else msgspec.structs.replace(schedule, next_run_ns=to_ns(due))

    def _find(self, schedule_id: str) -> HistorySchedule:
        found = self._schedules.get(schedule_id)
        if found is None:
            raise InputError(f"There is no schedule {schedule_id}: look at lab.lake.schedules.", field="schedule_id")
        return found


def last_due(schedule: HistorySchedule, now_ns: int, trades: Callable[[date], bool]) -> int:
    """The last moment at which it was due on a trading day up to ``now_ns``; 0 when there was none for two weeks."""
    at, today = parse_time(schedule.at), trade_date(now_ns)
    for back in range(2 * _WEEK + 1):
        day = today - timedelta(days=back)
        due = to_ns(at_ist(day, at))
        if day.weekday() in schedule.days and due <= now_ns and trades(day):
            return due
    return 0


def _check(command: PutHistorySchedule) -> None:
    parse_time(command.at)
    if not command.days or not set(command.days) <= set(range(_WEEK)):
        raise InputError("A schedule needs weekdays, 0 for Monday to 6 for Sunday: give at least one.", field="days")
    if not 1 <= command.lookback_days <= _MOST_LOOKBACK_DAYS:
        raise InputError(f"The days to look back must be 1 to {_MOST_LOOKBACK_DAYS}.", field="lookback_days")


def _entry(schedule_id: str) -> str:
    return f"history schedule {schedule_id}"
