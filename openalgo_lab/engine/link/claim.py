"""Who may host next: the lock decides, and a kernel that was made for hosting goes first."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path

from openalgo_lab.engine.link.lock import EngineLock, LockHolder

__all__ = ["Claim", "Hosting"]

_HEIR = "heir.lock"

#: How long others leave the engine to the heir before they help themselves.
_PATIENCE_S = 0.3


class Hosting(StrEnum):
    """Whether this process may run the engine: if nobody does; never (it waits for a host); by preference."""

    AUTO = "auto"
    NEVER = "never"
    ALWAYS = "always"


class Claim:
    """One process's claim to the engine of a profile. Not for sharing between threads."""

    def __init__(self, folder: Path, hosting: Hosting, name: str) -> None:
        self._lock = EngineLock(folder)
        self._heir = EngineLock(folder, _HEIR)
        self._hosting = hosting
        self._name = name
        self._free_since: float | None = None

    @property
    def held(self) -> bool:
        """Whether this process has the engine."""
        return self._lock.held

    @property
    def possible(self) -> bool:
        """Whether this process may ever host."""
        return self._hosting is not Hosting.NEVER

    def take(self) -> bool:
        """Take the engine if it is free and nobody with a better claim waits for it."""
        if not self.possible or not self._lock.try_acquire(self._name):
            self._free_since = None
            return False
        if self._hosting is Hosting.AUTO and self._heir_comes():
            self._lock.release()
            return False
        self._heir.release()
        return True

    def stand_by(self) -> None:
        """Somebody else hosts: a kernel that was made for hosting stands first in the line."""
        self._free_since = None
        if self._hosting is Hosting.ALWAYS:
            self._heir.try_acquire(self._name)

    def release(self) -> None:
        """Give everything up."""
        self._lock.release()
        self._heir.release()

    def holder(self) -> LockHolder | None:
        """Who has the engine (or had it last)."""
        return self._lock.holder()

    def _heir_comes(self) -> bool:
        """Whether an heir stands by that has not had its time yet."""
        now = time.monotonic()
        if self._free_since is None:
            self._free_since = now
        if now - self._free_since > _PATIENCE_S or self._heir.try_acquire(self._name):
            self._heir.release()
            return False
        return True
