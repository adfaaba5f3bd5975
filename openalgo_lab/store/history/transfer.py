"""Import and export: CSV, Parquet and Excel files of candles, of one series or of many. What comes in is untrusted:
every value is decoded by its type, and one that does not fit refuses the whole file. What goes out holds no formula.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import numpy.typing as npt

from openalgo_lab.model.errors import DecodeError, InputError, StoreError
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import NS_PER_DAY
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.store.history.columns import FIELDS, checked, merged, picked
from openalgo_lab.store.history.coverage import Spans, joined
from openalgo_lab.store.history.hours import IST_OFFSET_NS, days_of
from openalgo_lab.store.history.parquet import Parquet, literal
from openalgo_lab.store.history.series import Series, Stored
from openalgo_lab.store.history.sheets import Sheet, check_size, plain_text, read_sheet, safe_text, write_sheet

__all__ = ["export_file", "export_many", "import_file", "import_many", "shown_spans"]

_PRICES: Final = ("open", "high", "low", "close")
_OPTIONAL: Final = ("volume", "oi")
_WHOSE: Final = ("exchange", "symbol", "interval")
_KINDS: Final = (".csv", ".parquet", ".xlsx")
_QUOTES: Final = """quote='"', escape='"'"""
"""Said, not guessed: a name that begins with an apostrophe would be taken for a quoted one."""
_ZONED: Final = r"'(Z|[+-][0-9]{2}(:?[0-9]{2})?)$'"


def export_file(file: Path, bars: Bars, series_name: str) -> None:
    """Write candles to ``.csv``, ``.parquet`` or ``.xlsx`` (by the name's ending): ``timestamp`` (IST with its offset),
    open, high, low, close, volume, oi. ``series_name`` is what errors call them. An Excel cell holds 15
    to 16 digits of a number. Raises InputError, StoreError.
    """
    _export(file, {}, bars, series_name)


def export_many(file: Path, parts: Iterable[tuple[InstrumentKey, str, Bars]]) -> None:
    """Write candles of many instruments and intervals into one file: exchange, symbol, interval, and the columns of
    :func:`export_file`. Raises InputError, StoreError.
    """
    held = list(parts)
    sizes = [len(bars) for _, _, bars in held]
    safe = safe_text if _kind(file) == ".csv" else str  # a sheet makes its own texts safe, Parquet computes nothing
    names = [(key.exchange.value, safe(key.symbol), interval) for key, interval, _ in held]
    whose = {
        head: np.repeat(np.array([name[place] for name in names], dtype=object), sizes)
        for place, head in enumerate(_WHOSE)
    }
    columns = {name: np.concatenate([np.empty(0), *(getattr(bars, name) for _, _, bars in held)]) for name in FIELDS}
    columns["start_ns"] = np.concatenate([np.empty(0, dtype=np.int64), *(bars.start_ns for _, _, bars in held)])
    _export(file, whose, Bars(**columns), "What is exported")


def import_file(file: Path, series: Series) -> Bars:
    """Candles of a ``.csv``, ``.parquet`` or ``.xlsx`` file of at most 100 MB, in order, one a moment (the
    later row's).

    Columns, in any order and case: ``timestamp`` (or ``date`` and ``time``, or ``date`` alone), open, high, low, close,
    and, if there are any, volume and oi. A time without an offset is Indian time. Raises InputError for a file that
    cannot be taken, or that says that it is of another symbol; DecodeError that names the first row and column that do
    not fit.
    """
    source = _Source(file)
    if "symbol" in source.found:
        others = set(source.texts("symbol").tolist()) - {series.key.symbol}
        if others:
            raise InputError(
                f"{file.name} holds candles of {min(others)}: import it without naming an instrument.", "symbol"
            )
    return merged([checked(source.bars(), str(series))])


def import_many(file: Path) -> tuple[tuple[Series, Bars], ...]:
    """Candles of all instruments of a file that says in ``exchange``, ``symbol`` and ``interval`` (1m or D) what each
    row is of; otherwise as :func:`import_file`.
    """
    source = _Source(file)
    if lacking := [head for head in _WHOSE if head not in source.found]:
        raise InputError(
            f"{file.name} has no column {', '.join(lacking)}: add it, or say which instrument and interval it is of.",
            "symbol",
        )
    texts = [source.texts(head) for head in _WHOSE]
    bars = source.bars()
    rows = list(zip(*(text.tolist() for text in texts), strict=True))
    first: dict[tuple[str, str, str], int] = {}
    which = np.array([first.setdefault(row, number) for number, row in enumerate(rows)], dtype=np.int64)
    found = []
    for names, row in sorted(first.items()):
        series = _series(file, row + 1, *names)
        found.append((series, merged([checked(picked(bars, which == row), str(series))])))
    return tuple(found)


def shown_spans(bars: Bars) -> Spans:
    """What imported candles cover: of each Indian day that has some, the time up to the next day's midnight."""
    days = np.unique(days_of(bars.start_ns))
    return joined((int(day) * NS_PER_DAY - IST_OFFSET_NS, int(day + 1) * NS_PER_DAY - IST_OFFSET_NS) for day in days)


def _export(file: Path, whose: dict[str, npt.NDArray[Any]], bars: Bars, series_name: str) -> None:
    kind = _kind(file)
    rows: dict[str, npt.NDArray[Any]] = {**whose, **{name: getattr(bars, name) for name in FIELDS}}
    query = (
        f"SELECT {''.join(f'{name}, ' for name in whose)}"  # noqa: S608 -- the names are constants
        "strftime(make_timestamp_ns(start_ns + 19800000000000), '%Y-%m-%d %H:%M:%S+05:30') AS timestamp, "
        "open, high, low, close, volume, oi FROM rows"
    )
    part = file.with_name(f".{file.name}.part")
    try:
        cursor = Parquet().cursor()
        assert rows  # found by name in this frame
        if kind == ".xlsx":
            written = cursor.execute(query).fetchnumpy()
            write_sheet(file, tuple(written), zip(*(column.tolist() for column in written.values()), strict=True))
            return
        form = "FORMAT csv, HEADER true" if kind == ".csv" else "FORMAT parquet, COMPRESSION zstd"
        cursor.execute(f"COPY ({query}) TO {literal(part)} ({form})")
        part.replace(file)
    except (duckdb.Error, OSError) as error:
        part.unlink(missing_ok=True)
        raise StoreError(f"{series_name} cannot be written to {file}: {error}.") from error


def _series(file: Path, row: int, exchange: str, symbol: str, interval: str) -> Series:
    """What a row says that it is of."""
    if exchange not in set(Exchange):
        raise DecodeError(f"Row {row} of {file.name}, column exchange: '{exchange[:40]}' is not one such as NSE.")
    if interval not in set(Stored):
        raise DecodeError(
            f"Row {row} of {file.name}, column interval: '{interval[:40]}' is not kept; import candles of 1m or D."
        )
    if not symbol:
        raise DecodeError(f"Row {row} of {file.name}, column symbol: there is none; write one such as SBIN.")
    return Series(InstrumentKey(Exchange(exchange), symbol), Stored(interval))


def _kind(file: Path) -> str:
    kind = file.suffix.lower()
    if kind not in _KINDS:
        raise InputError(f"{file.name} is neither .csv nor .parquet nor .xlsx: give it one of these endings.", "file")
    return kind


class _Source:
    """An opened file: every column as text. ``found`` maps what a column means to what the file calls it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._kind = _kind(file)
        check_size(file)
        self._cursor = Parquet().cursor()
        name = literal(file)
        if self._kind == ".xlsx":
            self._from = self._taken(read_sheet(file))
        elif self._kind == ".csv":
            self._from = f"read_csv({name}, all_varchar=true, header=true, delim=',', {_QUOTES})"
        else:
            self._from = f"read_parquet({name})"
        heads = self._run(f"SELECT * FROM {self._from} LIMIT 0")  # noqa: S608 -- quoted
        self.found = {head.strip().lower(): head for head in heads}

    def _taken(self, sheet: Sheet) -> str:
        """A sheet as a table."""
        rows = {head: np.array([*sheet.column(head), ""], dtype=object)[:-1] for head in sheet.heads if head}
        assert rows  # found by name in this frame
        self._cursor.execute("CREATE TABLE sheet AS SELECT * FROM rows")
        return "sheet"

    def texts(self, name: str) -> npt.NDArray[Any]:
        """One column's texts, "" where there is none."""
        query = f"SELECT coalesce({_text(self.found[name])}, '') AS text FROM {self._from}"  # noqa: S608 -- quoted
        texts = self._run(query)["text"].tolist()
        plain = [plain_text(text) for text in texts] if self._kind == ".csv" else texts
        return np.array([*plain, ""], dtype=object)[:-1]

    def bars(self) -> Bars:
        """All rows as candles, in the file's order. Raises DecodeError for the first value that does not fit."""
        columns = self._run(_query(self._from, self.found, self._file))
        for name in FIELDS:
            values = columns[name]
            if isinstance(values, np.ma.MaskedArray) and np.ma.getmaskarray(values).any():
                raise self._wrong(name, int(np.argmax(np.ma.getmaskarray(values))))
        start_ns = np.asarray(columns["start_ns"], dtype=np.int64)
        return Bars(start_ns, *(np.asarray(columns[name], dtype=np.float64) for name in FIELDS[1:]))

    def _wrong(self, name: str, row: int) -> DecodeError:
        what, column = ("time such as 2026-01-05 09:15", "timestamp") if name == "start_ns" else ("number", name)
        text = _when(self.found) if name == "start_ns" else _text(self.found[name])
        shown = self._run(f"SELECT coalesce({text}, '') AS text FROM {self._from} LIMIT 1 OFFSET {row}")  # noqa: S608
        return DecodeError(
            f"Row {row + 1} of {self._file.name} has no {what} in column {column} but '{shown['text'][0][:40]}': "
            "correct it, or leave the row out."
        )

    def _run(self, query: str) -> dict[str, npt.NDArray[Any]]:
        try:
            found = self._cursor.execute(query).fetchnumpy()
        except duckdb.Error as error:
            line = str(error).splitlines()[0]
            raise DecodeError(f"{self._file.name} cannot be read as {self._kind[1:]} ({line}).") from error
        return {name: np.ma.asanyarray(column) for name, column in found.items()}


def _query(source: str, found: Mapping[str, str], file: Path) -> str:
    """Every column as text, then as its type; what does not fit becomes NULL and is found afterwards."""
    when = _when(found)
    lacking = [name for name in _PRICES if name not in found]
    if not when or lacking:
        named = ", ".join(lacking or ["timestamp"])
        raise InputError(f"{file.name} has no column {named}; its columns are {', '.join(found)}.", "file")
    numbers = [f"TRY_CAST({_text(found[name])} AS DOUBLE) AS {name}" for name in _PRICES]
    numbers += [
        f"TRY_CAST({_text(found[name])} AS DOUBLE) AS {name}" if name in found else f"0.0::DOUBLE AS {name}"
        for name in _OPTIONAL
    ]
    zoned = (
        f"CASE WHEN regexp_matches(moment, {_ZONED}) AND length(moment) > 10 THEN moment ELSE moment || '+05:30' END"
    )
    return (
        f"SELECT epoch_ns(TRY_CAST({zoned} AS TIMESTAMPTZ)) AS start_ns, {', '.join(FIELDS[1:])} "  # noqa: S608 -- quoted
        f"FROM (SELECT {when} AS moment, {', '.join(numbers)} FROM {source})"
    )


def _when(found: Mapping[str, str]) -> str:
    if "timestamp" in found:
        return _midnight(_text(found["timestamp"]))
    if "date" in found and "time" in found:
        return f"{_text(found['date'])} || ' ' || {_text(found['time'])}"
    return _midnight(_text(found["date"])) if "date" in found else ""


def _midnight(text: str) -> str:
    """A date alone is its midnight."""
    return f"CASE WHEN length({text}) = 10 THEN {text} || ' 00:00:00' ELSE {text} END"


def _text(column: str) -> str:
    quoted = column.replace('"', '""')
    return f'trim(CAST("{quoted}" AS VARCHAR))'
