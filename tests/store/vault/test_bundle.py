"""Export and import: a vault travels whole, under its own passphrase, and never over another one unasked."""

from __future__ import annotations

from pathlib import Path

import pytest

from openalgo_lab.model.errors import InputError, VaultDamaged, VaultError, VaultRefused
from openalgo_lab.model.secret import Secret
from openalgo_lab.store.vault import Passphrase, RecoveryKey, Vault
from tests.store.vault.parts import CANARY, OTHER, WORDS, MemoryKeychain, credentials, make, reopen, revealed, token


@pytest.fixture
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    with make(folder, MemoryKeychain()) as vault:
        vault.credentials.put(credentials())
        vault.tokens.put(token())
        vault.settings.put("theme", "dark")
        vault.export_bundle(folder / "my.vault", OTHER)
        with pytest.raises(InputError, match="exists already"):
            vault.export_bundle(folder / "my.vault", OTHER)
        with pytest.raises(InputError, match="easy to guess"):
            vault.export_bundle(folder / "two.vault", Secret("short"))
        with pytest.raises(VaultError):
            vault.export_bundle(folder / "no such folder" / "my.vault", OTHER)
    assert [path.name for path in folder.glob("*my.vault*")] == ["my.vault"]
    return folder / "my.vault"


def test_a_vault_travels(bundle: Path, tmp_path: Path) -> None:
    assert CANARY.encode() not in bundle.read_bytes()
    vault, recovery = Vault.import_bundle(tmp_path, bundle, OTHER, passphrase=WORDS)
    assert recovery is not None
    with vault:
        assert revealed(vault) == {"AB1234": CANARY}
    for by in (Passphrase(WORDS), RecoveryKey(recovery)):
        with Vault.unlock(tmp_path, by) as opened:
            assert opened.settings.get("theme", str) == "dark"
            assert opened.tokens.get("simulated", "AB1234", "access") == token()
    assert not list(tmp_path.glob("*.part*"))


def test_wrong_passphrase_and_every_kind_of_damage(bundle: Path, tmp_path: Path) -> None:
    keychain, file, good = MemoryKeychain(), tmp_path / "my.vault", bundle.read_bytes()
    (tmp_path / "new").mkdir()
    start = good.index(b"}", good.index(b"salt")) + 1
    damaged = [
        good[:0],
        good[:20],
        good[:100],
        good[: start + 4096],
        good[:-1],
        good + b"x",
        b"SQLite format 3\0" + good,
    ]
    damaged += [_flipped(good, at) for at in (3, 27, 60, start - 20, start + 5, start + 9000, len(good) - 5)]
    for content in damaged:
        file.write_bytes(content)
        with pytest.raises((VaultRefused, VaultDamaged)):
            Vault.import_bundle(tmp_path / "new", file, OTHER, keychain=keychain)
    with pytest.raises(VaultRefused, match="wrong, or the file is damaged"):
        Vault.import_bundle(tmp_path / "new", bundle, WORDS, keychain=keychain)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["vault.lock"]
    assert keychain.kept == {}


def _flipped(content: bytes, at: int) -> bytes:
    changed = bytearray(content)
    changed[at] ^= 1
    return bytes(changed)


def test_replacing_is_asked_for_and_keeps_the_old_one(bundle: Path, tmp_path: Path) -> None:
    old, new = MemoryKeychain(), MemoryKeychain()
    with make(tmp_path, old) as vault:
        vault.credentials.put(credentials("OLD"))
    with pytest.raises(VaultError, match="--replace"):
        Vault.import_bundle(tmp_path, bundle, OTHER, keychain=new)
    with reopen(tmp_path, old) as vault:
        assert set(revealed(vault)) == {"OLD"}
    imported, _ = Vault.import_bundle(tmp_path, bundle, OTHER, keychain=new, replace=True)
    imported.close()
    with reopen(tmp_path, new) as vault:
        assert set(revealed(vault)) == {"AB1234"}
    (kept,) = tmp_path.glob("vault.replaced-*")
    with reopen(kept, old) as vault:
        assert set(revealed(vault)) == {"OLD"}


def test_a_damaged_vault_may_be_replaced(bundle: Path, tmp_path: Path) -> None:
    keychain = MemoryKeychain()
    make(tmp_path, keychain).close()
    (tmp_path / "vault.json").write_bytes(b"{")
    (tmp_path / "vault.copies" / "vault.json").write_bytes(b"{")
    with pytest.raises(VaultError, match="--replace"):
        Vault.import_bundle(tmp_path, bundle, OTHER, keychain=keychain)
    imported, _ = Vault.import_bundle(tmp_path, bundle, OTHER, keychain=keychain, replace=True)
    assert set(revealed(imported)) == {"AB1234"}
    imported.close()
    (kept,) = tmp_path.glob("vault.replaced-*")
    assert {path.name for path in kept.iterdir()} == {"vault.json", "vault.db"}
