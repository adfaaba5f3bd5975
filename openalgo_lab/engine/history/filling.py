"""Fetching what the lake lacks: by the source's pages, checked, kept page by page, one at a time in a series."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from openalgo_lab.broker.history import pages
from openalgo_lab.engine.history.finality import answered, final_until
from openalgo_lab.engine.history.sources import Source
from openalgo_lab.engine.history.writing import LakeWriter
from openalgo_lab.model.errors import SymbolError
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import NS_PER_DAY
from openalgo_lab.store.history.columns import fitting, merged, picked
from openalgo_lab.store.history.coverage import Spans, load_spans, missing_spans
from openalgo_lab.store.history.hours import IST_OFFSET_NS
from openalgo_lab.store.history.reading import hours_of
from openalgo_lab.store.history.series import Series, Stored, series_dir

__all__ = ["Filler", "on_marks"]


class Filler:
    """Used on the engine's loop; the disk's work is the writer's. ``report`` tells people a sentence."""

    def __init__(self, writer: LakeWriter, now_ns: Callable[[], int], report: Callable[[str, str], None]) -> None:
        self._writer = writer
        self._now_ns = now_ns
        self._report = report
        self._busy: dict[tuple[Path, Series], asyncio.Lock] = {}

    def final_ns(self, source: Source, key: InstrumentKey) -> int:
        """Candles that start before it are final."""
        return final_until(hours_of(source.always_open), key.exchange, self._now_ns())

    def missing(self, source: Source, root: Path, series: Series, span: tuple[int, int]) -> Spans:
        """What is not kept of the final candles of ``span``, as far back as the source goes."""
        start_ns, end_ns = self._within(source, series, span)
        return missing_spans(load_spans(series_dir(root, series)), start_ns, end_ns) if start_ns < end_ns else ()

    async def fill(
        self,
        source: Source,
        root: Path,
        series: Series,
        span: tuple[int, int],
        *,
        background: bool = False,
        again: bool = False,
        kept: Callable[[int, int], None] | None = None,
    ) -> None:
        """Fetch and keep what is missing of ``span``, oldest first; ``again`` all of it. ``kept`` hears of every page
        its days and candles.

        Raises SymbolError for what the source does not list, and what the source raises; what came before is kept.
        """
        instrument = self._listed(source, series.key)
        async with self._busy.setdefault((root, series), asyncio.Lock()):
            start_ns, end_ns = self._within(source, series, span)
            spans = ((start_ns, end_ns),) if again else self.missing(source, root, series, span)
            for first, last in _paged(spans, source.page_days(series.interval)):
                bars = await self._page(source, instrument, series, (first, last), background=background)
                hours = hours_of(source.always_open)
                settled = answered(bars, hours, series.key.exchange, (first, last), self._now_ns())
                await self._writer.append(root, series, bars, settled)
                if kept is not None:
                    kept(_days(first, last), len(bars))

    async def fresh(self, source: Source, series: Series, start_ns: int, end_ns: int) -> Bars:
        """Candles that are not final, straight from the source; they are never kept."""
        instrument = self._listed(source, series.key)
        return await self._page(source, instrument, series, (start_ns, end_ns), background=False)

    async def _page(
        self, source: Source, instrument: Instrument, series: Series, span: tuple[int, int], *, background: bool
    ) -> Bars:
        bars = await source.bars(instrument, series.interval, *span, background=background)
        bars = on_marks(bars, series.interval)
        sound = fitting(bars)
        if not sound.all():
            count = int(len(bars) - sound.sum())
            self._report(
                "history",
                f"{source.name} sent {count} candle{'s' * (count != 1)} of {series} that cannot be (a price outside of "
                "its own high and low, or none): left out and listed as gaps.",
            )
        return picked(bars, sound)

    def _within(self, source: Source, series: Series, span: tuple[int, int]) -> tuple[int, int]:
        """The part of a span that is final and that the source reaches."""
        start_ns, end_ns = span
        days = source.limits.oldest_days if series.interval is Stored.MINUTE else 0
        if days:
            midnight = (self._now_ns() + IST_OFFSET_NS) // NS_PER_DAY * NS_PER_DAY - IST_OFFSET_NS
            start_ns = max(start_ns, midnight - days * NS_PER_DAY)
        return start_ns, min(end_ns, self.final_ns(source, series.key))

    def _listed(self, source: Source, key: InstrumentKey) -> Instrument:
        found = source.find(key)
        if found is None:
            raise SymbolError(
                f"{key} is not listed at {source.name or 'this source'} today, so nothing of it can be fetched: "
                "look it up with lab.search(...)."
            )
        return found


def on_marks(bars: Bars, interval: Stored) -> Bars:
    """Candles at the starts that the lake keeps: a day's at Indian midnight (some brokers say its opening), a minute's
    at the whole minute.
    """
    if not len(bars):
        return bars
    shift = IST_OFFSET_NS if interval is Stored.DAY else 0
    starts = (bars.start_ns + shift) // interval.length_ns * interval.length_ns - shift
    if (starts == bars.start_ns).all():
        return bars
    columns = {name: getattr(bars, name) for name in Bars.__struct_fields__}
    return merged([Bars(**{**columns, "start_ns": np.asarray(starts, dtype=np.int64)})])


def _paged(spans: Iterable[tuple[int, int]], days: int) -> Iterable[tuple[int, int]]:
    for start_ns, end_ns in spans:
        yield from pages(start_ns, end_ns, min(days, _MOST_DAYS) or _MOST_DAYS)


_MOST_DAYS = 400
"""A page of a source without a bound: a download shows progress and stops between pages."""


def _days(start_ns: int, end_ns: int) -> int:
    return -(-(end_ns - start_ns) // NS_PER_DAY)
