"""The newest state of a grid's cells and its encoding as binary frames. Pure: no clock, no widget, no thread.

A full frame is every column one after the other, rows in order: float64 columns, then float32 columns.
A delta frame is the changed values as float64, then their cell numbers (slot × rows + row) as uint32.
All little-endian; NaN is "no value".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from openalgo_lab.model.errors import InputError
from openalgo_lab.ui.grid.columns import Column, slots

Values = npt.NDArray[np.float64]
Number = TypeVar("Number", np.float64, np.uint16)
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

    def set_rows(
        self, ids: Sequence[int], values: Mapping[str, npt.ArrayLike], flags: npt.ArrayLike | None = None
    ) -> None:
        """Rows with values and flags, all or nothing. A row that stays keeps what is not given.

        InputError: doubled id, unknown column, a length other than the number of ids.
        """
        fresh = tuple(int(row) for row in ids)
        if len(set(fresh)) != len(fresh):
            raise InputError("Give every grid row its own id: the ids passed to set_rows repeat.")
        taken, marks = self._checked(values, flags, len(fresh))
        if fresh != self._ids:
            self._move(fresh)
        self._put(taken, marks)

    def update(self, columns: Mapping[str, npt.ArrayLike], flags: npt.ArrayLike | None = None) -> None:
        """New values by column and `Flag`s, all or nothing.

        InputError: unknown column or a length other than the number of rows.
        """
        self._put(*self._checked(columns, flags, len(self._ids)))

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

    def _move(self, fresh: tuple[int, ...]) -> None:
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

    def _checked(
        self, columns: Mapping[str, npt.ArrayLike], flags: npt.ArrayLike | None, rows: int
    ) -> tuple[list[tuple[int, Values]], npt.NDArray[np.uint16] | None]:
        taken = [
            (self._slot(key), _of_length(key, np.asarray(given, np.float64), rows)) for key, given in columns.items()
        ]
        return taken, None if flags is None else _of_length("flags", np.array(flags, np.uint16), rows)

    def _put(self, taken: list[tuple[int, Values]], flags: npt.NDArray[np.uint16] | None) -> None:
        for slot, column in taken:
            self._values[slot] = column if slot < self._doubles else _as_single(column)
        if flags is not None:
            self._flags = flags

    def _slot(self, key: str) -> int:
        slot = self._slots.get(key)
        if slot is None:
            raise InputError(f"The grid has no numeric column {key!r}; it has {', '.join(self._slots)}.")
        return slot


def _as_single(column: Values) -> Values:
    """What the browser will hold of a float32 column, so that deltas and full frames agree."""
    with np.errstate(over="ignore"):
        return column.astype(np.float32).astype(np.float64)


def _of_length(what: str, array: npt.NDArray[Number], rows: int) -> npt.NDArray[Number]:
    if array.shape != (rows,):
        raise InputError(f"{what} has shape {array.shape} but the grid has {rows} rows; call set_rows first.")
    return array
