"""What the engine fetches, keeps, and gives from what is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, time, timedelta
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest

from openalgo_lab.engine.composition import Composition
from openalgo_lab.engine.config import EngineConfig
from openalgo_lab.engine.engine import Engine
from openalgo_lab.engine.principal import Permission, Principal
from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.errors import InputError, NotPermitted, SymbolError, WireError
from openalgo_lab.model.events import ErrorRaised
from openalgo_lab.model.history_commands import (
    BarsReply,
    DownloadHistory,
    GetHistory,
    GetHistoryJobs,
    HistoryReady,
    PrepareHistory,
)
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import at_ist, day_bounds_ns, from_ns, to_ns
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.store.history.columns import no_bars
from openalgo_lab.store.history.lake import Lake
from openalgo_lab.store.history.series import Series, Stored
from tests.support.engine_parts import DAY, QUICK, TRADER, parts_of
from tests.support.scripted_broker import ScriptedBroker

CALENDAR = TradingCalendar.load()
SBIN = InstrumentKey(Exchange.NSE, "SBIN")
MINUTE = 60_000_000_000
NOON = to_ns(at_ist(DAY, time(12)))
"""Wednesday, the market is open."""
EVENING = to_ns(at_ist(DAY, time(18)))


def moment(day: date, hour: int = 0, minute: int = 0) -> int:
    return to_ns(at_ist(day, time(hour, minute)))


class Market(ScriptedBroker):
    """Gives candles of every minute of 09:15 to 15:30 on trading days, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ns = NOON
        self.pages: list[tuple[str, str, int, int]] = []
        self.silent: set[date] = set()
        self.fault: Exception | None = None
        self.spoil: Callable[[Bars], Bars] = lambda bars: bars

    async def history(self, instrument: Instrument, interval: str, start_ns: int, end_ns: int) -> Bars:
        self.pages.append((instrument.symbol, interval, start_ns, end_ns))
        if self.fault is not None:
            raise self.fault
        starts: list[int] = []
        day = from_ns(start_ns).date()
        while day_bounds_ns(day)[0] < end_ns:
            if CALENDAR.is_trading_day(Exchange.NSE, day) and day not in self.silent:
                first = moment(day, 9, 15)
                starts += [first] if interval == "D" else [first + n * MINUTE for n in range(375)]
            day += timedelta(days=1)
        within = np.array([s for s in starts if start_ns <= s < end_ns and s <= self.now_ns], dtype=np.int64)
        if not len(within):
            return no_bars()
        price = np.asarray(100.0 + within % 1009, dtype=np.float64)
        return self.spoil(Bars(within, price, price + 1, price - 1, price, price, np.zeros(len(within))))


@asynccontextmanager
async def engine_on(market: Market, folder: Path, source: str = "scripted") -> AsyncIterator[Engine]:
    plain = parts_of(market, folder)

    def compose(config: EngineConfig) -> Composition:
        return replace(plain(config), history_source=source, now_ns=lambda: market.now_ns)

    engine = await Engine.start(EngineConfig(reconcile=QUICK), compose)
    try:
        yield engine
    finally:
        await engine.close()


def ask(
    interval: str = "1m", first: date = date(2026, 11, 16), last: date = DAY, symbol: InstrumentKey = SBIN
) -> PrepareHistory:
    """Candles of whole days, the last one included."""
    return PrepareHistory(symbol, interval, day_bounds_ns(first)[0], day_bounds_ns(last)[1])


def starts_of(reply: BarsReply | None) -> list[int]:
    return [] if reply is None else np.frombuffer(reply.start_ns, dtype="<i8").tolist()


def kept(ready: HistoryReady, interval: Stored = Stored.MINUTE) -> Bars:
    return Lake(Path(ready.root)).read(Series(SBIN, interval), 0, 2**62)


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
