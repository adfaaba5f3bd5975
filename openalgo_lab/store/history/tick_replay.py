"""From recorded ticks to a recording that a replay plays: one snapshot for each second in which anything was told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from openalgo_lab.model.errors import InputError, StoreError, SymbolError
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.symbols import ExpiryStyle, ParsedSymbol, format_expiry, parse_symbol
from openalgo_lab.model.times import NS_PER_SECOND, from_ns, trade_date
from openalgo_lab.model.underlyings import spot_exchange
from openalgo_lab.model.vocabulary import DERIVATIVE_EXCHANGES
from openalgo_lab.store.history.parquet import Parquet, literal
from openalgo_lab.store.history.ticks import Ticks

__all__ = ["write_replay"]

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


def write_replay(ticks: Ticks, underlying: str, file: Path, rules: RuleBook) -> int:
    """Write the options of ``underlying`` with its spot as a recording (docs/replay.md); answers the snapshots.

    A snapshot holds the options that ticked in its second, at their last price of it; one in which only the spot moved
    repeats an option's last price. Volume and open interest are in lots of the day's rules. Raises InputError when the
    ticks hold no spot or no option of it, RuleError for lots that are not known, StoreError when the disk refuses.
    """
    name = underlying.strip().upper()
    options, spot = _chosen(ticks, name)
    at = ticks.time_ns // NS_PER_SECOND
    spot_rows = np.flatnonzero((ticks.row == spot) & (ticks.columns["ltp"] > 0))
    if not options or not len(spot_rows):
        raise InputError(
            f"The ticks hold no {'options' if len(spot_rows) else 'spot'} of {name}: record both to replay them.",
            "underlying",
        )
    rows = _last_of_second(ticks, options, at, int(at[spot_rows[0]]))
    rows = _with_spot_only(rows, at, spot_rows)
    if not len(rows[0]):
        raise InputError(f"No option of {name} has a price after its spot's first: record for longer.", "underlying")
    spot_at = np.searchsorted(at[spot_rows], rows[0], side="right") - 1
    spots = ticks.columns["ltp"][spot_rows[spot_at]]
    return _write(file, {**_columns(ticks, options, rows, rules), "spot": spots})


def _chosen(ticks: Ticks, name: str) -> tuple[dict[int, ParsedSymbol], int]:
    """The options of an underlying by their place in the keys, and the place of its spot (-1: not there)."""
    options, spot = {}, -1
    for place, key in enumerate(ticks.keys):
        parsed = _parsed(key)
        if parsed is not None and parsed.is_option and parsed.underlying == name:
            options[place] = parsed
    for place in options:
        wanted = InstrumentKey(spot_exchange(name, ticks.keys[place].exchange), name)
        spot = ticks.keys.index(wanted) if wanted in ticks.keys else -1
        break
    return options, spot


def _parsed(key: InstrumentKey) -> ParsedSymbol | None:
    if key.exchange not in DERIVATIVE_EXCHANGES:
        return None
    try:
        return parse_symbol(key.symbol, key.exchange)
    except SymbolError:
        return None


def _last_of_second(
    ticks: Ticks, options: Mapping[int, ParsedSymbol], at: IntArray, first: int
) -> tuple[IntArray, IntArray]:
    """(second, tick) of each option's last priced tick of each second, in order of time."""
    places = np.flatnonzero(np.isin(ticks.row, list(options)) & (ticks.columns["ltp"] > 0) & (at >= first))
    places = places[np.lexsort((ticks.time_ns[places], ticks.row[places], at[places]))]
    same = (np.diff(at[places]) == 0) & (np.diff(ticks.row[places]) == 0)
    places = places[np.append(~same, True)] if len(places) else places
    return at[places], places


def _with_spot_only(rows: tuple[IntArray, IntArray], at: IntArray, spot_rows: IntArray) -> tuple[IntArray, IntArray]:
    """The same and, for each second in which only the spot ticked, the option that ticked last before it."""
    seconds, places = rows
    alone = np.setdiff1d(np.unique(at[spot_rows]), seconds)
    before = np.searchsorted(seconds, alone) - 1
    alone, before = alone[before >= 0], before[before >= 0]
    both, which = np.concatenate((seconds, alone)), np.concatenate((places, places[before]))
    order = np.argsort(both, kind="stable")
    return both[order], which[order]


def _columns(
    ticks: Ticks, options: Mapping[int, ParsedSymbol], rows: tuple[IntArray, IntArray], rules: RuleBook
) -> dict[str, npt.NDArray[Any]]:
    seconds, places = rows
    day = trade_date(int(ticks.time_ns[places[0]]))
    row = ticks.row[places]

    def each(values: Mapping[int, Any]) -> npt.NDArray[Any]:
        return np.array([values[place] for place in row.tolist()])

    stamps = {second: f"{from_ns(second * NS_PER_SECOND):%Y%m%d%H%M%S}" for second in np.unique(seconds).tolist()}
    lots = {
        place: rules.lot_size(one.underlying, one.expiry, on=day, exchange=ticks.keys[place].exchange)
        for place, one in options.items()
        if one.expiry is not None
    }
    expiries = {place: format_expiry(one.expiry, ExpiryStyle.LONG) for place, one in options.items() if one.expiry}
    lot: FloatArray = each(lots).astype(np.float64)
    return {
        "timestamp": np.array([stamps[second] for second in seconds.tolist()], dtype=object),
        "symbol": each({place: one.underlying for place, one in options.items()}).astype(object),
        "expiry": each(expiries).astype(object),
        "strike": each({place: one.strike for place, one in options.items()}).astype(np.float64),
        "option_type": each({place: one.kind.value for place, one in options.items()}).astype(object),
        "ltp": ticks.columns["ltp"][places],
        "volume": ticks.columns["volume"][places] / lot,
        "oi": ticks.columns["oi"][places] / lot,
    }


def _write(file: Path, rows: dict[str, npt.NDArray[Any]]) -> int:
    import duckdb

    part = file.with_name(f".{file.name}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        Parquet().cursor().execute(f"COPY (SELECT * FROM rows) TO {literal(part)} (FORMAT parquet)")  # noqa: S608
        part.replace(file)
    except (duckdb.Error, OSError) as error:
        part.unlink(missing_ok=True)
        raise StoreError(f"The recording {file} cannot be written ({error}): free some space.") from error
    return len(np.unique(rows["timestamp"].astype(str)))
