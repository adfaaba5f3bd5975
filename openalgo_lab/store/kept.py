"""Things that must outlive the engine: one value a (kind, key), durable when ``put`` returns. One SQLite file."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TypeVar

import msgspec

from openalgo_lab.model.errors import StoreError

__all__ = ["KeptStore"]

T = TypeVar("T")

_SCHEMA = "CREATE TABLE IF NOT EXISTS kept (kind TEXT, key TEXT, body BLOB NOT NULL, PRIMARY KEY (kind, key))"


_PUT = "INSERT INTO kept VALUES (?,?,?) ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body"
"""In place: what was put first stays first."""


class KeptStore:
    """``KeptStore(None)`` keeps nothing beyond its own life. Used on one thread. Raises StoreError."""

    def __init__(self, path: Path | None) -> None:
        self._name = path.name if path is not None else ":memory:"
        try:
            self._db = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute(_SCHEMA)
            if path is not None:
                path.chmod(0o600)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"The file {self._name} cannot be opened ({error}): move it away to start afresh."
            ) from error

    def put(self, kind: str, key: str, value: msgspec.Struct) -> None:
        """Insert or replace."""
        self._run(_PUT, (kind, key, msgspec.msgpack.encode(value)))

    def drop(self, kind: str, key: str) -> None:
        """Remove; one that is not there is no error."""
        self._run("DELETE FROM kept WHERE kind = ? AND key = ?", (kind, key))

    def all(self, kind: str, shape: type[T]) -> dict[str, T]:
        """Every value of a kind, by key."""
        rows = self._run("SELECT key, body FROM kept WHERE kind = ? ORDER BY rowid", (kind,))
        try:
            return {key: msgspec.msgpack.decode(body, type=shape) for key, body in rows}
        except msgspec.DecodeError as error:
            raise StoreError(f"The file {self._name} does not fit ({error}): move it away to start afresh.") from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _run(self, sql: str, values: tuple[object, ...]) -> list[tuple[str, bytes]]:
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise StoreError(f"The file {self._name} cannot be written ({error}): free some space.") from error
