"""The operating system's own lock on an open file: gone the moment its process is gone. Engine and vault use it."""

from __future__ import annotations

import os
import sys
import weakref
from typing import Protocol

__all__ = ["Forgetful", "forget_in_children", "lock_fd", "unlock_fd"]


class Forgetful(Protocol):
    """What holds a locked file."""

    def forget(self) -> None:
        """Close the file without unlocking what a parent process still holds."""


def forget_in_children(lock: Forgetful) -> None:
    """A forked child would keep the lock alive after this process's death: let it close its copy of the file."""
    if hasattr(os, "register_at_fork"):
        this = weakref.ref(lock)
        os.register_at_fork(after_in_child=lambda: _forget(this))


def _forget(lock: weakref.ref[Forgetful]) -> None:
    held = lock()
    if held is not None:
        held.forget()


if sys.platform == "win32":
    import msvcrt

    _FAR = 0x7FFF0000  # msvcrt locks bytes against reading too, so lock one that holds no text

    def lock_fd(fd: int, *, wait: bool = False) -> bool:
        """Lock an open file; False when somebody else holds it (never with ``wait``)."""
        os.lseek(fd, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def unlock_fd(fd: int) -> None:
        """Give the lock up."""
        os.lseek(fd, _FAR, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def lock_fd(fd: int, *, wait: bool = False) -> bool:
        """Lock an open file; False when somebody else holds it (never with ``wait``)."""
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True

    def unlock_fd(fd: int) -> None:
        """Give the lock up."""
        fcntl.flock(fd, fcntl.LOCK_UN)
