"""The one writer: an operating system lock on the profile's ``engine.lock``, gone the moment its process is gone.

What stands in the file is for people and for the error sentence only; the lock itself is the kernel's.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec

from openalgo_lab.model.errors import EngineBusy, StoreError
from openalgo_lab.model.times import format_ist
from openalgo_lab.store.os_lock import forget_in_children, lock_fd, unlock_fd

__all__ = ["EngineLock", "LockHolder"]


class LockHolder(msgspec.Struct, frozen=True):
    """Who holds (or last held) the lock. ``started_ns`` UTC, ``name`` for people."""

    pid: int
    started_ns: int
    name: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.name}), since {format_ist(self.started_ns)}"


class EngineLock:
    """A lock of one profile folder: that of its engine. Not for sharing between threads."""

    def __init__(self, folder: Path, file: str = "engine.lock") -> None:
        self._path = folder / file
        self._fd: int | None = None
        self._pid = 0
        forget_in_children(self)

    @property
    def held(self) -> bool:
        """Whether this object holds it."""
        return self._fd is not None

    def try_acquire(self, name: str) -> bool:
        """Take the lock if it is free. Raises StoreError when the file cannot be opened at all."""
        if self._fd is not None:
            return True
        fd = self._open()
        if not lock_fd(fd):
            os.close(fd)
            return False
        self._fd, self._pid = fd, os.getpid()
        holder = LockHolder(os.getpid(), time.time_ns(), name)
        os.ftruncate(fd, 0)
        os.pwrite(fd, msgspec.json.encode(holder), 0) if hasattr(os, "pwrite") else _write_from_start(fd, holder)
        return True

    def acquire(self, name: str) -> None:
        """Take the lock; raises EngineBusy, which says who holds it."""
        if not self.try_acquire(name):
            raise EngineBusy(
                f"The engine of this profile runs in {self.holder() or 'another process'}: use it from there, "
                "attach with Lab(), or end that process."
            )

    def release(self) -> None:
        """Give it up; harmless when it is not held."""
        if self._fd is not None:
            unlock_fd(self._fd)
            self.forget()

    def forget(self) -> None:
        """Close the file without unlocking what a parent process may still hold."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def holder(self) -> LockHolder | None:
        """Who wrote the file last; None when it cannot be read (nobody yet, or being written right now)."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=LockHolder)
        except (OSError, msgspec.DecodeError):
            return None

    def _open(self) -> int:
        try:
            return os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreError(
                f"The lock file {self._path} cannot be opened ({error.strerror}): make the profile folder writable."
            ) from error


def _write_from_start(fd: int, holder: LockHolder) -> None:
    os.lseek(fd, 0, os.SEEK_SET)
    os.write(fd, msgspec.json.encode(holder))
