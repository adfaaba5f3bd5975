"""Export and import: a vault travels whole, under its own passphrase, and never over another one unasked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from openalgo_lab.model.errors import InputError, VaultDamaged, VaultError, VaultRefused
from openalgo_lab.model.secret import Secret, SecretBytes
from openalgo_lab.store.audit import AuditEntry, Verdict, audit_path, verify
from openalgo_lab.store.audit_writer import AuditWriter
from openalgo_lab.store.cipher import sealed_path
from openalgo_lab.store.vault import Passphrase, RecoveryKey, Vault
from openalgo_lab.store.vault import bundle as bundle_module
from openalgo_lab.store.vault.keys import KdfParameters, stretch
from tests.store.sealed_journal import JOURNAL, found, intended, opened
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


# Journals and the audit log ------------------------------------------------------------------------------------------

ENTRY = AuditEntry(1_700_000_000_000_000_000, "asha", "place_order", "{}", "done")


def lived(folder: Path, keychain: MemoryKeychain, *orders: str) -> Vault:
    """A vault with a journal and an audit log beside it, both in use."""
    vault = make(folder, keychain)
    asyncio.run(intended(folder, vault, orders))
    log = AuditWriter(folder)
    log.seal(vault.sealed)
    for number in range(3):
        log.append(msgspec.structs.replace(ENTRY, said=str(number)))
    log.close()
    return vault


def audited(folder: Path, vault: Vault) -> Verdict:
    with vault.sealed.reading(sealed_path(audit_path(folder))) as log:
        return verify(log)


def ordered(folder: Path, vault: Vault | None) -> list[str]:
    orders, notice = asyncio.run(found(folder, vault))
    assert not notice
    return orders


@pytest.fixture
def whole(tmp_path: Path) -> tuple[Path, str]:
    """An export of a vault that has lived, and the head of its audit log."""
    source = tmp_path / "source"
    source.mkdir()
    with lived(source, MemoryKeychain(), "A", "B") as vault:
        asyncio.run(intended(source, vault, ["C"]))
        open_journal = opened(source, vault)  # an engine goes on writing while it is exported
        vault.export_bundle(tmp_path / "whole.vault", OTHER)
        asyncio.run(open_journal.close())
        head = audited(source, vault).head
    assert not list(tmp_path.glob("whole.vault.*"))
    return tmp_path / "whole.vault", head


def test_journal_and_audit_log_travel_too(whole: tuple[Path, str], tmp_path: Path) -> None:
    file, head = whole
    target, keychain = tmp_path / "target", MemoryKeychain()
    target.mkdir()
    vault, _ = Vault.import_bundle(target, file, OTHER, keychain=keychain)
    with vault:
        assert ordered(target, vault) == ["A", "B", "C"]
        verdict = audited(target, vault)
        assert (verdict.head, verdict.broken_at, verdict.rows) == (head, 0, 3)
    with reopen(target, keychain) as vault:
        asyncio.run(intended(target, vault, ["D"]))
        assert ordered(target, vault) == ["A", "B", "C", "D"]
    assert not list(target.glob("vault.import*")) and not list(target.glob("vault.replaced*"))
    sizes = {path.name: path.stat().st_size for path in target.glob("vault*.db")}
    assert max(sizes.values()) < 100_000, "what was carried does not stay in the vault's own database"


def test_a_paper_journal_from_before_the_vault_travels(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    for folder in (source, target):
        folder.mkdir()
    asyncio.run(intended(source, None, ["PAPER"]))
    with make(source, MemoryKeychain()) as vault:
        vault.export_bundle(tmp_path / "my.vault", OTHER)
    vault, _ = Vault.import_bundle(target, tmp_path / "my.vault", OTHER, keychain=MemoryKeychain())
    with vault:
        assert ordered(target, vault) == ["PAPER"]
    assert not (target / JOURNAL).exists(), "and moves into the vault when it is opened there"


def test_any_one_bit_of_it_is_found(whole: tuple[Path, str], tmp_path: Path) -> None:
    file, target = tmp_path / "flipped.vault", tmp_path / "target"
    target.mkdir()
    good = whole[0].read_bytes()
    start = good.index(b"}", good.index(b"salt")) + 1
    places = [*range(0, start, 40), *range(start, len(good), 4096), len(good) - 1]
    # The costs are the export's own, so that a hundred passphrases need not be stretched: the seal is what is tested.
    with pytest.MonkeyPatch.context() as patch:
        known = stretch_once()
        patch.setattr(bundle_module, "stretch", known)
        for at in places:
            file.write_bytes(_flipped(good, at))
            with pytest.raises((VaultRefused, VaultDamaged, VaultError)):
                Vault.import_bundle(target, file, OTHER, keychain=MemoryKeychain())
        file.write_bytes(good)
        Vault.import_bundle(target, file, OTHER, keychain=MemoryKeychain())[0].close()
    assert not list(target.glob("vault.import*"))


def stretch_once() -> Callable[..., SecretBytes]:
    """Argon2id once for each salt, of which there are few."""
    found: dict[bytes, SecretBytes] = {}

    def stretched(passphrase: Secret, salt: bytes, cost: KdfParameters) -> SecretBytes:
        if salt not in found:
            found[salt] = stretch(passphrase, salt, cost)
        return found[salt]

    return stretched


def test_what_stood_there_is_kept_with_its_vault(whole: tuple[Path, str], tmp_path: Path) -> None:
    target, old, new = tmp_path / "target", MemoryKeychain(), MemoryKeychain()
    target.mkdir()
    lived(target, old, "OLD").close()
    vault, _ = Vault.import_bundle(target, whole[0], OTHER, keychain=new, replace=True)
    with vault:
        assert ordered(target, vault) == ["A", "B", "C"]
    (kept,) = target.glob("vault.replaced-*")
    with reopen(kept, old) as vault:
        assert ordered(kept, vault) == ["OLD"]
        assert audited(kept, vault).rows == 3


def test_an_export_that_would_leave_something_out_is_none(tmp_path: Path) -> None:
    with lived(tmp_path, MemoryKeychain(), "A") as vault:
        path = sealed_path(tmp_path / JOURNAL)
        content = bytearray(path.read_bytes())
        content[100] ^= 1
        path.write_bytes(content)
        for log in tmp_path.glob(f"{path.name}-*"):
            log.unlink()
        with pytest.raises(VaultDamaged, match=path.name):
            vault.export_bundle(tmp_path / "my.vault", OTHER)
    assert not list(tmp_path.glob("my.vault*"))
