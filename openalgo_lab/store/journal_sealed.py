"""The order journal's file as SQLCipher, and how a plain one moves into it."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import cast

from openalgo_lab.store.cipher import as_sqlite_error
from openalgo_lab.store.journal_file import Row, SqliteFile, prepare
from openalgo_lab.store.vault.sealed import SealedFiles

__all__ = ["SealedJournalFile", "move_in"]

_COLUMNS = "day, order_id, ended, at_ns, crc, body"


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


def move_in(plain: Path, target: Path, sealed: SealedFiles) -> None:
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
