"""Pages of candles: rows whose starts are ISO times, all columns at once, since a page may hold 40,000; and lists of
columns whose starts are unix seconds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
import numpy as np

from openalgo_lab.broker.columns import Bar, bars
from openalgo_lab.broker.reading import read
from openalgo_lab.broker.record import Record, numbers
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import NS_PER_SECOND

__all__ = ["column_candles", "iso_candles"]

_CLOCK: Final = len("2026-01-05T09:15:00")
_IST_S: Final = 19_800
_LAST_S: Final = 2**33
_ZONES: Final = frozenset({"+0530", "+05:30"})


class _Rows(msgspec.Struct, frozen=True):
    candles: list[tuple[str, float, float, float, float, float, float]]


class _Page(msgspec.Struct, frozen=True):
    data: _Rows


def column_candles(row: Record, names: tuple[str, str], start_ns: int, end_ns: int, broker: str) -> Bars:
    """Candles that start in [start_ns, end_ns) from lists of open, high, low, close and volume. ``names`` are those of
    the lists of starts and of open interest; the latter may be missing or of any length. Raises DecodeError.
    """
    return bars(_columns(row, names, broker), start_ns, end_ns)


def _columns(row: Record, names: tuple[str, str], broker: str) -> Iterator[Bar]:
    starts, interest = numbers(row.raw(names[0]), broker), row.raw(names[1])
    columns = [numbers(row.raw(name), broker, len(starts)) for name in ("open", "high", "low", "close", "volume")]
    told = isinstance(interest, list) and len(interest) == len(starts)
    columns.append(numbers(interest, broker) if told else [0.0] * len(starts))
    for start, *rest in zip(starts, *columns, strict=True):
        if not 0 <= start < _LAST_S:
            raise DecodeError(f"The candles of {broker} hold a time that is none.")
        yield (int(start) * NS_PER_SECOND, *rest)


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
