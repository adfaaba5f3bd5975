"""Candles that somebody waits for: from the lake what is kept, from the source what is not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from openalgo_lab.engine.history.damage import DamageWatch, damaged_files
from openalgo_lab.engine.history.filling import Filler
from openalgo_lab.engine.history.live import with_quote
from openalgo_lab.engine.history.sources import Source, Sources
from openalgo_lab.engine.history.writing import LakeWriter
from openalgo_lab.engine.supervisor import Supervisor
from openalgo_lab.model.errors import InputError, NotSupported, RuleError, SymbolError
from openalgo_lab.model.history_commands import BarsReply, HistoryReady, PrepareHistory
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.market import Quote
from openalgo_lab.model.times import trade_date
from openalgo_lab.store.history.bytes import bars_of_reply, reply_of
from openalgo_lab.store.history.columns import cut
from openalgo_lab.store.history.hours import day_of
from openalgo_lab.store.history.places import lake_root
from openalgo_lab.store.history.reading import LakeBars, hours_of, needed_end
from openalgo_lab.store.history.resample import Interval, parse_interval, resample
from openalgo_lab.store.history.series import Series, series_dir

__all__ = ["Preparer"]

PATIENCE_S: Final = 15.0
"""So long a call waits for a long history; then it says that there is more to come."""


class Preparer:
    """Used on the engine's loop."""

    def __init__(
        self,
        *,
        folder: Path,
        sources: Sources,
        filler: Filler,
        writer: LakeWriter,
        supervisor: Supervisor,
        damage: DamageWatch,
        quote: Callable[[InstrumentKey], Quote | None],
        now_ns: Callable[[], int],
    ) -> None:
        self._folder = folder
        self._sources = sources
        self._filler = filler
        self._writer = writer
        self._supervisor = supervisor
        self._damage = damage
        self._quote = quote
        self._now_ns = now_ns
        self._running: dict[tuple[str, Series, int, int], asyncio.Task[None]] = {}

    async def prepare(self, command: PrepareHistory) -> HistoryReady:
        """See :class:`PrepareHistory`."""
        source = self._sources.shown()
        asked = self._kept_as(source, command)
        if asked is None:
            return await self._straight(source, command)
        root = lake_root(self._folder, source.name)
        series = Series(command.key, asked.stored)
        final_ns = self._filler.final_ns(source, command.key)
        span = (command.start_ns, needed_end(asked, command.end_ns))
        missing = self._filler.missing(source, root, series, span)
        if not command.fetch:
            return HistoryReady(source.name, str(root), final_ns, always_open=source.always_open)
        if source.find(command.key) is None:
            return self._of_the_past(source, root, series, final_ns)
        if missing:
            await self._damage.tell(root, series)
        if missing and source.computed:
            return await self._computed(source, command, asked)
        if missing and not await self._filled(source, root, series, span):
            return HistoryReady(source.name, str(root), final_ns, left=True, always_open=source.always_open)
        fresh = await self._fresh(source, series, max(final_ns, command.start_ns), span[1])
        return HistoryReady(source.name, str(root), final_ns, fresh, always_open=source.always_open)

    async def bars(self, command: PrepareHistory) -> BarsReply:
        """The candles themselves, for callers that do not read the lake."""
        reply, whole = await self._read(command)
        if not whole:  # a damaged file was found on reading: what it held is fetched again
            reply, _ = await self._read(command)
        return reply

    async def _read(self, command: PrepareHistory) -> tuple[BarsReply, bool]:
        """(candles, whether the lake still covers what it was said to)."""
        ready = await self.prepare(command)
        while ready.left:
            ready = await self.prepare(command)
        if not ready.root:
            assert ready.fresh is not None
            return ready.fresh, True
        fresh = None if ready.fresh is None else bars_of_reply(ready.fresh)
        now_ns = self._now_ns()
        end_ns = min(command.end_ns, now_ns + 1)
        wanted = LakeBars(ready.root, command.key, command.interval, command.start_ns, end_ns, ready.always_open)
        before = wanted.damaged()
        candles = await self._writer.read(wanted, fresh, now_ns)
        return reply_of(candles.bars, tuple(map(str, candles.gaps))), wanted.damaged() == before

    def _kept_as(self, source: Source, command: PrepareHistory) -> Interval | None:
        """How the interval is read from the lake; None where the source must be asked for it as it is: nothing is
        kept of it, seconds are not kept, it has no candles of the stored length, or nobody knows the hours.
        """
        if not source.name:
            return None
        try:
            asked = parse_interval(command.interval)
        except NotSupported:
            return None
        except InputError:
            if source.has(command.interval) and source.limits.intervals:
                return None
            raise
        if not source.has(asked.stored) and source.has(command.interval):
            return None
        return asked if self._hours_known(source, asked, command) else None

    def _hours_known(self, source: Source, asked: Interval, command: PrepareHistory) -> bool:
        if asked.count == 1 and asked.unit in "mD":
            return True
        hours = hours_of(source.always_open)
        end_ns = min(needed_end(asked, command.end_ns), self._now_ns())
        try:
            for year in range(trade_date(command.start_ns).year, trade_date(end_ns).year + 1):
                hours.sessions(command.key.exchange, day_of(0).replace(year=year))
        except RuleError:
            return asked.unit in "WMY"
        return True

    async def _computed(self, source: Source, command: PrepareHistory, asked: Interval) -> HistoryReady:
        """Nothing is kept of what can be computed; a length that the source does not know is built here."""
        try:
            return await self._straight(source, command)
        except InputError:
            series, end_ns = Series(command.key, asked.stored), needed_end(asked, command.end_ns)
            bars = await self._filler.fresh(source, series, command.start_ns, min(end_ns, self._now_ns() + 1))
        hours = hours_of(source.always_open)
        whole = await asyncio.to_thread(resample, bars, asked, command.key.exchange, hours)
        reply = reply_of(cut(whole, command.start_ns, command.end_ns))
        return HistoryReady(source.name, "", command.start_ns, reply, always_open=source.always_open)

    async def _straight(self, source: Source, command: PrepareHistory) -> HistoryReady:
        """The source's own candles; nothing is kept."""
        instrument = source.find(command.key)
        if instrument is None:
            raise SymbolError(f"{command.key} is not listed today: look it up with lab.search(...).", field="symbol")
        bars = await source.bars(instrument, command.interval, command.start_ns, command.end_ns)
        return HistoryReady(source.name, "", command.start_ns, reply_of(bars), always_open=source.always_open)

    def _of_the_past(self, source: Source, root: Path, series: Series, final_ns: int) -> HistoryReady:
        """A contract that is no longer listed: what was kept of it."""
        if not series_dir(root, series).is_dir():
            raise SymbolError(
                f"{series.key} is not listed at {source.name} today and nothing of it was kept: look it up with "
                "lab.search(...).",
                field="symbol",
            )
        note = f"{series.key} is no longer listed at {source.name}: these are the candles that were kept."
        return HistoryReady(source.name, str(root), final_ns, always_open=source.always_open, notes=(note,))

    async def _filled(self, source: Source, root: Path, series: Series, span: tuple[int, int]) -> bool:
        """Fetch what is missing; False when there is more to do: it goes on behind our back, or the writer came upon a
        damaged file, whose year is missing now. A caller who gives up stops nothing.
        """
        place, before = (source.name, series, *span), damaged_files(root, series)
        task = self._running.get(place)
        if task is None:
            task = self._supervisor.start(f"history of {series}", self._filler.fill(source, root, series, span))
            self._running[place] = task
            task.add_done_callback(lambda _: self._running.pop(place, None))
        done, _ = await asyncio.wait({task}, timeout=PATIENCE_S)
        if done:
            await task
            await self._damage.tell(root, series)
        return bool(done) and damaged_files(root, series) == before

    async def _fresh(self, source: Source, series: Series, start_ns: int, end_ns: int) -> BarsReply | None:
        """Candles that are not final yet, the running one with the live price."""
        now_ns = self._now_ns()
        end_ns = min(end_ns, now_ns + 1)
        if start_ns >= end_ns:
            return None
        bars = await self._filler.fresh(source, series, start_ns, end_ns)
        return reply_of(with_quote(bars, series.interval, self._quote(series.key), now_ns))
