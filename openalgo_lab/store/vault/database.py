"""The encrypted database: opened with a raw key, checked before anything is written, one connection for all threads.

SQLCipher 4: AES-256-CBC with HMAC-SHA512 for each page, so a changed byte anywhere in the file is found.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlcipher3 import dbapi2

from openalgo_lab.model.errors import VaultBusy, VaultDamaged, VaultError
from openalgo_lab.model.secret import SecretBytes
from openalgo_lab.store.vault.files import PART, logs_of, make_private, move, remove_database, sync_file
from openalgo_lab.store.vault.schema import MIGRATIONS

if TYPE_CHECKING:
    from sqlcipher3.dbapi2 import Connection

__all__ = ["VaultDatabase", "build_database"]

_DAMAGE: Final = (11, 26)  # SQLITE_CORRUPT, SQLITE_NOTADB
_BUSY: Final = (5, 6)  # SQLITE_BUSY, SQLITE_LOCKED
_WAIT_S = 5.0


class VaultDatabase:
    """An open vault file. Safe to use from any thread of the process that opened it; each call holds a lock."""

    def __init__(self, path: Path, connection: Connection) -> None:
        self._path = path
        self._connection: Connection | None = connection
        self._lock = threading.RLock()
        self._pid = os.getpid()

    @classmethod
    def open(cls, path: Path, key: SecretBytes, *, write: bool) -> VaultDatabase:
        """Check every page, then open; a file that fails the check is closed untouched.

        Raises VaultDamaged, VaultBusy or VaultError (rights, disk).
        """
        if not path.exists():
            raise VaultDamaged(f"The vault's database {path.name} is gone: 'openalgo-lab vault restore' takes a copy.")
        with translated(path):
            reader = connect(path, key, "ro")
            try:
                _check(path, reader)
            except BaseException:
                reader.close()
                raise
            if not write:
                reader.execute("PRAGMA query_only = ON")
                return cls(path, reader)
            reader.close()
            writer = connect(path, key, "rw")
            try:
                for pragma in _WRITER:
                    writer.execute(f"PRAGMA {pragma}")
            except BaseException:
                writer.close()
                raise
            return cls(path, writer)

    @property
    def version(self) -> int:
        """Version of the tables."""
        with self.reading() as connection:
            return int(connection.execute("PRAGMA user_version").fetchone()[0])

    @property
    def revision(self) -> int:
        """Grows with every change of the content."""
        with self.reading() as connection:
            return int(connection.execute("SELECT value FROM meta WHERE name = 'revision'").fetchone()[0])

    def raise_revision(self, above: int) -> None:
        """Let the next revision be greater than ``above``: a restored file must not count as one that was damaged."""
        with self.writing() as connection:
            query = "UPDATE meta SET value = max(value, ?) WHERE name = 'revision'"
            connection.execute(query, (above,))

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """The connection, for reads. Raises VaultError when the vault is locked or the file cannot be read."""
        with self._lock, translated(self._path):
            yield self._usable()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction: all of it is on the disk when the block ends, or nothing. Raises VaultError."""
        with self._lock, translated(self._path):
            connection = self._usable()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("UPDATE meta SET value = value + 1 WHERE name = 'revision'")
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def migrate(self) -> None:
        """Bring the tables forward, all or nothing."""
        with self._lock, translated(self._path):
            migrate(self._usable(), MIGRATIONS)

    def copy_to(self, target: Path, key: SecretBytes, *, to_use: bool) -> None:
        """A checked, durable copy under ``key``, made while the vault stays in use; ``target`` appears whole.

        ``to_use``: it will be a vault's database itself; else it is a file to keep, read without log files beside it.
        """
        with self.reading() as connection:
            build_database(target, key, copy_of=connection, to_use=to_use)

    def close(self) -> None:
        """Close the file; the log is folded into it. Harmless when it is closed."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None and os.getpid() == self._pid:
                connection.close()

    def _usable(self) -> Connection:
        if self._connection is None:
            raise VaultError("The vault is locked: unlock it first.")
        if os.getpid() != self._pid:
            raise VaultError("The vault was unlocked in another process: unlock it in this one, or ask the engine.")
        return self._connection


_WRITER = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "fullfsync = ON",  # macOS: fsync alone leaves the data in the drive's own memory
    "checkpoint_fullfsync = ON",
    "wal_autocheckpoint = 1",  # each change is folded into the file, whose pages carry their own HMAC
    "secure_delete = ON",
    "foreign_keys = ON",
    "trusted_schema = OFF",
)


def build_database(target: Path, key: SecretBytes, *, copy_of: Connection | None = None, to_use: bool = True) -> None:
    """Make a new file aside, check it, and move it into place. Raises VaultError; then ``target`` is as it was."""
    part = target.with_name(target.name + PART)
    with translated(target):
        try:
            remove_database(part)
            make_private(part)
            _fill(part, key, copy_of, "WAL" if to_use else "DELETE")
            checked = connect(part, key, "ro")
            try:
                _check(part, checked)
            finally:
                checked.close()
            for log in logs_of(part):
                log.unlink(missing_ok=True)  # a reader leaves them empty
            sync_file(part)
            move(part, target)
        except BaseException:
            remove_database(part)
            raise


def _fill(part: Path, key: SecretBytes, copy_of: Connection | None, journal_mode: str) -> None:
    # A database that is used is in WAL mode from its first moment: changing the mode later could be cut in two, and
    # leave what only a writer can mend.
    connection = connect(part, key, "rw")
    try:
        if copy_of is None:
            migrate(connection, MIGRATIONS)
        else:
            copy_of.backup(connection)
        connection.execute(f"PRAGMA journal_mode = {journal_mode}")
    finally:
        connection.close()


def migrate(connection: Connection, migrations: Sequence[str]) -> None:
    """Run what is missing in one transaction."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version >= len(migrations):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in _statements(migrations[version:]):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _statements(scripts: Sequence[str]) -> Iterator[str]:
    """Single statements: executescript would commit in between."""
    for script in scripts:
        gathered = ""
        for line in script.splitlines(keepends=True):
            gathered += line
            if dbapi2.complete_statement(gathered):
                yield gathered
                gathered = ""


def connect(path: Path, key: SecretBytes, mode: str) -> Any:
    """A connection that was told its key; whether it fits shows at the first read."""
    connection = dbapi2.connect(
        f"{path.resolve().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=_WAIT_S,
    )
    try:
        connection.execute("PRAGMA cipher_log_level = NONE")
        connection.execute("PRAGMA cipher_memory_security = ON")
        connection.execute(f"PRAGMA key = \"x'{key.reveal().hex()}'\"")
    except BaseException:
        connection.close()
        raise
    return connection


def _check(path: Path, connection: Connection) -> None:
    """Every page decrypts and belongs to its place, and the tables hold together; else VaultDamaged."""
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise _damaged(path)
    # While a log waits to be folded in, pages of the file itself may be half written (quick_check reads through the
    # log); so what is found counts only if no writer came in between.
    if not _has_log(path) and connection.execute("PRAGMA cipher_integrity_check").fetchall() and not _has_log(path):
        raise _damaged(path)
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version == 0:
        raise _damaged(path)  # an empty file passes every check of SQLite
    if version > len(MIGRATIONS):
        raise VaultError("This vault was written by a newer version of the workbench: update this one first.")


def _has_log(path: Path) -> bool:
    log = path.with_name(path.name + "-wal")
    return log.exists() and log.stat().st_size > 0


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Errors of SQLCipher and of the system as sentences."""
    try:
        yield
    except dbapi2.Error as error:
        code = getattr(error, "sqlite_errorcode", 1) & 0xFF
        if code in _DAMAGE:
            raise _damaged(path) from error
        if code in _BUSY:
            raise VaultBusy("The vault is being written by another process: try again in a moment.") from error
        raise _unusable(path, str(error)) from error
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error


def _damaged(path: Path) -> VaultDamaged:
    return VaultDamaged(
        f"The vault's database {path.name} is damaged and was left as it is: 'openalgo-lab vault restore' takes the "
        "newest good copy."
    )


def _unusable(path: Path, why: str) -> VaultError:
    return VaultError(
        f"The vault's file {path.name} cannot be used ({why}): free disk space and check the rights of {path.parent}."
    )
