"""An engine over a broker that gives candles, and what tests ask of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, time, timedelta
from pathlib import Path

import numpy as np

from openalgo_lab.engine.composition import Composition
from openalgo_lab.engine.config import EngineConfig
from openalgo_lab.engine.engine import Engine
from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.history_commands import BarsReply, GetHistoryJobs, HistoryJob, HistoryReady, PrepareHistory
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import at_ist, day_bounds_ns, from_ns, to_ns
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.store.history.columns import no_bars
from openalgo_lab.store.history.lake import Lake
from openalgo_lab.store.history.series import Series, Stored
from tests.support.engine_parts import DAY, QUICK, TRADER, parts_of
from tests.support.scripted_broker import ScriptedBroker

__all__ = [
    "EVENING",
    "INFY",
    "MINUTE",
    "NOON",
    "SBIN",
    "Market",
    "ask",
    "engine_on",
    "job_of",
    "kept",
    "moment",
    "over",
    "starts_of",
    "until",
]

CALENDAR = TradingCalendar.load()
SBIN, INFY = InstrumentKey(Exchange.NSE, "SBIN"), InstrumentKey(Exchange.NSE, "INFY")
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
        self.gate: asyncio.Event | None = None
        """Where there is one, every page waits for it."""
        self.before: Callable[[str], Awaitable[None]] | None = None
        """Called with the symbol of every page."""
        self.spoil: Callable[[Bars], Bars] = lambda bars: bars

    async def history(self, instrument: Instrument, interval: str, start_ns: int, end_ns: int) -> Bars:
        self.pages.append((instrument.symbol, interval, start_ns, end_ns))
        if self.gate is not None:
            await self.gate.wait()
        if self.before is not None:
            await self.before(instrument.symbol)
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


async def job_of(engine: Engine, job_id: str) -> HistoryJob:
    return next(job for job in await engine.call(GetHistoryJobs(), TRADER) if job.job_id == job_id)


async def until(engine: Engine, job_id: str, true: Callable[[HistoryJob], bool]) -> HistoryJob:
    """The job once ``true`` of it."""
    heard = asyncio.Event()
    leave = engine.bus.listen(lambda _: heard.set())
    try:
        async with asyncio.timeout(20):
            while not true(job := await job_of(engine, job_id)):
                heard.clear()
                if true(job := await job_of(engine, job_id)):
                    break
                try:
                    async with asyncio.timeout(0.2):
                        await heard.wait()
                except TimeoutError:
                    continue
        return job
    finally:
        leave()


async def over(engine: Engine, job_id: str) -> HistoryJob:
    return await until(engine, job_id, lambda job: job.state.over)
