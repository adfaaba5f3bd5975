"""The vault dialog's steps as the page paints them: titles, fields and buttons."""

from __future__ import annotations

import enum

from openalgo_lab.model.security_commands import VaultInfo
from openalgo_lab.model.times import format_ist
from openalgo_lab.ui.vault.parts import Button, Field, Shown

__all__ = ["Act", "Step", "show"]


class Step(enum.StrEnum):
    """Where the dialog stands."""

    CREATE = "create"
    UNLOCK = "unlock"
    RECOVER = "recover"
    DAMAGED = "damaged"
    OPEN = "open"
    CHANGE = "change"
    WRITE_DOWN = "write_down"


class Act(enum.StrEnum):
    """What a button asks for."""

    CREATE = "create"
    CREATE_IN_KEYCHAIN = "create_in_keychain"
    UNLOCK = "unlock"
    UNLOCK_BY_KEYCHAIN = "unlock_by_keychain"
    UNLOCK_BY_RECOVERY = "unlock_by_recovery"
    RESTORE = "restore"
    RESTORE_BY_KEYCHAIN = "restore_by_keychain"
    CHANGE = "change"
    NEW_RECOVERY = "new_recovery"
    LOCK = "lock"
    WRITTEN = "written"
    TO_RECOVER = "to_recover"
    TO_CHANGE = "to_change"
    BACK = "back"


_PASSPHRASE = Field("passphrase", "Passphrase")
_NEW = (Field("new", "New passphrase", "new-password"), Field("again", "The same again", "new-password"))
_BACK = Button(Act.BACK, "Back")


def show(step: Step, status: VaultInfo) -> Shown:
    """The dialog at ``step``."""
    usable = status.keychain if "keychain" in status.ways else ""
    match step:
        case Step.CREATE:
            shown = _create(status.keychain)
        case Step.UNLOCK:
            shown = _unlock(status, usable)
        case Step.RECOVER:
            shown = _RECOVER
        case Step.DAMAGED:
            shown = _damaged(status, usable)
        case Step.OPEN:
            shown = _open("passphrase" in status.ways)
        case Step.CHANGE:
            shown = _change("passphrase" in status.ways)
        case Step.WRITE_DOWN:
            shown = _WRITE_DOWN
    return shown


_RECOVER = Shown(
    "Unlock with the recovery key",
    "Eight groups of six characters.",
    (Field("recovery", "Recovery key", "off"),),
    (Button(Act.UNLOCK_BY_RECOVERY, "Unlock"), _BACK),
)
_WRITE_DOWN = Shown(
    "Write down the recovery key",
    "Shown this once: it opens the vault when the passphrase is lost. Keep it away from this computer.",
    (),
    (Button(Act.WRITTEN, "I have written it down"),),
)


def _change(has_passphrase: bool) -> Shown:
    fields = (_PASSPHRASE, *_NEW) if has_passphrase else _NEW
    return Shown("Passphrase", "Four or more words.", fields, (Button(Act.CHANGE, "Set passphrase"), _BACK))


def _create(keychain: str) -> Shown:
    note = (
        "Broker credentials and tokens are kept in one encrypted file. Choose a passphrase of at least twelve "
        "characters, best four or more words that do not belong together."
    )
    buttons = [Button(Act.CREATE, "Create vault")]
    if keychain:
        buttons.append(Button(Act.CREATE_IN_KEYCHAIN, f"Use the {keychain} keychain instead"))
    return Shown("Create the vault", note, _NEW, tuple(buttons))


def _unlock(status: VaultInfo, keychain: str) -> Shown:
    typed = "passphrase" in status.ways
    buttons = [Button(Act.UNLOCK, "Unlock")] if typed else []
    if keychain:
        buttons.append(Button(Act.UNLOCK_BY_KEYCHAIN, f"Unlock with the {keychain} keychain"))
    if "recovery" in status.ways:
        buttons.append(Button(Act.TO_RECOVER, "Use the recovery key"))
    note = "" if typed or keychain else "The keychain that unlocks this vault is not on this machine."
    return Shown("Unlock the vault", note, (_PASSPHRASE,) if typed else (), tuple(buttons))


def _damaged(status: VaultInfo, keychain: str) -> Shown:
    if not status.copies_ns:
        note = "There is no good copy. Nothing was changed: keep the folder, or import an export of the vault."
        return Shown("The vault is damaged", note, (), (_BACK,))
    note = (
        f"There is a good copy of {format_ist(status.copies_ns[0])} IST. The damaged file is kept beside it; what "
        "was changed since then is not in the copy."
    )
    typed = "passphrase" in status.ways
    buttons = [Button(Act.RESTORE, "Restore the copy")] if typed else []
    if keychain:
        buttons.append(Button(Act.RESTORE_BY_KEYCHAIN, f"Restore the copy with the {keychain} keychain"))
    return Shown("The vault is damaged", note, (_PASSPHRASE,) if typed else (), (*buttons, _BACK))


def _open(has_passphrase: bool) -> Shown:
    change = "Change passphrase" if has_passphrase else "Set a passphrase"
    buttons = (
        Button(Act.LOCK, "Lock"),
        Button(Act.TO_CHANGE, change),
        Button(Act.NEW_RECOVERY, "New recovery key"),
    )
    return Shown("The vault is open", "", (), buttons)
