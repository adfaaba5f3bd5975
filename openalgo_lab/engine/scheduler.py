"""The engine's one scheduler: work at a time of the Indian day, on weekdays. It is loaded with the first entry."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, time
from importlib import import_module
from typing import Any, Final

from openalgo_lab.engine.supervisor import Supervisor
from openalgo_lab.model.times import IST

__all__ = ["EngineScheduler"]

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class EngineScheduler:
    """Used on the engine's loop. APScheduler only says when; the supervisor runs the work, so that its faults are told.

    What was due while the machine slept is begun once when it wakes. What was due while no engine ran is the business
    of whoever made the entry: entries do not outlive the engine.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._inner: Any = None
        self._opening = asyncio.Lock()

    async def daily(
        self, name: str, at: time, days: Collection[int], work: Callable[[], Awaitable[None]]
    ) -> datetime | None:
        """Begin ``work`` at ``at`` (IST) on these weekdays (0 = Monday), in place of an entry of that name. Answers
        when it is next due.
        """
        inner = await self._open()
        trigger = import_module("apscheduler.triggers.cron").CronTrigger(
            day_of_week=",".join(_DAYS[day] for day in sorted(days)),
            hour=at.hour,
            minute=at.minute,
            second=at.second,
            timezone=IST,
        )
        inner.add_job(
            self._begin, trigger, [name, work], id=name, replace_existing=True, misfire_grace_time=None, coalesce=True
        )
        return self.next_due(name)

    def next_due(self, name: str) -> datetime | None:
        """When an entry is next due (IST); None for a name without one."""
        job = None if self._inner is None else self._inner.get_job(name)
        return None if job is None else job.next_run_time

    def drop(self, name: str) -> None:
        """Remove an entry; one that is not there is no error."""
        if self._inner is not None and self._inner.get_job(name) is not None:
            self._inner.remove_job(name)

    def close(self) -> None:
        """Nothing more is begun."""
        if self._inner is not None:
            self._inner.shutdown(wait=False)
            self._inner = None

    async def _begin(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        async def run() -> None:
            await work()

        self._supervisor.start(name, run())

    async def _open(self) -> Any:
        async with self._opening:
            if self._inner is None:
                # A tenth of a second of imports: not on the loop.
                module = await asyncio.to_thread(import_module, "apscheduler.schedulers.asyncio")
                await asyncio.to_thread(import_module, "apscheduler.triggers.cron")
                inner = module.AsyncIOScheduler(timezone=IST)
                inner.start()
                self._inner = inner
            return self._inner
