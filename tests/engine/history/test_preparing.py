"""What the engine fetches, keeps, and gives from what is kept."""

from __future__ import annotations

import asyncio
from datetime import date
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest

from openalgo_lab.engine.principal import Permission, Principal
from openalgo_lab.model.errors import InputError, NotPermitted, SymbolError, WireError
from openalgo_lab.model.events import ErrorRaised
from openalgo_lab.model.history_commands import DownloadHistory, GetHistory, GetHistoryJobs
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import day_bounds_ns, from_ns
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.store.history.lake import Lake
from openalgo_lab.store.history.series import Series, Stored
from tests.support.engine_parts import DAY, TRADER
from tests.support.history_market import EVENING, MINUTE, SBIN, Market, ask, engine_on, kept, moment, starts_of


async def test_what_is_missing_is_fetched_once_and_today_is_never_kept(tmp_path: Path) -> None:
    market = Market()
    async with engine_on(market, tmp_path) as engine:
        ready = await engine.call(ask(), TRADER)
        bars = kept(ready)
        assert len(bars) == 6 * 375
        assert bars.start_ns[-1] < ready.final_ns == day_bounds_ns(DAY)[0]
        assert starts_of(ready.fresh) == [moment(DAY, 9, 15) + n * MINUTE for n in range(166)]
        asked = len(market.pages)
        again = await engine.call(ask(), TRADER)
        assert [page[2] for page in market.pages[asked:]] == [day_bounds_ns(DAY)[0]]  # only today
        assert starts_of(again.fresh) == starts_of(ready.fresh)


async def test_an_hour_after_the_close_the_day_is_final(tmp_path: Path) -> None:
    market = Market()
    market.now_ns = EVENING
    async with engine_on(market, tmp_path) as engine:
        ready = await engine.call(ask(), TRADER)
        assert ready.final_ns == day_bounds_ns(DAY)[1]
        assert ready.fresh is None
        assert len(kept(ready)) == 7 * 375
        market.pages.clear()
        await engine.call(ask(), TRADER)
        assert not market.pages


async def test_the_answer_is_the_sources_own_whatever_the_interval(tmp_path: Path) -> None:
    market = Market()
    async with engine_on(market, tmp_path) as engine:
        command = ask("1h")
        reply = await engine.call(GetHistory(SBIN, "1h", command.start_ns, command.end_ns), TRADER)
        day = ["09:15", "10:15", "11:15", "12:15", "13:15", "14:15", "15:15"]
        found = [from_ns(start).strftime("%H:%M") for start in starts_of(reply)]
        assert found == day * 6 + day[:3]
        assert {page[1] for page in market.pages} == {"1m"}
        assert reply.gaps == ()
        daily = await engine.call(GetHistory(SBIN, "D", command.start_ns, command.end_ns), TRADER)
        assert from_ns(starts_of(daily)[0]).strftime("%a %H:%M") == "Mon 00:00"
        assert len(starts_of(daily)) == 7


async def test_days_that_nobody_has_are_listed_and_late_ones_are_asked_for_again(tmp_path: Path) -> None:
    market = Market()
    old, late = date(2026, 11, 4), date(2026, 11, 23)
    market.silent = {old, late}
    async with engine_on(market, tmp_path) as engine:
        command = ask(first=date(2026, 11, 2))
        reply = await engine.call(GetHistory(SBIN, "5m", command.start_ns, command.end_ns), TRADER)
        assert [gap[:10] for gap in reply.gaps] == [old.isoformat(), late.isoformat()]
        assert "375 candles missing" in reply.gaps[0]
        market.pages.clear()
        market.silent = {old}
        reply = await engine.call(GetHistory(SBIN, "5m", command.start_ns, command.end_ns), TRADER)
        assert [gap[:10] for gap in reply.gaps] == [old.isoformat()]
        assert day_bounds_ns(late) in [(page[2], page[3]) for page in market.pages]
        assert day_bounds_ns(old) not in [(page[2], page[3]) for page in market.pages]


async def test_impossible_candles_are_left_out_told_and_listed(tmp_path: Path) -> None:
    market = Market()

    def spoil(bars: Bars) -> Bars:
        high = bars.high.copy()
        high[5] = bars.low[5] - 1
        return msgspec.structs.replace(bars, high=high)

    market.spoil = spoil
    told: list[str] = []
    async with engine_on(market, tmp_path) as engine:
        engine.bus.listen(lambda event: told.append(event.message) if isinstance(event, ErrorRaised) else None)
        command = ask(first=date(2026, 11, 23), last=date(2026, 11, 23))
        reply = await engine.call(GetHistory(SBIN, "1m", command.start_ns, command.end_ns), TRADER)
        assert len(starts_of(reply)) == 374
        assert reply.gaps == ("2026-11-23 09:20:00 to 2026-11-23 09:21:00: 1 candle missing.",)
        assert [text for text in told if "cannot be" in text]


async def test_two_sources_never_mix(tmp_path: Path) -> None:
    market = Market()
    async with engine_on(market, tmp_path, "one") as engine:
        await engine.call(ask(), TRADER)
    market.pages.clear()
    async with engine_on(market, tmp_path, "two") as engine:
        ready = await engine.call(ask(), TRADER)
        assert ready.source == "two"
        assert len(market.pages) > 1
    assert {path.name for path in (tmp_path / "history").iterdir()} == {"source=one", "source=two"}


async def test_nothing_of_a_replay_is_kept(tmp_path: Path) -> None:
    market = Market()
    async with engine_on(market, tmp_path, "") as engine:
        ready = await engine.call(ask("D"), TRADER)
        assert ready.root == ""
        assert len(starts_of(ready.fresh)) == 7
    assert not (tmp_path / "history").exists()


async def test_without_fetching_nobody_is_asked(tmp_path: Path) -> None:
    market = Market()
    async with engine_on(market, tmp_path) as engine:
        ready = await engine.call(msgspec.structs.replace(ask(), fetch=False), TRADER)
        assert ready.fresh is None
        assert not ready.left
        assert not market.pages


async def test_what_came_before_a_fault_is_kept(tmp_path: Path) -> None:
    market = Market()
    async with engine_on(market, tmp_path) as engine:
        await engine.call(ask(last=date(2026, 11, 18)), TRADER)
        market.fault = WireError("no route")
        with pytest.raises(WireError):
            await engine.call(ask(), TRADER)
        market.fault = None
        market.pages.clear()
        ready = await engine.call(ask(), TRADER)
        assert market.pages[0][2] == day_bounds_ns(date(2026, 11, 18))[1]
        assert len(kept(ready)) == 6 * 375


async def test_two_who_ask_at_once_fetch_once(tmp_path: Path) -> None:
    market = Market()
    market.now_ns = EVENING
    async with engine_on(market, tmp_path) as engine:
        await asyncio.gather(*(engine.call(ask(), TRADER) for _ in range(4)), engine.call(ask("5m"), TRADER))
        spans = sorted(page[2:] for page in market.pages)
        assert all(first[1] <= second[0] for first, second in pairwise(spans))


async def test_what_is_not_listed_is_read_from_what_was_kept(tmp_path: Path) -> None:
    market = Market()
    gone = InstrumentKey(Exchange.NFO, "NIFTY24NOV26FUT")
    async with engine_on(market, tmp_path) as engine:
        with pytest.raises(SymbolError, match="nothing of it was kept"):
            await engine.call(ask(symbol=gone), TRADER)
        lake = Lake(tmp_path / "history" / "source=scripted")
        price = np.array([100.0])
        lake.append(
            Series(gone, Stored.MINUTE),
            Bars(np.array([moment(date(2026, 11, 24), 9, 15)]), price, price, price, price, price, price),
            [],
        )
        ready = await engine.call(ask(symbol=gone), TRADER)
        assert "no longer listed" in ready.notes[0]
        assert ready.fresh is None


@pytest.mark.parametrize("interval", ["7x", "", "0m"])
async def test_an_interval_that_is_none(tmp_path: Path, interval: str) -> None:
    async with engine_on(Market(), tmp_path) as engine:
        with pytest.raises(InputError, match="interval"):
            await engine.call(ask(interval), TRADER)


async def test_readers_start_no_downloads(tmp_path: Path) -> None:
    viewer = Principal("viewer", Permission.READ)
    async with engine_on(Market(), tmp_path) as engine:
        with pytest.raises(NotPermitted):
            await engine.call(DownloadHistory((SBIN,), "1m", 0, 1), viewer)
        assert await engine.call(GetHistoryJobs(), viewer) == ()
        assert (await engine.call(ask(), viewer)).source == "scripted"
