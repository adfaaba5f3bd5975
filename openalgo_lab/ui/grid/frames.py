"""The newest state of a grid's cells and its encoding as binary frames. Pure: no clock, no widget, no thread.

A full frame is every column one after the other, rows in order: float64 columns, then float32 columns.
A delta frame is the changed values as float64, then their cell numbers (slot × rows + row) as uint32.
All little-endian; NaN is "no value".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from openalgo_lab.model.errors import InputError
from openalgo_lab.ui.grid.columns import Column, slots

Values = npt.NDArray[np.float64]
_DELTA_BYTES = 12


class Frame(msgspec.Struct, frozen=True):
    """One encoded step: `kind` "f" (full) or "d" (delta), number of cells in it, its buffer, flags if changed."""

    kind: Literal["f", "d"]
    cells: int
    data: bytes
    flags: bytes | None


class CellTable:
    """Numeric cells (slots × rows) and row flags, and what of them the browser has been sent."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._slots = slots(columns)
        self._doubles = sum(1 for column in columns if column.numeric and not column.single)
        self._ids: tuple[int, ...] = ()
        self._values: Values = np.empty((len(self._slots), 0))
        self._flags = np.zeros(0, np.uint16)
        self._sent: Values | None = None
        self._sent_flags: npt.NDArray[np.uint16] | None = None

    @property
    def ids(self) -> tuple[int, ...]:
        """Row ids in order."""
        return self._ids

    def set_ids(self, ids: Sequence[int]) -> None:
        """New rows; a row that stays keeps its values and flags, the next frame is full. InputError: doubled id."""
        fresh = tuple(int(row) for row in ids)
        if len(set(fresh)) != len(fresh):
            raise InputError("Give every grid row its own id: the ids passed to set_rows repeat.")
        values = np.full((len(self._slots), len(fresh)), np.nan)
        flags = np.zeros(len(fresh), np.uint16)
        places = {row: at for at, row in enumerate(self._ids)}
        kept = [(at, places[row]) for at, row in enumerate(fresh) if row in places]
        if kept:
            new, old = np.array(kept).T
            values[:, new] = self._values[:, old]
            flags[new] = self._flags[old]
        self._ids, self._values, self._flags = fresh, values, flags
        self.forget_sent()

    def update(self, columns: Mapping[str, npt.ArrayLike]) -> None:
        """Takes new values, all or none. InputError: unknown column or a length other than the number of rows."""
        taken = [(self._slot(key), self._column(key, given)) for key, given in columns.items()]
        for slot, column in taken:
            self._values[slot] = column

    def set_flags(self, flags: npt.ArrayLike) -> None:
        """One `Flag` value a row. InputError: another length than the number of rows."""
        fresh = np.asarray(flags, np.uint16)
        self._check_length("flags", fresh.shape)
        self._flags = fresh.copy()

    def forget_sent(self) -> None:
        """The browser holds nothing (any more): the next frame is full."""
        self._sent = self._sent_flags = None

    def encode(self) -> Frame | None:
        """What brings the browser up to date, as the smaller of delta and full; None when it is. Marks it sent."""
        flags = self._encode_flags()
        if self._sent is None:
            return self._full(flags)
        now, before = self._values.reshape(-1), self._sent.reshape(-1)
        changed = np.flatnonzero(now.view(np.int64) != before.view(np.int64))
        if not changed.size and flags is None:
            return None
        if changed.size * _DELTA_BYTES >= self._full_bytes():
            return self._full(flags)
        values = now[changed]
        before[changed] = values
        data = values.astype("<f8", copy=False).tobytes() + changed.astype("<u4").tobytes()
        return Frame("d", changed.size, data, flags)

    def _full(self, flags: bytes | None) -> Frame:
        self._sent = self._values.copy()
        wide = self._values[: self._doubles].astype("<f8", copy=False).tobytes()
        narrow = self._values[self._doubles :].astype("<f4").tobytes()
        return Frame("f", self._values.size, wide + narrow, flags)

    def _full_bytes(self) -> int:
        rows = len(self._ids)
        return rows * (8 * self._doubles + 4 * (len(self._slots) - self._doubles))

    def _encode_flags(self) -> bytes | None:
        if self._sent_flags is not None and np.array_equal(self._flags, self._sent_flags):
            return None
        self._sent_flags = self._flags.copy()
        return self._flags.astype("<u2", copy=False).tobytes()

    def _slot(self, key: str) -> int:
        slot = self._slots.get(key)
        if slot is None:
            raise InputError(f"The grid has no numeric column {key!r}; it has {', '.join(self._slots)}.")
        return slot

    def _column(self, key: str, given: npt.ArrayLike) -> Values:
        column = np.asarray(given, np.float64)
        self._check_length(key, column.shape)
        if self._slots[key] >= self._doubles:  # what the browser will hold, so that deltas and full frames agree
            with np.errstate(over="ignore"):
                return column.astype(np.float32).astype(np.float64)
        return column

    def _check_length(self, what: str, shape: tuple[Any, ...]) -> None:
        if shape != (len(self._ids),):
            raise InputError(f"{what} has shape {shape} but the grid has {len(self._ids)} rows; call set_rows first.")
