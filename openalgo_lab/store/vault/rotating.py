"""A new master key: the whole database is written anew under it, and the old key opens nothing any more."""

from __future__ import annotations

import contextlib

import msgspec

from openalgo_lab.model.errors import InputError
from openalgo_lab.model.secret import Secret
from openalgo_lab.store.vault.creating import forget_entry, fresh_header, with_slots
from openalgo_lab.store.vault.database import VaultDatabase, translated
from openalgo_lab.store.vault.files import remove_database
from openalgo_lab.store.vault.header import KeychainSlot, PassphraseSlot, RecoverySlot, read_header, write_header
from openalgo_lab.store.vault.keychain import Keychain
from openalgo_lab.store.vault.keys import new_key
from openalgo_lab.store.vault.opened import OpenedVault, next_generation, vault_key
from openalgo_lab.store.vault.tries import FailedTries
from openalgo_lab.store.vault.unlocking import Passphrase, master_key

__all__ = ["rotate"]


def rotate(opened: OpenedVault, passphrase: Secret | None, keychain: Keychain | None) -> Secret | None:
    """Go over to a new key; the new recovery key where there was one.

    Until the header is renamed, the old vault stands untouched; from then on, the new one does. Copies under the old
    key are deleted and one under the new key is made. Raises VaultRefused for a passphrase that is not the vault's.
    """
    opened.require_writer()
    old = opened.header
    _require_ways(opened, passphrase, keychain)
    master = new_key()
    bare = fresh_header(next_generation(opened.places, old), opened.clock, old.vault_id)
    bare = msgspec.structs.replace(bare, created_ns=old.created_ns, retired=old.key_id)
    wanted = old.slot(RecoverySlot) is not None
    with contextlib.ExitStack() as undo:
        undo.callback(master.wipe)
        used = keychain if old.slot(KeychainSlot) is not None else None
        header, shown = with_slots(bare, master, passphrase, used, recovery=wanted)
        undo.callback(forget_entry, header, keychain)
        path = opened.places.database(header.generation)
        undo.callback(remove_database, path)
        opened.database.copy_to(path, vault_key(master), to_use=True)
        database = VaultDatabase.open(path, vault_key(master), write=True)
        undo.callback(database.close)
        with translated(opened.places.header):
            write_header(opened.places, header, master)
        undo.pop_all()
    opened.replace(header, master, database)
    forget_entry(old, keychain)
    opened.tidy()
    opened.try_to_keep_copy()
    if shown is not None:
        opened.masker.add(shown)
    return shown


def _require_ways(opened: OpenedVault, passphrase: Secret | None, keychain: Keychain | None) -> None:
    """What unlocks the vault now must be at hand, or it would stop doing so."""
    if opened.header.slot(KeychainSlot) is not None and keychain is None:
        raise InputError("This vault is in the keychain, which is not at hand: do it where it is.", field="keychain")
    has_passphrase = opened.header.slot(PassphraseSlot) is not None
    if has_passphrase != (passphrase is not None):
        needs = "Give the vault's passphrase" if has_passphrase else "This vault has no passphrase: give none"
        raise InputError(f"{needs} to rotate its key.", field="passphrase")
    if passphrase is not None:
        sealed, header, _ = read_header(opened.places)
        tries = FailedTries(opened.places.tries)
        master_key(sealed, header, Passphrase(passphrase), tries, opened.clock.now_ns()).wipe()
