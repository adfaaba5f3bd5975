"""Candles in columns: joining, cutting, and one candle a moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from openalgo_lab.model.errors import InputError
from openalgo_lab.model.market import Bars

__all__ = ["FIELDS", "checked", "cut", "fitting", "merged", "no_bars", "picked", "years_of"]

FIELDS: Final = ("start_ns", "open", "high", "low", "close", "volume", "oi")

_IST_OFFSET: Final = np.timedelta64(19_800, "s")


def no_bars() -> Bars:
    """No candles."""
    return Bars(np.empty(0, dtype=np.int64), *(np.empty(0) for _ in FIELDS[1:]))


def picked(bars: Bars, index: slice | npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Bars:
    """The candles at these places."""
    return Bars(**{name: getattr(bars, name)[index] for name in FIELDS})


def cut(bars: Bars, start_ns: int, end_ns: int) -> Bars:
    """The candles that start in [start_ns, end_ns)."""
    first, last = np.searchsorted(bars.start_ns, (start_ns, end_ns))
    return picked(bars, slice(int(first), int(last)))


def merged(parts: Sequence[Bars]) -> Bars:
    """All candles in order of time, one a moment: the later part's, within a part the later row's."""
    if not parts:
        return no_bars()
    whole = parts[0]
    if len(parts) > 1:
        whole = Bars(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in FIELDS})
    steps = np.diff(whole.start_ns)
    if (steps > 0).all():
        return whole
    order = np.argsort(whole.start_ns, kind="stable")
    last = np.append(np.diff(whole.start_ns[order]) > 0, True)
    return picked(whole, order[last])


def fitting(bars: Bars) -> npt.NDArray[np.bool_]:
    """Which candles can be: prices are numbers, high and low enclose open and close, nothing is negative."""
    fits = np.isfinite(np.stack([bars.open, bars.high, bars.low, bars.close])).all(axis=0)
    fits &= (bars.low <= np.minimum(bars.open, bars.close)) & (bars.high >= np.maximum(bars.open, bars.close))
    fits &= (bars.volume >= 0) & (bars.oi >= 0)
    return np.asarray(fits)


def checked(bars: Bars, whose: str) -> Bars:
    """The same candles. Raises InputError that names the first one that cannot be: a price that is no number, a high
    or low that does not enclose open and close, a negative volume or open interest.
    """
    fits = fitting(bars)
    if not fits.all():
        row = int(np.argmin(fits))
        shown = ", ".join(f"{name} {getattr(bars, name)[row]:g}" for name in FIELDS[1:])
        when = np.datetime64(int(bars.start_ns[row]), "ns") + _IST_OFFSET
        raise InputError(
            f"The candle of {whose} at {np.datetime_as_string(when, unit='s')} (row {row + 1}) cannot be: {shown}; "
            f"correct it or leave it out."
        )
    return bars


def years_of(bars: Bars) -> Iterator[tuple[int, Bars]]:
    """Candles by their Indian calendar year; they are in order of time."""
    if not len(bars):
        return
    years = (bars.start_ns.astype("datetime64[ns]") + _IST_OFFSET).astype("datetime64[Y]").astype(np.int64) + 1970
    found, firsts = np.unique(years, return_index=True)
    for year, first, last in zip(found, firsts, [*firsts[1:], len(years)], strict=True):
        yield int(year), picked(bars, slice(int(first), int(last)))
