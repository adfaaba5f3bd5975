"""The vault's dialog in a notebook or on a page: create, unlock, restore, passphrase, recovery key."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

import msgspec

from openalgo_lab.model.command_base import Done
from openalgo_lab.model.errors import InputError, LabError, VaultDamaged
from openalgo_lab.model.secret import Secret
from openalgo_lab.model.security_commands import (
    ChangePassphrase,
    CreateVault,
    GetVault,
    LockVault,
    NewRecoveryKey,
    RestoreVault,
    UnlockVault,
    VaultInfo,
    VaultOpened,
)
from openalgo_lab.ui.vault.dialog import Dialog, HasHandle, Values, given
from openalgo_lab.ui.vault.parts import Shown
from openalgo_lab.ui.vault.steps import Act, Step, show

__all__ = ["VaultDialog"]

_log = logging.getLogger(__name__)
_TYPE = "what unlocks the vault"


class VaultDialog(Dialog):
    """Unlocks the profile's vault in its engine, for every kernel and page of the profile."""

    def __init__(self, lab: HasHandle) -> None:
        self._info = VaultInfo(exists=False, open=False)
        self._recovery: Secret | None = None
        self._step = Step.UNLOCK
        self._callbacks: list[Callable[[], None]] = []
        self._settled: list[Callable[[], None]] = []
        super().__init__(lab)

    @property
    def step(self) -> Step:
        """Where the dialog stands."""
        return self._step

    def on_unlocked(self, callback: Callable[[], None]) -> None:
        """Call back when this dialog has opened the vault, on the kernel's loop."""
        self._callbacks.append(callback)

    def on_settled(self, callback: Callable[[], None]) -> None:
        """Call back when the vault is open and no recovery key waits to be written down, on the kernel's loop."""
        self._settled.append(callback)

    def close(self) -> None:
        """Remove the dialog; the vault stays open."""
        self._recovery = None
        super().close()

    def refresh(self) -> None:
        """How the vault is. A recovery key that is being shown stays until it was written down."""
        self.look(GetVault(), self._take)

    def shown(self) -> Shown:
        """The dialog at its present step."""
        shown = show(self._step, self._info)
        if self._recovery is not None and self._step is Step.WRITE_DOWN:
            return msgspec.structs.replace(shown, secret=self._recovery.reveal())
        return shown

    def pressed(self, act: str, values: Values) -> None:
        """One button, one command."""
        try:
            known = Act(act)
        except ValueError:
            _log.warning("A page pressed a button that cannot be read; reload the page.")
            return
        match known:
            case Act.BACK:
                self._go(self._resting())
            case Act.TO_RECOVER:
                self._go(Step.RECOVER)
            case Act.TO_CHANGE:
                self._go(Step.CHANGE)
            case Act.WRITTEN:
                self._recovery = None
                self._go(Step.OPEN, "Locking and changing the passphrase is done here as well.")
                self._tell_settled()
            case _:
                self._command(known, values)

    def failed(self, error: LabError) -> None:
        """A damaged vault has a step of its own."""
        if isinstance(error, VaultDamaged):
            self._step = Step.DAMAGED
        super().failed(error)

    def _command(self, act: Act, values: Values) -> None:
        match act:
            case Act.CREATE:
                self.ask(CreateVault(passphrase=_agreed(values)), self._opened)
            case Act.CREATE_IN_KEYCHAIN:
                self.ask(CreateVault(in_keychain=True), self._opened)
            case Act.UNLOCK:
                self.ask(UnlockVault(given(values, "passphrase", _TYPE)), self._opened)
            case Act.UNLOCK_BY_KEYCHAIN:
                self.ask(UnlockVault(), self._opened)
            case Act.UNLOCK_BY_RECOVERY:
                self.ask(UnlockVault(recovery_key=given(values, "recovery", _TYPE)), self._opened)
            case Act.RESTORE:
                self.ask(RestoreVault(given(values, "passphrase", _TYPE)), self._opened)
            case Act.RESTORE_BY_KEYCHAIN:
                self.ask(RestoreVault(), self._opened)
            case Act.CHANGE:
                old = given(values, "passphrase", _TYPE) if "passphrase" in self._info.ways else None
                self.ask(ChangePassphrase(_agreed(values), old), self._told)
            case Act.NEW_RECOVERY:
                self.ask(NewRecoveryKey(), self._opened)
            case _:
                self.ask(LockVault(), self._locked)

    def _opened(self, answer: VaultOpened) -> None:
        self._recovery = answer.recovery
        self._step = Step.WRITE_DOWN if answer.recovery is not None else Step.OPEN
        self.look(GetVault(), partial(self._take, message=answer.notice))
        for callback in self._callbacks:
            callback()

    def _told(self, answer: Done) -> None:
        self._step = Step.OPEN
        self.look(GetVault(), partial(self._take, message=answer.message))

    def _locked(self, _: Done) -> None:
        self._step = Step.UNLOCK
        self.refresh()

    def _take(self, info: VaultInfo, message: str | None = None) -> None:
        was, self._info = self._info, info
        if self._recovery is None and (info.open != was.open or self._step not in _KEPT[info.open]):
            self._step = self._resting()
        if not self._busy:
            self.say(self._message if message is None else message, bad=self._bad and message is None)
        self._tell_settled()

    def _tell_settled(self) -> None:
        if self._info.open and self._recovery is None:
            for callback in self._settled:
                callback()

    def _resting(self) -> Step:
        if self._info.open:
            return Step.OPEN
        return Step.UNLOCK if self._info.exists else Step.CREATE

    def _go(self, step: Step, message: str = "") -> None:
        self._step = step
        self.say(message)


_KEPT = {
    True: (Step.OPEN, Step.CHANGE, Step.WRITE_DOWN),
    False: (Step.RECOVER, Step.DAMAGED),
}
"""Steps that stay when the engine tells how the vault is, by whether it is open."""


def _agreed(values: Values) -> Secret:
    new = values.get("new", Secret(""))
    if new != values.get("again", Secret("")):
        raise InputError("The two do not agree: nothing was changed. Type the new passphrase twice.", field="again")
    return new
