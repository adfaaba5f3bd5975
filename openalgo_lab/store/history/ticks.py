"""Recorded ticks by day: hive folders ``date=2026-11-25``, a file a flush, folded into one file when the day is over.

Ticks are facts of one source and moment: the same instrument and moment twice is one tick, the later file's. A file is
written aside and renamed; readers take no lock.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from openalgo_lab.model.errors import DecodeError, InputError, StoreError
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.times import trade_date
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.store.history.parquet import Parquet, literal

if TYPE_CHECKING:
    import duckdb

__all__ = ["TICK_FIELDS", "TickDay", "TickStore", "Ticks"]

TICK_FIELDS: Final = ("ltp", "bid", "ask", "bid_qty", "ask_qty", "ltq", "volume", "oi")
"""What is kept of a tick, float64; NaN = not known."""

_WHOLE: Final = "day.parquet"
_TRIES: Final = 20

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


class Ticks(msgspec.Struct, frozen=True):
    """Ticks in columns, in order of time, one a moment and instrument: ``row`` is the place in ``keys``."""

    keys: tuple[InstrumentKey, ...]
    row: IntArray
    time_ns: IntArray
    columns: Mapping[str, FloatArray]

    def __len__(self) -> int:
        return len(self.time_ns)


class TickDay(msgspec.Struct, frozen=True, order=True):
    """A line of the catalogue: the ticks of one instrument on one day."""

    day: date
    key: InstrumentKey
    ticks: int
    first_ns: int
    last_ns: int


class TickStore:
    """Ticks under ``root``. Any number of processes may add and read; one at a time should fold."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._parquet = Parquet()

    def add(self, ticks: Ticks) -> None:
        """Keep ticks of any days. Raises InputError for columns that do not fit, StoreError when the disk refuses."""
        if {len(values) for values in (ticks.row, *ticks.columns.values())} - {len(ticks)}:
            raise InputError("The columns of ticks differ in length: give one value a tick.", "columns")
        if unknown := set(ticks.columns) - set(TICK_FIELDS):
            raise InputError(f"Ticks have no column {min(unknown)}: give some of {', '.join(TICK_FIELDS)}.", "columns")
        days = np.array([trade_date(int(moment)).toordinal() for moment in ticks.time_ns], dtype=np.int64)
        for day in np.unique(days).tolist():
            self._write(
                self._folder(date.fromordinal(day)), f"{time.time_ns():x}-{os.getpid():x}", _frame(ticks, days == day)
            )

    def days(self) -> tuple[date, ...]:
        """The days that have ticks."""
        found = []
        for folder in self.root.glob("date=*"):
            with contextlib.suppress(ValueError):  # a folder of somebody else's
                found.append(date.fromisoformat(folder.name.removeprefix("date=")))
        return tuple(sorted(found))

    def catalogue(self, day: date) -> tuple[TickDay, ...]:
        """What is kept of a day, by instrument."""
        rows = self._query(
            day, "SELECT exchange, symbol, count(DISTINCT time_ns), min(time_ns), max(time_ns) FROM {} GROUP BY ALL", []
        )
        columns = [rows[name].tolist() for name in rows]
        return tuple(
            sorted(
                TickDay(day, InstrumentKey(Exchange(exchange), symbol), count, first, last)
                for exchange, symbol, count, first, last in zip(*columns, strict=True)
            )
        )

    def read(self, day: date, keys: Sequence[InstrumentKey] | None = None) -> Ticks:
        """The ticks of a day: of some instruments, or of all (None). None there is an empty answer."""
        names = [str(key) for key in keys or ()]
        wanted = "WHERE list_contains(?, exchange || ':' || symbol)" if keys is not None else ""
        # the later file's of a moment that two have; file names grow with time, the folded day comes first
        query = (
            f"SELECT * EXCLUDE (filename) FROM {{}} {wanted} QUALIFY row_number() OVER "  # noqa: S608 -- two constants
            f"(PARTITION BY exchange, symbol, time_ns ORDER BY parse_filename(filename) <> '{_WHOLE}' DESC, "
            "filename DESC) = 1 ORDER BY time_ns, exchange, symbol"
        )
        return _ticks(self._query(day, query, [names] if keys is not None else []))

    def fold(self, day: date) -> None:
        """Put a day's files together. Ticks that arrive meanwhile stay in files of their own."""
        folder = self._folder(day)
        files = _files(folder)
        if len(files) < 2:
            return
        whole = self.read(day)
        self._write(folder, _WHOLE.removesuffix(".parquet"), _frame(whole, np.ones(len(whole), dtype=np.bool_)))
        for file in files:
            if file.name != _WHOLE:
                file.unlink(missing_ok=True)

    # ----------------------------------------------------------------------------------------------------------------

    def _folder(self, day: date) -> Path:
        return self.root / f"date={day.isoformat()}"

    def _query(self, day: date, query: str, values: list[Any]) -> dict[str, npt.NDArray[Any]]:
        """Columns of a query over the day's files; a file that was folded meanwhile makes it read again."""
        import duckdb

        for _ in range(_TRIES):
            files = _files(self._folder(day))
            if not files:
                return {}
            source = f"read_parquet([{', '.join(map(literal, files))}], filename=true, hive_partitioning=false)"
            try:
                found = self._parquet.cursor().execute(query.format(source), values).fetchnumpy()
            except duckdb.Error as error:
                if all(file.exists() for file in files):
                    raise DecodeError(
                        f"The ticks of {day} cannot be read ({_first_line(error)}): take the damaged file out of "
                        f"{self._folder(day)}."
                    ) from error
                continue
            if _files(self._folder(day)) == files:
                return {name: _plain(np.ma.asanyarray(column)) for name, column in found.items()}
        raise StoreError(f"The ticks of {day} change faster than they can be read: try again in a moment.")

    def _write(self, folder: Path, name: str, rows: dict[str, npt.NDArray[Any]]) -> None:
        import duckdb

        part = folder / f".{name}.part"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            cursor: duckdb.DuckDBPyConnection = self._parquet.cursor()
            assert rows  # found by name in this frame
            form = "FORMAT parquet, COMPRESSION snappy"
            cursor.execute(f"COPY (SELECT * FROM rows) TO {literal(part)} ({form})")  # noqa: S608 -- quoted
            part.replace(folder / f"{name}.parquet")
        except (duckdb.Error, OSError) as error:
            part.unlink(missing_ok=True)
            raise StoreError(f"Ticks cannot be written to {folder} ({error}): free some space.") from error


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("*.parquet") if not file.name.startswith("."))


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


def _plain(values: np.ma.MaskedArray[Any, Any]) -> npt.NDArray[Any]:
    """DuckDB takes NaN for a missing value; it is NaN again."""
    return np.asarray(values.filled(np.nan) if values.dtype.kind == "f" else np.ma.getdata(values))


def _frame(ticks: Ticks, which: npt.NDArray[np.bool_]) -> dict[str, npt.NDArray[Any]]:
    """Columns of a file, by instrument and time: readers skip the row groups of others."""
    places = np.flatnonzero(which)
    places = places[np.lexsort((ticks.time_ns[places], ticks.row[places]))]
    again = (np.diff(ticks.time_ns[places]) == 0) & (np.diff(ticks.row[places]) == 0)
    places = places[np.append(~again, True)] if len(places) else places
    rows = ticks.row[places]
    unknown = np.full(len(ticks), np.nan)
    return {
        "exchange": np.array([str(key.exchange) for key in ticks.keys] or [""], dtype=object)[rows],
        "symbol": np.array([key.symbol for key in ticks.keys] or [""], dtype=object)[rows],
        "time_ns": ticks.time_ns[places],
        **{name: np.asarray(ticks.columns.get(name, unknown)[places], dtype=np.float64) for name in TICK_FIELDS},
    }


def _ticks(found: Mapping[str, npt.NDArray[Any]]) -> Ticks:
    if not found or not len(found["time_ns"]):
        empty = np.empty(0, dtype=np.int64)
        return Ticks((), empty, empty, {name: np.empty(0) for name in TICK_FIELDS})
    names = np.char.add(np.char.add(found["exchange"].astype(str), ":"), found["symbol"].astype(str))
    unique, row = np.unique(names, return_inverse=True)
    keys = [
        InstrumentKey(Exchange(exchange), symbol) for exchange, symbol in (n.split(":", 1) for n in unique.tolist())
    ]
    columns = {name: np.asarray(found[name], dtype=np.float64) for name in TICK_FIELDS}
    return Ticks(tuple(keys), row.astype(np.int64), np.asarray(found["time_ns"], dtype=np.int64), columns)
