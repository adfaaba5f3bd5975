"""Downloads and schedules as they outlive the engine, written on a thread of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from openalgo_lab.store.kept import KeptStore

__all__ = ["BOOK_FILE", "HistoryBook"]

T = TypeVar("T")
R = TypeVar("R")

BOOK_FILE: Final = "history.db"


class HistoryBook:
    """One value a (kind, key); opened with the first question. Raises StoreError."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / BOOK_FILE
        self._store: KeptStore | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="openalgo-history-book")

    async def put(self, kind: str, key: str, value: msgspec.Struct) -> None:
        """Insert or replace; durable when it returns."""
        await self._do(lambda store: store.put(kind, key, value))

    async def drop(self, kind: str, key: str) -> None:
        """Remove; one that is not there is no error."""
        await self._do(lambda store: store.drop(kind, key))

    async def all(self, kind: str, shape: type[T]) -> dict[str, T]:
        """Every value of a kind, by key, in the order in which they came."""
        return await self._do(lambda store: store.all(kind, shape))

    def close(self) -> None:
        """Close the file; what waits is written first."""
        self._thread.submit(self._shut)
        self._thread.shutdown(wait=True)

    async def _do(self, work: Callable[[KeptStore], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: work(self._open()))

    def _open(self) -> KeptStore:
        if self._store is None:
            self._store = KeptStore(self._path)
        return self._store

    def _shut(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None
