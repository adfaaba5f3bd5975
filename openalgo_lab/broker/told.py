"""Ticks of frames that tell of each instrument only what changed, put into columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
import numpy as np

from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.market import DEPTH_LEVELS, TickBatch
from openalgo_lab.model.times import NS_PER_MS

__all__ = ["Told", "book_of", "told_batches"]

_MOST_MS: Final = 10**14
_DECIMALS: Final = 4
"""Prices that come as doubles bear traces of their making; no tick is finer."""


class Told(msgspec.Struct, frozen=True):
    """What a frame tells of one instrument: ``fields`` by our columns, 0 for what it does not tell; ``book`` of 20
    numbers (bid prices, bid quantities, ask prices, ask quantities), if it tells one."""

    token: int
    time_ms: int
    fields: dict[str, float]
    book: list[float] | None = None


def told_batches(rows: Iterable[Told], broker: str) -> tuple[TickBatch, ...]:
    """A batch for each set of fields that rows have in common. Raises DecodeError for a time or number that is none."""
    kinds: dict[tuple[object, ...], tuple[tuple[str, ...], list[Told], list[list[float]]]] = {}
    for row in rows:
        known = {name: value for name, value in row.fields.items() if value}
        if not known and row.book is None:
            continue
        names = tuple(known)
        kind = kinds.setdefault((row.book is None, *names), (names, [], []))
        kind[1].append(row)
        kind[2].append(list(known.values()))
    return tuple(_batch(*kind, broker) for kind in kinds.values())


def _batch(names: tuple[str, ...], rows: Sequence[Told], values: list[list[float]], broker: str) -> TickBatch:
    times = [row.time_ms for row in rows]
    if not 0 <= min(times) <= max(times) < _MOST_MS:
        raise DecodeError(f"A frame of {broker} holds a time that is none.")
    table = np.array(values, dtype=np.float64).T.round(_DECIMALS)
    book = None
    if rows[0].book is not None:
        book = np.array([row.book for row in rows], dtype=np.float64).reshape(-1, 4, DEPTH_LEVELS).round(_DECIMALS)
    if not np.isfinite(table).all() or (book is not None and np.isinf(book).any()):
        raise DecodeError(f"A frame of {broker} holds a number that is none.")
    tokens = np.array([row.token for row in rows], dtype=np.int64)
    return TickBatch(tokens, np.array(times, dtype=np.int64) * NS_PER_MS, dict(zip(names, table, strict=True)), book)


def book_of(levels: Sequence[tuple[float, float, float, float]]) -> list[float]:
    """A book of five levels from (bid price, bid quantity, ask price, ask quantity); NaN where a price is 0."""
    nan = float("nan")
    rows = [(b, bq if b else nan, a, aq if a else nan) for b, bq, a, aq in levels[:DEPTH_LEVELS]]
    rows = [(b or nan, bq, a or nan, aq) for b, bq, a, aq in rows]
    rows += [(nan,) * 4] * (DEPTH_LEVELS - len(rows))
    return [value for column in zip(*rows, strict=True) for value in column]
