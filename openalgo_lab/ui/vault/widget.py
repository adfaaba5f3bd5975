"""The vault's dialog in a notebook or on a page: create, unlock, restore, passphrase, recovery key."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import ipywidgets
import msgspec

from openalgo_lab.model.errors import InputError, LabError, VaultDamaged
from openalgo_lab.model.secret import Secret, SecretMasker
from openalgo_lab.store.vault import (
    FromKeychain,
    Keychain,
    Passphrase,
    RecoveryKey,
    Unlocking,
    Vault,
    find_keychain,
    vault_status,
)
from openalgo_lab.ui.live import KernelLoop
from openalgo_lab.ui.vault.form import SecretForm
from openalgo_lab.ui.vault.steps import Act, Press, Shown, Step, show

__all__ = ["VaultDialog"]

_log = logging.getLogger(__name__)


class VaultDialog(ipywidgets.VBox):
    """Unlocks the vault of a profile's ``folder`` in this process; what it opened is :attr:`vault`.

    Deriving a key takes most of a second and runs in a thread of its own, so a cell or a page stays responsive.
    Passphrases come as messages, are held as :class:`Secret` and never stand in a widget's state or a notebook.
    """

    def __init__(self, folder: Path, *, keychain: Keychain | None = None, masker: SecretMasker | None = None) -> None:
        self._folder = folder
        self._keychain = keychain or find_keychain()
        self._masker = masker or SecretMasker()
        self._loop = KernelLoop()
        self._vault: Vault | None = None
        self._recovery: Secret | None = None
        self._busy = False
        self._message, self._bad = "", False
        self._callbacks: list[Callable[[Vault], None]] = []
        self._step = self._first_step()
        self._form = SecretForm(self._shown, self._pressed)
        super().__init__([self._form])
        self.add_class("oal-vault-box")

    @property
    def vault(self) -> Vault | None:
        """The open vault; None while it is locked."""
        return self._vault

    @property
    def step(self) -> Step:
        """Where the dialog stands."""
        return self._step

    @property
    def busy(self) -> bool:
        """Whether a press is being worked on; further ones are not heard."""
        return self._busy

    @property
    def message(self) -> str:
        """What was said about the last press."""
        return self._message

    def on_unlocked(self, callback: Callable[[Vault], None]) -> None:
        """Call back with the vault when it is open, on the kernel's loop."""
        self._callbacks.append(callback)

    def lock(self) -> None:
        """Close the vault and wipe its key."""
        vault, self._vault = self._vault, None
        if vault is not None:
            vault.close()
        self._go(self._first_step())

    def close(self) -> None:
        """Remove the dialog; a vault that it opened stays open."""
        self._recovery = None
        self._form.close()
        super().close()

    def _first_step(self) -> Step:
        return Step.UNLOCK if vault_status(self._folder).exists else Step.CREATE

    def _shown(self) -> Shown:
        status = vault_status(self._folder)
        shown = show(self._step, status, self._keychain.name if self._keychain else "")
        secret = self._recovery.reveal() if self._recovery is not None and self._step is Step.WRITE_DOWN else ""
        return msgspec.structs.replace(shown, message=self._message, bad=self._bad, busy=self._busy, secret=secret)

    def _go(self, step: Step, message: str = "", *, bad: bool = False) -> None:
        self._step, self._message, self._bad, self._busy = step, message, bad, False
        self._form.tell()

    def _pressed(self, press: Press) -> None:
        if self._busy:
            return
        values = {name: Secret(value) for name, value in press.values.items()}
        match press.act:
            case Act.BACK:
                self._go(Step.OPEN if self._vault is not None else self._first_step())
            case Act.TO_RECOVER:
                self._go(Step.RECOVER)
            case Act.TO_CHANGE:
                self._go(Step.CHANGE)
            case Act.WRITTEN:
                self._recovery = None
                self._go(Step.OPEN, "Locking and changing the passphrase is done here as well.")
            case Act.LOCK:
                self.lock()
            case _:
                self._start(press.act, values)

    def _start(self, act: Act, values: dict[str, Secret]) -> None:
        self._busy, self._message, self._bad = True, "One moment …", False
        self._form.tell()
        threading.Thread(target=self._work, args=(act, values), name="openalgo-lab-vault", daemon=True).start()

    def _work(self, act: Act, values: dict[str, Secret]) -> None:
        try:
            done = self._do(act, values)
        except VaultDamaged as error:
            done = partial(self._go, Step.DAMAGED, str(error), bad=True)
        except LabError as error:
            done = partial(self._go, self._step, str(error), bad=True)
        except Exception as error:  # noqa: BLE001 - logged whole, and the press still gets its answer
            _log.exception("The vault's dialog failed.")
            told = f"Something broke in the workbench ({type(error).__name__}): the log has the details."
            done = partial(self._go, self._step, told, bad=True)
        self._loop.call(done)

    def _do(self, act: Act, values: dict[str, Secret]) -> Callable[[], None]:
        """The slow part, off the loop; what to do on the loop afterwards. Raises LabError."""
        match act:
            case Act.CREATE | Act.CREATE_IN_KEYCHAIN:
                return self._create(act, values)
            case Act.RESTORE | Act.RESTORE_BY_KEYCHAIN:
                by = self._by(act, values)
                restored = Vault.restore(self._folder, by)
                kept = f" The damaged file is kept as {restored.kept.name}." if restored.kept else ""
                return partial(self._opened, self._unlock(by), f"The copy was restored.{kept}")
            case Act.CHANGE:
                return self._change(values)
            case Act.NEW_RECOVERY:
                return partial(self._write_down, self._open_vault().ways.new_recovery_key())
            case _:
                return partial(self._opened, self._unlock(self._by(act, values)), "")

    def _create(self, act: Act, values: dict[str, Secret]) -> Callable[[], None]:
        if act is Act.CREATE:
            vault, recovery = Vault.create(self._folder, passphrase=_agreed(values), masker=self._masker)
        else:
            vault, recovery = Vault.create(self._folder, keychain=self._keychain, masker=self._masker)

        def done() -> None:
            self._opened(vault, "")
            if recovery is not None:
                self._write_down(recovery)

        return done

    def _change(self, values: dict[str, Secret]) -> Callable[[], None]:
        vault, new = self._open_vault(), _agreed(values)
        if vault.ways.has_passphrase:
            vault.ways.check(Passphrase(_given(values, "passphrase")))
        vault.ways.set_passphrase(new)
        return partial(self._go, Step.OPEN, "The new passphrase unlocks the vault.")

    def _by(self, act: Act, values: dict[str, Secret]) -> Unlocking:
        match act:
            case Act.UNLOCK_BY_KEYCHAIN | Act.RESTORE_BY_KEYCHAIN if self._keychain is not None:
                return FromKeychain(self._keychain)
            case Act.UNLOCK_BY_RECOVERY:
                return RecoveryKey(_given(values, "recovery"))
            case _:
                return Passphrase(_given(values, "passphrase"))

    def _unlock(self, by: Unlocking) -> Vault:
        return Vault.unlock(self._folder, by, masker=self._masker)

    def _open_vault(self) -> Vault:
        if self._vault is None:
            raise InputError("The vault is locked: unlock it first.")
        return self._vault

    def _opened(self, vault: Vault, message: str) -> None:
        self._vault = vault
        self._go(Step.OPEN, " ".join(part for part in (message, vault.notice) if part))
        for callback in self._callbacks:
            callback(vault)

    def _write_down(self, recovery: Secret) -> None:
        self._recovery = recovery
        self._go(Step.WRITE_DOWN)


def _given(values: dict[str, Secret], name: str) -> Secret:
    given = values.get(name)
    if not given:
        raise InputError("The field is empty: type what unlocks the vault.", field=name)
    return given


def _agreed(values: dict[str, Secret]) -> Secret:
    new = values.get("new", Secret(""))
    if new != values.get("again", Secret("")):
        raise InputError("The two do not agree: nothing was changed. Type the new passphrase twice.", field="again")
    return new
