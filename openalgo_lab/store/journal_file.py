"""The journal's file: one SQLite database, and what to do with a damaged one. A seam for faults: see `JournalFile`."""

from __future__ import annotations

import os
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from itertools import chain
from pathlib import Path
from typing import Protocol

import msgspec

from openalgo_lab.model.errors import JournalError

__all__ = ["ALWAYS", "JournalFile", "Row", "SqliteFile", "prepare"]

LOOK_BACK = timedelta(days=10)
"""How far back an order that has not ended is looked for: longer than any run of holidays."""
ALWAYS = "*"
"""The order id of rows that are read back however old they are."""
CHECK_BELOW = 32 * 2**20
"""Files smaller than this are checked whole when they are opened; of larger ones, only what is read."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records(
  seq INTEGER PRIMARY KEY, day TEXT NOT NULL, order_id TEXT NOT NULL, ended INTEGER NOT NULL,
  at_ns INTEGER NOT NULL, crc INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS records_by_day ON records(day);
CREATE INDEX IF NOT EXISTS records_ended ON records(order_id) WHERE ended;
PRAGMA user_version = 1;
"""
_READ = """
SELECT crc, body FROM records
WHERE day >= :today OR order_id = :always
   OR (day >= :since AND order_id <> '' AND order_id NOT IN (SELECT order_id FROM records WHERE ended))
ORDER BY seq
"""
_INTO = "INSERT INTO records(day, order_id, ended, at_ns, crc, body) VALUES "
_ONE = "(?, ?, ?, ?, ?, ?)"
_FEW = 64
"""So many rows are written as one statement, a commit of its own: the interpreter is let go, and waited for, once."""


class Row(msgspec.Struct, frozen=True):
    """One record as it is stored; ``body`` is its encoded form."""

    day: date
    order_id: str
    ended: bool
    at_ns: int
    body: bytes


class JournalFile(Protocol):
    """What the journal needs of its file: rows are written all or none, and are durable when ``write`` returns."""

    def write(self, rows: Sequence[Row]) -> None:
        """Commit. Raises sqlite3.Error or OSError; then nothing was written."""

    def read(self) -> Iterator[bytes]:
        """Bodies of today's rows and of earlier orders that had not ended when it was opened, in order; once."""

    def close(self) -> None:
        """Close it."""


class SqliteFile:
    """WAL with synchronous=FULL: a commit is on the disk when it returns. Used by one thread at a time."""

    def __init__(self, connection: sqlite3.Connection, today: date) -> None:
        self._connection = connection
        self._recovered = list(_read(connection, today))

    @classmethod
    def open(cls, path: Path, today: date) -> tuple[SqliteFile, str]:
        """The file and a notice ("" or what was set aside). Raises JournalError when it cannot be made."""
        return cls.open_by(path, today, lambda: _connect(path))

    @classmethod
    def open_by(cls, path: Path, today: date, connect: Callable[[], sqlite3.Connection]) -> tuple[SqliteFile, str]:
        """The same over a connection of another kind; ``connect`` checks and prepares it, and may be called twice."""
        try:
            return cls._opened(connect, today), ""
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise _unusable(path, error) from error
            aside = _set_aside(path)
            try:
                fresh = cls._opened(connect, today)
            except (sqlite3.Error, OSError) as again:
                raise _unusable(path, again) from again
            notice = (
                f"The order journal was damaged ({error}) and lies aside as {aside.name}: today's orders are taken "
                "from the broker's books."
            )
            return fresh, notice
        except OSError as error:
            raise _unusable(path, error) from error

    @classmethod
    def _opened(cls, connect: Callable[[], sqlite3.Connection], today: date) -> SqliteFile:
        connection = connect()
        try:
            return cls(connection, today)
        except BaseException:
            connection.close()
            raise

    def write(self, rows: Sequence[Row]) -> None:
        if not rows:
            return
        values = [(r.day.isoformat(), r.order_id, r.ended, r.at_ns, zlib.crc32(r.body), r.body) for r in rows]
        if len(rows) <= _FEW:
            self._connection.execute(_INTO + ", ".join([_ONE] * len(rows)), tuple(chain.from_iterable(values)))
            return
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(_INTO + _ONE, values)
            self._connection.execute("COMMIT")
        except sqlite3.Error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def read(self) -> Iterator[bytes]:
        recovered, self._recovered = self._recovered, []
        return iter(recovered)

    def limit_pages(self, pages: int) -> None:
        """Let the file grow to so many pages only; beyond, writes fail as on a full disk."""
        self._connection.execute(f"PRAGMA max_page_count = {int(pages)}")

    def close(self) -> None:
        self._connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    """Open, check and prepare; raises sqlite3.DatabaseError for a damaged file."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    path.chmod(0o600)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=1.0)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Check the file and make what it lacks; raises sqlite3.DatabaseError for a damaged one."""
    if path.stat().st_size < CHECK_BELOW:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(f"malformed: {verdict}")
    connection.executescript(_SCHEMA)


def _read(connection: sqlite3.Connection, today: date) -> Iterator[bytes]:
    bounds = {"today": today.isoformat(), "since": (today - LOOK_BACK).isoformat(), "always": ALWAYS}
    for crc, body in connection.execute(_READ, bounds):
        if zlib.crc32(body) != crc:
            raise sqlite3.DatabaseError("a record does not match its checksum")
        yield body


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    """Damage of the content, as opposed to a full, locked or read-only disk."""
    code = getattr(error, "sqlite_errorcode", None)
    damage = (None, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
    return (code if code is None else code & 0xFF) in damage


def _set_aside(path: Path) -> Path:
    """Move the damaged file and its log out of the way under a name that is free."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    number = 0
    while (aside := path.with_name(f"{path.name}.damaged-{stamp}-{number}")).exists():
        number += 1
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside


def _unusable(path: Path, error: Exception) -> JournalError:
    return JournalError(
        f"The order journal {path} cannot be opened ({error}): free disk space or check the folder's rights, "
        "then start again."
    )
