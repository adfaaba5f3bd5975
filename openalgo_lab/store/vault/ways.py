"""Changing how a vault is unlocked. Only the header changes: the data stays as it is, under the same master key."""

from __future__ import annotations

import contextlib

from openalgo_lab.model.errors import InputError, VaultError
from openalgo_lab.model.secret import Secret
from openalgo_lab.store.vault.creating import forget_entry
from openalgo_lab.store.vault.header import Header, KeychainSlot, PassphraseSlot, RecoverySlot, read_header
from openalgo_lab.store.vault.keychain import Keychain
from openalgo_lab.store.vault.opened import OpenedVault
from openalgo_lab.store.vault.tries import FailedTries
from openalgo_lab.store.vault.unlocking import Unlocking, keychain_slot, master_key, passphrase_slot, recovery_slot

__all__ = ["UnlockWays", "require_keychain"]


class UnlockWays:
    """The ways into one open vault. Each change is durable when its method returns, or raises and changes nothing.

    An older header together with its passphrase opens the same data: after a leak, rotate the key as well.
    """

    def __init__(self, opened: OpenedVault) -> None:
        self._opened = opened

    @property
    def has_passphrase(self) -> bool:
        """Whether a passphrase unlocks it."""
        return self._opened.header.slot(PassphraseSlot) is not None

    @property
    def has_keychain(self) -> bool:
        """Whether the system's keychain unlocks it."""
        return self._opened.header.slot(KeychainSlot) is not None

    @property
    def has_recovery(self) -> bool:
        """Whether a recovery key unlocks it."""
        return self._opened.header.slot(RecoverySlot) is not None

    def check(self, by: Unlocking) -> None:
        """Returns when ``by`` unlocks this vault; raises what unlocking would raise (a wrong one counts as a try)."""
        opened = self._opened
        sealed, header, _ = read_header(opened.places)
        master_key(sealed, header, by, FailedTries(opened.places.tries), opened.clock.now_ns()).wipe()

    def set_passphrase(self, passphrase: Secret) -> None:
        """This passphrase from now on, in place of an older one; its cost is measured anew. Raises InputError."""
        self._opened.require_writer()
        slot = passphrase_slot(self._opened.header, self._opened.master, passphrase)
        self._opened.commit(self._opened.header.with_slot(slot))

    def remove_passphrase(self) -> None:
        """Only the keychain (and the recovery key) from now on."""
        self._opened.require_writer()
        if not self.has_keychain:
            raise InputError("The passphrase is the only way into this vault: move it to the keychain first.")
        self._opened.commit(self._opened.header.without(PassphraseSlot))

    def keep_in_keychain(self, keychain: Keychain) -> None:
        """The keychain unlocks it from now on, besides what unlocked it before."""
        self._opened.require_writer()
        before = self._opened.header
        after = before.with_slot(keychain_slot(before, self._opened.master, keychain))
        self._commit_or_forget(after, keychain)
        forget_entry(before, keychain)

    def leave_keychain(self, keychain: Keychain) -> None:
        """The keychain forgets it; from now on the passphrase is needed."""
        self._opened.require_writer()
        if not self.has_passphrase:
            raise InputError("The keychain is the only way into this vault: set a passphrase first.")
        before = self._opened.header
        self._opened.commit(before.without(KeychainSlot))
        forget_entry(before, keychain)

    def new_recovery_key(self) -> Secret:
        """A recovery key to show once and never again; an older one ends."""
        self._opened.require_writer()
        slot, shown = recovery_slot(self._opened.header, self._opened.master)
        self._opened.commit(self._opened.header.with_slot(slot))
        self._opened.masker.add(shown)
        return shown

    def _commit_or_forget(self, header: Header, keychain: Keychain) -> None:
        with contextlib.ExitStack() as undo:
            undo.callback(forget_entry, header, keychain)
            self._opened.commit(header)
            undo.pop_all()


def require_keychain(keychain: Keychain | None) -> Keychain:
    """The keychain, or VaultError where this machine has none."""
    if keychain is None:
        raise VaultError("This machine has no keychain that can keep a secret: use a passphrase.")
    return keychain
