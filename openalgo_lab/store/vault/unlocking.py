"""The ways to open a vault: a passphrase, the system's keychain, the recovery key. Each wraps the same master key."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass

from openalgo_lab.model.errors import VaultError, VaultRefused
from openalgo_lab.model.secret import Secret, SecretBytes
from openalgo_lab.store.vault.header import Header, KeychainSlot, PassphraseSlot, RecoverySlot, SealedHeader
from openalgo_lab.store.vault.keychain import Keychain
from openalgo_lab.store.vault.keys import (
    KEY_BYTES,
    KdfParameters,
    calibrate,
    check_passphrase,
    derive,
    new_salt,
    stretch,
    unwrap,
    wrap,
)
from openalgo_lab.store.vault.recovery import new_recovery_key, read_recovery_key
from openalgo_lab.store.vault.tries import FailedTries

__all__ = [
    "FromKeychain",
    "Passphrase",
    "RecoveryKey",
    "Unlocking",
    "keychain_slot",
    "master_key",
    "passphrase_slot",
    "recovery_slot",
]


@dataclass(frozen=True, slots=True)
class Passphrase:
    """Unlock by what the user typed."""

    text: Secret


@dataclass(frozen=True, slots=True)
class RecoveryKey:
    """Unlock by the recovery key on paper."""

    text: Secret


@dataclass(frozen=True, slots=True)
class FromKeychain:
    """Unlock by the secret that the system's keychain keeps."""

    keychain: Keychain


Unlocking = Passphrase | RecoveryKey | FromKeychain


def master_key(sealed: SealedHeader, header: Header, by: Unlocking, tries: FailedTries, now_ns: int) -> SecretBytes:
    """The master key. A typed secret counts as a try, and waits after failures.

    Raises VaultRefused (the secret is wrong or its slot is damaged), VaultDelayed, VaultError (there is no such way),
    VaultDamaged (the header is not ours), InputError (a mistyped recovery key).
    """
    match by:
        case FromKeychain(keychain):
            found = _by_keychain(header, keychain)
        case Passphrase(text):
            found = _by_passphrase(header, text, tries, now_ns)
        case RecoveryKey(text):
            found = _by_recovery(header, text, tries, now_ns)
    if found is None:
        raise _refused()
    if not isinstance(by, FromKeychain):
        tries.succeeded()
    sealed.check_seal(found)
    return found


def _by_passphrase(header: Header, text: Secret, tries: FailedTries, now_ns: int) -> SecretBytes | None:
    slot = header.slot(PassphraseSlot)
    if not isinstance(slot, PassphraseSlot):
        raise VaultError("This vault has no passphrase: unlock it through the keychain or with the recovery key.")
    slot.cost.check()
    tries.begin(now_ns)
    key = derive(stretch(text, slot.salt, slot.cost), "slot passphrase", slot.salt)
    return unwrap(key, slot.wrapped, header.bound("passphrase", slot.salt, slot.cost))


def _by_recovery(header: Header, text: Secret, tries: FailedTries, now_ns: int) -> SecretBytes | None:
    slot = header.slot(RecoverySlot)
    if not isinstance(slot, RecoverySlot):
        raise VaultError("This vault has no recovery key: unlock it with the passphrase or through the keychain.")
    raw = read_recovery_key(text)
    tries.begin(now_ns)
    return unwrap(derive(raw, "slot recovery", slot.salt), slot.wrapped, header.bound("recovery", slot.salt))


def _by_keychain(header: Header, keychain: Keychain) -> SecretBytes | None:
    slot = header.slot(KeychainSlot)
    if not isinstance(slot, KeychainSlot):
        raise VaultError("This vault is not in the keychain: unlock it with the passphrase.")
    kept = keychain.get(slot.entry)
    if kept is None:
        raise VaultRefused(f"The {keychain.name} keychain holds no key of this vault: unlock it with the passphrase.")
    raw = SecretBytes(kept.reveal().encode())
    return unwrap(derive(raw, "slot keychain", slot.salt), slot.wrapped, header.bound("keychain", slot.salt))


def passphrase_slot(
    header: Header, master: SecretBytes, text: Secret, cost: KdfParameters | None = None
) -> PassphraseSlot:
    """A slot for ``text`` whose cost fits this machine. Raises InputError for a passphrase that is easy to guess."""
    check_passphrase(text)
    cost, salt = cost or calibrate(), new_salt()
    key = derive(stretch(text, salt, cost), "slot passphrase", salt)
    return PassphraseSlot(cost, salt, wrap(key, master, header.bound("passphrase", salt, cost)))


def keychain_slot(header: Header, master: SecretBytes, keychain: Keychain) -> KeychainSlot:
    """A slot for a fresh secret, which the keychain keeps from now on. Raises VaultError when it does not."""
    salt, kept = new_salt(), Secret(base64.b64encode(os.urandom(KEY_BYTES)).decode())
    entry = f"{header.vault_id}-{os.urandom(4).hex()}"  # never the entry of an older slot: that one stays good
    keychain.put(entry, kept)
    key = derive(SecretBytes(kept.reveal().encode()), "slot keychain", salt)
    return KeychainSlot(entry, salt, wrap(key, master, header.bound("keychain", salt)))


def recovery_slot(header: Header, master: SecretBytes) -> tuple[RecoverySlot, Secret]:
    """A slot for a fresh recovery key, and the key as people write it down."""
    salt = new_salt()
    text, raw = new_recovery_key()
    key = derive(raw, "slot recovery", salt)
    return RecoverySlot(salt, wrap(key, master, header.bound("recovery", salt))), text


def _refused() -> VaultRefused:
    return VaultRefused(
        "The vault was not unlocked: what you gave is wrong, or the part of the vault that it opens is damaged. "
        "Nothing was changed."
    )
