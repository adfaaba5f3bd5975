"""A damaged vault's way back: the newest good copy takes its place, and the damaged file is kept beside it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import msgspec

from openalgo_lab.model.errors import VaultDamaged, VaultError
from openalgo_lab.model.secret import SecretBytes
from openalgo_lab.model.times import Clock
from openalgo_lab.store.vault.copies import GoodCopy, list_copies
from openalgo_lab.store.vault.database import VaultDatabase, translated
from openalgo_lab.store.vault.files import copy_whole, parts_of, remove_database
from openalgo_lab.store.vault.header import read_header, write_header
from openalgo_lab.store.vault.lock import WriterLock
from openalgo_lab.store.vault.opened import aside, next_generation, vault_key
from openalgo_lab.store.vault.places import VaultPlaces
from openalgo_lab.store.vault.tries import FailedTries
from openalgo_lab.store.vault.unlocking import Unlocking, master_key

__all__ = ["Restored", "restore"]


class Restored(msgspec.Struct, frozen=True):
    """Which copy is the vault now, and where the file before it lies (None: it was gone)."""

    copy: GoodCopy
    kept: Path | None


def restore(places: VaultPlaces, by: Unlocking, clock: Clock) -> Restored:
    """Make the newest copy that passes every check the vault. Raises VaultDamaged when there is none.

    The vault must not be open for writing anywhere (VaultBusy). A reader that has it open goes on with the old file.
    """
    with contextlib.ExitStack() as held:
        read_header(places)
        lock = WriterLock(places.lock)
        held.callback(lock.release)
        sealed, header, _ = read_header(places)
        master = master_key(sealed, header, by, FailedTries(places.tries), clock.now_ns())
        held.callback(master.wipe)
        copy, database = _newest_good(places, header.key_id, vault_key(master))
        held.callback(database.close)
        generation = next_generation(places, header)
        target = places.database(generation)
        damaged = places.database(header.generation)
        kept = _kept(damaged)
        database.copy_to(target, vault_key(master), to_use=True)
        with contextlib.closing(VaultDatabase.open(target, vault_key(master), write=True)) as fresh:
            fresh.raise_revision(max(one.revision for one in list_copies(places, header.key_id)))
        with translated(places.header):
            in_step = write_header(places, msgspec.structs.replace(header, generation=generation), master)
            if in_step:
                remove_database(damaged)  # its name only: the file lies under ``kept``
        return Restored(copy, kept)


def _newest_good(places: VaultPlaces, key_id: str, key: SecretBytes) -> tuple[GoodCopy, VaultDatabase]:
    copies = list_copies(places, key_id)
    for copy in copies:
        with contextlib.suppress(VaultError):
            return copy, VaultDatabase.open(copy.path, key, write=False)
    count = f"none of the {len(copies)} copies is" if copies else "there is no copy that is"
    raise VaultDamaged(
        f"The vault cannot be restored: {count} good. Import an export of it, or keep the folder for an expert."
    )


def _kept(damaged: Path) -> Path | None:
    """A second name (or, where the disk knows none, a copy) for the file and its logs before they are replaced."""
    with translated(damaged):
        found = [part for part in parts_of(damaged) if part.exists()]
        if not found:
            return None
        free = aside(damaged, "damaged")
        for part in found:
            target = free.with_name(part.name.replace(damaged.name, free.name, 1))
            try:
                os.link(part, target)
            except OSError:
                copy_whole(part, target)
        return free
