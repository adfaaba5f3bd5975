"""The facts of one engine in order: each with its number, kept encoded for guests that are slow or come back."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from openalgo_lab.engine.link.books import make_patch
from openalgo_lab.engine.link.frames import Facts, encode
from openalgo_lab.engine.link.served import ServedEngine
from openalgo_lab.model.events import AnyEvent, Books

__all__ = ["FactsLog"]

#: What is kept for stragglers: a whole day's orders of a busy trader, and never more memory than this.
_KEEP_FACTS = 20_000
_KEEP_BYTES = 16 * 2**20


class FactsLog:
    """Listens to the engine; ``on_news`` is called when facts have been added. Loop thread only.

    Events of one turn of the loop leave together, with the one patch of the books that they made.
    """

    def __init__(self, engine: ServedEngine, on_news: Callable[[], None]) -> None:
        self._engine = engine
        self._on_news = on_news
        self._loop = asyncio.get_running_loop()
        self._events: list[AnyEvent] = []
        self._kept: deque[bytes] = deque()
        self._size = 0
        self._flushing = False
        self.seq = 0
        self.books: Books = engine.books
        self._stop = engine.bus.listen(self._hear)

    def close(self) -> None:
        """Listen no more."""
        self._stop()

    def get(self, seq: int) -> bytes | None:
        """The encoded facts of that number; None when they are no longer (or not yet) kept."""
        index = seq - (self.seq - len(self._kept)) - 1
        return self._kept[index] if 0 <= index < len(self._kept) else None

    def covers(self, seq: int) -> bool:
        """Whether somebody who has seen ``seq`` can be brought up to date from here."""
        return self.seq - len(self._kept) <= seq <= self.seq

    def flush(self) -> None:
        """Write down what has happened since the last time, if anything."""
        self._flushing = False
        books = self._engine.books
        if not self._events and books is self.books:
            return
        patch = make_patch(self.books, books) if books is not self.books else None
        data = encode(Facts(self.seq + 1, tuple(self._events), patch))
        self.seq += 1
        self._events.clear()
        self.books = books
        self._keep(data)
        self._on_news()

    def _hear(self, event: AnyEvent) -> None:
        self._events.append(event)
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self.flush)

    def _keep(self, data: bytes) -> None:
        self._kept.append(data)
        self._size += len(data)
        while len(self._kept) > _KEEP_FACTS or (self._size > _KEEP_BYTES and len(self._kept) > 1):
            self._size -= len(self._kept.popleft())
