"""An open vault from inside: its files, its master key and its database, and how the header that names them changes."""

from __future__ import annotations

import contextlib
import logging
import time
from pathlib import Path

from openalgo_lab.model.errors import VaultError
from openalgo_lab.model.secret import SecretBytes, SecretMasker
from openalgo_lab.model.times import Clock
from openalgo_lab.store.guard import guard_process
from openalgo_lab.store.vault.copies import drop_copies, keep_copy
from openalgo_lab.store.vault.database import VaultDatabase, translated
from openalgo_lab.store.vault.files import UNFINISHED, move, move_database, remove_database
from openalgo_lab.store.vault.header import Header, SealedHeader, read_header, sync_copy, write_header
from openalgo_lab.store.vault.keys import Purpose, derive
from openalgo_lab.store.vault.lock import WriterLock
from openalgo_lab.store.vault.places import VaultPlaces
from openalgo_lab.store.vault.schema import MIGRATIONS
from openalgo_lab.store.vault.settling import carry_out
from openalgo_lab.store.vault.tries import FailedTries
from openalgo_lab.store.vault.unlocking import Unlocking, master_key

__all__ = ["OpenedVault", "aside", "next_generation", "open_vault", "vault_key"]

log = logging.getLogger(__name__)


class OpenedVault:
    """What the parts of :class:`~openalgo_lab.store.vault.vault.Vault` share. ``lock`` is None for readers."""

    def __init__(
        self,
        places: VaultPlaces,
        header: Header,
        *,
        master: SecretBytes,
        database: VaultDatabase,
        lock: WriterLock | None,
        clock: Clock,
        masker: SecretMasker,
    ) -> None:
        guard_process()
        self.places = places
        self.header = header
        self.master = master
        self.database = database
        self.lock = lock
        self.clock = clock
        self.masker = masker
        self.notice = ""
        """What the user must be told about opening it; "" if nothing."""

    def require_writer(self) -> None:
        """Raises VaultError in a reader, and after locking."""
        if self.lock is None or not self.master:
            raise VaultError("This vault is open for reading only: change it where the engine runs.")

    def commit(self, header: Header) -> bool:
        """Make ``header`` the vault's; True when its second copy is in step. Raises VaultError: nothing changed."""
        self.require_writer()
        with translated(self.places.header):
            in_step = write_header(self.places, header, self.master)
        self.header = header
        return in_step

    def replace(self, header: Header, master: SecretBytes, database: VaultDatabase) -> None:
        """Go over to another key and database, whose header was just written; the old ones end."""
        self.database.close()
        self.master.wipe()
        self.header, self.master, self.database = header, master, database

    def keep_copy(self) -> None:
        """Keep a good copy, unless nothing changed since the last. Raises VaultError."""
        key = vault_key(self.master)
        keep_copy(self.database, self.places, self.header.key_id, key, self.clock.now_ns())

    def tidy(self, *, first: bool = True) -> None:
        """End an import that was cut in two, mend the pair of headers, then delete what no header names. ``first``: the
        main header was read."""
        with translated(self.places.header):
            carry_out(self.places, self.header)
        if not first:
            with translated(self.places.header):
                if self.places.header.exists():
                    move(self.places.header, aside(self.places.header, "damaged"))
                write_header(self.places, self.header, self.master)
        if not sync_copy(self.places):
            return
        for path in (*self.places.folder.glob("vault*"), *self.places.copies.glob("*")):
            # What cannot be deleted now (a reader holds it open on Windows) is deleted at the next chance.
            with contextlib.suppress(OSError):
                self._drop_if_unnamed(path)
        if self.header.retired:
            drop_copies(self.places, self.header.retired)

    def _drop_if_unnamed(self, path: Path) -> None:
        generation = self.places.generation_of(path) if path.parent == self.places.folder else None
        if path.name.endswith(UNFINISHED) or (generation is not None and generation < self.header.generation):
            remove_database(path)
        elif generation is not None and generation > self.header.generation:
            # Left over before it became the vault, or the header beside it is an old one: nothing to delete unseen.
            move_database(path, aside(path, "orphan"))

    def try_to_keep_copy(self) -> None:
        """The same, where a failure must not undo what was done: it is told in :attr:`notice`."""
        try:
            self.keep_copy()
        except VaultError as error:
            self.notice = f"The vault is in order, but no copy of it was kept. {error}"
            log.warning("%s", self.notice)

    def close(self) -> None:
        """Keep a copy of what changed, close, wipe the key, give up the lock. Harmless when it is closed."""
        if self.lock is not None and self.master:
            self.try_to_keep_copy()
        self.database.close()
        self.master.wipe()
        if self.lock is not None:
            self.lock.release()


def open_vault(places: VaultPlaces, by: Unlocking, *, write: bool, clock: Clock, masker: SecretMasker) -> OpenedVault:
    """Unlock, check, keep a copy, migrate. Raises what its parts raise; then nothing is held or changed."""
    read_header(places)  # a missing vault is said before anything is made
    with contextlib.ExitStack() as undo:
        lock = WriterLock(places.lock) if write else None
        if lock is not None:
            undo.callback(lock.release)
        sealed, header, first = read_header(places)
        master = _master(sealed, header, by, places, clock)
        undo.callback(master.wipe)
        database = VaultDatabase.open(places.database(header.generation), vault_key(master), write=write)
        undo.callback(database.close)
        opened = OpenedVault(places, header, master=master, database=database, lock=lock, clock=clock, masker=masker)
        if write:
            _prepare(opened, first=first)
        elif database.version < len(MIGRATIONS):
            raise VaultError("This vault is of an older form: open it once where the engine runs, then here.")
        undo.pop_all()
        return opened


def _master(sealed: SealedHeader, header: Header, by: Unlocking, places: VaultPlaces, clock: Clock) -> SecretBytes:
    return master_key(sealed, header, by, FailedTries(places.tries), clock.now_ns())


def _prepare(opened: OpenedVault, *, first: bool) -> None:
    if opened.database.version < len(MIGRATIONS):
        opened.keep_copy()  # without one, nothing is migrated
        opened.database.migrate()
    opened.try_to_keep_copy()
    opened.tidy(first=first)


def vault_key(master: SecretBytes) -> SecretBytes:
    """The raw key of the database."""
    return derive(master, Purpose.VAULT, b"")


def next_generation(places: VaultPlaces, header: Header | None = None) -> int:
    """A number that no database here has, nor the one that ``header`` names."""
    found = (places.generation_of(path) for path in places.folder.glob("vault*.db"))
    named = header.generation if header is not None else 0
    return max((named, *(one for one in found if one is not None))) + 1


def aside(path: Path, why: str) -> Path:
    """A free name beside ``path`` that says why it was moved, such as ``vault.db.damaged-20261125-093000-0``."""
    stamp, number = time.strftime("%Y%m%d-%H%M%S"), 0
    while (free := path.with_name(f"{path.name}.{why}-{stamp}-{number}")).exists():
        number += 1
    return free
