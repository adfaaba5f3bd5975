"""Downloads in the background: progress, pause, restart, failures."""

from __future__ import annotations

import asyncio
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from openalgo_lab.model.errors import InputError, NotSupported, Rejected, SessionExpired, WireError
from openalgo_lab.model.events import HistoryProgress
from openalgo_lab.model.history_commands import (
    ControlHistoryJob,
    DownloadHistory,
    GetHistoryJobs,
    ItemState,
    JobAction,
    JobState,
)
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.times import day_bounds_ns
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.store.history.lake import Lake
from openalgo_lab.store.history.places import lake_root
from openalgo_lab.store.history.series import Series, Stored
from tests.support.engine_parts import TRADER
from tests.support.history_market import INFY, SBIN, Market, ask, engine_on, job_of, over, until

SPAN = (day_bounds_ns(date(2026, 11, 2))[0], day_bounds_ns(date(2026, 11, 20))[1])
BOTH = DownloadHistory((SBIN, INFY), "1m", *SPAN, name="two")


def rows(folder: Path, key: InstrumentKey) -> int:
    return len(Lake(lake_root(folder, "scripted")).read(Series(key, Stored.MINUTE), 0, 2**62))


async def test_a_download_keeps_every_symbol_and_tells_its_progress(tmp_path: Path) -> None:
    told: list[HistoryProgress] = []
    async with engine_on(Market(), tmp_path) as engine:
        engine.bus.listen(lambda event: told.append(event) if isinstance(event, HistoryProgress) else None)
        job = await engine.call(BOTH, TRADER)
        assert (job.name, job.source, job.interval) == ("two", "scripted", "1m")
        assert [(item.days, item.of_days) for item in job.items] == [(0, 19), (0, 19)]
        done = await over(engine, job.job_id)
        assert done.state is JobState.DONE
        assert done.progress == 1.0
        assert [item.candles for item in done.items] == [14 * 375, 14 * 375]
        assert told[-1].state == "done"
        assert told[-1].done == 1.0
    assert rows(tmp_path, SBIN) == rows(tmp_path, INFY) == 14 * 375


async def test_the_same_download_twice_is_one_and_fetches_once(tmp_path: Path) -> None:
    market = Market()
    market.gate = asyncio.Event()
    async with engine_on(market, tmp_path) as engine:
        first, second = await engine.call(BOTH, TRADER), await engine.call(BOTH, TRADER)
        assert first.job_id == second.job_id
        market.gate.set()
        await over(engine, first.job_id)
        asked = len(market.pages)
        third = await engine.call(BOTH, TRADER)
        assert third.job_id != first.job_id
        assert (await over(engine, third.job_id)).progress == 1.0
        assert len(market.pages) == asked


async def test_overlapping_downloads_and_a_call_fetch_no_day_twice(tmp_path: Path) -> None:
    market = Market()
    async with engine_on(market, tmp_path) as engine:
        later = (day_bounds_ns(date(2026, 11, 10))[0], day_bounds_ns(date(2026, 11, 23))[1])
        jobs = [
            await engine.call(BOTH, TRADER),
            await engine.call(DownloadHistory((SBIN,), "5m", *later), TRADER),
        ]
        await engine.call(ask(last=date(2026, 11, 19)), TRADER)
        for job in jobs:
            await over(engine, job.job_id)
        spans = sorted(page[2:] for page in market.pages if page[0] == "SBIN")
        assert all(one[1] <= two[0] for one, two in pairwise(spans))


async def test_again_fetches_what_is_kept(tmp_path: Path) -> None:
    market = Market()
    async with engine_on(market, tmp_path) as engine:
        await over(engine, (await engine.call(BOTH, TRADER)).job_id)
        asked = len(market.pages)
        again = await engine.call(DownloadHistory(BOTH.keys, "1m", *SPAN, again=True), TRADER)
        assert (await over(engine, again.job_id)).state is JobState.DONE
        assert len(market.pages) == 2 * asked


async def test_pause_resume_cancel(tmp_path: Path) -> None:
    market = Market()
    market.gate = asyncio.Event()
    async with engine_on(market, tmp_path) as engine:
        job_id = (await engine.call(BOTH, TRADER)).job_id
        await until(engine, job_id, lambda _: bool(market.pages))
        paused = await engine.call(ControlHistoryJob(job_id, JobAction.PAUSE), TRADER)
        assert paused.state is JobState.PAUSED
        assert {item.state for item in paused.items} == {ItemState.PENDING}
        market.gate.set()
        with pytest.raises(InputError, match="cancel it first"):
            await engine.call(ControlHistoryJob(job_id, JobAction.FORGET), TRADER)
        await engine.call(ControlHistoryJob(job_id, JobAction.RESUME), TRADER)
        assert (await over(engine, job_id)).state is JobState.DONE
        await engine.call(ControlHistoryJob(job_id, JobAction.CANCEL), TRADER)
        assert (await job_of(engine, job_id)).state is JobState.DONE  # what is over stays as it is
        await engine.call(ControlHistoryJob(job_id, JobAction.FORGET), TRADER)
        assert await engine.call(GetHistoryJobs(), TRADER) == ()
        with pytest.raises(InputError, match="There is no download"):
            await engine.call(ControlHistoryJob(job_id, JobAction.RESUME), TRADER)


async def test_a_cancelled_download_keeps_what_came_and_can_be_taken_up(tmp_path: Path) -> None:
    market = Market()

    async def only_first(symbol: str) -> None:
        if symbol != "SBIN":
            await asyncio.Event().wait()

    market.before = only_first
    async with engine_on(market, tmp_path) as engine:
        job_id = (await engine.call(BOTH, TRADER)).job_id
        await until(engine, job_id, lambda job: job.items[0].state is ItemState.DONE)
        cancelled = await engine.call(ControlHistoryJob(job_id, JobAction.CANCEL), TRADER)
        assert cancelled.state is JobState.CANCELLED
        assert rows(tmp_path, SBIN) == 14 * 375
        market.before = None
        await engine.call(ControlHistoryJob(job_id, JobAction.RETRY), TRADER)
        assert (await over(engine, job_id)).state is JobState.DONE
        assert sum(page[0] == "SBIN" for page in market.pages) == 1


async def test_a_download_goes_on_after_a_restart_where_it_stopped(tmp_path: Path) -> None:
    market = Market()

    async def only_first(symbol: str) -> None:
        if symbol != "SBIN":
            await asyncio.Event().wait()

    market.before = only_first
    async with engine_on(market, tmp_path) as engine:
        job_id = (await engine.call(BOTH, TRADER)).job_id
        await until(engine, job_id, lambda job: job.items[0].state is ItemState.DONE)
    market = Market()
    async with engine_on(market, tmp_path) as engine:
        assert (await over(engine, job_id)).state is JobState.DONE
        assert {page[0] for page in market.pages} == {"INFY"}
    async with engine_on(market, tmp_path) as engine:
        assert (await job_of(engine, job_id)).state is JobState.DONE


async def test_a_paused_download_stays_paused_over_a_restart(tmp_path: Path) -> None:
    market = Market()
    market.gate = asyncio.Event()
    async with engine_on(market, tmp_path) as engine:
        job_id = (await engine.call(BOTH, TRADER)).job_id
        await engine.call(ControlHistoryJob(job_id, JobAction.PAUSE), TRADER)
    async with engine_on(Market(), tmp_path) as engine:
        assert (await job_of(engine, job_id)).state is JobState.PAUSED


async def test_a_download_never_takes_another_source(tmp_path: Path) -> None:
    market = Market()
    market.gate = asyncio.Event()
    async with engine_on(market, tmp_path) as engine:
        job_id = (await engine.call(BOTH, TRADER)).job_id
    other = Market()
    async with engine_on(other, tmp_path, "other") as engine:
        waiting = await until(engine, job_id, lambda job: job.state is JobState.WAITING)
        assert "waits until scripted is connected" in waiting.message
        assert not other.pages
    assert not lake_root(tmp_path, "other").exists()


@pytest.mark.parametrize("fault", [WireError("no route"), SessionExpired("log in again")])
async def test_what_passes_by_itself_is_waited_out(tmp_path: Path, fault: Exception) -> None:
    market = Market()
    market.fault = fault
    async with engine_on(market, tmp_path) as engine:
        job_id = (await engine.call(BOTH, TRADER)).job_id
        waiting = await until(engine, job_id, lambda job: job.state is JobState.WAITING)
        assert str(fault) in waiting.message
        market.fault = None
        done = await over(engine, job_id)
        assert done.state is JobState.DONE
        assert done.message == ""


async def test_a_symbol_that_is_refused_does_not_stop_the_others(tmp_path: Path) -> None:
    market = Market()
    gone = InstrumentKey(Exchange.NSE, "GONE")

    async def refuse(symbol: str) -> None:
        if symbol == "SBIN":
            raise Rejected("no permission for historical data")

    market.before = refuse
    async with engine_on(market, tmp_path) as engine:
        job = await engine.call(DownloadHistory((SBIN, gone, INFY), "1m", *SPAN), TRADER)
        done = await over(engine, job.job_id)
        assert done.state is JobState.INCOMPLETE
        assert [item.state for item in done.items] == [ItemState.FAILED, ItemState.FAILED, ItemState.DONE]
        assert "no permission" in done.items[0].error
        assert "not listed" in done.items[1].error
        assert "2 of 3 symbols failed" in done.message
        market.before = None
        await engine.call(ControlHistoryJob(job.job_id, JobAction.RETRY), TRADER)
        again = await until(engine, job.job_id, lambda one: one.state.over and one.items[0].state is ItemState.DONE)
        assert again.state is JobState.INCOMPLETE
        assert again.items[1].state is ItemState.FAILED


async def test_a_download_of_nothing_or_of_a_replay_is_refused(tmp_path: Path) -> None:
    async with engine_on(Market(), tmp_path) as engine:
        with pytest.raises(InputError, match="at least one symbol"):
            await engine.call(DownloadHistory((), "1m", *SPAN), TRADER)
        with pytest.raises(InputError, match="swap them"):
            await engine.call(DownloadHistory((SBIN,), "1m", SPAN[1], SPAN[0]), TRADER)
        with pytest.raises(NotSupported, match="minutes are the shortest"):
            await engine.call(DownloadHistory((SBIN,), "5s", *SPAN), TRADER)
    async with engine_on(Market(), tmp_path, "") as engine:
        with pytest.raises(NotSupported, match="replay"):
            await engine.call(BOTH, TRADER)
