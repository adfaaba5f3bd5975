"""Market data put into the workbench's own shapes: quotes, depth, candles and ticks from fields by name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import DEPTH_LEVELS, QUOTE_FIELDS, Bars, Depth, DepthLevel, Quote, TickBatch

__all__ = ["Bar", "bars", "book", "depth_of", "quote", "tick"]

Bar = tuple[int, float, float, float, float, float, float]
"""Start in UTC ns, open, high, low, close, volume, open interest."""

Level = tuple[float, float, int]
"""Price, quantity, orders."""


def quote(instrument: Instrument, fields: Mapping[str, float], time_ns: int) -> Quote:
    """A quote of the fields that are known; the others are NaN."""
    values = {name: fields.get(name, math.nan) for name in QUOTE_FIELDS}
    return Quote(instrument.exchange, instrument.symbol, time_ns=time_ns, **values)


def tick(token: int, fields: Mapping[str, float], time_ns: int, depth: npt.NDArray[np.float64] | None) -> TickBatch:
    """One instrument's tick; ``depth`` (4, 5) is copied, since the caller goes on changing it."""
    return TickBatch(
        np.array([token], dtype=np.int64),
        np.array([time_ns], dtype=np.int64),
        {name: np.array([value]) for name, value in fields.items()},
        None if depth is None else depth[None].copy(),
    )


def book(bids: Iterable[Level], asks: Iterable[Level]) -> npt.NDArray[np.float64]:
    """Five levels a side as (4, 5): bid price and quantity, ask price and quantity; NaN where a price is 0."""
    found = np.full((4, DEPTH_LEVELS), np.nan)
    for row, side in ((0, bids), (2, asks)):
        for level, (price, quantity, _) in zip(range(DEPTH_LEVELS), side, strict=False):
            if price > 0:
                found[row : row + 2, level] = price, quantity
    return found


def depth_of(instrument: Instrument, bids: Sequence[Level], asks: Sequence[Level], time_ns: int) -> Depth:
    """Five levels a side, without the empty ones."""
    shown = [
        tuple(DepthLevel(p, int(q), n) for p, q, n in side[:DEPTH_LEVELS] if p > 0 and not math.isnan(q))
        for side in (bids, asks)
    ]
    return Depth(instrument.exchange, instrument.symbol, shown[0], shown[1], time_ns)


def bars(rows: Iterable[Bar], start_ns: int, end_ns: int) -> Bars:
    """Candles that start in [start_ns, end_ns), ascending, each start once (the last row of it).

    Raises DecodeError for a candle whose high is below its low.
    """
    found = {row[0]: row for row in rows if start_ns <= row[0] < end_ns}
    ordered = [found[start] for start in sorted(found)]
    if any(row[2] < row[3] for row in ordered):
        raise DecodeError("A candle has a high below its low.")
    table = np.array([row[1:] for row in ordered], dtype=np.float64).reshape(-1, 6)
    return Bars(np.array([row[0] for row in ordered], dtype=np.int64), *np.ascontiguousarray(table.T))
