"""What plain and encrypted databases have in common: where the twin of a file lies, and one kind of error."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["as_sqlite_error", "sealed_path"]


def sealed_path(path: Path) -> Path:
    """Where the encrypted twin of a plain database lies: ``sim.journal.db`` → ``sim.journal.sealed.db``."""
    return path.with_name(f"{path.stem}.sealed.db")


@contextmanager
def as_sqlite_error() -> Iterator[None]:
    """SQLCipher's errors as the standard library's, code and all: what callers of either know."""
    from sqlcipher3 import dbapi2

    try:
        yield
    except dbapi2.Error as error:
        told = sqlite3.DatabaseError(str(error))
        told.sqlite_errorcode = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        raise told from error
