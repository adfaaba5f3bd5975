"""Secrets at rest: one SQLCipher file a profile. ``Vault.create`` and ``Vault.unlock`` are the way in."""

from __future__ import annotations

from openalgo_lab.store.vault.awaited import create_async, in_thread, restore_async, unlock_async
from openalgo_lab.store.vault.keychain import Keychain, SystemKeychain, find_keychain
from openalgo_lab.store.vault.keys import Purpose
from openalgo_lab.store.vault.people import ApiKey, User
from openalgo_lab.store.vault.records import Credentials, DayToken
from openalgo_lab.store.vault.restoring import Restored
from openalgo_lab.store.vault.status import VaultStatus, vault_status
from openalgo_lab.store.vault.unlocking import FromKeychain, Passphrase, RecoveryKey, Unlocking
from openalgo_lab.store.vault.vault import Vault

__all__ = [
    "ApiKey",
    "Credentials",
    "DayToken",
    "FromKeychain",
    "Keychain",
    "Passphrase",
    "Purpose",
    "RecoveryKey",
    "Restored",
    "SystemKeychain",
    "Unlocking",
    "User",
    "Vault",
    "VaultStatus",
    "create_async",
    "find_keychain",
    "in_thread",
    "restore_async",
    "unlock_async",
    "vault_status",
]
