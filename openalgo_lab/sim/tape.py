"""The market feed's side of the exchange: newest prices of all subscribed tokens, and each reader's share of them.

A reader that is slow misses intermediate prices, never the newest one and never an order message: prices wait as
marks on rows, not as frames. Frame layout: docs/simulated-exchange.md.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from openalgo_lab.model.market import DEPTH_LEVELS, QUOTE_FIELDS
from openalgo_lab.sim.market import MarketSource
from openalgo_lab.sim.matching import PRICE_SCALE

__all__ = ["DEPTH", "FRAME_RECORDS", "LTP", "QUOTE", "UNKNOWN", "Look", "Reader", "Sight", "Tape"]

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

Ints = npt.NDArray[np.int64]
Marks = npt.NDArray[np.bool_]


class Layout(msgspec.Struct, frozen=True):
    """Which token is which row, and the newest values by row; rows from ``plain`` on carry depth."""

    tokens: Ints
    plain: int
    rows: Ints
    books: Ints

    @classmethod
    def of(cls, plain: list[int], deep: list[int]) -> Layout:
        """Rows without values yet."""
        count = len(plain) + len(deep)
        return cls(
            np.array(plain + deep, dtype=np.int64),
            len(plain),
            np.full((count, _QUOTE_WIDTH), UNKNOWN, dtype=np.int64),
            np.full((len(deep), _BOOK_WIDTH), UNKNOWN, dtype=np.int64),
        )

    @property
    def priced(self) -> Marks:
        """Which rows have been looked at."""
        return np.asarray(self.rows[:, 1] != UNKNOWN)

    def due(self, first: int) -> Ints:
        """The rows whose turn it is, ascending: all of a few, of many a share from ``first`` on and the new ones."""
        count = len(self.tokens)
        if count <= _AT_ONCE:
            return np.arange(count)
        due = ~self.priced
        due[(first + np.arange(_share(count))) % count] = True
        return np.flatnonzero(due)


class Look(msgspec.Struct, frozen=True):
    """What one step looks at: rows of a layout, from ``first`` on."""

    number: int
    layout: Layout
    first: int


class Sight(msgspec.Struct, frozen=True):
    """What was seen: rows and books of the layout as integers of the wire, and what is new about them."""

    due: Ints
    rows: Ints
    books: Ints
    changed: Marks
    price_changed: Marks


def _share(count: int) -> int:
    """How many of so many rows one step looks at."""
    return min(count, max(_AT_ONCE, -(-count // _SHARES)))


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

    def fit(self, layout: Layout, before: Ints) -> None:
        """Follow new rows; ``before`` is where each was, or -1. What is new to the reader is due once priced."""
        marks, kinds = self._marks, self._kinds
        self._kinds = np.array([self.modes.get(token, 0) for token in layout.tokens.tolist()], dtype=np.int8)
        self._marks = (self._kinds > 0) & layout.priced
        stayed = (before >= 0) & (before < len(marks))
        rows = np.flatnonzero(stayed)
        rows = rows[kinds[before[rows]] >= self._kinds[rows]]
        self._marks[rows] = marks[before[rows]] & (self._kinds[rows] > 0)

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
        self._layout = Layout.of([], [])
        self._stale = False
        self._next_row = 0
        self._looks = 0

    @property
    def readers(self) -> list[Reader]:
        """Who listens."""
        return self._readers

    def add(self, reader: Reader) -> None:
        """Let a reader in; it hears nothing until it subscribes."""
        self._readers.append(reader)
        reader.fit(self._layout, np.full(len(self._layout.tokens), -1, dtype=np.int64))  # a look may be under way
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
    def turns(self) -> int:
        """How many steps look at every row once."""
        count = len(self._layout.tokens)
        return -(-count // _share(count)) if count else 1

    def step(self) -> None:
        """Take the market's prices of this moment and mark what has changed for each reader."""
        look = self.begin()
        if look is not None:
            self.put(look, self.take(look))

    def begin(self) -> Look | None:
        """What is to be looked at now; None while nobody listens."""
        if self._stale:
            self._fit()
        count = len(self._layout.tokens)
        if not count:
            return None
        self._looks += 1
        first, self._next_row = self._next_row, (self._next_row + _share(count)) % count
        return Look(self._looks, self._layout, first)

    def take(self, look: Look) -> Sight:
        """The prices of this moment, and what is new about them. Writes nothing: it may run on any thread.

        Meanwhile nobody writes to the layout either, but for a look that overtakes this one; see :meth:`put`.
        """
        layout = look.layout
        due = layout.due(look.first)
        plain = int(np.searchsorted(due, layout.plain))
        rows, books = self._fetch(layout.tokens[due], plain)
        before = layout.rows[due]
        first = before[:, 1] == UNKNOWN
        changed = first | (rows[:, 2:] != before[:, 2:]).any(axis=1)
        changed[plain:] |= (books != layout.books[due[plain:] - layout.plain]).any(axis=1)
        return Sight(due, rows, books, changed, first | (rows[:, 2] != before[:, 2]))

    def put(self, look: Look, sight: Sight) -> None:
        """Mark what has changed for each reader. A look that a later one has overtaken counts no more."""
        if look.number != self._looks:
            return
        layout, due = look.layout, sight.due
        layout.rows[due] = sight.rows
        if len(sight.books):
            layout.books[due[-len(sight.books) :] - layout.plain] = sight.books
        for reader in self._readers:
            reader.mark(due, sight.changed, sight.price_changed)

    def frame(self, kind: int, rows: npt.NDArray[np.intp]) -> bytes:
        """One binary frame of these rows."""
        layout = self._layout
        if kind == LTP:
            body = layout.rows[rows, :_LTP_WIDTH]
        elif kind == QUOTE:
            body = layout.rows[rows]
        else:
            body = np.hstack((layout.rows[rows], layout.books[rows - layout.plain]))
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
        old, new = self._layout, Layout.of(plain, deep)
        place = {token: row for row, token in enumerate(old.tokens.tolist())}
        before = np.array([place.get(token, -1) for token in plain + deep], dtype=np.int64)
        # Rows that stay keep their last values, so that the next comparison still sees what has changed since.
        stayed = np.flatnonzero(before >= 0)
        new.rows[stayed] = old.rows[before[stayed]]
        deep_before = np.flatnonzero(before[len(plain) :] >= old.plain)
        new.books[deep_before] = old.books[before[len(plain) :][deep_before] - old.plain]
        self._layout, self._stale = new, False
        for reader in self._readers:
            reader.fit(new, before)

    def _fetch(self, tokens: Ints, plain: int) -> tuple[Ints, Ints]:
        """Rows and books of these tokens; those from ``plain`` on carry depth."""
        now_ns = self._market.now_ns()
        rows = np.full((len(tokens), _QUOTE_WIDTH), UNKNOWN, dtype=np.int64)
        rows[:, 0] = tokens
        books = np.full((len(tokens) - plain, _BOOK_WIDTH), UNKNOWN, dtype=np.int64)
        for part, deep in ((slice(0, plain), False), (slice(plain, None), True)):
            some = tokens[part]
            if not len(some):
                continue
            batch = self._market.snapshot(some, now_ns, depth=deep)
            rows[part, 1] = batch.time_ns
            nan = np.full(len(some), np.nan)
            fields = np.column_stack([batch.columns.get(name, nan) for name in QUOTE_FIELDS])
            rows[part, 2:] = _to_ints(fields * _SCALES)
            if deep and batch.depth is not None:
                books[:] = _to_ints(batch.depth * _BOOK_SCALES).reshape(len(some), _BOOK_WIDTH)
        return rows, books
