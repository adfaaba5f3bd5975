"""A new vault: the database first, then the header that makes it one."""

from __future__ import annotations

import contextlib
import os

from openalgo_lab.model.errors import InputError, VaultDamaged, VaultError, VaultMissing
from openalgo_lab.model.secret import Secret, SecretBytes, SecretMasker
from openalgo_lab.model.times import Clock
from openalgo_lab.store.vault.database import VaultDatabase, build_database, translated
from openalgo_lab.store.vault.files import move_database, remove_database
from openalgo_lab.store.vault.header import FORMAT, Header, KeychainSlot, read_header, write_header
from openalgo_lab.store.vault.keychain import Keychain
from openalgo_lab.store.vault.keys import check_passphrase, new_key
from openalgo_lab.store.vault.lock import WriterLock
from openalgo_lab.store.vault.opened import OpenedVault, aside, next_generation, vault_key
from openalgo_lab.store.vault.places import VaultPlaces
from openalgo_lab.store.vault.unlocking import keychain_slot, passphrase_slot, recovery_slot

__all__ = ["create_vault", "forget_entry", "fresh_header", "require_way", "set_orphans_aside", "with_slots"]


def create_vault(
    places: VaultPlaces,
    *,
    passphrase: Secret | None,
    keychain: Keychain | None,
    recovery: bool,
    clock: Clock,
    masker: SecretMasker,
) -> tuple[OpenedVault, Secret | None]:
    """The open vault and its recovery key. Raises InputError or VaultError; then there is no vault, as before."""
    require_way(passphrase, keychain)
    with contextlib.ExitStack() as undo:
        lock = WriterLock(places.lock)
        undo.callback(lock.release)
        _require_none(places)
        set_orphans_aside(places)
        master, bare = new_key(), fresh_header(next_generation(places), clock)
        header, shown = with_slots(bare, master, passphrase, keychain, recovery=recovery)
        undo.callback(forget_entry, header, keychain)
        path = places.database(header.generation)
        undo.callback(remove_database, path)
        build_database(path, vault_key(master))
        with translated(places.header):
            write_header(places, header, master)
        undo.pop_all()
        undo.callback(lock.release)
        database = VaultDatabase.open(path, vault_key(master), write=True)
        undo.pop_all()
    return (
        OpenedVault(places, header, master=master, database=database, lock=lock, clock=clock, masker=masker),
        shown,
    )


def require_way(passphrase: Secret | None, keychain: Keychain | None) -> None:
    """Raises InputError without a way to unlock, and for a passphrase that is easy to guess."""
    if passphrase is None and keychain is None:
        raise InputError("A vault needs a passphrase, or the system's keychain where there is one.", field="passphrase")
    if passphrase is not None:
        check_passphrase(passphrase)


def fresh_header(generation: int, clock: Clock, vault_id: str = "") -> Header:
    """A header without slots, for a new key."""
    return Header(
        format=FORMAT,
        vault_id=vault_id or os.urandom(8).hex(),
        key_id=os.urandom(4).hex(),
        generation=generation,
        created_ns=clock.now_ns(),
        slots=(),
    )


def with_slots(
    header: Header, master: SecretBytes, passphrase: Secret | None, keychain: Keychain | None, *, recovery: bool
) -> tuple[Header, Secret | None]:
    """``header`` with the ways asked for, and the recovery key to show. The keychain holds its secret afterwards."""
    shown = None
    if passphrase is not None:
        header = header.with_slot(passphrase_slot(header, master, passphrase))
    if recovery:
        slot, shown = recovery_slot(header, master)
        header = header.with_slot(slot)
    if keychain is not None:
        header = header.with_slot(keychain_slot(header, master, keychain))
    return header, shown


def forget_entry(header: Header, keychain: Keychain | None) -> None:
    """Take a header's secret out of the keychain; one that does not answer keeps a secret that opens nothing."""
    slot = header.slot(KeychainSlot)
    if keychain is not None and isinstance(slot, KeychainSlot):
        with contextlib.suppress(VaultError):
            keychain.remove(slot.entry)


def _require_none(places: VaultPlaces) -> None:
    try:
        read_header(places)
    except VaultMissing:
        return
    except VaultDamaged as error:
        raise VaultError(f"This profile has a vault, which must not be overwritten. {error}") from error
    raise VaultError("This profile has a vault already: unlock it, or import another one with --replace.")


def set_orphans_aside(places: VaultPlaces) -> None:
    """Databases without a header are no vault, but somebody may find the header again: they are kept."""
    with translated(places.folder):
        for path in places.folder.glob("vault*.db"):
            if places.generation_of(path) is not None:
                move_database(path, aside(path, "orphan"))
