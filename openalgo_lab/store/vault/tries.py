"""Delays after failed tries, kept on disk so that a restart does not shorten them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from openalgo_lab.model.errors import VaultDelayed, VaultError
from openalgo_lab.model.times import NS_PER_SECOND
from openalgo_lab.store.os_lock import lock_fd, unlock_fd

__all__ = ["FailedTries", "TriesRecord", "delay_s"]

LONGEST_S: Final = 300
_FREE = 2
_UNREADABLE_COUNTS_AS = 10


class TriesRecord(msgspec.Struct, frozen=True):
    """How many tries failed since the last good one, and when the last was made (UTC ns)."""

    failed: int
    last_ns: int


def delay_s(failed: int) -> int:
    """Seconds to wait after so many failures: 0, 0, 0, 1 → 2 → 4 … → 128 at the tenth, never more than 300."""
    return 0 if failed <= _FREE else min(2 ** (failed - _FREE - 1), LONGEST_S)


class FailedTries:
    """The record beside a vault. It guards the prompt; the file itself is guarded by the cost of Argon2id."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def wait_s(self, now_ns: int) -> float:
        """Seconds until the next try is heard."""
        return _wait(self.read(), now_ns)

    def read(self) -> TriesRecord:
        """What stands there; a record that cannot be read counts as ten failures just before the file was written."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return TriesRecord(0, 0)
        return self._decoded(content, self._path.stat().st_mtime_ns)

    def begin(self, now_ns: int) -> None:
        """Count a try before it is made, so that ending the process in between gains nothing.

        Raises VaultDelayed while the delay runs, VaultError when the record cannot be written.
        """
        with self._locked() as fd:
            record = self._decoded(os.read(fd, 4096), os.fstat(fd).st_mtime_ns)
            wait = _wait(record, now_ns)
            if wait > 0:
                raise VaultDelayed(
                    f"{record.failed} tries to unlock this vault have failed: try again in {wait:.0f} s.", wait
                )
            os.lseek(fd, 0, os.SEEK_SET)
            os.ftruncate(fd, 0)
            os.write(fd, msgspec.json.encode(TriesRecord(record.failed + 1, now_ns)))
            os.fsync(fd)

    def succeeded(self) -> None:
        """Forget the failures."""
        with self._locked() as fd:
            os.ftruncate(fd, 0)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise VaultError(
                f"The vault's folder {self._path.parent} cannot be written ({error.strerror}): make it writable, then "
                "try again."
            ) from error
        try:
            lock_fd(fd, wait=True)
            yield fd
            unlock_fd(fd)
        except OSError as error:
            raise VaultError(
                f"A try to unlock the vault cannot be recorded ({error.strerror}): free disk space, then try again."
            ) from error
        finally:
            os.close(fd)

    def _decoded(self, content: bytes, written_ns: int) -> TriesRecord:
        if not content:
            return TriesRecord(0, 0)
        try:
            return msgspec.json.decode(content, type=TriesRecord)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return TriesRecord(_UNREADABLE_COUNTS_AS, written_ns)


def _wait(record: TriesRecord, now_ns: int) -> float:
    delay = delay_s(record.failed)
    passed = (now_ns - record.last_ns) / NS_PER_SECOND
    return delay - min(max(passed, 0.0), float(delay))  # a clock put back makes nobody wait longer than the delay
