"""Which of its two files a journal has: encrypted wherever a vault is open."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from openalgo_lab.model.errors import JournalError, VaultError
from openalgo_lab.store.cipher import sealed_path
from openalgo_lab.store.journal import SqliteJournal

if TYPE_CHECKING:
    from openalgo_lab.store.vault.sealed import SealedFiles

__all__ = ["open_journal"]


def open_journal(path: Path, sealed: SealedFiles | None, *, day: date, now_ns: Callable[[], int]) -> SqliteJournal:
    """The journal at ``path``: plain without a vault, inside SQLCipher with one.

    What a plain file holds moves into the encrypted one, and the plain one goes: its records are the same however
    often they are read, so a power cut in between costs nothing. An account with money is never given ``None``.
    Raises JournalError.
    """
    if sealed is None:
        return SqliteJournal.open(path, day, now_ns)
    from openalgo_lab.store.journal_sealed import SealedJournalFile, move_in

    target = sealed_path(path)
    try:
        move_in(path, target, sealed)
        file, notice = SealedJournalFile.open_sealed(target, day, sealed)
    except (VaultError, sqlite3.Error, OSError) as error:
        raise JournalError(
            f"The order journal {target} cannot be opened ({error}): free disk space or check the folder's rights, "
            "then start again."
        ) from error
    return SqliteJournal(file, notice, now_ns)
