"""A broker's master contract on disk: a verified file a broker and day, fetched off the loop, rebuilt when damaged."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Final

from openalgo_lab.model.errors import StoreError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.times import IST, from_ns, trade_date
from openalgo_lab.store.instruments import InstrumentStore

__all__ = ["MasterFiles", "is_fresh"]

log = logging.getLogger(__name__)

PUBLISHED: Final = time(8, 30)
"""By this time of day in India every broker has published the day's file; what was fetched before is fetched again."""
_KEPT: Final = 2
_CHUNK: Final = 1 << 20

Fetch = Callable[[], Awaitable[Sequence[Instrument]]]


class MasterFiles:
    """The files of one profile's folder."""

    def __init__(self, folder: Path, now_ns: Callable[[], int], release: str) -> None:
        self._folder = folder
        self._now_ns = now_ns
        self._release = release

    def path(self, broker: str, day: date) -> Path:
        """Where a broker's file of a day lies."""
        return self._folder / f"{broker}-{self._release}-{day}.db"

    def holds(self, store: InstrumentStore | None) -> bool:
        """Whether a store is today's."""
        return store is not None and store.dated == trade_date(self._now_ns()) and is_fresh(store.path, self._now_ns())

    async def load(self, broker: str, fetch: Fetch) -> InstrumentStore:
        """Today's file if it is there, fresh and whole; else a new one from ``fetch``.

        A damaged file is put aside as ``.damaged`` and rebuilt. Raises what ``fetch`` raises, and StoreError.
        """
        day = trade_date(self._now_ns())
        path = self.path(broker, day)
        if is_fresh(path, self._now_ns()):
            try:
                return await asyncio.to_thread(_opened, path, day)
            except StoreError as error:
                log.warning("The instruments of %s are fetched anew: %s", broker, error)
                _put_aside(path)
        listed = await fetch()
        store = await asyncio.to_thread(_built, path, listed, day)
        self._forget_old(broker, path)
        return store

    def _forget_old(self, broker: str, newest: Path) -> None:
        files = sorted(self._folder.glob(f"{broker}-{self._release}-????-??-??.db"))
        for old in [file for file in files if file != newest][:-_KEPT]:
            for file in (old, _sum_of(old)):
                file.unlink(missing_ok=True)


def is_fresh(path: Path, now_ns: int) -> bool:
    """Whether a file of today need not be fetched again: it is, or the day's own list is not out yet."""
    try:
        built = datetime.fromtimestamp(path.stat().st_mtime, IST)
    except OSError:
        return False
    now = from_ns(now_ns).astimezone(IST)
    published = datetime.combine(now.date(), PUBLISHED, IST)
    return not built < published <= now


def _opened(path: Path, day: date) -> InstrumentStore:
    """Raises StoreError for a file that is not what was written."""
    try:
        whole = _sum_of(path).read_text(encoding="ascii").strip() == _digest(path)
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"The instrument file {path.name} cannot be checked ({error}).") from error
    if not whole:
        raise StoreError(f"The instrument file {path.name} is damaged.")
    store = InstrumentStore.open(path)
    if store.dated != day:
        raise StoreError(f"The instrument file {path.name} is of {store.dated}.")
    return store


def _built(path: Path, listed: Sequence[Instrument], day: date) -> InstrumentStore:
    path.parent.mkdir(parents=True, exist_ok=True)
    _sum_of(path).unlink(missing_ok=True)
    store = InstrumentStore.build(path, listed, day)
    try:
        _sum_of(path).write_text(_digest(path), encoding="ascii")
    except OSError as error:
        raise StoreError(f"The instrument file {path.name} cannot be finished ({error}): free some space.") from error
    return store


def _put_aside(path: Path) -> None:
    if path.exists():
        path.replace(path.with_suffix(".damaged"))


def _sum_of(path: Path) -> Path:
    return path.with_suffix(".sum")


def _digest(path: Path) -> str:
    digest = hashlib.blake2b(digest_size=20)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
