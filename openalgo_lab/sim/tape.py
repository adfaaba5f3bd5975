"""The market feed's side of the exchange: newest prices of all subscribed tokens, and each reader's share of them.

A reader that is slow misses intermediate prices, never the newest one and never an order message: prices wait as
marks on rows, not as frames. Frame layout: docs/simulated-exchange.md.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from openalgo_lab.model.market import DEPTH_LEVELS, QUOTE_FIELDS
from openalgo_lab.sim.market import MarketSource
from openalgo_lab.sim.matching import PRICE_SCALE

__all__ = ["DEPTH", "FRAME_RECORDS", "LTP", "QUOTE", "UNKNOWN", "Reader", "Tape"]

LTP: Final = 1
QUOTE: Final = 2
DEPTH: Final = 3
UNKNOWN: Final = -(2**63)
"""In a frame: not known."""

_HEADER: Final = struct.Struct("<2sBBIQ")  # magic, version, kind, records, time of the frame (UTC ns)
_QUANTITIES: Final = frozenset({"bid_qty", "ask_qty", "volume", "oi", "prev_oi", "ltq"})
_SCALES: Final = np.array([1 if name in _QUANTITIES else PRICE_SCALE for name in QUOTE_FIELDS], dtype=np.float64)
_BOOK_SCALES: Final = np.array([PRICE_SCALE, 1, PRICE_SCALE, 1], dtype=np.float64)[:, None]
_QUOTE_WIDTH: Final = 2 + len(QUOTE_FIELDS)  # token, time, fields
_BOOK_WIDTH: Final = 4 * DEPTH_LEVELS
_LTP_WIDTH: Final = 3

FRAME_RECORDS: Final = 500
"""Most records a frame: a reader is never kept at one message for long, as at a broker's feed."""

_AT_ONCE: Final = 2000
_SHARES: Final = 5
"""Of more rows than that, so many shares are looked at in turn: at the usual 50 ms a step, each four times a second."""
_PIECE: Final = 250
"""A step's share is looked at in pieces of about this size, so that nobody on the loop waits for the whole of it.

NumPy lets go of the interpreter for longer arrays, and beside a busy cell each letting go costs a wait."""

Ints = npt.NDArray[np.int64]
Marks = npt.NDArray[np.bool_]


def _to_ints(values: npt.NDArray[np.float64]) -> Ints:
    unknown = np.isnan(values)
    whole = np.rint(np.where(unknown, 0.0, values)).astype(np.int64)
    whole[unknown] = UNKNOWN
    return whole


class Reader:
    """One connection's subscriptions and what it has not been sent yet."""

    def __init__(self, client: str) -> None:
        self.client = client
        self.modes: dict[int, int] = {}
        self.messages: deque[str] = deque()
        self._marks: Marks = np.zeros(0, dtype=bool)
        self._kinds: npt.NDArray[np.int8] = np.zeros(0, dtype=np.int8)

    def fit(self, tokens: list[int], old_row: dict[int, int]) -> None:
        """Follow a new set of rows; a token that is new on the tape is due at once."""
        before = self._marks
        kinds = self._kinds
        self._kinds = np.array([self.modes.get(token, 0) for token in tokens], dtype=np.int8)
        self._marks = self._kinds > 0
        for row, token in enumerate(tokens):
            old = old_row.get(token, -1)
            if 0 <= old < len(before) and kinds[old] >= self._kinds[row]:
                self._marks[row] = before[old] and self._kinds[row] > 0

    def mark(self, rows: Ints, changed: Marks, price_changed: Marks) -> None:
        """Note what of these rows has changed since the reader last looked."""
        kinds = self._kinds[rows]
        self._marks[rows] |= (changed & (kinds > LTP)) | (price_changed & (kinds == LTP))

    @property
    def waiting(self) -> bool:
        """Whether there is something to send."""
        return bool(self.messages) or bool(self._marks.any())

    def take(self, tape: Tape) -> list[str | bytes]:
        """Everything that is due: order messages first, then frames with the newest prices, mode by mode."""
        frames: list[str | bytes] = list(self.messages)
        self.messages.clear()
        if self._marks.any():
            for kind in (LTP, QUOTE, DEPTH):
                rows = np.flatnonzero(self._marks & (self._kinds == kind))
                if len(rows):
                    parts = -(-len(rows) // FRAME_RECORDS)
                    frames.extend(tape.frame(kind, part) for part in np.array_split(rows, parts))
            self._marks[:] = False
        return frames


class Tape:
    """The newest prices of every token that a reader wants, as integers of the wire."""

    def __init__(self, market: MarketSource, is_listed: Callable[[int], bool]) -> None:
        self._market = market
        self._is_listed = is_listed
        self._readers: list[Reader] = []
        self._tokens: list[int] = []
        self._plain = 0  # rows before this one carry no depth
        self._rows: Ints = np.zeros((0, _QUOTE_WIDTH), dtype=np.int64)
        self._books: Ints = np.zeros((0, _BOOK_WIDTH), dtype=np.int64)
        self._stale = False
        self._token_column: Ints = np.zeros(0, dtype=np.int64)
        self._next_row = 0

    @property
    def readers(self) -> list[Reader]:
        """Who listens."""
        return self._readers

    def add(self, reader: Reader) -> None:
        """Let a reader in; it hears nothing until it subscribes."""
        self._readers.append(reader)
        self._stale = True

    def remove(self, reader: Reader) -> None:
        """A reader has left."""
        if reader in self._readers:
            self._readers.remove(reader)
            self._stale = True

    def change(self, reader: Reader, tokens: Iterable[int], kind: int) -> None:
        """Subscribe a reader to tokens (``kind`` 0: unsubscribe)."""
        for token in tokens:
            if kind:
                reader.modes[token] = kind
            else:
                reader.modes.pop(token, None)
        self._stale = True

    def relist(self) -> None:
        """Another day's instruments are listed: what has expired is silent from now on."""
        self._stale = True

    @property
    def pieces(self) -> int:
        """How many calls of :meth:`step` make one step of the market."""
        return max(1, -(-self._per_step // _PIECE))

    @property
    def _per_step(self) -> int:
        count = len(self._tokens)
        return count if count <= _AT_ONCE else max(_AT_ONCE, -(-count // _SHARES))

    def step(self) -> None:
        """Take the market's prices of this moment and mark what has changed for each reader.

        Of many rows only a piece is looked at each time, and those that have no price yet: whoever shares the loop
        with the exchange must not wait for all of them.
        """
        if self._stale:
            self._fit()
        if not self._tokens:
            return
        due = self._due()
        rows, books = self._fetch(due)
        deep = due >= self._plain
        changed = (rows[:, 2:] != self._rows[due, 2:]).any(axis=1)
        changed[deep] |= (books != self._books[due[deep] - self._plain]).any(axis=1)
        price_changed = rows[:, 2] != self._rows[due, 2]
        self._rows[due] = rows
        self._books[due[deep] - self._plain] = books
        for reader in self._readers:
            reader.mark(due, changed, price_changed)

    def frame(self, kind: int, rows: npt.NDArray[np.intp]) -> bytes:
        """One binary frame of these rows."""
        if kind == LTP:
            body = self._rows[rows, :_LTP_WIDTH]
        elif kind == QUOTE:
            body = self._rows[rows]
        else:
            body = np.hstack((self._rows[rows], self._books[rows - self._plain]))
        header = _HEADER.pack(b"SX", 1, kind, len(rows), self._market.now_ns())
        return header + np.ascontiguousarray(body, dtype="<i8").tobytes()

    def _fit(self) -> None:
        """Lay the rows out anew: tokens without depth first."""
        wanted: dict[int, int] = {}
        for reader in self._readers:
            for token, kind in reader.modes.items():
                if self._is_listed(token):
                    wanted[token] = max(kind, wanted.get(token, 0))
        plain = sorted(token for token, kind in wanted.items() if kind < DEPTH)
        deep = sorted(token for token, kind in wanted.items() if kind == DEPTH)
        old = {token: row for row, token in enumerate(self._tokens)}
        old_plain = self._plain
        self._tokens, self._plain, self._stale = plain + deep, len(plain), False
        # Rows that stay keep their last values, so that the next comparison still sees what has changed since.
        rows = np.full((len(self._tokens), _QUOTE_WIDTH), UNKNOWN, dtype=np.int64)
        books = np.full((len(deep), _BOOK_WIDTH), UNKNOWN, dtype=np.int64)
        for row, token in enumerate(self._tokens):
            before = old.get(token)
            if before is None:
                continue
            rows[row] = self._rows[before]
            if row >= self._plain and before >= old_plain:
                books[row - self._plain] = self._books[before - old_plain]
        self._rows, self._books = rows, books
        self._token_column = np.array(self._tokens, dtype=np.int64)
        for reader in self._readers:
            reader.fit(self._tokens, old)

    def _due(self) -> Ints:
        """The rows whose turn it is, ascending: all of a few, of many the next piece and the new ones."""
        count, share = len(self._tokens), -(-self._per_step // self.pieces)
        if share >= count:
            return np.arange(count)
        turn = (self._next_row + np.arange(share)) % count
        self._next_row = (self._next_row + share) % count
        due = self._rows[:, 1] == UNKNOWN
        due[turn] = True
        return np.flatnonzero(due)

    def _fetch(self, due: Ints) -> tuple[Ints, Ints]:
        now_ns = self._market.now_ns()
        plain = int(np.searchsorted(due, self._plain))
        rows = np.full((len(due), _QUOTE_WIDTH), UNKNOWN, dtype=np.int64)
        rows[:, 0] = self._token_column[due]
        books = np.full((len(due) - plain, _BOOK_WIDTH), UNKNOWN, dtype=np.int64)
        for part, deep in ((slice(0, plain), False), (slice(plain, None), True)):
            tokens = rows[part, 0].copy()
            if not len(tokens):
                continue
            batch = self._market.snapshot(tokens, now_ns, depth=deep)
            rows[part, 1] = batch.time_ns
            nan = np.full(len(tokens), np.nan)
            fields = np.column_stack([batch.columns.get(name, nan) for name in QUOTE_FIELDS])
            rows[part, 2:] = _to_ints(fields * _SCALES)
            if deep and batch.depth is not None:
                books[:] = _to_ints(batch.depth * _BOOK_SCALES).reshape(len(tokens), _BOOK_WIDTH)
        return rows, books
