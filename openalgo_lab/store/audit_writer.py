"""Writes the audit log from a thread of its own: a command never waits for it."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from openalgo_lab.model.errors import StoreError, VaultError
from openalgo_lab.store.audit import AuditEntry, AuditFile, as_connection, audit_path
from openalgo_lab.store.cipher import as_sqlite_error, sealed_path

if TYPE_CHECKING:
    from openalgo_lab.store.vault.sealed import SealedFiles

__all__ = ["AuditWriter"]

log = logging.getLogger(__name__)

_BACKLOG: Final = 50_000
"""Lines kept while the disk refuses; beyond, older ones go, and the log says how many."""
_GROUP_S: Final = 0.05


class AuditWriter:
    """The log of one profile. Any thread.

    It starts plain, and goes over into the vault by :meth:`seal`; what cannot be written is kept and tried again with
    the next line, and :attr:`failure` says why.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: AuditFile | None = None
        self._sealed = False
        self._waiting: list[AuditEntry] = []
        self._lost = 0
        self._failure = ""
        self._wake = threading.Condition()
        self._writing = threading.Lock()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="openalgo-audit", daemon=True)
        self._thread.start()

    @property
    def failure(self) -> str:
        """Why the last write failed; "" when it did not."""
        return self._failure

    def append(self, entry: AuditEntry) -> None:
        """Write soon; never waits and never raises."""
        with self._wake:
            self._waiting.append(entry)
            if len(self._waiting) > _BACKLOG:
                del self._waiting[0]
                self._lost += 1
            if len(self._waiting) == 1:  # else the writer is up already and waits for company
                self._wake.notify()

    def seal(self, sealed: SealedFiles) -> None:
        """Go on inside the vault, with what the plain log holds moved in. Raises StoreError; then it stays plain."""
        with self._writing:
            if self._sealed:
                return
            target = sealed_path(audit_path(self._folder))
            try:
                with as_sqlite_error():
                    file = AuditFile(as_connection(sealed.open(target)))
                    self._move_in(file)
            except (sqlite3.Error, OSError, VaultError) as error:
                raise StoreError(
                    f"The audit log {target} cannot be used ({error}): move that file away to begin a new one."
                ) from error
            if self._file is not None:
                self._file.close()
            self._file, self._sealed = file, True
            self._remove_plain()

    def flush(self) -> None:
        """Write what waits, now. Any thread; for those who read the log next."""
        self._write(self._take())

    def close(self) -> None:
        """Write what waits and close the file."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join()
        with self._writing:
            if self._file is not None:
                self._file.close()
                self._file = None

    def _run(self) -> None:
        while True:
            with self._wake:
                while not (self._waiting or self._stopping):
                    self._wake.wait()
                if not self._stopping:
                    self._wake.wait_for(lambda: self._stopping, _GROUP_S)
                stopping = self._stopping
            done = self._write(self._take())
            if stopping:
                return
            if not done:
                with self._wake:
                    self._wake.wait_for(lambda: self._stopping, 1.0)

    def _take(self) -> list[AuditEntry]:
        with self._wake:
            taken, self._waiting = self._waiting, []
            return taken

    def _write(self, entries: list[AuditEntry]) -> bool:
        if not entries:
            return True
        try:
            with self._writing, as_sqlite_error() if self._sealed else contextlib.nullcontext():
                if self._file is None:
                    self._file = AuditFile.open_plain(audit_path(self._folder))
                self._file.append(self._with_lost(entries))
        except (sqlite3.Error, OSError, StoreError) as error:
            self._failure = f"The audit log cannot be written ({error}): free disk space or check the folder's rights."
            log.error("%s", self._failure)
            with self._wake:
                self._waiting = entries + self._waiting
            return False
        self._failure, self._lost = "", 0
        return True

    def _with_lost(self, entries: list[AuditEntry]) -> list[AuditEntry]:
        if not self._lost:
            return entries
        said = f"{self._lost} lines before this one could not be kept while the disk refused them."
        return [AuditEntry(entries[0].at_ns, "audit", "gap", "{}", "lost", said), *entries]

    def _move_in(self, target: AuditFile) -> None:
        """Lines of the plain log at the end of the sealed one, behind a line that names the chain they come from."""
        plain = self._file
        if plain is None:
            if not audit_path(self._folder).exists():
                return
            plain = AuditFile.open_plain(audit_path(self._folder))
        try:
            entries = [row.entry for row in plain.rows()]
            if entries:
                said = f"{len(entries)} lines follow from the log before the vault, whose head was {plain.head}."
                target.append([AuditEntry(entries[-1].at_ns, "audit", "moved", "{}", "done", said), *entries])
        finally:
            if plain is not self._file:
                plain.close()

    def _remove_plain(self) -> None:
        path = audit_path(self._folder)
        for suffix in ("-wal", "-shm", ""):
            with contextlib.suppress(OSError):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
