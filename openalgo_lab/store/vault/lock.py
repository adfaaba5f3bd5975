"""One writer of a vault at a time: an operating system lock, gone the moment its process is gone."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import msgspec

from openalgo_lab.model.errors import VaultBusy, VaultError
from openalgo_lab.model.times import format_ist
from openalgo_lab.store.os_lock import forget_in_children, lock_fd, unlock_fd

__all__ = ["VaultHolder", "WriterLock", "current_holder", "holder_of"]


class VaultHolder(msgspec.Struct, frozen=True):
    """Which process holds (or last held) a vault for writing. ``since_ns`` UTC."""

    pid: int
    since_ns: int

    def __str__(self) -> str:
        return f"process {self.pid}, since {format_ist(self.since_ns)}"


class WriterLock:
    """The writer's lock, held from construction to :meth:`release`. Raises VaultBusy or VaultError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise VaultError(
                f"The vault's folder {path.parent} cannot be written ({error.strerror}): make it writable, then try "
                "again."
            ) from error
        if not lock_fd(fd):
            os.close(fd)
            raise VaultBusy(
                f"The vault is open in {holder_of(path) or 'another process'}: do it there, or end that process first."
            )
        self._fd: int | None = fd
        forget_in_children(self)
        self._say(msgspec.json.encode(VaultHolder(os.getpid(), time.time_ns())))

    def release(self) -> None:
        """Give it up; harmless when it was."""
        if self._fd is not None:
            self._say(b"")
            unlock_fd(self._fd)
            self.forget()

    def _say(self, text: bytes) -> None:
        """Write who holds it. A full disk keeps that from people, but must not keep them from their vault."""
        if self._fd is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, 0)
                os.lseek(self._fd, 0, os.SEEK_SET)
                os.write(self._fd, text)

    def forget(self) -> None:
        """Close the file without unlocking what a parent process still holds."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def holder_of(path: Path) -> VaultHolder | None:
    """Who wrote the lock file last; None when nobody did, or it is being written right now."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=VaultHolder)
    except (OSError, msgspec.DecodeError):
        return None


def current_holder(path: Path) -> VaultHolder | None:
    """Who holds the lock now; None when it is free."""
    try:
        fd = os.open(path, os.O_RDWR)
    except OSError:
        return None
    try:
        if lock_fd(fd):
            unlock_fd(fd)
            return None
        return holder_of(path) or VaultHolder(0, 0)
    finally:
        os.close(fd)
