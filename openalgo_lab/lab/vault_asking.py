"""Before a broker is connected: the first one asks to create the vault, a locked one asks for what unlocks it.

At a terminal, line by line: a passphrase is typed without echo and lives as a :class:`Secret` for one command, the
recovery key is shown once and taken off the screen again. On a page by the form of :mod:`openalgo_lab.ui.login`, whose
secrets travel as messages and never stand in a widget's state or a notebook's output.
"""

from __future__ import annotations

import getpass
import sys
from importlib import import_module
from typing import Final, NoReturn, Protocol, TypeVar

from openalgo_lab.model.broker_commands import ConnectBroker
from openalgo_lab.model.command_base import Command
from openalgo_lab.model.errors import InputError, VaultDamaged, VaultError, VaultMissing, VaultRefused
from openalgo_lab.model.secret import Secret
from openalgo_lab.model.security_commands import CreateVault, UnlockVault, VaultInfo

__all__ = ["Screen", "Terminal", "ask_for_vault", "show_login"]

R = TypeVar("R")

UNLOCK_S: Final = 60.0
"""Deriving a key may take seconds on a slow machine, and a keychain may ask its user."""
TRIES: Final = 3

_WHY: Final = (
    "A broker's keys and the session of the day are kept in the vault of your profile, one encrypted file.\n"
    "There is none yet. It opens by a passphrase of at least twelve characters, best four or more words."
)
_WITHOUT: Final = (
    "There is no vault in this profile yet, and a broker's credentials are kept nowhere else: create one with "
    "lab.vault(), or with 'openalgo-lab vault init'."
)


class Caller(Protocol):
    """Gives a command and waits for its answer."""

    def call(self, command: Command[R], timeout_s: float = ..., /) -> R: ...


class Screen(Protocol):
    """What somebody at a terminal sees and types."""

    def say(self, text: str) -> None:
        """Lines that stay."""

    def secret(self, label: str) -> Secret:
        """Something typed without echo; empty when nothing was."""

    def agrees(self, question: str) -> bool:
        """Yes is what Enter says."""

    def once(self, title: str, secret: Secret) -> None:
        """Show it until Enter is pressed, then no more."""


class Terminal:
    """The process's own."""

    def say(self, text: str) -> None:
        """On standard error, as getpass's questions are."""
        _write(f"{text}\n")

    def secret(self, label: str) -> Secret:
        """By getpass; from now on it is masked in logs and reports."""
        from openalgo_lab.store.guard import process_masker

        typed = Secret(getpass.getpass(f"{label}: "))
        process_masker().add(typed)
        return typed

    def agrees(self, question: str) -> bool:
        """By a letter."""
        return input(f"{question} [Y/n] ").strip().lower() in ("", "y", "yes")

    def once(self, title: str, secret: Secret) -> None:
        """Straight to the screen, and wiped from it where it is one."""
        _write(f"{title}\n\n  {secret.reveal()}\n\n")
        input("Press Enter when you have written it down: ")
        if sys.stderr.isatty():
            lines = title.count("\n") + 5
            _write(f"\x1b[{lines}A\x1b[J(The recovery key was shown here, once.)\n")


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def ask_for_vault(lab: Caller, info: VaultInfo, screen: Screen) -> None:
    """Returns when the vault is open.

    Raises VaultMissing or VaultError when nothing was typed, VaultRefused after three wrong tries, and what else the
    engine says.
    """
    if info.problem:
        raise VaultDamaged(info.problem)
    if info.exists:
        _unlock(lab, info, screen)
    else:
        _create(lab, info, screen)


def show_login(lab: object, info: VaultInfo, wanted: ConnectBroker) -> NoReturn:
    """Show the broker's login under the cell, with the vault's dialog above it, and end the cell: one that waited
    would hold up the very loop on which the form's answers come. What ``wanted`` holds need not be typed again.

    Raises VaultMissing, or VaultError where the vault is locked; the sentence says what to do.
    """
    from IPython.display import display

    # By name: the user interface stands above this floor.
    make = import_module("openalgo_lab.ui.login").BrokerLogin
    options = {name: getattr(wanted, name) for name in ("account", "base_url", "feed_url", "keep", "data")}
    display(make(lab, wanted.broker, given=wanted.credentials, **options))  # type: ignore[no-untyped-call]
    state, act, kind = ("is locked", "unlock", VaultError) if info.exists else ("is missing", "create", VaultMissing)
    raise kind(
        f"The vault {state}, and a broker's credentials are kept nowhere else: {act} it in the form above, and the "
        "login goes on there. ('openalgo-lab vault' does the same on the command line; then run this cell again.)"
    )


def _create(lab: Caller, info: VaultInfo, screen: Screen) -> None:
    screen.say(_WHY)
    if info.keychain and screen.agrees(f"Let the {info.keychain} keychain open it, instead of a passphrase?"):
        made = lab.call(CreateVault(in_keychain=True), UNLOCK_S)
    else:
        made = lab.call(CreateVault(_agreed(screen)), UNLOCK_S)
    if made.recovery is not None:
        title = "Recovery key, shown this once: it opens the vault when the rest is lost. Keep it on paper."
        screen.once(title, made.recovery)
    screen.say("The vault is made and open.")


def _agreed(screen: Screen) -> Secret:
    """A passphrase that was typed twice and is not too easy. Raises VaultMissing when there was none in the end."""
    from openalgo_lab.store.vault.keys import check_passphrase

    for _ in range(TRIES):
        typed = screen.secret("New passphrase (empty: no vault)")
        if not typed:
            break
        try:
            check_passphrase(typed)
        except InputError as error:
            screen.say(str(error))
            continue
        if screen.secret("The same again") == typed:
            return typed
        screen.say("The two do not agree.")
    raise VaultMissing(_WITHOUT)


def _unlock(lab: Caller, info: VaultInfo, screen: Screen) -> None:
    if info.keychain and "keychain" in info.ways and _by_keychain(lab, screen):
        return
    if "passphrase" not in info.ways:
        raise VaultError("The vault is locked, and no passphrase unlocks it: use its recovery key with lab.vault().")
    for left in reversed(range(TRIES)):
        typed = screen.secret("Passphrase of the vault (empty: leave it locked)")
        if not typed:
            raise VaultError("The vault is locked: unlock it with lab.vault() first.")
        try:
            lab.call(UnlockVault(typed), UNLOCK_S)
            return
        except VaultRefused as error:
            if not left:
                raise
            screen.say(str(error))


def _by_keychain(lab: Caller, screen: Screen) -> bool:
    try:
        lab.call(UnlockVault(), UNLOCK_S)
    except VaultDamaged:
        raise
    except (VaultError, InputError) as error:
        screen.say(str(error))
        return False
    return True
