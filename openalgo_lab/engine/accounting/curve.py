"""The day's result minute by minute: trades so far, valued at each minute's close. Pure, vectorised.

For every symbol result(t) = money that came in less money that went out + units held(t) × price(t) − cost of what was
carried into the day. A sale larger than what is held simply makes the units negative: nothing is lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from openalgo_lab.engine.positions import PositionKey
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.orders import Fill

__all__ = ["Carried", "Curve", "Minutes", "day_curve"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

MINUTE_NS = 60_000_000_000


class Minutes(NamedTuple):
    """One-minute candles of a symbol: starts (UTC ns, ascending) and closes (rupees)."""

    start_ns: IntArray
    close: FloatArray


class Carried(NamedTuple):
    """What was held before the day's first trade: signed units and their average cost (rupees)."""

    quantity: int
    average: float


class Curve(NamedTuple):
    """Minute ends (UTC ns), total and drawdown (rupees); symbols that had no candle and are left out."""

    time_ns: IntArray
    total: FloatArray
    drawdown: FloatArray
    missing: tuple[str, ...]


def day_curve(
    fills: Sequence[Fill], carried: Mapping[PositionKey, Carried], minutes: Mapping[InstrumentKey, Minutes]
) -> Curve:
    """The curve over all minutes for which any candle is known; empty without trades and positions."""
    keys = sorted({*(PositionKey.of(fill) for fill in fills), *(key for key, held in carried.items() if held.quantity)})
    known = {key: minutes.get(InstrumentKey(key.exchange, key.symbol)) for key in keys}
    missing = tuple(sorted({str(key.symbol) for key, bars in known.items() if bars is None or not len(bars.start_ns)}))
    usable = {key: bars for key, bars in known.items() if bars is not None and len(bars.start_ns)}
    if not usable:
        empty = np.empty(0)
        return Curve(np.empty(0, dtype=np.int64), empty, empty, missing)
    ends = np.unique(np.concatenate([bars.start_ns for bars in usable.values()])) + MINUTE_NS
    total = np.zeros(len(ends))
    for key, bars in usable.items():
        mine = sorted((fill for fill in fills if PositionKey.of(fill) == key), key=lambda fill: fill.time_ns)
        total += _one(ends, mine, carried.get(key, Carried(0, 0.0)), bars)
    peak = np.maximum.accumulate(np.maximum(total, 0.0))
    return Curve(ends, total, total - peak, missing)


def _one(ends: IntArray, fills: Sequence[Fill], carried: Carried, bars: Minutes) -> FloatArray:
    at = np.searchsorted(bars.start_ns + MINUTE_NS, ends, side="right") - 1
    # Before a symbol's first candle its first close stands in: the position is valued, not dropped.
    price = bars.close[np.maximum(at, 0)]
    times = np.array([fill.time_ns for fill in fills], dtype=np.int64)
    units = np.cumsum([0, *(fill.quantity * fill.side.sign for fill in fills)])
    money = np.cumsum([0.0, *(-fill.quantity * fill.side.sign * fill.price for fill in fills)])
    done = np.searchsorted(times, ends, side="left")
    held = carried.quantity + units[done]
    result: FloatArray = money[done] + held * price - carried.quantity * carried.average
    return result
