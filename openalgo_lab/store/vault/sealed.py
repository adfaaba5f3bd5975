"""Sealed files: databases beside the vault that grow too fast to lie in it (the order journal, the audit log).

Each is SQLCipher under a random key of its own, which the vault keeps. When the vault's master key has been rotated,
a sealed file is written anew under a new key the next time it is opened: old keys open nothing any more. The new key
is in the vault before the file takes its place, so a power cut at any moment leaves a file that one of the two opens.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlcipher3 import dbapi2

from openalgo_lab.model.errors import VaultDamaged, VaultError
from openalgo_lab.model.secret import SecretBytes
from openalgo_lab.store.vault.database import connect, translated
from openalgo_lab.store.vault.files import PART, make_private, move, remove_database, sync_file
from openalgo_lab.store.vault.keys import new_key
from openalgo_lab.store.vault.opened import OpenedVault

if TYPE_CHECKING:
    from sqlcipher3.dbapi2 import Connection

__all__ = ["SealedFiles"]

_DURABLE = ("journal_mode = WAL", "synchronous = FULL", "fullfsync = ON", "checkpoint_fullfsync = ON")


class SealedFiles:
    """Opens the sealed files of one vault. Any thread."""

    def __init__(self, opened: OpenedVault) -> None:
        self._opened = opened

    def open(self, path: Path) -> Connection:
        """A connection to the file at ``path``, made if there is none; WAL, a commit is durable when it returns.

        Its content was not looked at: the first read raises ``sqlcipher3.dbapi2.DatabaseError`` when it is damaged or
        was sealed by another vault. May be used in any thread, one at a time. Raises VaultError.
        """
        self._opened.require_writer()
        with translated(path):
            key = self._key(path)
            if not path.exists():
                make_private(path)
            connection = connect(path, key, "rw")
            try:
                with contextlib.suppress(dbapi2.DatabaseError):  # damage is the caller's to find, at its first read
                    for pragma in _DURABLE:
                        connection.execute(f"PRAGMA {pragma}")
            except BaseException:
                connection.close()
                raise
            return connection

    def names(self) -> list[str]:
        """Of all files that have a key here. Raises VaultError."""
        with self._opened.database.reading() as connection:
            return [str(row[0]) for row in connection.execute("SELECT name FROM file_keys ORDER BY name")]

    def key(self, name: str) -> SecretBytes:
        """The key under which the file stands now. Raises VaultError for one that is not known."""
        row, path = self._row(name), self._opened.places.folder / name
        if row is None:
            raise VaultError(f"This vault knows no file {name}.")
        return row[1] if row[1] is not None and _opens(path, row[1]) else row[0]

    def copy(self, path: Path, target: Path) -> None:
        """A copy under the same key, of one moment, while somebody else may write. Raises VaultDamaged, VaultError."""
        make_private(target)
        with _translated(path), contextlib.closing(connect(target, self.key(path.name), "rw")) as copy:
            copy.execute("PRAGMA journal_mode = OFF")
            with self.reading(path) as source:
                source.execute("SELECT count(*) FROM sqlite_master").fetchone()  # says damage by its own code
                source.backup(copy)

    @contextmanager
    def reading(self, path: Path) -> Iterator[Connection]:
        """A connection for reading only, while somebody else may write. Raises VaultError."""
        row = self._row(path.name)
        if row is None or not path.exists():
            raise VaultError(f"This vault knows no file {path.name}: it is made when its first line is written.")
        key, following, _ = row
        with _translated(path):
            connection = connect(path, following if following is not None and _opens(path, following) else key, "ro")
            try:
                connection.execute("PRAGMA query_only = ON")
                yield connection
            finally:
                connection.close()

    def _key(self, path: Path) -> SecretBytes:
        """The key that opens the file from now on."""
        row, current = self._row(path.name), self._opened.header.key_id
        if row is None:
            key = new_key()
            self._keep(path.name, key, None, current)
            return key
        key, following, key_id = row
        if following is not None:
            key = following if _opens(path, following) else key
            key_id = current if key is following else key_id
            self._keep(path.name, key, None, key_id)
        if key_id == current:
            return key
        fresh = new_key()
        if path.exists() and _opens(path, key):
            self._keep(path.name, key, fresh, key_id)
            _reseal(path, key, fresh)
        self._keep(path.name, fresh, None, current)
        return fresh

    def _row(self, name: str) -> tuple[SecretBytes, SecretBytes | None, str] | None:
        with self._opened.database.reading() as connection:
            query = "SELECT key, next, key_id FROM file_keys WHERE name = ?"
            row = connection.execute(query, (name,)).fetchone()
        if row is None:
            return None
        return SecretBytes(row[0]), None if row[1] is None else SecretBytes(row[1]), row[2]

    def _keep(self, name: str, key: SecretBytes, following: SecretBytes | None, key_id: str) -> None:
        with self._opened.database.writing() as connection:
            row = (name, key.reveal(), None if following is None else following.reveal(), key_id)
            connection.execute("INSERT OR REPLACE INTO file_keys VALUES(?, ?, ?, ?)", row)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        with translated(path):
            yield
    except VaultDamaged as error:
        raise VaultDamaged(
            f"{path.name} is damaged, or belongs to another vault; it was left as it is: keep it, and move it away to "
            "begin a new one."
        ) from error


def _opens(path: Path, key: SecretBytes) -> bool:
    """Whether ``key`` is the file's; an empty or a missing file is opened by every key."""
    if not path.exists() or path.stat().st_size == 0:
        return True
    with contextlib.closing(connect(path, key, "rw")) as connection:
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except dbapi2.DatabaseError:
            return False
    return True


def _reseal(path: Path, old: SecretBytes, new: SecretBytes) -> None:
    """The same content under a new key, whole or not at all."""
    part = path.with_name(path.name + PART)
    remove_database(part)
    make_private(part)
    with contextlib.closing(connect(path, old, "rw")) as source, contextlib.closing(connect(part, new, "rw")) as target:
        source.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        source.backup(target)
    sync_file(part)
    move(part, path)
