"""What an attached kernel knows of the engine: books, board and status as the host last told. Outlives the host."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from openalgo_lab.engine.board import Board
from openalgo_lab.engine.link.books import apply_patch, implied_events
from openalgo_lab.engine.link.frames import Facts, Rows, Welcome
from openalgo_lab.engine.link.quotes import QuoteFrame
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.events import AnyEvent, Books, EngineStatus
from openalgo_lab.model.market import QUOTE_FIELDS

__all__ = ["Mirror"]


class Mirror:
    """Written on the handle's loop, read from any thread. ``emit`` gets every event, after the books hold it."""

    def __init__(self, emit: Callable[[AnyEvent], None]) -> None:
        self._emit = emit
        self._row_of = np.zeros(0, dtype=np.int64)  # our board's row by the session's row number
        self.board = Board()
        self.books = Books(0)
        self.status: EngineStatus | None = None
        self.engine_id = ""
        self.seq = 0
        self.config = b""

    def begin(self) -> None:
        """A new session numbers its quote rows anew."""
        self._row_of = np.zeros(0, dtype=np.int64)

    def welcome(self, welcome: Welcome) -> None:
        """Where the session starts (or starts again after falling behind): what a jump skipped is told as events."""
        self.status = welcome.status
        self.config = bytes(welcome.config)
        known = bool(self.engine_id)
        self.engine_id, self.seq = welcome.engine_id, welcome.seq
        if welcome.books is not None:
            before, self.books = self.books, welcome.books
            if known:
                for event in implied_events(before, welcome.books):
                    self._emit(event)

    def tell(self, event: AnyEvent) -> None:
        """An event of this kernel alone."""
        self._emit(event)

    def apply_facts(self, facts: Facts) -> None:
        """The next facts. Raises DecodeError for a gap: the caller then begins a new session."""
        if facts.seq <= self.seq:
            return
        if facts.seq != self.seq + 1:
            raise DecodeError(f"Facts {facts.seq} came after {self.seq}.")
        if facts.patch is not None:
            self.books = apply_patch(self.books, facts.patch)
        self.seq = facts.seq
        for event in facts.events:
            self._emit(event)

    def apply_rows(self, rows: Rows) -> None:
        """More instruments get their numbers."""
        if rows.first != len(self._row_of):
            raise DecodeError(f"Quote rows from {rows.first} came when {len(self._row_of)} were known.")
        new = np.fromiter((self.board.row(key) for key in rows.keys), dtype=np.int64)
        self._row_of = np.concatenate((self._row_of, new))

    def apply_quotes(self, frame: QuoteFrame) -> None:
        """Newest values of rows that changed. Raises DecodeError for a row without an instrument."""
        row_of = self._row_of
        if len(frame.rows) and int(frame.rows.max()) >= len(row_of):
            raise DecodeError("A quote frame names a row that has no instrument.")
        rows = row_of[frame.rows]
        if len(frame.depth_rows):  # first, so that a row's stamp is the same after both
            deep = row_of[frame.depth_rows]
            times = frame.time_ns[np.isin(frame.rows, frame.depth_rows)]
            self.board.write(deep, {}, times, frame.depth)
        columns = {name: frame.fields[index] for index, name in enumerate(QUOTE_FIELDS)}
        self.board.write(rows, columns, frame.time_ns)
