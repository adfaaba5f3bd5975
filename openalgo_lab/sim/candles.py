"""Candles: the intervals there are, and building longer candles out of shorter ones exactly."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Final

import msgspec
import numpy as np

from openalgo_lab.model.errors import InputError
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import NS_PER_DAY, NS_PER_SECOND
from openalgo_lab.sim.noise import IntArray

__all__ = ["Interval", "aggregate", "concatenate", "cut", "no_bars", "parse_interval"]

_MIDNIGHT_OFFSET: Final = (5 * 60 + 30) * 60 * NS_PER_SECOND
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_FORM: Final = re.compile(r"(?P<count>[1-9][0-9]{0,3})(?P<unit>[smh])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
_PERIODS: Final = {"D": 0, "W": -1, "M": 1, "Q": 3, "Y": 12}


class Interval(msgspec.Struct, frozen=True):
    """A candle's length: ``seconds`` within a day (0 = a day or more), or a period ``D W M Q Y``."""

    text: str
    seconds: int = 0

    def period_start(self, ordinals: IntArray) -> IntArray:
        """Days since 1970 at which the periods begin that hold the given days: the day, Monday, the month's first."""
        if self.text == "D":
            return ordinals
        if self.text == "W":
            return np.asarray((ordinals + 3) // 7 * 7 - 3, dtype=np.int64)
        months = ordinals.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        size = _PERIODS[self.text]
        first = (months // size * size).astype("datetime64[M]").astype("datetime64[D]")
        return np.asarray(first.astype(np.int64), dtype=np.int64)


def parse_interval(text: str) -> Interval:
    """``5s``, ``1m``, ``3m``, ``15m``, ``1h``, ``4h``, ``D``, ``W``, ``M``, ``Q``, ``Y``.

    Seconds must divide a minute; longer ones are whole minutes below a day. Raises InputError for anything else.
    """
    if text in _PERIODS:
        return Interval(text)
    match = _FORM.fullmatch(text)
    if match is not None:
        seconds = int(match["count"]) * _SECONDS[match["unit"]]
        if (60 % seconds == 0 if seconds < 60 else seconds % 60 == 0) and seconds < 86_400:
            return Interval(text, seconds)
    raise InputError(f"'{text}' is not an interval; use 1m, 3m, 5m, 10m, 15m, 30m, 1h, D, W or M.", "interval")


def no_bars() -> Bars:
    """No candles."""
    return Bars(np.empty(0, dtype=np.int64), *(np.empty(0) for _ in range(6)))


def concatenate(parts: list[Bars]) -> Bars:
    """Candles one after another."""
    if not parts:
        return no_bars()
    names = ("start_ns", "open", "high", "low", "close", "volume", "oi")
    return Bars(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def cut(bars: Bars, start_ns: int, end_ns: int) -> Bars:
    """The candles that start in [start_ns, end_ns)."""
    first, last = np.searchsorted(bars.start_ns, (start_ns, end_ns))
    names = ("start_ns", "open", "high", "low", "close", "volume", "oi")
    return Bars(**{name: getattr(bars, name)[first:last] for name in names})


def aggregate(bars: Bars, interval: Interval, session_open: Callable[[IntArray], IntArray]) -> Bars:
    """Longer candles. Within a day they are anchored at the session's opening, which ``session_open`` gives (UTC ns)
    for Indian days (days since 1970); longer ones start at Indian midnight of the period's first day. Volumes add up,
    open interest is the last one.
    """
    if not len(bars):
        return bars
    days = (bars.start_ns + _MIDNIGHT_OFFSET) // NS_PER_DAY
    if interval.seconds:
        opening, length = session_open(days), interval.seconds * NS_PER_SECOND
        starts = opening + (bars.start_ns - opening) // length * length
    else:
        starts = interval.period_start(days) * NS_PER_DAY - _MIDNIGHT_OFFSET
    edges = np.flatnonzero(np.diff(starts, prepend=starts[0] - 1))
    lasts = np.append(edges[1:], len(starts)) - 1
    return Bars(
        start_ns=starts[edges],
        open=bars.open[edges],
        high=np.maximum.reduceat(bars.high, edges),
        low=np.minimum.reduceat(bars.low, edges),
        close=bars.close[lasts],
        volume=np.add.reduceat(bars.volume, edges),
        oi=bars.oi[lasts],
    )
