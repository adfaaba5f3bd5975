"""Import and export: CSV and Parquet files of candles. What comes in is untrusted: every value is decoded by its type,
and one that does not fit refuses the whole file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import duckdb
import numpy as np

from openalgo_lab.model.errors import DecodeError, InputError, StoreError
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import NS_PER_DAY
from openalgo_lab.store.history.columns import FIELDS, checked, merged
from openalgo_lab.store.history.coverage import Spans, joined
from openalgo_lab.store.history.hours import IST_OFFSET_NS, days_of
from openalgo_lab.store.history.parquet import Parquet, literal
from openalgo_lab.store.history.series import Series

__all__ = ["MAX_IMPORT_BYTES", "export_file", "import_file", "shown_spans"]

MAX_IMPORT_BYTES: Final = 100 * 2**20

_PRICES: Final = ("open", "high", "low", "close")
_OPTIONAL: Final = ("volume", "oi")
_KINDS: Final = (".csv", ".parquet")
_ZONED: Final = r"'(Z|[+-][0-9]{2}(:?[0-9]{2})?)$'"


def export_file(file: Path, bars: Bars, series_name: str) -> None:
    """Write candles to ``.csv`` or ``.parquet`` (by the name's ending): ``timestamp`` (IST with its offset), open,
    high, low, close, volume, oi. ``series_name`` is what errors call them. Raises InputError, StoreError.
    """
    kind = _kind(file)
    parquet = Parquet()
    rows: dict[str, np.ndarray] = {name: getattr(bars, name) for name in FIELDS}
    assert rows
    query = (
        "SELECT strftime(make_timestamp_ns(start_ns + 19800000000000), '%Y-%m-%d %H:%M:%S+05:30') AS timestamp, "
        "open, high, low, close, volume, oi FROM rows"
    )
    form = "FORMAT csv, HEADER true" if kind == ".csv" else "FORMAT parquet, COMPRESSION zstd"
    part = file.with_name(f".{file.name}.part")
    try:
        parquet.cursor().execute(f"COPY ({query}) TO {literal(part)} ({form})")
        part.replace(file)
    except (duckdb.Error, OSError) as error:
        part.unlink(missing_ok=True)
        raise StoreError(f"{series_name} cannot be written to {file}: {error}.") from error


def import_file(file: Path, series: Series) -> Bars:
    """Candles of a ``.csv`` or ``.parquet`` file of at most 100 MB, in order, one a moment (the later row's).

    Columns, in any order and case: ``timestamp`` (or ``date`` and ``time``, or ``date`` alone), open, high, low, close,
    and, if there are any, volume and oi. A time without an offset is Indian time. Raises InputError for a file that
    cannot be taken, DecodeError that names the first row that does not fit.
    """
    kind = _kind(file)
    size = file.stat().st_size if file.is_file() else -1
    if size < 0:
        raise InputError(f"There is no file {file}: check the name.", "file")
    if size > MAX_IMPORT_BYTES:
        raise InputError(f"{file.name} is larger than 100 MB: split it by years.", "file")
    parquet = Parquet()
    name = literal(file)
    source = (
        f"read_csv({name}, all_varchar=true, header=true, delim=',')" if kind == ".csv" else f"read_parquet({name})"
    )
    try:
        cursor = parquet.cursor()
        heads = cursor.sql(f"SELECT * FROM {source}").columns  # noqa: S608 -- quoted
        found = {head.strip().lower(): head for head in heads}
        columns = cursor.sql(_query(source, found, file)).fetchnumpy()
    except duckdb.Error as error:
        raise DecodeError(f"{file.name} cannot be read as {kind[1:]} ({str(error).splitlines()[0]}).") from error
    return merged([checked(_bars(columns, file), str(series))])


def shown_spans(bars: Bars) -> Spans:
    """What imported candles cover: of each Indian day that has some, the time up to the next day's midnight."""
    days = np.unique(days_of(bars.start_ns))
    return joined((int(day) * NS_PER_DAY - IST_OFFSET_NS, int(day + 1) * NS_PER_DAY - IST_OFFSET_NS) for day in days)


def _kind(file: Path) -> str:
    kind = file.suffix.lower()
    if kind not in _KINDS:
        raise InputError(f"{file.name} is neither .csv nor .parquet: give it one of these endings.", "file")
    return kind


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


def _bars(columns: Mapping[str, np.ndarray], file: Path) -> Bars:
    for name in FIELDS:
        values = columns[name]
        if isinstance(values, np.ma.MaskedArray) and np.ma.getmaskarray(values).any():
            row = int(np.argmax(np.ma.getmaskarray(values))) + 1
            what = "time" if name == "start_ns" else "number"
            shown = "timestamp" if name == "start_ns" else name
            raise DecodeError(f"Row {row} of {file.name} has no {what} in column {shown}: correct it, or leave it out.")
    start_ns = np.asarray(columns["start_ns"], dtype=np.int64)
    return Bars(start_ns, *(np.asarray(columns[name], dtype=np.float64) for name in FIELDS[1:]))
