"""How the command line asks for secrets and says what went wrong: shared by the commands that open the vault."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import typer

from openalgo_lab.model.errors import (
    InputError,
    VaultBusy,
    VaultDamaged,
    VaultDelayed,
    VaultError,
    VaultMissing,
    VaultRefused,
)
from openalgo_lab.model.secret import Secret
from openalgo_lab.store.guard import process_masker
from openalgo_lab.store.vault import FromKeychain, Passphrase, RecoveryKey, Unlocking, find_keychain, vault_status

__all__ = ["CODES", "Asking", "at_terminal", "exit_codes", "way_into"]

CODES: Final[dict[type[VaultError], int]] = {
    VaultMissing: 3,
    VaultRefused: 4,
    VaultDelayed: 5,
    VaultDamaged: 6,
    VaultBusy: 7,
}
"""Exit statuses that scripts can tell apart."""


class Asking:
    """Asks for secrets: at the terminal without echo, or from the next line of standard input."""

    def __init__(self, *, stdin: bool) -> None:
        self._stdin = stdin

    def secret(self, label: str) -> Secret:
        """One secret, as it is."""
        if self._stdin:
            line = sys.stdin.readline()
            if not line:
                raise InputError(f"Standard input ended before this was read: {label}. Give one secret a line.")
            return _masked(line.rstrip("\r\n"))
        if not at_terminal():
            raise InputError("There is no terminal to ask at: give the secrets with --passphrase-stdin, one a line.")
        return _masked(typer.prompt(label, hide_input=True, err=True))

    def new_secret(self, label: str) -> Secret:
        """A new one; at the terminal it is typed twice."""
        first = self.secret(label)
        if not self._stdin and self.secret(f"{label}, again") != first:
            raise InputError("The two do not agree: nothing was changed. Start again.")
        return first

    def agrees(self, question: str) -> bool:
        """Whether the user at the terminal says yes; nobody at a terminal says no."""
        return not self._stdin and at_terminal() and typer.confirm(question, err=True)


def at_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty()


def _masked(text: str) -> Secret:
    """From now on it stands in no log and no report of this process."""
    secret = Secret(text)
    process_masker().add(secret)
    return secret


def way_into(folder: Path, asking: Asking, *, recovery: bool) -> Unlocking:
    """The keychain where it unlocks the vault; else what the user types."""
    found = vault_status(folder)
    if not found.exists:
        raise VaultMissing("There is no vault in this profile yet: create one with 'openalgo-lab vault init'.")
    if found.problem:
        raise VaultDamaged(found.problem)
    if recovery:
        return RecoveryKey(asking.secret("Recovery key"))
    keychain = find_keychain() if "keychain" in found.ways else None
    if keychain is not None:
        return FromKeychain(keychain)
    return Passphrase(asking.secret("Passphrase of the vault"))


@contextmanager
def exit_codes() -> Iterator[None]:
    """One sentence and a status that scripts can tell apart."""
    try:
        yield
    except VaultError as error:
        code = CODES.get(type(error))
        if code is None:
            raise
        typer.echo(f"openalgo-lab: {error}", err=True)
        raise typer.Exit(code) from error
