"""The audit log: who asked what, and how it ended. Each row holds the hash of the one before it.

A row that was changed, taken out or put in breaks the chain from there on. Rows cut off at the end do not: keep the
head that ``audit verify`` prints, and compare. With a vault the log is a sealed file; without one (the simulated
exchange only) it is a plain file, which moves into the sealed one when there is a vault.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, cast

import msgspec

from openalgo_lab.model.errors import StoreError

__all__ = [
    "AuditEntry",
    "AuditFile",
    "AuditRow",
    "Verdict",
    "as_connection",
    "audit_path",
    "read_rows",
    "reading_plain",
    "verify",
]

_GENESIS: Final = bytes(32)
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS audit(seq INTEGER PRIMARY KEY, body BLOB NOT NULL, hash BLOB NOT NULL);
CREATE TRIGGER IF NOT EXISTS audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the log only grows'); END;
CREATE TRIGGER IF NOT EXISTS audit_grows BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the log only grows'); END;
PRAGMA user_version = 1;
"""


class AuditEntry(msgspec.Struct, frozen=True):
    """One line. ``who`` gave the command ``what`` with ``detail`` (JSON, secrets masked) at ``at_ns`` (UTC).

    ``outcome`` is ``done`` or the class of the error, ``said`` its sentence.
    """

    at_ns: int
    who: str
    what: str
    detail: str
    outcome: str
    said: str = ""


class AuditRow(msgspec.Struct, frozen=True):
    """A line as it stands in the log; ``hash`` in hex closes the chain up to here."""

    seq: int
    entry: AuditEntry
    hash: str


class Verdict(msgspec.Struct, frozen=True):
    """What checking the chain found. ``broken_at`` is the first row that does not fit, 0 when all do."""

    rows: int
    head: str
    broken_at: int = 0
    why: str = ""


def audit_path(folder: Path) -> Path:
    """The plain log of a profile; the sealed one lies beside it (:func:`~.journal_sealed.sealed_path`)."""
    return folder / "audit.db"


class AuditFile:
    """An open log. One thread at a time; a connection of either driver."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Prepare the file. Raises the driver's error when it is damaged."""
        self._connection = connection
        connection.execute("PRAGMA synchronous = NORMAL")  # the order journal is what must not lose its last line
        connection.executescript(_SCHEMA)
        row = connection.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
        self._seq, self._hash = (0, _GENESIS) if row is None else (int(row[0]), bytes(row[1]))

    @classmethod
    def open_plain(cls, path: Path) -> AuditFile:
        """The log of a profile without a vault. Raises StoreError."""
        try:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=1.0)
            connection.execute("PRAGMA journal_mode = WAL")
            return cls(connection)
        except (OSError, sqlite3.Error) as error:
            raise _unusable(path, error) from error

    @property
    def head(self) -> str:
        """The hash of the last row, in hex."""
        return self._hash.hex()

    def append(self, entries: Sequence[AuditEntry]) -> None:
        """Write all of them or none; the system takes them to the disk in its time. Raises the driver's error."""
        seq, last, rows = self._seq, self._hash, []
        for entry in entries:
            seq, body = seq + 1, msgspec.json.encode(entry)
            last = _chained(last, seq, body)
            rows.append((seq, body, last))
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT INTO audit VALUES(?, ?, ?)", rows)
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        self._seq, self._hash = seq, last

    def rows(self) -> Iterator[AuditRow]:
        """All rows, oldest first."""
        return read_rows(self._connection)

    def close(self) -> None:
        """Close it."""
        self._connection.close()


def read_rows(connection: sqlite3.Connection, after: int = 0) -> Iterator[AuditRow]:
    """Rows beyond ``after``, oldest first. Raises StoreError for one that cannot be read."""
    query = "SELECT seq, body, hash FROM audit WHERE seq > ? ORDER BY seq"
    for seq, body, digest in connection.execute(query, (after,)):
        try:
            yield AuditRow(seq, msgspec.json.decode(body, type=AuditEntry), bytes(digest).hex())
        except msgspec.DecodeError as error:
            raise StoreError(
                f"Row {seq} of the audit log cannot be read ({error}): 'audit verify' says more."
            ) from error


def verify(connection: sqlite3.Connection, expected_head: str = "") -> Verdict:
    """Check the chain from its first row. ``expected_head``: a head that was kept elsewhere must be in it."""
    last, count, seen = _GENESIS, 0, not expected_head
    for seq, body, digest in connection.execute("SELECT seq, body, hash FROM audit ORDER BY seq"):
        if seq != count + 1:
            return Verdict(count, last.hex(), count + 1, "rows are missing before it")
        # A text in a blob's place is a change as well, even if its letters are the same.
        if not isinstance(body, bytes) or _chained(last, seq, body) != digest:
            return Verdict(count, last.hex(), seq, "it was changed, or what stands before it was")
        last, count = bytes(digest), seq
        seen = seen or last.hex() == expected_head.lower()
    if not seen:
        return Verdict(count, last.hex(), count + 1, "the head that you kept is not in it: rows were cut off its end")
    return Verdict(count, last.hex())


@contextmanager
def reading_plain(path: Path) -> Iterator[sqlite3.Connection]:
    """The plain log for reading. Raises StoreError when there is none."""
    if not path.exists():
        raise StoreError("There is no audit log in this profile yet: it begins with the first order.")
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
    try:
        yield connection
    except sqlite3.Error as error:
        raise _unusable(path, error) from error
    finally:
        connection.close()


def _chained(before: bytes, seq: int, body: bytes) -> bytes:
    return hashlib.sha256(before + seq.to_bytes(8, "big") + body).digest()


def _unusable(path: Path, error: Exception) -> StoreError:
    return StoreError(f"The audit log {path} cannot be used ({error}): free disk space or check the folder's rights.")


def as_connection(connection: object) -> sqlite3.Connection:
    """SQLCipher's connection under the standard library's type: one code base, the same calls."""
    return cast("sqlite3.Connection", connection)
