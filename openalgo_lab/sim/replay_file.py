"""Reading a recorded session: option-chain snapshots in Parquet or CSV, checked row by row. Layout: docs/replay.md."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from openalgo_lab.model.errors import ReplayError, SymbolError
from openalgo_lab.model.symbols import parse_expiry
from openalgo_lab.model.times import IST, to_ns
from openalgo_lab.sim.noise import IntArray

if TYPE_CHECKING:
    import duckdb

__all__ = ["Contract", "Recording", "read_recording"]

FloatArray = npt.NDArray[np.float64]

_NEEDED: Final = ("timestamp", "symbol", "expiry", "strike", "option_type", "spot", "ltp")
_NUMBERS: Final = ("strike", "spot", "ltp", "volume", "oi", "oi_chg", "iv")
_TEXTS: Final = ("timestamp", "symbol", "expiry", "option_type")
_STAMP: Final = re.compile(r"[0-9]{12}(?:[0-9]{2})?")
_CONFIG: Final[dict[str, str | bool | int | float | list[str]]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}


class Contract(msgspec.Struct, frozen=True, order=True):
    """One recorded option; ``underlying`` as the file spells it."""

    underlying: str
    expiry: date
    strike: float
    option_type: str


class Recording(msgspec.Struct, frozen=True):
    """A recording in arrays: S snapshots, C contracts, U underlyings; NaN = not in that snapshot.

    ``spot`` (S, U) rupees; ``ltp`` (S, C) rupees; ``volume``, ``oi``, ``oi_change`` (S, C) in lots; ``iv`` (S, C) per
    cent as published. ``dropped`` rows could not be used; ``repeated`` ones stood twice (the later one won).
    """

    name: str
    times_ns: IntArray
    underlyings: tuple[str, ...]
    contracts: tuple[Contract, ...]
    spot: FloatArray
    ltp: FloatArray
    volume: FloatArray
    oi: FloatArray
    oi_change: FloatArray
    iv: FloatArray
    dropped: int
    repeated: int


def read_recording(path: Path) -> Recording:
    """Read and check a file. Raises ReplayError, one sentence that says what is wrong and what to do."""
    if not path.is_file():
        raise ReplayError(f"There is no recording {path}; give the path of a Parquet or CSV file of snapshots.")
    columns = _read_columns(path)
    rows = len(columns["timestamp"])
    if not rows:
        raise ReplayError(f"The recording {path.name} holds no rows; record at least one snapshot.")
    times, expiries = _moments(columns["timestamp"]), _expiries(columns["expiry"])
    kinds = np.char.upper(columns["option_type"].astype(str))
    good = (times >= 0) & (expiries >= 0) & np.isin(kinds, ("CE", "PE")) & (columns["symbol"].astype(str) != "")
    for name in ("strike", "spot", "ltp"):
        values = columns[name]
        good &= np.isfinite(values) & (values > 0)
    if not good.any():
        raise ReplayError(
            f"None of the {rows} rows of {path.name} can be used; each needs a time like 202608191127, an expiry like "
            f"25-Aug-2026, CE or PE, and a strike, spot and ltp above 0."
        )
    kept = {name: values[good] for name, values in columns.items()}
    kept |= {"option_type": kinds[good], "time": times[good], "expiry_day": expiries[good]}
    return _arrange(path.name, kept, dropped=int(rows - good.sum()))


def _read_columns(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The wanted columns as arrays: texts as str, numbers as float64 with NaN for what is no number."""
    import duckdb

    reader = "read_csv(?, header = true, all_varchar = true)" if path.suffix.lower() == ".csv" else "read_parquet(?)"
    connection = duckdb.connect(":memory:", config=_CONFIG)
    try:
        found = _column_names(connection, reader, path)
        missing = [name for name in _NEEDED if name not in found]
        if missing:
            raise ReplayError(
                f"The recording {path.name} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
                f"it needs {', '.join(_NEEDED)}."
            )
        wanted = [f"coalesce(cast({name} as varchar), '') as {name}" for name in _TEXTS]
        wanted += [
            f"coalesce(try_cast({name} as double), 'nan'::double) as {name}" for name in _NUMBERS if name in found
        ]
        query = f"select {', '.join(wanted)} from {reader}"  # noqa: S608 - the names are the constants above
        fetched = connection.execute(query, [str(path)]).fetchnumpy()
    except duckdb.Error as error:
        kind = "CSV" if path.suffix.lower() == ".csv" else "Parquet"
        raise ReplayError(
            f"The recording {path.name} cannot be read as {kind} ({_first_line(error)}); record it again."
        ) from error
    finally:
        connection.close()
    columns = {name: np.asarray(values) for name, values in fetched.items()}
    rows = len(columns["timestamp"])
    return columns | {name: np.full(rows, np.nan) for name in _NUMBERS if name not in columns}


def _column_names(connection: duckdb.DuckDBPyConnection, reader: str, path: Path) -> set[str]:
    described = connection.execute(f"describe select * from {reader}", [str(path)])  # noqa: S608 - two constants
    return {str(row[0]) for row in described.fetchall()}


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].strip().rstrip(".")


def _moments(texts: npt.NDArray[Any]) -> IntArray:
    """UTC ns of ``YYYYMMDDHHMM[SS]`` in Indian time; -1 where the text is none."""
    unique, which = np.unique(texts.astype(str), return_inverse=True)
    return np.array([_moment(text) for text in unique.tolist()], dtype=np.int64)[which]


def _moment(text: str) -> int:
    if _STAMP.fullmatch(text) is None:
        return -1
    try:
        return to_ns(datetime.strptime(text.ljust(14, "0"), "%Y%m%d%H%M%S").replace(tzinfo=IST))
    except ValueError:
        return -1


def _expiries(texts: npt.NDArray[Any]) -> IntArray:
    """Proleptic ordinals of expiry dates; -1 where the text is none."""
    unique, which = np.unique(texts.astype(str), return_inverse=True)
    return np.array([_expiry(text) for text in unique.tolist()], dtype=np.int64)[which]


def _expiry(text: str) -> int:
    try:
        return parse_expiry(text).toordinal()
    except SymbolError:
        return -1


def _arrange(name: str, kept: dict[str, npt.NDArray[Any]], *, dropped: int) -> Recording:
    """Rows into (snapshot, contract) matrices."""
    times, at = np.unique(kept["time"], return_inverse=True)
    names, underlying = np.unique(kept["symbol"].astype(str), return_inverse=True)
    contracts, which = _contracts(kept, names, underlying)
    cell = at * len(contracts) + which
    repeated = len(cell) - len(np.unique(cell))
    spot = np.full((len(times), len(names)), np.nan)
    spot[at, underlying] = kept["spot"]

    def matrix(column: str, lowest: float) -> FloatArray:
        out = np.full((len(times), len(contracts)), np.nan)
        values = kept[column]
        out[at, which] = np.where(values >= lowest, values, np.nan)
        return out

    return Recording(
        name=name,
        times_ns=times,
        underlyings=tuple(names.tolist()),
        contracts=contracts,
        spot=np.round(spot, 2),
        ltp=np.round(matrix("ltp", 0.0), 4),
        volume=matrix("volume", 0.0),
        oi=matrix("oi", 0.0),
        oi_change=matrix("oi_chg", -np.inf),
        iv=matrix("iv", 0.0),
        dropped=dropped,
        repeated=repeated,
    )


def _contracts(
    kept: dict[str, npt.NDArray[Any]], names: Sequence[str] | npt.NDArray[Any], underlying: IntArray
) -> tuple[tuple[Contract, ...], IntArray]:
    """The contracts in order, and which one each row is of."""
    calls = (kept["option_type"] == "CE").astype(np.int64)
    parts = np.stack((underlying, kept["expiry_day"], np.rint(kept["strike"] * 10_000).astype(np.int64), 1 - calls))
    unique, which = np.unique(parts, axis=1, return_inverse=True)
    found = tuple(
        Contract(str(names[u]), date.fromordinal(day), strike / 10_000, "PE" if put else "CE")
        for u, day, strike, put in unique.T.tolist()
    )
    return found, which.reshape(-1)
