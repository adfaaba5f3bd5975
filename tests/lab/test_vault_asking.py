"""The first broker asks for the vault: at a terminal by lines, on a page by its dialog, in a script by a sentence."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keyring
import pytest

from openalgo_lab.engine.principal import LOCAL
from openalgo_lab.engine.security_desks import VaultDesk
from openalgo_lab.engine.table import CommandTable
from openalgo_lab.engine.vault_keeper import VaultKeeper
from openalgo_lab.lab import Lab, vault_asking
from openalgo_lab.lab.front import Front, front
from openalgo_lab.lab.vault_asking import Terminal, ask_for_vault
from openalgo_lab.model.command_base import Command
from openalgo_lab.model.errors import VaultDamaged, VaultError, VaultMissing, VaultRefused
from openalgo_lab.model.secret import Secret
from openalgo_lab.model.security_commands import CreateVault, GetVault, LockVault, UnlockVault, VaultInfo, VaultOpened
from tests.store.vault.conftest import cheapest
from tests.store.vault.parts import OTHER, WORDS, MemoryKeychain

__all__ = ["cheapest"]

GOOD, WRONG = WORDS.reveal(), OTHER.reveal()


class Typing:
    """Somebody at a terminal who types what the test says."""

    def __init__(self, *typed: str, yes: bool = False) -> None:
        self.typed, self.yes = list(typed), yes
        self.said: list[str] = []
        self.shown: list[Secret] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def secret(self, label: str) -> Secret:
        return Secret(self.typed.pop(0))

    def agrees(self, question: str) -> bool:
        self.said.append(question)
        return self.yes

    def once(self, title: str, secret: Secret) -> None:
        self.shown.append(secret)


class Desk:
    """A vault behind the engine's own commands, without an engine."""

    def __init__(self, folder: Path, keychain: MemoryKeychain | None = None) -> None:
        self.keeper = VaultKeeper(folder, keychain=lambda: keychain)
        self._table = CommandTable((VaultDesk(self.keeper, self._lock),), ())

    def call(self, command: Command[Any], timeout_s: float = 0.0) -> Any:
        return asyncio.run(self._table.call(command, LOCAL))

    async def _lock(self, why: str) -> None:
        self.keeper.close()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.keeper.close()


@pytest.fixture
def keychain() -> MemoryKeychain:
    return MemoryKeychain()


@pytest.fixture
def with_keychain(tmp_path: Path, keychain: MemoryKeychain) -> Iterator[Desk]:
    desk = Desk(tmp_path, keychain)
    yield desk
    desk.keeper.close()


def asked(lab: Desk, somebody: Typing) -> bool:
    ask_for_vault(lab, lab.call(GetVault()), somebody)
    return lab.keeper.vault is not None


def test_the_first_broker_makes_the_vault_and_shows_the_recovery_key_once(lab: Desk) -> None:
    somebody = Typing("short", GOOD, "another", GOOD, GOOD)
    assert asked(lab, somebody)
    assert somebody.typed == []
    assert any("too easy" in line for line in somebody.said) and "The two do not agree." in somebody.said
    (recovery,) = somebody.shown
    said = "\n".join(somebody.said)
    assert recovery.reveal() not in said and GOOD not in said
    lab.call(LockVault())
    lab.call(UnlockVault(recovery_key=recovery))


def test_nothing_typed_makes_nothing(lab: Desk) -> None:
    with pytest.raises(VaultMissing, match="vault init"):
        asked(lab, Typing(""))
    assert not lab.call(GetVault()).exists


def test_a_keychain_is_offered_first(with_keychain: Desk, keychain: MemoryKeychain) -> None:
    somebody = Typing(yes=True)
    assert asked(with_keychain, somebody)
    assert len(keychain.kept) == 1 and len(somebody.shown) == 1
    with_keychain.call(LockVault())
    assert asked(with_keychain, Typing()), "and opens it again without a question"


class Heard:
    """An engine that refuses every passphrase, and remembers what was asked."""

    def __init__(self) -> None:
        self.commands: list[Command[Any]] = []

    def call(self, command: Command[Any], timeout_s: float = 0.0) -> Any:
        self.commands.append(command)
        if isinstance(command, UnlockVault):
            raise VaultRefused("That does not unlock it.")
        return VaultOpened()


def test_who_says_no_to_the_keychain_types() -> None:
    engine = Heard()
    ask_for_vault(engine, VaultInfo(exists=False, open=False, keychain="memory"), Typing(GOOD, GOOD))
    assert engine.commands == [CreateVault(WORDS)]


def test_three_wrong_tries_end_it_and_a_keychain_that_fails_asks_for_the_passphrase() -> None:
    engine, somebody = Heard(), Typing(WRONG, WRONG, WRONG, GOOD)
    locked = VaultInfo(exists=True, open=False, ways=("keychain", "passphrase"), keychain="memory")
    with pytest.raises(VaultRefused):
        ask_for_vault(engine, locked, somebody)
    assert engine.commands == [UnlockVault(), *[UnlockVault(OTHER)] * 3]
    assert somebody.typed == [GOOD] and somebody.said == ["That does not unlock it."] * 3


def test_what_cannot_be_asked_for_is_said() -> None:
    with pytest.raises(VaultError, match="recovery key"):
        ask_for_vault(Heard(), VaultInfo(exists=True, open=False, ways=("recovery",)), Typing())
    with pytest.raises(VaultDamaged, match="torn"):
        ask_for_vault(Heard(), VaultInfo(exists=True, open=False, problem="It is torn."), Typing())


def test_a_locked_one_is_unlocked_or_stays_locked(lab: Desk) -> None:
    lab.call(CreateVault(WORDS))
    lab.call(LockVault())
    with pytest.raises(VaultError, match="locked"):
        asked(lab, Typing(""))
    somebody = Typing(WRONG, GOOD)
    assert asked(lab, somebody)
    assert any("wrong" in line.lower() for line in somebody.said)


# Who sits in front ---------------------------------------------------------------------------------------------------


def shell(monkeypatch: pytest.MonkeyPatch, found: object) -> None:
    monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: found)


def test_who_sits_in_front(monkeypatch: pytest.MonkeyPatch) -> None:
    shell(monkeypatch, None)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: False))
    assert front() is Front.NOBODY
    monkeypatch.setattr("sys.stdin", None)
    assert front() is Front.NOBODY
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    assert front() is Front.TERMINAL
    monkeypatch.setattr("sys.stdin", None)
    shell(monkeypatch, SimpleNamespace())
    assert front() is Front.TERMINAL
    shell(monkeypatch, SimpleNamespace(kernel=object()))
    assert front() is Front.PAGE


def test_connect_in_a_script_gets_the_sentence_and_at_a_terminal_goes_on_with_the_login(
    lab_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell(monkeypatch, None)
    monkeypatch.setattr(keyring, "get_keyring", object)
    fields: list[str] = []

    def ask(field: Any) -> str:
        fields.append(field.name)
        raise KeyboardInterrupt

    with Lab("asking") as lab:
        monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: False))
        with pytest.raises(VaultMissing, match="openalgo-lab vault init"):
            lab.connect("zerodha", api_key="k", api_secret="s", base_url="http://127.0.0.1:9/")
        monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
        monkeypatch.setattr(vault_asking, "Terminal", lambda: Typing(GOOD, GOOD))
        with pytest.raises(KeyboardInterrupt):
            lab.connect("zerodha", ask=ask, base_url="http://127.0.0.1:9/")
        assert lab.call(GetVault()).open and fields == ["api_key"]


def test_the_terminal_shows_a_recovery_key_and_wipes_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "")
    monkeypatch.setattr("getpass.getpass", lambda _: GOOD)
    terminal, key = Terminal(), Secret("AAAA-BBBB")
    terminal.once("Recovery key", key)
    assert "AAAA-BBBB" in capsys.readouterr().err
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    terminal.once("Recovery key", key)
    shown = capsys.readouterr().err
    assert "\x1b[5A\x1b[J" in shown and shown.index("AAAA") < shown.index("\x1b[J")
    assert terminal.secret("Passphrase") == WORDS and capsys.readouterr() == ("", "")
    assert terminal.agrees("Well?")
