"""Scheduled downloads and groups: calendar, downtime, restarts."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path

import pytest

from openalgo_lab.engine.engine import Engine
from openalgo_lab.model.errors import InputError, LabError
from openalgo_lab.model.history_commands import (
    DropHistoryGroup,
    DropHistorySchedule,
    GetHistoryGroups,
    GetHistoryJobs,
    GetHistorySchedules,
    HistoryJob,
    HistorySchedule,
    JobState,
    PutHistoryGroup,
    PutHistorySchedule,
    RunHistorySchedule,
)
from openalgo_lab.model.times import NS_PER_DAY, day_bounds_ns, from_ns
from tests.support.engine_parts import DAY, TRADER
from tests.support.history_market import EVENING, INFY, SBIN, Market, engine_on, moment, over

BANKS = PutHistoryGroup("banks", (SBIN, INFY))
DAILY = PutHistorySchedule("banks", "5m", "18:00")
FRIDAY, SATURDAY, MONDAY = date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 23)
HOLIDAY = date(2026, 11, 24)


async def jobs(engine: Engine) -> tuple[HistoryJob, ...]:
    return await engine.call(GetHistoryJobs(), TRADER)


async def the_schedule(engine: Engine) -> HistorySchedule:
    (schedule,) = await engine.call(GetHistorySchedules(), TRADER)
    return schedule


async def scheduled(market: Market, folder: Path, made: int) -> None:
    """A profile with a schedule that was made at a moment."""
    market.now_ns = made
    async with engine_on(market, folder) as engine:
        await engine.call(BANKS, TRADER)
        await engine.call(DAILY, TRADER)


async def test_groups_are_kept(tmp_path: Path) -> None:
    async with engine_on(Market(), tmp_path) as engine:
        await engine.call(BANKS, TRADER)
        await engine.call(PutHistoryGroup(" one ", (INFY, INFY)), TRADER)
    async with engine_on(Market(), tmp_path) as engine:
        groups = await engine.call(GetHistoryGroups(), TRADER)
        assert [(group.name, group.keys) for group in groups] == [("banks", (SBIN, INFY)), ("one", (INFY,))]
        await engine.call(DropHistoryGroup("one"), TRADER)
    async with engine_on(Market(), tmp_path) as engine:
        assert [group.name for group in await engine.call(GetHistoryGroups(), TRADER)] == ["banks"]


async def test_a_schedule_says_when_it_is_due_and_runs_on_demand(tmp_path: Path) -> None:
    async with engine_on(Market(), tmp_path) as engine:
        await engine.call(BANKS, TRADER)
        made = await engine.call(DAILY, TRADER)
        assert (made.interval, made.source) == ("1m", "scripted")
        due = from_ns(made.next_run_ns)
        assert (due.hour, due.minute) == (18, 0)
        assert due.weekday() < 5
        job = await engine.call(RunHistorySchedule(made.schedule_id), TRADER)
        assert (await over(engine, job.job_id)).state is JobState.DONE
        assert job.start_ns == day_bounds_ns(DAY)[0] - 30 * NS_PER_DAY
        assert {item.key for item in job.items} == {SBIN, INFY}
        after = await the_schedule(engine)
        assert (after.last_job, after.last_run_ns) == (job.job_id, EVENING - 6 * 3_600_000_000_000)
        await engine.call(DropHistorySchedule(made.schedule_id), TRADER)
        assert await engine.call(GetHistorySchedules(), TRADER) == ()
        with pytest.raises(InputError, match="There is no schedule"):
            await engine.call(RunHistorySchedule(made.schedule_id), TRADER)


async def test_other_terms_of_a_schedule(tmp_path: Path) -> None:
    async with engine_on(Market(), tmp_path) as engine:
        await engine.call(BANKS, TRADER)
        made = await engine.call(DAILY, TRADER)
        later = PutHistorySchedule("banks", "D", "07:15", (5,), 90, enabled=False, schedule_id=made.schedule_id)
        await engine.call(later, TRADER)
        one = await the_schedule(engine)
        assert (one.schedule_id, one.interval, one.at, one.days) == (made.schedule_id, "D", "07:15", (5,))
        assert one.next_run_ns == 0
    async with engine_on(Market(), tmp_path) as engine:
        assert not (await the_schedule(engine)).enabled


async def test_what_was_due_while_nothing_ran_is_begun_once(tmp_path: Path) -> None:
    market = Market()
    await scheduled(market, tmp_path, moment(date(2026, 11, 17), 12))
    market.now_ns = moment(SATURDAY, 11)
    async with engine_on(market, tmp_path) as engine:
        (job,) = await jobs(engine)  # Friday's, though it is Saturday now; the days before come with it
        done = await over(engine, job.job_id)
        assert done.state is JobState.DONE
        assert max(page[3] for page in market.pages) >= day_bounds_ns(FRIDAY)[1]
    async with engine_on(market, tmp_path) as engine:
        assert len(await jobs(engine)) == 1


@pytest.mark.parametrize(
    ("made", "now", "begun"),
    [
        (moment(FRIDAY, 12), moment(FRIDAY, 17, 59), 0),  # not due yet
        (moment(FRIDAY, 18, 1), moment(SATURDAY, 11), 0),  # made after it was due
        (moment(MONDAY, 18, 1), moment(HOLIDAY, 18, 1), 0),  # only the holiday's was due
        (moment(FRIDAY, 18, 1), moment(HOLIDAY, 18, 1), 1),  # Monday's was
    ],
)
async def test_only_what_was_due_on_a_trading_day_is_made_up_for(
    tmp_path: Path, made: int, now: int, begun: int
) -> None:
    market = Market()
    await scheduled(market, tmp_path, made)
    market.now_ns = now
    async with engine_on(market, tmp_path) as engine:
        assert len(await jobs(engine)) == begun


async def test_a_holiday_is_left_out(tmp_path: Path) -> None:
    """Called as the scheduler calls it."""
    market = Market()
    await scheduled(market, tmp_path, moment(MONDAY, 18, 1))
    market.now_ns = moment(HOLIDAY, 18)
    async with engine_on(market, tmp_path) as engine:
        schedule = await the_schedule(engine)
        entry = engine.scheduler._inner.get_job(f"history schedule {schedule.schedule_id}")
        await entry.args[1]()
        assert await jobs(engine) == ()
        assert (await the_schedule(engine)).message == f"Not begun: its exchanges do not trade on {HOLIDAY}."
        market.now_ns = moment(DAY, 18)
        await entry.args[1]()
        assert len(await jobs(engine)) == 1
        assert (await the_schedule(engine)).message == ""


async def test_a_group_that_is_gone_is_told(tmp_path: Path) -> None:
    market = Market()
    await scheduled(market, tmp_path, moment(MONDAY, 12))
    async with engine_on(market, tmp_path) as engine:
        await engine.call(DropHistoryGroup("banks"), TRADER)
    market.now_ns = moment(DAY, 11)
    async with engine_on(market, tmp_path) as engine:
        assert await jobs(engine) == ()
        assert "There is no group 'banks'" in (await the_schedule(engine)).message


async def test_a_schedule_that_still_runs_is_not_begun_twice(tmp_path: Path) -> None:
    market = Market()
    market.gate = asyncio.Event()
    async with engine_on(market, tmp_path) as engine:
        await engine.call(BANKS, TRADER)
        made = await engine.call(DAILY, TRADER)
        first = await engine.call(RunHistorySchedule(made.schedule_id), TRADER)
        second = await engine.call(RunHistorySchedule(made.schedule_id), TRADER)
        assert first.job_id == second.job_id


async def test_a_schedule_waits_for_its_own_source(tmp_path: Path) -> None:
    market = Market()
    await scheduled(market, tmp_path, moment(FRIDAY, 12))
    market.now_ns = moment(SATURDAY, 11)
    async with engine_on(market, tmp_path, "other") as engine:
        (job,) = await jobs(engine)
        assert job.source == "scripted"
        assert not job.state.over
        assert not market.pages


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (PutHistorySchedule("nobody", "1m"), "There is no group"),
        (PutHistorySchedule("banks", "1m", "25:00"), "time of day"),
        (PutHistorySchedule("banks", "1m", days=()), "at least one"),
        (PutHistorySchedule("banks", "1m", days=(7,)), "weekdays"),
        (PutHistorySchedule("banks", "1m", lookback_days=0), "1 to"),
        (PutHistorySchedule("banks", "7x"), "interval"),
        (PutHistoryGroup("", (SBIN,)), "characters"),
        (PutHistoryGroup("empty", ()), "at least one symbol"),
        (DropHistoryGroup("nobody"), "There is no group"),
    ],
)
async def test_what_cannot_be_scheduled(tmp_path: Path, command: PutHistorySchedule, sentence: str) -> None:
    async with engine_on(Market(), tmp_path) as engine:
        await engine.call(BANKS, TRADER)
        with pytest.raises(LabError, match=sentence):
            await engine.call(command, TRADER)
