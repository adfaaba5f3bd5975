"""One attached kernel as the host sees it: what it has acknowledged, what it wants, and what it is owed."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from openalgo_lab.engine.board import Board
from openalgo_lab.engine.link.facts import FactsLog
from openalgo_lab.engine.link.frames import CONTROL, QUOTES, FromHost, Rows, encode
from openalgo_lab.engine.link.quotes import QuoteFrame, encode_quotes
from openalgo_lab.engine.principal import Principal
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.vocabulary import FeedMode

__all__ = ["QUOTE_CREDIT", "Session"]

QUOTE_CREDIT = 2
"""Quote frames on their way before the first is acknowledged; a frozen guest costs no more than these."""

FACT_CREDIT = 256
"""The same for facts; what lies beyond waits in the common log, not in a buffer of its own."""

_DEPTH_ORDER = (FeedMode.LTP, FeedMode.QUOTE, FeedMode.DEPTH)


class Session:
    """Loop thread of the host only. ``send`` hands frames to the socket and says whether the peer takes them."""

    def __init__(self, name: str, principal: Principal, board: Board, log: FactsLog, send: Callable[..., bool]) -> None:
        self.name = name
        self.principal = principal
        self.heard_s = time.monotonic()
        self.sent_seq = 0
        self.acked_seq = 0
        self._board = board
        self._log = log
        self._send = send
        self._owners: dict[str, dict[InstrumentKey, FeedMode]] = {}
        self._numbers: dict[InstrumentKey, int] = {}
        self._number_at = np.full(0, -1, dtype=np.int32)  # session's row number by board row, -1 = not wanted
        self._depth_at = np.zeros(0, dtype=bool)
        self._fresh: set[int] = set()  # board rows owed whole, changed or not
        self._seen = 0  # the board's sequence at the last frame
        self._frame = 0
        self._frame_acked = 0

    def send(self, message: FromHost) -> bool:
        """A control message, at once."""
        return self._send(CONTROL, encode(message))

    def acknowledge(self, seq: int, frame: int) -> bool:
        """What the guest has worked through; opens the way for more. False = the log has left it behind."""
        self.heard_s = time.monotonic()
        self.acked_seq = max(self.acked_seq, min(seq, self.sent_seq))
        self._frame_acked = max(self._frame_acked, min(frame, self._frame))
        return self.send_facts()

    def send_facts(self) -> bool:
        """Send what the log holds beyond the last one sent, within the credit. False = the log has left it behind."""
        while self.sent_seq < self._log.seq and self.sent_seq - self.acked_seq < FACT_CREDIT:
            data = self._log.get(self.sent_seq + 1)
            if data is None:
                return False
            if not self._send(CONTROL, data):
                break
            self.sent_seq += 1
        return True

    def want(self, owner: str, keys: tuple[InstrumentKey, ...], mode: FeedMode) -> None:
        """Note what an owner within the guest wants; adds to what it wants already."""
        wants = self._owners.setdefault(owner, {})
        for key in keys:
            wants[key] = max(mode, wants.get(key, mode), key=_DEPTH_ORDER.index)
        new = [key for key in dict.fromkeys(keys) if key not in self._numbers]
        if new:
            first = len(self._numbers)
            self._numbers.update((key, first + index) for index, key in enumerate(new))
            self.send(Rows(first, tuple(new)))
        self._fresh.update(self._board.row(key) for key in keys)
        self._index()

    def drop(self, owner: str) -> bool:
        """Forget an owner; False when it was not known."""
        if self._owners.pop(owner, None) is None:
            return False
        self._index()
        return True

    def owners(self) -> tuple[str, ...]:
        """Those who want something."""
        return tuple(self._owners)

    def send_quotes(self) -> bool:
        """The wanted rows that changed since the last frame, newest values, if the guest has credit left.

        Answers whether a frame left.
        """
        if not self._owners or self._frame - self._frame_acked >= QUOTE_CREDIT:
            return False
        rows = self._due()
        if not len(rows):
            return False
        frame = self._compose(rows)
        if not self._send(QUOTES, encode_quotes(frame)):
            return False
        self._frame = frame.number
        self._fresh.clear()
        self._seen = self._board.seq
        return True

    def _due(self) -> npt.NDArray[np.int64]:
        changed = self._board.changed_since(self._seen)
        changed = changed[changed < len(self._number_at)]
        if self._fresh:
            changed = np.union1d(changed, np.fromiter(self._fresh, dtype=np.int64))
        wanted = changed[self._number_at[changed] >= 0]
        return wanted[self._board.times(wanted) > 0]

    def _compose(self, rows: npt.NDArray[np.int64]) -> QuoteFrame:
        deep = rows[self._depth_at[rows]]
        return QuoteFrame(
            number=self._frame + 1,
            rows=self._number_at[rows],
            time_ns=self._board.times(rows),
            fields=self._board.read(rows),
            depth_rows=self._number_at[deep],
            depth=self._board.depth_at(deep),
        )

    def _index(self) -> None:
        """Rebuild the look-up from board rows to this session's, after its wants have changed."""
        wants: dict[InstrumentKey, FeedMode] = {}
        for owner in self._owners.values():
            for key, mode in owner.items():
                wants[key] = max(mode, wants.get(key, mode), key=_DEPTH_ORDER.index)
        at = {self._board.row(key): (self._numbers[key], mode is FeedMode.DEPTH) for key, mode in wants.items()}
        self._number_at = np.full(len(self._board), -1, dtype=np.int32)
        self._depth_at = np.zeros(len(self._board), dtype=bool)
        for row, (number, deep) in at.items():
            self._number_at[row] = number
            self._depth_at[row] = deep
        self._fresh &= at.keys()
