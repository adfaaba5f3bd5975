"""The order journal: what is meant to leave is on disk before its first byte does. Append-only.

``intend`` answers when the intent is durable. Everything else is appended and committed in groups: the broker's books
restore what a crash takes. A journal that cannot write lets no order out; it says why, and tries again with the next.
"""

from __future__ import annotations

import asyncio
import logging
import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Protocol

from openalgo_lab.model.errors import JournalError
from openalgo_lab.model.orders import OrderIntent
from openalgo_lab.model.times import SystemClock, trade_date
from openalgo_lab.store.journal_file import JournalFile, Row, SqliteFile
from openalgo_lab.store.journal_records import Ended, Intended, JournalRecord, decode_record, encode_record

__all__ = ["Journal", "SqliteJournal"]

log = logging.getLogger(__name__)

GROUP_S = 0.02
"""How long an append may wait for company before it is committed."""
RETRY_S = 1.0
"""When appends that could not be written are tried again, if no intent comes before."""
BACKLOG = 20_000
"""Appends kept while the disk refuses; older ones go first, and the broker's books bring them back."""


class Journal(Protocol):
    """Where intents and evidence are kept."""

    notice: str
    """What the user must be told about opening it; "" if nothing."""

    async def intend(self, intent: OrderIntent, client_key: str = "") -> None:
        """Return when the intent is durable. Raises JournalError: then the order must not leave."""

    def append(self, record: JournalRecord) -> None:
        """Write soon; never waits and never raises (see :attr:`failure`)."""

    def replay(self) -> Iterator[JournalRecord]:
        """Records of the trading day, and of earlier orders that had not ended, in the order they were written."""

    @property
    def failure(self) -> str:
        """Why the last write failed; "" when it did not."""

    @property
    def sync_ms(self) -> Sequence[float]:
        """How long the latest commits took, in milliseconds."""

    async def close(self) -> None:
        """Commit what waits and close the file."""


class _Waiting:
    """An intent whose caller waits for the commit."""

    __slots__ = ("future", "loop", "row")

    def __init__(self, row: Row, loop: asyncio.AbstractEventLoop) -> None:
        self.row = row
        self.loop = loop
        self.future: asyncio.Future[None] = loop.create_future()

    def settle(self, error: JournalError | None) -> None:
        """Tell the caller, on its own loop; a caller that is gone hears nothing."""
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self._finish, error)

    def _finish(self, error: JournalError | None) -> None:
        if self.future.done():
            return
        if error is None:
            self.future.set_result(None)
        else:
            self.future.set_exception(error)


class SqliteJournal:
    """A journal in one SQLite file (WAL, synchronous FULL, mode 0600), written by one thread of its own.

    Intents that arrive together share one commit.
    """

    def __init__(self, file: JournalFile, notice: str = "", now_ns: Callable[[], int] | None = None) -> None:
        self.notice = notice
        self._file = file
        self._now_ns = now_ns or SystemClock().now_ns
        self._failure = ""
        self._sync_ms: list[float] = []
        self._appends: list[Row] = []
        self._intents: list[_Waiting] = []
        self._wake = threading.Condition()
        self._since = 0.0  # when the oldest of the appends came
        self._nudging = False  # whether a timer runs that will wake the writer for them
        self._due = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="openalgo-journal", daemon=True)
        self._thread.start()

    @classmethod
    def open(cls, path: Path, day: date | None = None, now_ns: Callable[[], int] | None = None) -> SqliteJournal:
        """Open or make the file. A damaged one is set aside, never overwritten, and :attr:`notice` says so.

        Raises JournalError when the file can neither be opened nor made.
        """
        today = day or trade_date((now_ns or SystemClock().now_ns)())
        file, notice = SqliteFile.open(path, today)
        return cls(file, notice, now_ns)

    async def intend(self, intent: OrderIntent, client_key: str = "") -> None:
        waiting = _Waiting(self._row(Intended(intent, client_key)), asyncio.get_running_loop())
        with self._wake:
            if self._stopping:
                raise JournalError("The order journal is closed; start the engine again.")
            self._intents.append(waiting)
            self._wake.notify()
        await waiting.future

    def append(self, record: JournalRecord) -> None:
        row = self._row(record)
        with self._wake:
            self._appends.append(row)
            del self._appends[:-BACKLOG]
            if len(self._appends) == 1:
                self._since = time.monotonic()
            first, self._nudging = not self._nudging, True
        if first:
            self._nudge_in(GROUP_S)

    def replay(self) -> Iterator[JournalRecord]:
        for row in self._file.read():
            yield decode_record(row)

    @property
    def failure(self) -> str:
        return self._failure

    @property
    def sync_ms(self) -> Sequence[float]:
        return tuple(self._sync_ms)

    async def close(self) -> None:
        with self._wake:
            self._stopping = True
            self._wake.notify()
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)

    def _nudge_in(self, wait_s: float) -> None:
        """Wake the writer when company may have come; at once where no loop can do that later."""
        try:
            asyncio.get_running_loop().call_later(wait_s, self._nudge)
        except RuntimeError:
            self._since = -math.inf
            self._nudge()

    def _nudge(self) -> None:
        with self._wake:
            left = self._since + GROUP_S - time.monotonic() if self._appends else 0.0
            self._nudging = left > 0
            if self._appends and not self._nudging:
                self._due = True
                self._wake.notify()
        if left > 0:  # an intent took its companions along meanwhile, and these came later
            self._nudge_in(left)

    def _row(self, record: JournalRecord) -> Row:
        now = self._now_ns()
        return Row(trade_date(now), record.order, isinstance(record, Ended), now, encode_record(record))

    def _run(self) -> None:
        """The writer: commits what has gathered, an intent at once, appends after a short wait."""
        while True:
            appends, intents, stopping = self._gather()
            if appends or intents:
                self._commit(appends, intents)
            elif stopping:
                break
        self._file.close()

    def _gather(self) -> tuple[list[Row], list[_Waiting], bool]:
        with self._wake:
            while not (self._intents or self._due or self._stopping):
                # What a failed write left behind is tried again of its own accord.
                if not self._wake.wait(RETRY_S if self._appends and self._failure else None):
                    break
            self._due = False
            appends, self._appends = self._appends, []
            intents, self._intents = self._intents, []
            return appends, intents, self._stopping

    def _commit(self, appends: list[Row], intents: list[_Waiting]) -> None:
        began = time.perf_counter()
        try:
            self._file.write([*appends, *(waiting.row for waiting in intents)])
        except (sqlite3.Error, OSError) as error:
            self._refuse(error, appends, intents)
            return
        self._failure = ""
        self._sync_ms.append((time.perf_counter() - began) * 1000)
        del self._sync_ms[:-1000]
        for waiting in intents:
            waiting.settle(None)

    def _refuse(self, error: Exception, appends: list[Row], intents: Iterable[_Waiting]) -> None:
        """Nothing of the group was written: callers hear it, appends are kept for the next try."""
        self._failure = f"The order journal cannot be written ({error}): free disk space or check the folder's rights."
        log.error("%s", self._failure)
        with self._wake:
            self._appends = (appends + self._appends)[-BACKLOG:]
            if self._stopping:
                self._appends = []
        for waiting in intents:
            waiting.settle(JournalError(f"{self._failure} No order leaves until then; cancelling still works."))
