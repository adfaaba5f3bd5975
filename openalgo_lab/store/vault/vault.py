"""The vault of a profile: one encrypted file for every secret at rest. Start here; the other modules are its parts."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from openalgo_lab.model.errors import InputError
from openalgo_lab.model.secret import Secret, SecretBytes, SecretMasker
from openalgo_lab.model.times import Clock, SystemClock
from openalgo_lab.store.guard import process_masker
from openalgo_lab.store.vault import bundle, restoring, rotating
from openalgo_lab.store.vault.creating import create_vault
from openalgo_lab.store.vault.keychain import Keychain
from openalgo_lab.store.vault.keys import Purpose, derive
from openalgo_lab.store.vault.opened import OpenedVault, open_vault
from openalgo_lab.store.vault.people import ApiKeyStore, UserStore
from openalgo_lab.store.vault.places import VaultPlaces
from openalgo_lab.store.vault.records import CredentialStore, SettingStore, TokenStore
from openalgo_lab.store.vault.restoring import Restored
from openalgo_lab.store.vault.sealed import SealedFiles
from openalgo_lab.store.vault.unlocking import Unlocking
from openalgo_lab.store.vault.ways import UnlockWays

__all__ = ["Vault"]


class Vault:
    """An unlocked vault. Every method may take a second and is safe in any thread: keep it off event loops
    (:mod:`openalgo_lab.store.vault.awaited` has the twins).

    One process of a profile has it open for writing; others may read. A forked child must unlock for itself.
    """

    def __init__(self, opened: OpenedVault) -> None:
        self._opened = opened
        self.credentials = CredentialStore(opened)
        """What brokers need for a login."""
        self.tokens = TokenStore(opened)
        """Tokens of the day."""
        self.settings = SettingStore(opened)
        """Settings of the profile."""
        self.users = UserStore(opened)
        """Who may use the workbench."""
        self.api_keys = ApiKeyStore(opened)
        """Keys of programs."""
        self.sealed = SealedFiles(opened)
        """Databases beside the vault, under keys that it keeps."""
        self.ways = UnlockWays(opened)
        """How it is unlocked."""

    @classmethod
    def create(
        cls,
        folder: Path,
        *,
        passphrase: Secret | None = None,
        keychain: Keychain | None = None,
        recovery: bool = True,
        clock: Clock | None = None,
        masker: SecretMasker | None = None,
    ) -> tuple[Vault, Secret | None]:
        """A new vault in a profile's folder, open for writing, and its recovery key, which is never to be had again.

        Raises InputError (no way to unlock it, or an easy passphrase), VaultBusy, VaultError (there is one already).
        """
        opened, shown = create_vault(
            VaultPlaces(folder),
            passphrase=passphrase,
            keychain=keychain,
            recovery=recovery,
            clock=clock or SystemClock(),
            masker=masker or process_masker(),
        )
        return cls(opened), shown

    @classmethod
    def unlock(
        cls,
        folder: Path,
        by: Unlocking,
        *,
        write: bool = True,
        clock: Clock | None = None,
        masker: SecretMasker | None = None,
    ) -> Vault:
        """Open the vault of a profile's folder after checking every page of it.

        Raises VaultMissing, VaultRefused (wrong secret or damaged slot), VaultDelayed (too many failed tries),
        VaultDamaged (see :meth:`restore`), VaultBusy (another process writes), VaultError (rights, disk, version).
        """
        opened = open_vault(
            VaultPlaces(folder), by, write=write, clock=clock or SystemClock(), masker=masker or process_masker()
        )
        return cls(opened)

    @staticmethod
    def restore(folder: Path, by: Unlocking, *, clock: Clock | None = None) -> Restored:
        """Make the newest good copy the vault; the damaged file is kept beside it. Raises as :meth:`unlock`."""
        return restoring.restore(VaultPlaces(folder), by, clock or SystemClock())

    @classmethod
    def import_bundle(
        cls,
        folder: Path,
        source: Path,
        exported_with: Secret,
        *,
        passphrase: Secret | None = None,
        keychain: Keychain | None = None,
        replace: bool = False,
        clock: Clock | None = None,
        masker: SecretMasker | None = None,
    ) -> tuple[Vault, Secret | None]:
        """Make an export the vault of this folder, and its new recovery key; ``replace`` keeps the old one aside.

        Raises VaultRefused (wrong passphrase or damaged export), VaultDamaged (no export), VaultError, InputError.
        """
        opened, shown = bundle.import_bundle(
            VaultPlaces(folder),
            source,
            exported_with,
            passphrase=passphrase,
            keychain=keychain,
            replace=replace,
            clock=clock or SystemClock(),
            masker=masker or process_masker(),
        )
        return cls(opened), shown

    @property
    def writable(self) -> bool:
        """Whether this one may change it."""
        return self._opened.lock is not None

    @property
    def notice(self) -> str:
        """What the user must be told about opening it; "" if nothing."""
        return self._opened.notice

    def key_for(self, purpose: Purpose) -> SecretBytes:
        """A key derived for a journal, a session's signatures and so on; changes when the vault's key is rotated.

        Raises InputError for the vault's own keys.
        """
        if purpose in (Purpose.VAULT, Purpose.HEADER):
            raise InputError(f"The key for {purpose.value!r} stays inside the vault.", field="purpose")
        with self._opened.database.reading():
            return derive(self._opened.master, purpose, bytes.fromhex(self._opened.header.vault_id))

    def rotate(self, *, passphrase: Secret | None = None, keychain: Keychain | None = None) -> Secret | None:
        """Write the whole vault anew under a new key; the new recovery key where there was one.

        Give what unlocks it: its passphrase, its keychain, or both. A power cut leaves the old vault or the new one.
        Raises VaultRefused, VaultDelayed, VaultError.
        """
        return rotating.rotate(self._opened, passphrase, keychain)

    def export_bundle(self, target: Path, passphrase: Secret) -> None:
        """Write an encrypted export under a passphrase of its own. Raises InputError (it exists) or VaultError."""
        bundle.export_bundle(self._opened, target, passphrase)

    def close(self) -> None:
        """Lock it: keep a copy of what changed, close the file, wipe the key. Harmless when it is locked."""
        self._opened.close()

    def __repr__(self) -> str:
        return f"Vault({str(self._opened.places.folder)!r}, {'writing' if self.writable else 'reading'})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
