"""``vault …`` from the shell: secrets by standard input only, each outcome with its exit status and sentence."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import keyring
import pytest
from click.testing import Result
from typer.testing import CliRunner

from openalgo_lab.cli.commands import app
from openalgo_lab.engine.link.lock import EngineLock
from openalgo_lab.store.vault import Vault
from tests.store.sealed_journal import found, intended
from tests.store.vault.conftest import cheapest
from tests.store.vault.parts import CANARY, OTHER, WORDS, credentials, reopen
from tests.store.vault.test_keychain import SystemStore

__all__ = ["cheapest"]

runner = CliRunner()
FIRST, SECOND = WORDS.reveal(), OTHER.reveal()
MISSING, REFUSED, DELAYED, DAMAGED, BUSY = 3, 4, 5, 6, 7


@pytest.fixture
def folder(lab_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The profile's folder on a machine without a keychain."""
    monkeypatch.setattr(keyring, "get_keyring", object)
    return lab_home / "profiles" / "default"


@pytest.fixture
def keychain(folder: Path, monkeypatch: pytest.MonkeyPatch) -> SystemStore:
    """Now it has one."""
    store = SystemStore()
    monkeypatch.setattr(keyring, "get_keyring", lambda: store)
    return store


def run(line: str, *secrets: str, code: int = 0) -> str:
    stdin = ["--passphrase-stdin"] if secrets else []
    result: Result = runner.invoke(app, ["vault", *line.split(), *stdin], input="".join(f"{one}\n" for one in secrets))
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


def recovery_in(output: str) -> str:
    return next(line.strip() for line in output.splitlines() if line.count("-") == 7)


def test_from_nothing_to_an_open_vault_and_a_new_passphrase(folder: Path) -> None:
    assert "vault init" in run("status")
    assert not json.loads(run("status --json"))["exists"]
    assert not folder.exists()  # looking makes nothing
    for command in ("unlock", "lock", "rotate", "recovery", "restore", "passphrase", "export x.vault"):
        assert "vault init" in run(command, FIRST, code=MISSING)
    assert recovery_in(run("init", FIRST))
    assert "already" in str(runner.invoke(app, ["vault", "init", "--passphrase-stdin"], input="x\n").exception)
    status = json.loads(run("status --json"))
    assert status["ways"] == ["passphrase", "recovery"]
    assert "Argon2id" in run("status")
    assert "not unlocked" in run("unlock", SECOND, code=REFUSED)
    assert "sound" in run("unlock", FIRST)
    run("passphrase", FIRST, SECOND)
    run("unlock", FIRST, code=REFUSED)
    run("unlock", SECOND)
    assert "locked" in run("lock", SECOND)


def test_recovery_key_sets_a_new_passphrase(folder: Path) -> None:
    shown = recovery_in(run("init", FIRST))
    run("passphrase --recovery", shown.lower().replace("-", " "), SECOND)
    run("unlock", SECOND)
    fresh = recovery_in(run("recovery", SECOND))
    run("unlock --recovery", shown, code=REFUSED)
    run("unlock --recovery", fresh)


def test_rotate_export_import(folder: Path, tmp_path: Path) -> None:
    run("init", FIRST)
    with reopen(folder, WORDS) as vault:
        vault.credentials.put(credentials())
        asyncio.run(intended(folder, vault, ["A", "B"]))
    assert recovery_in(run("rotate", FIRST))
    file = tmp_path / "moved.vault"
    run(f"export {file}", FIRST, SECOND)
    run(f"import {file} --profile second", SECOND, FIRST)
    with reopen(folder.parent / "second", WORDS) as vault:
        assert vault.credentials.accounts() == [("simulated", "AB1234")]
        assert asyncio.run(found(folder.parent / "second", vault)) == (["A", "B"], "")
    run(f"import {file} --profile third", FIRST, FIRST, code=REFUSED)
    refused = runner.invoke(app, ["vault", "import", str(file), "--passphrase-stdin"], input=f"{SECOND}\n{FIRST}\n")
    assert "--replace" in str(refused.exception)
    engine = EngineLock(folder)
    engine.acquire("an engine")
    assert "end it first" in str(runner.invoke(app, ["vault", "import", str(file), "--replace"]).exception)
    engine.release()
    run(f"import {file} --replace", SECOND, SECOND)
    run("unlock", SECOND)
    assert list(folder.glob("vault.replaced-*"))
    everything = b"".join(path.read_bytes() for path in folder.parent.rglob("*") if path.is_file())
    assert not any(text.encode() in everything for text in (CANARY, FIRST, SECOND))


def test_damaged_and_restored(folder: Path) -> None:
    run("init", FIRST)
    (folder / "vault.db").write_bytes(b"x" * 8192)
    assert "vault restore" in run("unlock", FIRST, code=DAMAGED)
    assert "is the vault now" in run("restore", FIRST)
    assert "sound" in run("unlock", FIRST)
    for header in (folder / "vault.json", folder / "vault.copies" / "vault.json"):
        header.write_bytes(b"{}")
    assert "damaged" in run("status", code=DAMAGED)
    run("unlock", FIRST, code=DAMAGED)


def test_busy_and_delayed(folder: Path) -> None:
    run("init", FIRST)
    with reopen(folder, WORDS):
        assert "process" in run("rotate", FIRST, code=BUSY)
        assert "in use     by process" in run("status")
        run("unlock", FIRST)  # checking only reads
    run("unlock", SECOND, code=REFUSED)
    assert "failed     1 tries" in run("status")
    (folder / "vault.tries").write_text(json.dumps({"failed": 10, "last_ns": time.time_ns()}))
    assert "try again in" in run("unlock", SECOND, code=DELAYED)


def test_keychain_by_itself_then_with_a_passphrase_then_without(folder: Path, keychain: SystemStore) -> None:
    run("init")
    assert len(keychain.kept) == 1
    assert json.loads(run("status --json"))["ways"] == ["keychain", "recovery"]
    run("unlock")
    refused = runner.invoke(app, ["vault", "lock"])
    assert "only way" in str(refused.exception)
    run("passphrase", FIRST)
    assert "needed next time" in run("lock")
    assert keychain.kept == {}
    assert "from now on the SecretService keychain" in run("unlock", FIRST)
    assert len(keychain.kept) == 1
    run("rotate", FIRST)
    assert len(keychain.kept) == 1
    run("passphrase --remove")
    assert json.loads(run("status --json"))["ways"] == ["keychain", "recovery"]


def test_secrets_come_by_no_other_way(folder: Path) -> None:
    no_terminal = runner.invoke(app, ["vault", "init"])
    assert "--passphrase-stdin" in str(no_terminal.exception)
    too_few = runner.invoke(app, ["vault", "init", "--passphrase-stdin"], input="")
    assert "Standard input ended" in str(too_few.exception)
    no_keychain = runner.invoke(app, ["vault", "init", "--unlock-by", "keychain"])
    assert "no keychain" in str(no_keychain.exception)
    assert not (folder / "vault.json").exists()


def test_the_terminal_asks_twice_and_offers_a_copy(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [FIRST, SECOND]
    monkeypatch.setattr("typer.prompt", lambda *_args, **_options: answers.pop(0))
    monkeypatch.setattr("typer.confirm", lambda *_args, **_options: True)
    monkeypatch.setattr("openalgo_lab.cli.asking.at_terminal", lambda: True)
    assert "do not agree" in str(runner.invoke(app, ["vault", "init"]).exception)
    answers += [FIRST, FIRST]
    run("init")
    (folder / "vault.db").write_bytes(b"")
    answers += [FIRST]
    assert "is the vault now" in run("unlock")
    vault: Vault = reopen(folder, WORDS)
    vault.close()


def test_a_whole_process_says_one_sentence(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "openalgo_lab.cli", "vault", "unlock"], capture_output=True, text=True, check=False
    )
    assert done.returncode == MISSING
    assert done.stderr.startswith("openalgo-lab: There is no vault")
    assert "Traceback" not in done.stderr
