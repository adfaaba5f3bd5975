"""The profile's vault as the engine holds it: opened for all kernels by one of them, or by the system's keychain."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from openalgo_lab.model.errors import InputError, VaultDamaged, VaultError, VaultMissing
from openalgo_lab.model.secret import Secret, SecretMasker
from openalgo_lab.model.security_commands import VaultInfo, VaultOpened
from openalgo_lab.model.times import Clock, SystemClock
from openalgo_lab.store.guard import process_masker

if TYPE_CHECKING:
    from openalgo_lab.store.vault import Keychain, Unlocking, Vault

__all__ = ["VaultKeeper"]

log = logging.getLogger(__name__)

KEYCHAIN_S: Final = 3.0
"""How long a start waits for the keychain: one that is locked itself may ask the user, and the engine must not hang."""


class VaultKeeper:
    """Holds the open vault of a profile, for writing. Its methods are safe in any thread; the slow ones are awaited.

    ``opened`` is called with the vault whenever one was opened, in the thread that opened it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        clock: Clock | None = None,
        masker: SecretMasker | None = None,
        keychain: Callable[[], Keychain | None] | None = None,
    ) -> None:
        self.folder = folder
        self.clock = clock or SystemClock()
        self._masker = masker or process_masker()
        self._find_keychain = keychain
        self._vault: Vault | None = None
        self._lock = threading.Lock()
        self.on_opened: list[Callable[[Vault], None]] = []

    @property
    def vault(self) -> Vault | None:
        """The open vault; None while it is locked or there is none."""
        return self._vault

    @property
    def masker(self) -> SecretMasker:
        """What masks the secrets that were read from the vault."""
        return self._masker

    def require_open(self) -> Vault:
        """The open vault. Raises VaultMissing when there is none yet, VaultError while it is locked."""
        vault = self._vault
        if vault is not None:
            return vault
        if not self._exists():
            raise VaultMissing(
                "There is no vault in this profile yet, and a broker's credentials are kept nowhere else: create one "
                "with lab.vault(), or with 'openalgo-lab vault init'."
            )
        raise VaultError("The vault is locked: unlock it with lab.vault() first.")

    def info(self) -> VaultInfo:
        """How it is. Looks at files only."""
        from openalgo_lab.store.vault import vault_status

        status = vault_status(self.folder, self.clock)
        keychain = self._keychain()
        return VaultInfo(
            exists=status.exists,
            open=self._vault is not None,
            problem=status.problem,
            ways=status.ways,
            keychain=keychain.name if keychain else "",
            copies_ns=status.copies_ns,
            wait_s=status.wait_s,
        )

    def open_by_keychain(self, timeout_s: float = KEYCHAIN_S) -> bool:
        """At a start: open the vault if the keychain does it without anybody's help, within the time given."""
        if not self._exists():
            return False  # nothing of the vault's machinery is loaded for people who have none
        from openalgo_lab.store.vault import vault_status

        if "keychain" not in vault_status(self.folder, self.clock).ways:
            return False
        worker = threading.Thread(target=self._try_keychain, name="openalgo-keychain", daemon=True)
        worker.start()
        worker.join(timeout_s)
        return self._vault is not None

    async def create(self, passphrase: Secret | None, *, in_keychain: bool) -> VaultOpened:
        """A new vault, open. Raises InputError, VaultError."""
        return await asyncio.to_thread(self._create, passphrase, in_keychain)

    async def unlock(self, passphrase: Secret | None, recovery_key: Secret | None) -> VaultOpened:
        """Open it; by neither of the two: through the keychain. Harmless when it is open. Raises VaultError."""
        return await asyncio.to_thread(self._unlock, passphrase, recovery_key)

    async def restore(self, passphrase: Secret | None, recovery_key: Secret | None) -> VaultOpened:
        """The newest good copy becomes the vault, and is opened. Raises VaultError."""
        return await asyncio.to_thread(self._restore, passphrase, recovery_key)

    async def change_passphrase(self, new: Secret, old: Secret | None) -> None:
        """Set one. Raises InputError, VaultError."""
        await asyncio.to_thread(self._change_passphrase, new, old)

    async def new_recovery_key(self) -> Secret:
        """A new recovery key. Raises VaultError."""
        return await asyncio.to_thread(self.require_open().ways.new_recovery_key)

    def close(self) -> None:
        """Close it and wipe its key; harmless when it is locked. Takes a moment: a copy of what changed is kept."""
        with self._lock:
            vault, self._vault = self._vault, None
        if vault is not None:
            vault.close()

    def _exists(self) -> bool:
        return any((self.folder / place).exists() for place in ("vault.json", "vault.copies/vault.json"))

    def _keychain(self) -> Keychain | None:
        if self._find_keychain is not None:
            return self._find_keychain()
        from openalgo_lab.store.vault import find_keychain

        return find_keychain()

    def _create(self, passphrase: Secret | None, in_keychain: bool) -> VaultOpened:
        from openalgo_lab.store.vault import Vault

        with self._lock:
            if self._vault is not None:
                raise VaultError("This profile has a vault already, and it is open.")
            keychain = self._required_keychain() if in_keychain else None
            vault, recovery = Vault.create(
                self.folder, passphrase=passphrase, keychain=keychain, clock=self.clock, masker=self._masker
            )
            if recovery is not None:
                self._masker.add(recovery)
            return self.hold(vault, recovery)

    def _unlock(self, passphrase: Secret | None, recovery_key: Secret | None) -> VaultOpened:
        from openalgo_lab.store.vault import Vault

        by = self._by(passphrase, recovery_key)
        with self._lock:
            if self._vault is not None:
                self._vault.ways.check(by)
                return VaultOpened(self._vault.notice)
            return self.hold(Vault.unlock(self.folder, by, clock=self.clock, masker=self._masker))

    def _restore(self, passphrase: Secret | None, recovery_key: Secret | None) -> VaultOpened:
        from openalgo_lab.store.vault import Vault

        by = self._by(passphrase, recovery_key)
        with self._lock:
            if self._vault is not None:
                raise InputError("The vault is open and sound: there is nothing to restore.")
            restored = Vault.restore(self.folder, by, clock=self.clock)
            opened = self.hold(Vault.unlock(self.folder, by, clock=self.clock, masker=self._masker))
        kept = f" The damaged file is kept as {restored.kept.name}." if restored.kept else ""
        return VaultOpened(f"The copy was restored.{kept} {opened.notice}".rstrip())

    def _change_passphrase(self, new: Secret, old: Secret | None) -> None:
        from openalgo_lab.store.vault import Passphrase

        vault = self.require_open()
        if vault.ways.has_passphrase:
            if old is None:
                raise InputError("Give the old passphrase as well.", field="passphrase")
            vault.ways.check(Passphrase(old))
        vault.ways.set_passphrase(new)

    def hold(self, vault: Vault, recovery: Secret | None = None) -> VaultOpened:
        """Take over a vault that is open for writing."""
        self._vault = vault
        for told in self.on_opened:
            told(vault)
        return VaultOpened(vault.notice, recovery)

    def _by(self, passphrase: Secret | None, recovery_key: Secret | None) -> Unlocking:
        from openalgo_lab.store.vault import FromKeychain, Passphrase, RecoveryKey

        if recovery_key is not None:
            return RecoveryKey(recovery_key)
        if passphrase is not None:
            return Passphrase(passphrase)
        return FromKeychain(self._required_keychain())

    def _required_keychain(self) -> Keychain:
        keychain = self._keychain()
        if keychain is None:
            raise InputError("This machine has no keychain that can keep a secret: use a passphrase.")
        return keychain

    def _try_keychain(self) -> None:
        try:
            self._unlock(None, None)
        except VaultDamaged as error:
            log.error("%s", error)
        except (VaultError, InputError) as error:
            log.info("The keychain did not open the vault: %s", error)
