"""The engine's scheduler: begins work at a time of the Indian day."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, time, timedelta

import pytest

from openalgo_lab.engine.scheduler import EngineScheduler
from openalgo_lab.engine.supervisor import Supervisor
from openalgo_lab.model.times import IST

EVERY_DAY = range(7)


@pytest.fixture
async def scheduler() -> AsyncIterator[EngineScheduler]:
    told: list[str] = []
    supervisor = Supervisor(lambda _, sentence: told.append(sentence), lambda _: None)
    made = EngineScheduler(supervisor)
    yield made
    made.close()
    await supervisor.close()


async def nothing() -> None:
    return


async def test_an_entry_is_next_due_on_its_day_at_its_time(scheduler: EngineScheduler) -> None:
    now = datetime.now(IST)
    due = await scheduler.daily("evening", time(18), [now.weekday()], nothing)
    assert due is not None
    assert (due.weekday(), due.hour, due.minute) == (now.weekday(), 18, 0)
    assert now < due <= now + timedelta(days=7)
    assert str(due.tzinfo) == "Asia/Kolkata"
    assert scheduler.next_due("evening") == due


async def test_an_entry_of_the_same_name_takes_its_place(scheduler: EngineScheduler) -> None:
    await scheduler.daily("one", time(18), EVERY_DAY, nothing)
    due = await scheduler.daily("one", time(7, 30), EVERY_DAY, nothing)
    assert due is not None
    assert (due.hour, due.minute) == (7, 30)
    scheduler.drop("one")
    assert scheduler.next_due("one") is None
    scheduler.drop("one")


async def test_work_is_begun_when_its_time_comes(scheduler: EngineScheduler) -> None:
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()

    soon = datetime.now(IST) + timedelta(seconds=2)
    await scheduler.daily("soon", soon.time().replace(microsecond=0), EVERY_DAY, work)
    async with asyncio.timeout(20):
        await begun.wait()


async def test_nothing_is_due_where_nothing_was_entered(scheduler: EngineScheduler) -> None:
    assert scheduler.next_due("one") is None
    scheduler.close()
