"""What an export carries besides the vault's own database: order journals (with what each account held) and audit log.

In the export each file stands as rows of a table of the vault's copy, so the export's one key and one seal cover it.
A sealed file is carried as it is, under its own key, which is in the vault as well. How an import takes effect is in
:mod:`openalgo_lab.store.vault.settling`.
"""

from __future__ import annotations

import contextlib
import fnmatch
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from openalgo_lab.model.errors import VaultDamaged
from openalgo_lab.model.secret import SecretBytes
from openalgo_lab.store.vault.database import connect, translated
from openalgo_lab.store.vault.files import remove_database, sync_file, write_whole
from openalgo_lab.store.vault.header import Header
from openalgo_lab.store.vault.opened import OpenedVault
from openalgo_lab.store.vault.places import VaultPlaces
from openalgo_lab.store.vault.sealed import SealedFiles
from openalgo_lab.store.vault.settling import NAMES, PLAIN, SEALED, files, waiting_room

if TYPE_CHECKING:
    from sqlcipher3.dbapi2 import Connection

__all__ = ["pack", "unpack"]

_PIECE: Final = 4 << 20
_TABLE: Final = "CREATE TABLE carried(name TEXT, piece INTEGER, data BLOB NOT NULL, PRIMARY KEY(name, piece))"


def pack(opened: OpenedVault, content: Path, key: SecretBytes) -> None:
    """Put the files into the vault's copy at ``content``, each as it stood at one moment, also while it is written to.

    Raises VaultDamaged for one that cannot be read: an export that leaves something out in silence is none.
    """
    sealed = SealedFiles(opened)
    names = [name for name in sealed.names() if (opened.places.folder / name).exists()]
    with translated(content), contextlib.closing(connect(content, key, "rw")) as target:
        # What is cut in two here is deleted and made anew, so it needs no log of its own.
        target.execute("PRAGMA journal_mode = OFF")
        target.execute("BEGIN")
        target.execute(_TABLE)
        for name in names:
            _insert(target, name, _sealed_copy(sealed, opened.places.folder / name, content))
            target.execute(
                "UPDATE file_keys SET key = ?, next = NULL WHERE name = ?", (sealed.key(name).reveal(), name)
            )
        marks = ", ".join("?" * len(names))
        target.execute(f"DELETE FROM file_keys WHERE name NOT IN ({marks})", names)  # noqa: S608 - question marks
        for path in files(opened.places, PLAIN):
            _insert(target, path.name, _plain_copy(path))
        target.execute("COMMIT")
    sync_file(content)


def unpack(places: VaultPlaces, header: Header, content: Path, key: SecretBytes) -> Callable[[], None]:
    """Take the files out of an export's database into a folder where they wait for the new vault's header.

    Returns what removes that folder again. Raises VaultDamaged for an export whose files have strange names.
    """
    waiting = waiting_room(places, header)

    def forget() -> None:
        shutil.rmtree(waiting, ignore_errors=True)

    with translated(content), contextlib.closing(connect(content, key, "rw")) as source, contextlib.ExitStack() as undo:
        source.execute("PRAGMA journal_mode = OFF")
        if not source.execute("SELECT count(*) FROM sqlite_master WHERE name = 'carried'").fetchone()[0]:
            return forget  # made before exports carried files
        names = [str(row[0]) for row in source.execute("SELECT DISTINCT name FROM carried ORDER BY name")]
        if not all(_ours(name) for name in names):
            raise VaultDamaged("The export holds files that are none of a vault's: nothing was changed.")
        if names:
            undo.callback(forget)
            waiting.mkdir(mode=0o700)
            for name in names:
                _write(waiting / name, source, name)
            write_whole(waiting / NAMES, msgspec.json.encode(names))
        source.execute("DROP TABLE carried")
        source.execute("VACUUM")
        undo.pop_all()
    return forget


def _ours(name: str) -> bool:
    return name == Path(name).name and any(fnmatch.fnmatchcase(name, one) for one in (SEALED, *PLAIN))


def _sealed_copy(sealed: SealedFiles, path: Path, content: Path) -> bytes:
    copy = content.with_name(f"{content.name}.file")
    try:
        sealed.copy(path, copy)
        return copy.read_bytes()
    finally:
        remove_database(copy)


def _plain_copy(path: Path) -> bytes:
    """A database without a key, as it stands, log included."""
    with (
        contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as source,
        contextlib.closing(sqlite3.connect(":memory:")) as copy,
    ):
        try:
            source.backup(copy)
        except sqlite3.DatabaseError as error:
            raise VaultDamaged(f"{path.name} cannot be read ({error}): move it away, then export again.") from error
        return bytes(copy.serialize())


def _insert(target: Connection, name: str, data: bytes) -> None:
    pieces = range(0, max(len(data), 1), _PIECE)
    rows = ((name, number, data[at : at + _PIECE]) for number, at in enumerate(pieces))
    target.executemany("INSERT INTO carried VALUES(?, ?, ?)", rows)


def _write(path: Path, source: Connection, name: str) -> None:
    pieces = source.execute("SELECT data FROM carried WHERE name = ? ORDER BY piece", (name,))
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        for (data,) in pieces:
            file.write(data)
        file.flush()
        os.fsync(file.fileno())
