"""The order journal inside SQLCipher, and which of the two files a journal has: encrypted wherever a vault is open."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import cast

from sqlcipher3 import dbapi2

from openalgo_lab.model.errors import JournalError, VaultError
from openalgo_lab.store.journal import SqliteJournal
from openalgo_lab.store.journal_file import Row, SqliteFile, prepare
from openalgo_lab.store.vault.sealed import SealedFiles

__all__ = ["SealedJournalFile", "open_journal", "sealed_path"]

_COLUMNS = "day, order_id, ended, at_ns, crc, body"


def sealed_path(path: Path) -> Path:
    """Where the encrypted twin of a plain journal lies: ``sim.journal.db`` → ``sim.journal.sealed.db``."""
    return path.with_name(f"{path.stem}.sealed.db")


def open_journal(path: Path, sealed: SealedFiles | None, *, day: date, now_ns: Callable[[], int]) -> SqliteJournal:
    """The journal at ``path``: plain without a vault, inside SQLCipher with one.

    What a plain file holds moves into the encrypted one, and the plain one goes: its records are the same however
    often they are read, so a power cut in between costs nothing. Raises JournalError.
    """
    if sealed is None:
        return SqliteJournal.open(path, day, now_ns)
    target = sealed_path(path)
    with _as_journal_error(target):
        _move_in(path, target, sealed)
        file, notice = SealedJournalFile.open_sealed(target, day, sealed)
    return SqliteJournal(file, notice, now_ns)


class SealedJournalFile(SqliteFile):
    """The journal's file as SQLCipher: the same tables, the same promises, every page encrypted and authenticated."""

    @classmethod
    def open_sealed(cls, path: Path, today: date, sealed: SealedFiles) -> tuple[SealedJournalFile, str]:
        """The file and a notice ("" or what was set aside). Raises JournalError, VaultError."""
        file, notice = cls.open_by(path, today, lambda: _connected(path, sealed))
        return cast("SealedJournalFile", file), notice

    def write(self, rows: Sequence[Row]) -> None:
        with as_sqlite_error():
            super().write(rows)


def _connected(path: Path, sealed: SealedFiles) -> sqlite3.Connection:
    # The two drivers are one code base: the same calls, and errors that only differ in their class.
    connection = cast("sqlite3.Connection", sealed.open(path))
    try:
        with as_sqlite_error():
            prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _move_in(plain: Path, target: Path, sealed: SealedFiles) -> None:
    """Records of a plain journal at the end of the encrypted one; the plain file goes when they are durable there."""
    if not plain.exists():
        return
    with contextlib.closing(sqlite3.connect(plain, isolation_level=None)) as source:
        try:
            rows = source.execute(f"SELECT {_COLUMNS} FROM records ORDER BY seq").fetchall()  # noqa: S608 - a constant
        except sqlite3.DatabaseError:
            return  # a damaged one stays where it is, for whoever starts without the vault to set it aside
    if rows:
        connection = _connected(target, sealed)
        try:
            with as_sqlite_error():
                connection.execute("BEGIN IMMEDIATE")
                query = f"INSERT INTO records({_COLUMNS}) VALUES(?, ?, ?, ?, ?, ?)"
                connection.executemany(query, rows)
                connection.execute("COMMIT")
        finally:
            connection.close()
    for suffix in ("-wal", "-shm", ""):
        plain.with_name(plain.name + suffix).unlink(missing_ok=True)


@contextmanager
def as_sqlite_error() -> Iterator[None]:
    """SQLCipher's errors as the standard library's, code and all: what the journal's callers know."""
    try:
        yield
    except dbapi2.Error as error:
        told = sqlite3.DatabaseError(str(error))
        told.sqlite_errorcode = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        raise told from error


@contextmanager
def _as_journal_error(path: Path) -> Iterator[None]:
    try:
        yield
    except (VaultError, sqlite3.Error, OSError) as error:
        raise JournalError(
            f"The order journal {path} cannot be opened ({error}): free disk space or check the folder's rights, "
            "then start again."
        ) from error
