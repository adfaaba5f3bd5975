"""Durable file operations: whole files written aside and renamed, folders synced, nothing ever half there."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

__all__ = [
    "PART",
    "UNFINISHED",
    "copy_whole",
    "logs_of",
    "make_private",
    "move",
    "move_database",
    "parts_of",
    "remove_database",
    "sync_file",
    "write_whole",
]

LOGS = ("-wal", "-shm", "-journal")
PART = ".part"
"""The ending of files that are not finished; whatever ends so may be deleted."""
UNFINISHED = (PART, *(PART + log for log in LOGS))


def write_whole(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data``, durably: a reader sees the old file or the new one. Raises OSError."""
    part = path.with_name(path.name + PART)
    fd = os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        move(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def copy_whole(source: Path, target: Path) -> None:
    """A durable copy under a name that must be free. Raises FileExistsError or another OSError."""
    part = target.with_name(target.name + PART)
    try:
        make_private(part)
        shutil.copyfile(source, part)
        sync_file(part)
        if target.exists():
            raise FileExistsError(f"{target} exists already")
        move(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def make_private(path: Path) -> None:
    """An empty file that only its owner may read; SQLite gives its log files the same rights."""
    os.close(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_RDWR, 0o600))


def move(source: Path, target: Path) -> None:
    """Rename within a folder, durably; replaces ``target``."""
    source.replace(target)
    _sync_folder(target.parent)


def sync_file(path: Path) -> None:
    """The file's content is on the disk when this returns."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def logs_of(database: Path) -> tuple[Path, ...]:
    """The log files that a database may have."""
    return tuple(database.with_name(database.name + ending) for ending in LOGS)


def parts_of(database: Path) -> tuple[Path, ...]:
    """A database and the log files that belong to it, log files first."""
    return (*logs_of(database), database)


def remove_database(database: Path) -> None:
    """Delete a database with its log files, as far as they exist."""
    for path in parts_of(database):
        path.unlink(missing_ok=True)


def move_database(database: Path, target: Path) -> None:
    """Rename a database together with its log files."""
    for path in parts_of(database):
        if path.exists():
            move(path, target.with_name(path.name.replace(database.name, target.name, 1)))


if sys.platform == "win32":

    def _sync_folder(folder: Path) -> None:
        """NTFS journals renames by itself; a folder cannot be opened there."""
else:

    def _sync_folder(folder: Path) -> None:
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
