"""The running app of a profile: one at a time, held by an OS lock, described by a private state file."""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO

import msgspec

__all__ = ["Instance", "InstanceLock", "find_running", "read_state", "write_private"]

_STATE_FILE = "state.json"


class Instance(msgspec.Struct, frozen=True, kw_only=True):
    """A running server: how to reach it and how to be let in."""

    pid: int
    url: str
    token: str
    version: str

    def save(self, folder: Path) -> None:
        """Write the state file, readable by this user alone."""
        write_private(folder / _STATE_FILE, msgspec.json.encode(self))

    @staticmethod
    def forget(folder: Path) -> None:
        """Remove the state file."""
        (folder / _STATE_FILE).unlink(missing_ok=True)


class InstanceLock:
    """Exclusive OS lock of a profile's server; released by the kernel when the process ends."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lock"
        self._file: IO[bytes] | None = None

    def take(self) -> bool:
        """True when this process now holds the lock."""
        file = self._path.open("a+b")
        try:
            _lock(file)
        except OSError:
            file.close()
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._file is not None:
            self._file.close()
            self._file = None


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


def write_private(path: Path, data: bytes) -> None:
    """Replace `path` by `data` in one step, mode 0600 from the first byte on."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    fresh.replace(path)


def read_state(folder: Path) -> Instance | None:
    """The saved instance, or None when there is none that can be read."""
    try:
        return msgspec.json.decode((folder / _STATE_FILE).read_bytes(), type=Instance)
    except (OSError, msgspec.DecodeError):
        return None


def find_running(folder: Path) -> Instance | None:
    """The instance of the state file when it answers right now, else None."""
    instance = read_state(folder)
    return instance if instance is not None and _answers(instance) else None


def _answers(instance: Instance) -> bool:
    request = urllib.request.Request(  # noqa: S310 (our own loopback address)
        f"{instance.url}openalgo/health", headers={"Authorization": f"token {instance.token}"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=2) as reply:
            return bool(json.load(reply)["app"] == "openalgo-lab")
    except (OSError, urllib.error.URLError, ValueError, KeyError):
        return False
