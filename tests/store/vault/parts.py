"""What the vault's tests share: a keychain in memory, and a vault that opens without paying for Argon2id."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from openalgo_lab.model.errors import VaultError
from openalgo_lab.model.secret import Secret
from openalgo_lab.model.times import IST
from openalgo_lab.store.vault import Credentials, DayToken, FromKeychain, Passphrase, Vault
from openalgo_lab.store.vault.files import write_whole

WORDS = Secret("correct horse battery staple")
OTHER = Secret("seven purple lorries at dawn")
CANARY = "CANARY-9f27c1-do-not-store"
TOMORROW = datetime(2036, 11, 26, 3, 0, tzinfo=IST)


class MemoryKeychain:
    """A keychain of one test."""

    name = "memory"

    def __init__(self) -> None:
        self.kept: dict[str, Secret] = {}

    def get(self, entry: str) -> Secret | None:
        return self.kept.get(entry)

    def put(self, entry: str, secret: Secret) -> None:
        self.kept[entry] = secret

    def remove(self, entry: str) -> None:
        self.kept.pop(entry, None)


class FolderKeychain:
    """A keychain that several processes of one test share, as durable as a real one."""

    name = "folder"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, entry: str) -> Secret | None:
        path = self._folder / entry
        return Secret(path.read_text()) if path.exists() else None

    def put(self, entry: str, secret: Secret) -> None:
        try:
            write_whole(self._folder / entry, secret.reveal().encode())
        except OSError as error:
            raise VaultError(f"The folder keychain cannot write: {error.strerror}.") from error

    def remove(self, entry: str) -> None:
        (self._folder / entry).unlink(missing_ok=True)


def credentials(account: str = "AB1234", secret: str = CANARY) -> Credentials:
    return Credentials("simulated", account, {"api_key": Secret(f"key-{secret}"), "api_secret": Secret(secret)})


def token(name: str = "access", value: str = CANARY) -> DayToken:
    return DayToken("simulated", "AB1234", name, Secret(f"token-{value}"), TOMORROW)


def make(folder: Path, keychain: MemoryKeychain, passphrase: Secret | None = None) -> Vault:
    """A new vault, open for writing."""
    vault, _ = Vault.create(folder, keychain=keychain, passphrase=passphrase)
    return vault


def reopen(folder: Path, by: MemoryKeychain | Secret, *, write: bool = True) -> Vault:
    """Unlock by keychain or passphrase."""
    way = Passphrase(by) if isinstance(by, Secret) else FromKeychain(by)
    return Vault.unlock(folder, way, write=write)


def revealed(vault: Vault) -> dict[str, str]:
    """Account → its secret, of everything that is kept."""
    found: dict[str, str] = {}
    for broker, account in vault.credentials.accounts():
        kept = vault.credentials.get(broker, account)
        assert kept is not None
        found[account] = kept.fields["api_secret"].reveal()
    return found
