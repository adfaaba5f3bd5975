"""Parquet by DuckDB: whole files in, whole files out, one cursor a thread. No extension is ever looked for."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from openalgo_lab.model.errors import DecodeError, InputError, StoreError
from openalgo_lab.model.market import Bars
from openalgo_lab.store.history.columns import FIELDS, merged

if TYPE_CHECKING:
    import duckdb

__all__ = ["Parquet", "literal"]

_MOST_THREADS: Final = 4
_SUM: Final = "openalgo_lab_sum"


def literal(path: Path) -> str:
    """A path as SQL text. Raises InputError for one that DuckDB would take for a pattern."""
    text = str(path)
    if any(sign in text for sign in "*?["):
        raise InputError(f"The folder of {text!r} has one of * ? [ in its name: choose a folder without.", "path")
    return "'" + text.replace("'", "''") + "'"


class Parquet:
    """An in-memory DuckDB of this process, opened at first use. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._root: duckdb.DuckDBPyConnection | None = None
        self._threads = threading.local()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """This thread's own cursor."""
        mine: duckdb.DuckDBPyConnection | None = getattr(self._threads, "cursor", None)
        if mine is None:
            with self._lock:
                if self._root is None:
                    self._root = _connect()
                mine = self._threads.cursor = self._root.cursor()
        return mine

    def read(self, files: Sequence[Path]) -> Bars:
        """The rows of these files, in order, the later file's for a moment that several have. Raises FileNotFoundError
        for one that has gone or was replaced meanwhile, DecodeError when a file is no Parquet file of candles.
        """
        if len(files) < 2:
            return merged([self._read(file) for file in files])
        self.cursor()
        # A thread a file is three times as quick as DuckDB's own threads over a list of files.
        with ThreadPoolExecutor(min(len(files), os.cpu_count() or 1, _MOST_THREADS)) as pool:
            return merged(list(pool.map(self._read, files)))

    def _read(self, file: Path) -> Bars:
        import duckdb

        name = literal(file)
        query = f"SELECT {', '.join(FIELDS)} FROM read_parquet({name}, hive_partitioning=false)"  # noqa: S608 -- quoted
        facts = f"SELECT value FROM parquet_kv_metadata({name}) WHERE key = '{_SUM}'::BLOB"  # noqa: S608 -- quoted
        try:
            before = _identity(file)
            sums = self.cursor().execute(facts).fetchall()
            columns = self.cursor().sql(query).fetchnumpy()
            if not _is_still(file, before):
                raise FileNotFoundError(str(file))
        except duckdb.Error as error:
            # DuckDB opens a file more than once: half of an old one and half of its successor fit nowhere.
            if not _is_still(file, before):
                raise FileNotFoundError(str(file)) from error
            if isinstance(error, (duckdb.IOException, duckdb.OutOfMemoryException, duckdb.InterruptException)):
                raise StoreError(f"{name} cannot be read now ({error}).") from error
            raise DecodeError(f"{name} cannot be read as candles ({error}).") from error
        except PermissionError as error:
            raise StoreError(f"{name} cannot be read: make it readable for your account.") from error
        bars = _bars(columns, name)
        if [bytes(one[0]) for one in sums] != [_control_sum(bars).encode()]:
            raise DecodeError(f"{name} does not hold the candles that were written to it.")
        return bars

    def write(self, file: Path, bars: Bars) -> None:
        """Replace the file by these candles: readers see the old one or the new one, whole. Raises StoreError."""
        import duckdb

        # The rows are found by name in this frame: a dict of arrays is DuckDB's quick way in.
        rows = {name: getattr(bars, name) for name in FIELDS}
        fresh = file.with_name(f".{file.name}.part")  # one writer at a time; what a crash left is overwritten
        try:
            assert rows
            # snappy: quicker than zstd by a third, in writing and in reading, for a sixth more bytes
            form = f"FORMAT parquet, COMPRESSION snappy, KV_METADATA {{{_SUM}: '{_control_sum(bars)}'}}"
            self.cursor().execute(f"COPY (SELECT * FROM rows) TO {literal(fresh)} ({form})")  # noqa: S608 -- quoted
            _to_disk(fresh)
            fresh.replace(file)
        except (duckdb.Error, OSError) as error:
            fresh.unlink(missing_ok=True)
            raise StoreError(
                f"{file} cannot be written ({error}): is the disk full, or the folder not yours?"
            ) from error


def _connect() -> duckdb.DuckDBPyConnection:
    import duckdb

    return duckdb.connect(
        ":memory:", config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    )


def _bars(columns: dict[str, np.ndarray], file: str) -> Bars:
    for name in FIELDS:
        if isinstance(columns[name], np.ma.MaskedArray) or columns[name].dtype != _dtype(name):
            raise DecodeError(f"{file} holds other columns than candles have ({name}).")
    return Bars(**{name: columns[name] for name in FIELDS})


def _control_sum(bars: Bars) -> str:
    """A text that any changed bit of the candles changes: Parquet pages as DuckDB writes them have no check sum. It
    is made of sums, which cost a few ms a million candles.
    """
    with np.errstate(over="ignore"):
        parts = [np.ascontiguousarray(getattr(bars, name)).view(np.uint64).sum(dtype=np.uint64) for name in FIELDS]
    return "-".join(f"{int(part):x}" for part in (len(bars), *parts))


def _identity(file: Path) -> tuple[int, int, int]:
    stat = file.stat()
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def _is_still(file: Path, identity: tuple[int, int, int]) -> bool:
    try:
        return _identity(file) == identity
    except FileNotFoundError:
        return False


def _dtype(name: str) -> np.dtype[np.int64] | np.dtype[np.float64]:
    return np.dtype(np.int64) if name == "start_ns" else np.dtype(np.float64)


def _to_disk(file: Path) -> None:
    """A power cut after the rename must not leave an empty file under the name."""
    descriptor = os.open(file, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
