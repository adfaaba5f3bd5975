"""Damaged files: set aside, told once, fetched again (F8)."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np

from openalgo_lab.engine.engine import Engine
from openalgo_lab.model.events import ErrorRaised
from openalgo_lab.model.history_commands import DownloadHistory, GetHistory
from openalgo_lab.model.times import day_bounds_ns
from openalgo_lab.store.history.places import lake_root
from openalgo_lab.store.history.series import Series, Stored, series_dir
from tests.support.engine_parts import TRADER
from tests.support.history_market import SBIN, Market, ask, engine_on, over, starts_of

COMMAND = ask(first=date(2026, 11, 2), last=date(2026, 11, 20))
GET = GetHistory(SBIN, "1m", COMMAND.start_ns, COMMAND.end_ns)


def hears(engine: Engine) -> list[str]:
    told: list[str] = []
    engine.bus.listen(lambda event: told.append(event.message) if isinstance(event, ErrorRaised) else None)
    return told


def spoil(folder: Path) -> None:
    """One bit of the middle of a year's file."""
    file = series_dir(lake_root(folder, "scripted"), Series(SBIN, Stored.MINUTE)) / "2026.parquet"
    whole = bytearray(file.read_bytes())
    whole[len(whole) // 2] ^= 4
    file.write_bytes(whole)


async def test_a_damaged_file_is_fetched_again_and_told_once(tmp_path: Path) -> None:
    market = Market()
    async with engine_on(market, tmp_path) as engine:
        before = await engine.call(GET, TRADER)
        spoil(tmp_path)
        told = hears(engine)
        market.pages.clear()
        after = await engine.call(GET, TRADER)
        assert after == before
        assert market.pages
        assert len(starts_of(after)) == 14 * 375
        assert [text for text in told if "set aside as 2026.parquet.damaged" in text] == told
        assert len(told) == 1
        await engine.call(GET, TRADER)
        assert len(told) == 1
        spoil(tmp_path)
        await engine.call(GET, TRADER)
        assert len(told) == 2
    async with engine_on(market, tmp_path) as engine:
        told = hears(engine)
        later = ask(last=date(2026, 11, 23))
        await engine.call(GetHistory(SBIN, "1m", later.start_ns, later.end_ns), TRADER)
        assert not told


async def test_a_writer_that_comes_upon_a_damaged_file_loses_nothing(tmp_path: Path) -> None:
    market = Market()
    async with engine_on(market, tmp_path) as engine:
        await engine.call(GET, TRADER)
        file = series_dir(lake_root(tmp_path, "scripted"), Series(SBIN, Stored.MINUTE)) / "2026.parquet"
        file.write_bytes(b"PAR1 no more")
        early = ask(first=date(2026, 10, 1), last=date(2026, 11, 20))
        reply = await engine.call(GetHistory(SBIN, "1m", early.start_ns, early.end_ns), TRADER)
        starts = np.array(starts_of(reply))
        assert (starts >= COMMAND.start_ns).sum() == 14 * 375
        assert reply.gaps == ()


async def test_a_download_over_a_damaged_year_fetches_it_whole(tmp_path: Path) -> None:
    market = Market()
    async with engine_on(market, tmp_path) as engine:
        await engine.call(GET, TRADER)
        told = hears(engine)
        file = series_dir(lake_root(tmp_path, "scripted"), Series(SBIN, Stored.MINUTE)) / "2026.parquet"
        file.write_bytes(b"PAR1 no more")
        span = (day_bounds_ns(date(2026, 10, 1))[0], COMMAND.end_ns)
        job = await engine.call(DownloadHistory((SBIN,), "1m", *span), TRADER)
        await over(engine, job.job_id)
        assert job.progress < 1
        assert len(told) == 1
        market.pages.clear()
        reply = await engine.call(GET, TRADER)
        assert len(starts_of(reply)) == 14 * 375
        assert not [page for page in market.pages if page[2] < COMMAND.end_ns]
