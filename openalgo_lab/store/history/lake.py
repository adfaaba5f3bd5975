"""The lake: candles kept by series and year, appended to under one lock, read without any."""

from __future__ import annotations

import contextlib
import os
import re
import zlib
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Final

import msgspec

from openalgo_lab.model.errors import DecodeError, InputError, StoreError
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import day_bounds_ns, trade_date
from openalgo_lab.store.history.columns import checked, cut, merged, no_bars, years_of
from openalgo_lab.store.history.coverage import Spans, joined, load_spans, missing_spans, save_spans, without
from openalgo_lab.store.history.parquet import Parquet
from openalgo_lab.store.history.series import Series, Stored, all_series, series_dir
from openalgo_lab.store.os_lock import lock_fd, unlock_fd

__all__ = ["Coverage", "Lake", "recent_room"]

_YEAR_FILE: Final = re.compile(r"([0-9]{4})(\.recent)?\.parquet")
_RECENT_ROWS: Final = 4_000
_RECENT_SPREAD: Final = 6_000
_TRIES: Final = 20  # a reader meets a file that the writer just took away; every retry sees a newer list


class Coverage(msgspec.Struct, frozen=True):
    """A row of the catalogue. ``spans`` were asked for and answered, ``size`` is in bytes, ``damaged`` are the names of
    files that could not be read and were set aside.
    """

    series: Series
    spans: Spans
    years: tuple[int, ...]
    size: int
    damaged: tuple[str, ...]


class Lake:
    """Candles under ``root``. Threads may share one, processes may each open their own on the same folder.

    A year of minutes lies in ``2026.parquet``; new days go first into the small ``2026.recent.parquet`` beside it and
    are folded in after some weeks, at another time for each series, so that a day's append is quick.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._parquet = Parquet()

    # ---- reading: no lock, ever

    def read(self, series: Series, start_ns: int, end_ns: int) -> Bars:
        """The stored candles that start in [start_ns, end_ns). A file that cannot be read is set aside, its year is no
        longer covered, and the answer comes without it.
        """
        folder = series_dir(self.root, series)
        first, last = trade_date(start_ns).year, trade_date(max(start_ns, end_ns - 1)).year
        for _ in range(_TRIES):
            files = [file for year, file in _files(folder) if first <= year <= last]
            before = _folded(files)
            try:
                bars = self._parquet.read(files)
            except FileNotFoundError:
                continue
            except DecodeError:
                self._set_aside(series, files)
                continue
            if _folded(files) == before:
                return cut(bars, start_ns, end_ns)
        raise StoreError(f"The files of {series} change faster than they can be read: try again in a moment.")

    def spans(self, series: Series) -> Spans:
        """The spans of time that were asked for and answered."""
        return load_spans(series_dir(self.root, series))

    def missing(self, series: Series, start_ns: int, end_ns: int) -> Spans:
        """The parts of [start_ns, end_ns) that are not covered yet."""
        return missing_spans(self.spans(series), start_ns, end_ns)

    def catalogue(self) -> tuple[Coverage, ...]:
        """What there is, in order."""
        return tuple(self._coverage(series) for series in all_series(self.root))

    def _coverage(self, series: Series) -> Coverage:
        folder = series_dir(self.root, series)
        files = _files(folder)
        damaged = tuple(sorted(file.name for file in folder.glob("*.damaged*")))
        years = tuple(sorted({year for year, _ in files}))
        return Coverage(series, self.spans(series), years, sum(_size(file) for _, file in files), damaged)

    # ---- writing: one at a time in the whole lake

    def append(self, series: Series, bars: Bars, covered: Iterable[tuple[int, int]]) -> None:
        """Keep candles, the newer ones in the place of older ones of the same moment; ``covered`` are the spans that
        they answer. Raises InputError for candles that cannot be, StoreError when the disk refuses.
        """
        self.append_many([(series, bars, covered)])

    def append_many(self, parts: Iterable[tuple[Series, Bars, Iterable[tuple[int, int]]]]) -> None:
        """The same for many series under one lock; each series is whole before the next begins."""
        with self._writing():
            for series, bars, covered in parts:
                self._append(series, merged([checked(bars, str(series))]), joined(covered))

    def _append(self, series: Series, bars: Bars, covered: Spans) -> None:
        _fits(series, bars)
        folder = series_dir(self.root, series)
        folder.mkdir(parents=True, exist_ok=True)
        for year, part in years_of(bars):
            self._append_year(series, folder, year, part)
        # The candles are on the disk before they count as covered.
        old = load_spans(folder)
        new = joined([*old, *covered])
        if new != old:
            save_spans(folder, new)

    def _append_year(self, series: Series, folder: Path, year: int, bars: Bars) -> None:
        whole, recent = folder / f"{year}.parquet", folder / f"{year}.recent.parquet"
        fresh = merged([self._kept(series, recent), bars])
        if whole.exists() and series.interval is Stored.MINUTE and len(fresh) < recent_room(series):
            self._parquet.write(recent, fresh)
            return
        self._parquet.write(whole, merged([self._kept(series, whole), fresh]))
        recent.unlink(missing_ok=True)

    def _kept(self, series: Series, file: Path) -> Bars:
        """What a file holds; the writer sets a damaged one aside."""
        if not file.exists():
            return no_bars()
        try:
            return self._parquet.read([file])
        except DecodeError:
            _put_aside(series_dir(self.root, series), file)
            return no_bars()

    def _set_aside(self, series: Series, files: Iterable[Path]) -> None:
        with self._writing():  # the writer may have put a good file in its place meanwhile: look again
            for file in files:
                self._kept(series, file)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.root / "lake.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreError(f"The lake {self.root} cannot be opened ({error.strerror}): check the folder.") from error
        try:
            lock_fd(descriptor, wait=True)
            yield
            unlock_fd(descriptor)
        finally:
            os.close(descriptor)


def _files(folder: Path) -> list[tuple[int, Path]]:
    """Files with their years, in the order in which they are read: the recent days after their year."""
    if not folder.is_dir():
        return []
    found = [
        (match[1], match[2] or "", file) for file in folder.iterdir() if (match := _YEAR_FILE.fullmatch(file.name))
    ]
    return [(int(year), file) for year, _, file in sorted(found)]


def _folded(files: Iterable[Path]) -> list[tuple[int, int, int]]:
    """What tells whether recent days were folded into their year: between the reading of the year's old file and of
    newer recent days they would be in neither.
    """
    years = [file.with_name(file.name.replace(".recent", "")) for file in files if ".recent" in file.name]
    stats = [year.stat() for year in years if year.exists()]
    return [(one.st_ino, one.st_mtime_ns, one.st_size) for one in stats]


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def recent_room(series: Series) -> int:
    """How many recent candles a series gathers before they are folded into the year's file; series differ, so that
    they are not all folded on one day.
    """
    return _RECENT_ROWS + zlib.crc32(str(series).encode()) % _RECENT_SPREAD


def _fits(series: Series, bars: Bars) -> None:
    """Candles of a stored interval start on its marks: whole minutes, Indian midnights."""
    step = series.interval.length_ns
    phase = day_bounds_ns(date(1970, 1, 2))[0] % step
    if len(bars) and ((bars.start_ns - phase) % step).any():
        mark = "a whole minute" if series.interval is Stored.MINUTE else "midnight, Indian time"
        raise InputError(f"A candle of {series} does not start at {mark}: give candles of that interval.", "interval")


def _put_aside(folder: Path, file: Path) -> None:
    """Keep a damaged file for looking at, and forget that its year is covered so that it is fetched again."""
    year = int(file.name[:4])
    number = sum(1 for _ in folder.glob(f"{file.name}.damaged*"))
    start, end = day_bounds_ns(date(year, 1, 1))[0], day_bounds_ns(date(year + 1, 1, 1))[0]
    save_spans(folder, without(load_spans(folder), start, end))
    file.replace(file.with_name(f"{file.name}.damaged{number or ''}"))
