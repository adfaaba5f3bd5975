"""What the lake holds of each series: first and last candle, how many, which are missing, how much room they take."""

from __future__ import annotations

import threading
from datetime import date

import msgspec

from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import day_bounds_ns
from openalgo_lab.store.history.columns import no_bars
from openalgo_lab.store.history.coverage import Spans
from openalgo_lab.store.history.gaps import Gap, gaps
from openalgo_lab.store.history.hours import Hours
from openalgo_lab.store.history.lake import Coverage, Lake
from openalgo_lab.store.history.series import Series, series_dir

__all__ = ["Catalogue", "Entry"]


class Entry(msgspec.Struct, frozen=True):
    """A series. ``first_ns`` and ``last_ns`` are the first moments of its first and last candle (UTC), 0 without any;
    ``gaps`` are those of the spans that were asked for, ``size`` is in bytes, ``damaged`` files were set aside.
    """

    series: Series
    bars: int
    first_ns: int
    last_ns: int
    spans: Spans
    gaps: tuple[Gap, ...]
    size: int
    damaged: tuple[str, ...]

    @property
    def missing(self) -> int:
        """Candles that the trading calendar expects in the spans and that are not there."""
        return sum(gap.candles for gap in self.gaps)

    @property
    def complete(self) -> float:
        """The part of the expected candles that is there, 0 to 1; 1 where nothing was expected."""
        expected = self.bars + self.missing
        return self.bars / expected if expected else 1.0


class Catalogue:
    """Looks into a lake; a series is read again only when its files changed. Safe to share between threads."""

    def __init__(self, lake: Lake, hours: Hours) -> None:
        self._lake = lake
        self._hours = hours
        self._lock = threading.Lock()
        self._known: dict[Series, tuple[Coverage, int, Entry]] = {}

    def entries(self) -> tuple[Entry, ...]:
        """All series, in order."""
        with self._lock:
            rows = self._lake.catalogue()
            for gone in set(self._known) - {row.series for row in rows}:
                del self._known[gone]
            return tuple(self._entry(row) for row in rows)

    def _entry(self, row: Coverage) -> Entry:
        folder = series_dir(self._lake.root, row.series)
        stamp = max((file.stat().st_mtime_ns for file in folder.iterdir()), default=0)
        known = self._known.get(row.series)
        if known is not None and known[:2] == (row, stamp):
            return known[2]
        bars = self._bars(row)
        key, interval = row.series.key, row.series.interval
        lost = tuple(gap for span in row.spans for gap in gaps(bars, interval, key.exchange, self._hours, span))
        ends = (int(bars.start_ns[0]), int(bars.start_ns[-1])) if len(bars) else (0, 0)
        made = Entry(row.series, len(bars), *ends, row.spans, lost, row.size, row.damaged)
        self._known[row.series] = (row, stamp, made)
        return made

    def _bars(self, row: Coverage) -> Bars:
        """All that is kept of a series."""
        if not row.years:
            return no_bars()
        first, after = date(row.years[0], 1, 1), date(row.years[-1] + 1, 1, 1)
        return self._lake.read(row.series, day_bounds_ns(first)[0], day_bounds_ns(after)[0])
