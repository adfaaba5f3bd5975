"""Only a keychain of the operating system counts, and a real one keeps and gives what the vault needs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import keyring
import keyring.errors
import pytest
from keyring.backends import chainer, fail, null

from openalgo_lab.model.errors import VaultError, VaultRefused
from openalgo_lab.store.vault import FromKeychain, SystemKeychain, Vault, find_keychain
from tests.store.vault.parts import WORDS, reopen


class SystemStore:
    """What keyring would offer on a desktop, in memory."""

    __module__ = "keyring.backends.SecretService"

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.failure: Exception | None = None

    def get_password(self, service: str, username: str) -> str | None:
        self._fail()
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._fail()
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._fail()
        if (service, username) not in self.kept:
            raise keyring.errors.PasswordDeleteError("No such password!")
        del self.kept[service, username]

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure


class PlaintextKeyring(SystemStore):
    __module__ = "keyrings.alt.file"


class Pretender(SystemStore):
    __module__ = "evil.Windows"


class Forgetful(SystemStore):
    __module__ = "keyring.backends.kwallet"

    def set_password(self, service: str, username: str, password: str) -> None:
        pass


class Chain:
    def __init__(self, *backends: Any) -> None:
        self.backends = backends


@pytest.mark.parametrize(
    "offered",
    [
        fail.Keyring(),
        null.Keyring(),
        PlaintextKeyring(),
        Pretender(),
        Chain(),
        Chain(fail.Keyring(), PlaintextKeyring()),
    ],
)
def test_stand_ins_are_no_keychain(offered: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "get_keyring", lambda: offered)
    assert find_keychain() is None


def test_a_real_one_is_found_behind_a_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    real = SystemStore()
    monkeypatch.setattr(keyring, "get_keyring", lambda: Chain(PlaintextKeyring(), real))
    found = find_keychain()
    assert found is not None
    assert found.name == "SecretService"
    found.put("entry", WORDS)
    assert list(real.kept.values()) == [WORDS.reveal()]
    assert hasattr(chainer.ChainerBackend, "backends")  # what keyring itself calls it


def test_keeps_gives_forgets() -> None:
    keychain = SystemKeychain(SystemStore())
    assert keychain.get("entry") is None
    keychain.put("entry", WORDS)
    assert keychain.get("entry") == WORDS
    keychain.remove("entry")
    keychain.remove("entry")
    assert keychain.get("entry") is None


@pytest.mark.parametrize(
    "failure", [keyring.errors.KeyringLocked("locked"), keyring.errors.InitError(), OSError("bus")]
)
def test_one_that_does_not_answer(failure: Exception, tmp_path: Path) -> None:
    store = SystemStore()
    keychain = SystemKeychain(store)
    vault, _ = Vault.create(tmp_path, keychain=keychain, passphrase=WORDS)
    vault.close()
    store.failure = failure
    with pytest.raises(VaultError, match="did not answer"):
        Vault.unlock(tmp_path, FromKeychain(keychain))
    vault = reopen(tmp_path, WORDS)  # the passphrase still does
    before = (tmp_path / "vault.json").read_bytes()
    with pytest.raises(VaultError, match="did not answer"):
        vault.ways.keep_in_keychain(keychain)
    assert (tmp_path / "vault.json").read_bytes() == before
    vault.close()


def test_one_that_forgets_at_once_makes_no_vault(tmp_path: Path) -> None:
    with pytest.raises(VaultError, match="did not keep"):
        Vault.create(tmp_path, keychain=SystemKeychain(Forgetful()))
    assert not (tmp_path / "vault.json").exists()


_WITH_REAL = """
import sys
from pathlib import Path
from openalgo_lab.store.vault import FromKeychain, Vault, find_keychain
keychain = find_keychain()
assert keychain is not None and keychain.name == "SecretService", keychain
folder = Path(sys.argv[1])
if sys.argv[2] == "create":
    vault, _ = Vault.create(folder, keychain=keychain)
    vault.settings.put("made", "here")
else:
    vault = Vault.unlock(folder, FromKeychain(keychain))
    assert vault.settings.get("made", str) == "here"
    vault.rotate(keychain=keychain)
vault.close()
print("kept by", keychain.name)
"""
_SESSION = """
printf test-login | gnome-keyring-daemon --unlock --components=secrets --daemonize >/dev/null || exit 77
"$1" -c "$2" "$3" create && "$1" -c "$2" "$3" unlock && "$1" -c "$2" "$3" unlock
"""


def test_gnome_keyring_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for needed in ("gnome-keyring-daemon", "dbus-run-session"):
        if shutil.which(needed) is None:
            pytest.skip(f"this machine has no {needed}")
    for name in ("home", "run", "data", "vault"):
        (tmp_path / name).mkdir(mode=0o700)
    for name, folder in {"HOME": "home", "XDG_RUNTIME_DIR": "run", "XDG_DATA_HOME": "data"}.items():
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.delenv("DISPLAY", raising=False)
    command = [
        "dbus-run-session",
        "--",
        "sh",
        "-c",
        _SESSION,
        "sh",
        sys.executable,
        _WITH_REAL,
        str(tmp_path / "vault"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode == 77:
        pytest.skip(f"gnome-keyring does not start here: {done.stderr.strip()[-200:]}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("kept by SecretService") == 3
    with pytest.raises(VaultRefused):
        Vault.unlock(tmp_path / "vault", FromKeychain(SystemKeychain(SystemStore())))
