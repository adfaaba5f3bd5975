"""The market data board: one row an instrument, one column a field. Written on one thread, read from any.

A write bumps the board's sequence number and stamps the row with it, so that every consumer can ask "what changed
since I last looked" at its own pace: that is the conflation, and a slow consumer costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.market import DEPTH_LEVELS, QUOTE_FIELDS, Depth, DepthLevel, Quote

__all__ = ["Board"]

_FIRST_CAPACITY = 1024
# As a tick brings them: a price alone, an index, a whole packet are each the first so many fields of a row, and are
# written as one piece, which takes a third of the time of picked fields.
_STORED = (
    *("ltp", "open", "high", "low", "prev_close"),
    *("average", "bid", "bid_qty", "ask", "ask_qty", "ltq", "volume", "oi", "prev_oi"),
)
_COLUMN = {name: index for index, name in enumerate(_STORED)}
_SHOWN = np.array([_COLUMN[name] for name in QUOTE_FIELDS])


class Board:
    """Columns of float64 by row; NaN = not known.

    One writer thread calls :meth:`row`, :meth:`write`; readers on any thread call the rest. A reader may see a row
    half way through a write (two fields of different ticks), never a torn number: enough for a screen. What needs
    one consistent quote (a risk check) runs on the writer's own loop.
    """

    def __init__(self) -> None:
        self._rows: dict[InstrumentKey, int] = {}
        self._keys: list[InstrumentKey] = []
        self._seq = 0
        # One row after the other: a tick's fields lie together, so a frame of scattered rows stays in the cache.
        self._fields = np.full((_FIRST_CAPACITY, len(QUOTE_FIELDS)), np.nan)
        self._places: dict[tuple[str, ...], slice | list[int]] = {}
        self._depth = np.full((_FIRST_CAPACITY, 4, DEPTH_LEVELS), np.nan)
        self._time_ns = np.zeros(_FIRST_CAPACITY, dtype=np.int64)
        self._changed = np.zeros(_FIRST_CAPACITY, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def seq(self) -> int:
        """Grows with every write; the point from which :meth:`changed_since` counts."""
        return self._seq

    def row(self, key: InstrumentKey) -> int:
        """The row of ``key``, made when it is new. Writer thread only."""
        found = self._rows.get(key)
        if found is not None:
            return found
        index = len(self._keys)
        if index == len(self._time_ns):
            self._grow()
        self._keys.append(key)
        self._rows[key] = index
        return index

    def find(self, key: InstrumentKey) -> int | None:
        """The row of ``key``, or None when nobody has asked for it yet."""
        return self._rows.get(key)

    def find_rows(self, keys: Iterable[InstrumentKey]) -> npt.NDArray[np.int64]:
        """Rows of ``keys``; -1 where there is none yet."""
        return np.fromiter((self._rows.get(key, -1) for key in keys), dtype=np.int64)

    def key(self, row: int) -> InstrumentKey:
        """The instrument of a row."""
        return self._keys[row]

    def keys(self) -> Sequence[InstrumentKey]:
        """Instruments by row."""
        return tuple(self._keys)

    def write(
        self,
        rows: npt.NDArray[np.int64],
        columns: dict[str, npt.NDArray[np.float64]],
        time_ns: npt.NDArray[np.int64],
        depth: npt.NDArray[np.float64] | None = None,
    ) -> int:
        """Write ticks: ``columns`` of :data:`QUOTE_FIELDS` (n,), ``time_ns`` (n,), ``depth`` (n, 4, 5). Later rows win.

        Answers the new sequence number. Writer thread only.
        """
        if columns:
            names = tuple(columns)
            place = self._places.get(names)
            if place is None:
                place = self._places[names] = _place(names)
            if isinstance(place, slice):
                values = np.array([columns[name] for name in _STORED[place]])
                self._fields[rows, place] = values.T
            else:
                self._fields[rows[:, None], place] = np.array(list(columns.values())).T
        if depth is not None:
            self._depth[rows] = depth
        self._time_ns[rows] = time_ns
        self._changed[rows] = self._seq + 1
        self._seq += 1
        return self._seq

    def changed_since(self, seq: int) -> npt.NDArray[np.int64]:
        """Rows written after sequence number ``seq``."""
        return np.flatnonzero(self._changed[: len(self._keys)] > seq)

    def column(self, name: str, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """A copy of one field at ``rows``; NaN where the row is -1."""
        values: npt.NDArray[np.float64] = self._fields[rows, _COLUMN[name]]
        values[rows < 0] = np.nan
        return values

    def read(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """A copy of all fields at ``rows`` (no -1 among them): float64 (len(QUOTE_FIELDS), n)."""
        return self._fields[rows].T.take(_SHOWN, axis=0)

    def times(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """UTC ns of the last tick at ``rows``; 0 where none came or the row is -1."""
        values = self._time_ns[rows]
        values[rows < 0] = 0
        return values

    def depth_at(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """A copy of the book at ``rows`` (no -1 among them): float64 (n, 4, 5)."""
        return self._depth[rows]

    def quote(self, key: InstrumentKey) -> Quote | None:
        """The quote of ``key``; None when no tick has come yet."""
        row = self._rows.get(key)
        if row is None or not self._time_ns[row]:
            return None
        values = dict(zip(_STORED, self._fields[row].tolist(), strict=True))
        return Quote(exchange=key.exchange, symbol=key.symbol, time_ns=int(self._time_ns[row]), **values)

    def depth(self, key: InstrumentKey) -> Depth | None:
        """The five levels of ``key``; None when no depth has come yet."""
        row = self._rows.get(key)
        if row is None or np.isnan(self._depth[row]).all():
            return None
        bid_price, bid_qty, ask_price, ask_qty = self._depth[row]
        return Depth(
            exchange=key.exchange,
            symbol=key.symbol,
            bids=_levels(bid_price, bid_qty),
            asks=_levels(ask_price, ask_qty),
            time_ns=int(self._time_ns[row]),
        )

    def _grow(self) -> None:
        """Double the capacity. New arrays are filled before they are swapped in, so a reader never sees a gap."""
        size = len(self._time_ns) * 2
        fields = np.full((size, len(QUOTE_FIELDS)), np.nan)
        fields[: len(self._time_ns)] = self._fields
        depth = np.full((size, 4, DEPTH_LEVELS), np.nan)
        depth[: len(self._time_ns)] = self._depth
        time_ns, changed = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
        time_ns[: len(self._time_ns)] = self._time_ns
        changed[: len(self._time_ns)] = self._changed
        self._fields, self._depth, self._changed, self._time_ns = fields, depth, changed, time_ns


def _place(names: tuple[str, ...]) -> slice | list[int]:
    """Where these fields stand in a row: a slice where they are its first ones."""
    columns = [_COLUMN[name] for name in names]
    return slice(len(columns)) if sorted(columns) == list(range(len(columns))) else columns


def _levels(prices: npt.NDArray[np.float64], quantities: npt.NDArray[np.float64]) -> tuple[DepthLevel, ...]:
    """Levels best first, without the empty ones."""
    return tuple(
        DepthLevel(price=float(price), quantity=int(quantity))
        for price, quantity in zip(prices, quantities, strict=True)
        if not (np.isnan(price) or np.isnan(quantity))
    )
