"""Recorded chain snapshots beside the candles: which files there are, what they hold, their rows in columns.

A recording is one Parquet or CSV file in the layout of docs/replay.md, which a replay plays as it is; this module finds
them in the folders that the recorder and the user put them into.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from openalgo_lab.model.errors import DecodeError, InputError, StoreError
from openalgo_lab.model.times import trade_date
from openalgo_lab.store.history.parquet import Parquet, literal

__all__ = ["ChainFile", "ChainStore"]

_NEEDED: Final = ("timestamp", "symbol", "expiry", "strike", "option_type", "spot", "ltp")
_KINDS: Final = (".parquet", ".csv")
_TIME: Final = (
    "epoch_ns(coalesce(try_strptime(cast(timestamp AS VARCHAR), '%Y%m%d%H%M%S'), "
    "try_strptime(cast(timestamp AS VARCHAR), '%Y%m%d%H%M'))) - 19800000000000"
)


class ChainFile(msgspec.Struct, frozen=True):
    """A recording: ``damaged`` says why it cannot be played, and is empty where it can."""

    file: Path
    underlyings: tuple[str, ...]
    first_ns: int
    last_ns: int
    snapshots: int
    rows: int
    size: int
    damaged: str = ""

    @property
    def day(self) -> date | None:
        """The Indian day of its first snapshot; None of a damaged one."""
        return None if self.damaged else trade_date(self.first_ns)


class ChainStore:
    """The recordings in some folders; the first folder is where new ones are kept."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)
        self._parquet = Parquet()

    @property
    def folder(self) -> Path:
        """Where new recordings are kept."""
        return self._folders[0]

    def files(self) -> tuple[ChainFile, ...]:
        """All recordings, by time; damaged ones first."""
        found = (file for folder in self._folders for file in _recordings(folder))
        return tuple(sorted((self._described(file) for file in found), key=lambda one: (one.first_ns, one.file)))

    def find(self, underlying: str | None = None, day: date | None = None) -> tuple[ChainFile, ...]:
        """The ones of an underlying and a day that can be played; None is not asked."""
        name = None if underlying is None else underlying.strip().upper()
        return tuple(
            one
            for one in self.files()
            if not one.damaged
            and (name is None or name in one.underlyings)
            and (day is None or trade_date(one.first_ns) <= day <= trade_date(one.last_ns))
        )

    def keep(self, file: Path) -> ChainFile:
        """Take a copy of a recording into the first folder. Raises InputError for a file that cannot be played."""
        if not file.is_file() or file.suffix.lower() not in _KINDS:
            raise InputError(f"There is no recording {file}: give a .parquet or .csv file of snapshots.", "file")
        described = self._described(file)
        if described.damaged:
            raise InputError(described.damaged, "file")
        target = self.folder / file.name
        if target.exists() and not target.samefile(file):
            raise InputError(f"{target} is there already: give the new recording another name.", "file")
        part = target.with_name(f".{target.name}.part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, part)
            part.replace(target)
        except OSError as error:
            raise StoreError(f"{file} cannot be copied to {target} ({error.strerror}): free some space.") from error
        return msgspec.structs.replace(described, file=target)

    def read(self, file: Path) -> dict[str, npt.NDArray[Any]]:
        """All columns of a recording and ``time_ns`` (UTC, of the snapshot), in order of time. Raises DecodeError."""
        import duckdb

        query = f"SELECT {_TIME} AS time_ns, * FROM {_source(file)} ORDER BY time_ns, expiry, strike"  # noqa: S608
        try:
            found = self._parquet.cursor().execute(query).fetchnumpy()
        except duckdb.Error as error:
            raise DecodeError(f"{file.name} cannot be read ({_first_line(error)}): record it again.") from error
        return {name: _plain(np.ma.asanyarray(values)) for name, values in found.items()}

    def _described(self, file: Path) -> ChainFile:
        import duckdb

        source = _source(file)
        try:
            heads = self._parquet.cursor().sql(f"SELECT * FROM {source} LIMIT 0").columns  # noqa: S608 -- quoted
            if lacking := [name for name in _NEEDED if name not in heads]:
                return _damaged(file, f"{file.name} lacks the columns {', '.join(lacking)}: it is no recording.")
            query = (
                f"SELECT list(DISTINCT upper(symbol)), min({_TIME}), max({_TIME}), "  # noqa: S608 -- quoted
                f"count(DISTINCT timestamp), count(*) FROM {source} WHERE {_TIME} IS NOT NULL"
            )
            row = self._parquet.cursor().execute(query).fetchone()
        except duckdb.Error as error:
            return _damaged(file, f"{file.name} cannot be read ({_first_line(error)}): record it again.")
        if row is None or not row[4]:
            return _damaged(file, f"{file.name} holds no snapshot: record it again.")
        names, first, last, snapshots, rows = row
        return ChainFile(file, tuple(sorted(names)), int(first), int(last), snapshots, rows, file.stat().st_size)


def _recordings(folder: Path) -> Iterable[Path]:
    if not folder.is_dir():
        return ()
    return (one for one in folder.iterdir() if one.suffix.lower() in _KINDS and not one.name.startswith("."))


def _damaged(file: Path, why: str) -> ChainFile:
    return ChainFile(file, (), 0, 0, 0, 0, file.stat().st_size, why)


def _source(file: Path) -> str:
    if file.suffix.lower() == ".csv":
        return f"read_csv({literal(file)}, header=true, all_varchar=true)"
    return f"read_parquet({literal(file)}, hive_partitioning=false)"


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


def _plain(values: np.ma.MaskedArray[Any, Any]) -> npt.NDArray[Any]:
    """NaN where a number is missing."""
    return np.asarray(values.filled(np.nan) if values.dtype.kind == "f" else np.ma.getdata(values))
