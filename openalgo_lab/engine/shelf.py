"""What triggers, brackets, algorithms, approvals and alerts have in common: works that are kept, watched and looked at.

A shelf holds the works of one kind, on disk before in memory, and tells of every change. A watch has their prices.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Generic, TypeVar

import msgspec

from openalgo_lab.engine.board import Board
from openalgo_lab.model.errors import InputError, LabError
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.store.kept import KeptStore

__all__ = ["PriceWatch", "Shelf", "again_and_again"]

log = logging.getLogger(__name__)

W = TypeVar("W", bound=msgspec.Struct)


class Shelf(Generic[W]):
    """The works of one kind, oldest first. ``changed`` hears the kind and the key of what was put or taken away."""

    def __init__(self, store: KeptStore, kind: str, shape: type[W], changed: Callable[[str, str], None]) -> None:
        self._store = store
        self._kind = kind
        self._changed = changed
        self._all = store.all(kind, shape)

    def __iter__(self) -> Iterator[W]:
        """As they stood when asked: one may be put or dropped meanwhile."""
        return iter(tuple(self._all.values()))

    def __getitem__(self, key: str) -> W:
        """One of which the key is known to be right."""
        return self._all[key]

    def find(self, key: str, otherwise: str, field: str) -> W:
        """One that a user names. Raises InputError with the sentence ``otherwise`` for a key that nobody knows."""
        found = self._all.get(key)
        if found is None:
            raise InputError(otherwise, field=field)
        return found

    def put(self, key: str, work: W) -> W:
        """On disk, then in memory, then told; answers with it. Raises StoreError, and then nothing has changed."""
        self._store.put(self._kind, key, work)
        self._all[key] = work
        self._changed(self._kind, key)
        return work

    def drop(self, key: str) -> None:
        """Take one away for good. Raises StoreError."""
        self._store.drop(self._kind, key)
        del self._all[key]
        self._changed(self._kind, key)


class PriceWatch:
    """The last prices of what works wait for."""

    def __init__(self, board: Board, want: Callable[[Sequence[InstrumentKey]], None]) -> None:
        self._board = board
        self._want = want

    def begin(self, key: InstrumentKey, whose: str) -> None:
        """Want it on the board. What is not listed today is said in the log: the work lives on and is taken up again
        with the next start.
        """
        try:
            self._want([key])
        except LabError as error:
            log.warning("%s cannot be watched: %s", whose, error)

    def last(self, key: InstrumentKey) -> float:
        """In rupees; 0 while none is known."""
        quote = self._board.quote(key)
        return quote.ltp if quote is not None and quote.ltp > 0 else 0.0


async def again_and_again(look: Callable[[], Awaitable[None]], every_s: float) -> None:
    """Look until cancelled."""
    while True:
        await look()
        await asyncio.sleep(every_s)
