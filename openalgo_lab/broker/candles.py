"""Pages of candles whose starts are written as ISO times: all columns at once, since a page may hold 40,000."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from openalgo_lab.broker.reading import read
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import NS_PER_SECOND

__all__ = ["iso_candles"]

_CLOCK: Final = len("2026-01-05T09:15:00")
_IST_S: Final = 19_800
_ZONES: Final = frozenset({"+0530", "+05:30"})


class _Rows(msgspec.Struct, frozen=True):
    candles: list[tuple[str, float, float, float, float, float, float]]


class _Page(msgspec.Struct, frozen=True):
    data: _Rows


def iso_candles(body: bytes, start_ns: int, end_ns: int, broker: str) -> Bars:
    """Candles that start in [start_ns, end_ns), ascending, each start once, from an answer of the form
    ``{"data": {"candles": [[start on the Indian clock, open, high, low, close, volume, open interest], ...]}}``
    in either order. Raises DecodeError.
    """
    rows = read(body, _Page, broker).data.candles
    if any(row[0][_CLOCK:] not in _ZONES for row in rows):
        raise DecodeError(f"A candle of {broker} has a time that cannot be read.")
    try:
        clocks = np.array([row[0][:_CLOCK] for row in rows], dtype="datetime64[s]")
    except ValueError as error:
        raise DecodeError(f"A candle of {broker} has a time that cannot be read.") from error
    starts, kept = np.unique((clocks.astype(np.int64) - _IST_S) * NS_PER_SECOND, return_index=True)
    within = (starts >= start_ns) & (starts < end_ns)
    table = np.array([row[1:] for row in rows], dtype=np.float64).reshape(-1, 6)[kept[within]]
    if (table[:, 1] < table[:, 2]).any():
        raise DecodeError(f"A candle of {broker} has a high below its low.")
    return Bars(starts[within], *np.ascontiguousarray(table.T))
