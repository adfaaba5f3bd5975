"""A power cut between any two changes of a file leaves the old vault or the new one, whole, and nothing readable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from openalgo_lab.model.errors import VaultDamaged, VaultMissing
from openalgo_lab.store.cipher import sealed_path
from openalgo_lab.store.vault import FromKeychain, Vault
from tests.store.sealed_journal import JOURNAL, found, intended
from tests.store.vault.parts import CANARY, OTHER, FolderKeychain, credentials, revealed
from tests.store.vault.powercut import Disk, cuts, lay_out, recorded

OLD = {"FIRST": f"{CANARY} one", "SECOND": f"{CANARY} two"}
NEW = {**OLD, "THIRD": CANARY}

_START = """
import sys
from pathlib import Path
from openalgo_lab.store.vault import FromKeychain, Vault
from tests.store.vault.parts import OTHER, FolderKeychain, credentials
folder = Path(sys.argv[1])
keychain = FolderKeychain(folder / "keychain")
"""
_UNLOCK = _START + "vault = Vault.unlock(folder, FromKeychain(keychain))\n"


@pytest.fixture
def folder(quick_path: Path) -> Path:
    folder = quick_path / "vault"
    (folder / "keychain").mkdir(parents=True)
    vault, _ = Vault.create(folder, keychain=FolderKeychain(folder / "keychain"))
    with vault:
        for account, secret in OLD.items():
            vault.credentials.put(credentials(account, secret))
    return folder


def opened(folder: Path) -> dict[str, str]:
    with Vault.unlock(folder, FromKeychain(FolderKeychain(folder / "keychain"))) as vault:
        return revealed(vault)


def survives(
    library: Path, folder: Path, code: str, allowed: tuple[dict[str, str], ...], look: Callable[[Path], object] = opened
) -> set[str]:
    """Every state opens (twice, the second time after what the first mended) as one of those allowed."""
    before = Disk.of(folder)
    lines = recorded(library, folder, code, folder.parent / "log")
    assert len(lines) > 8, lines
    found, states = set(), 0
    for name, state in cuts(before, lines):
        assert not any(CANARY.encode() in content for content in state.values()), name
        laid = lay_out(state, folder.parent / "cut")
        for _ in range(2):
            content = look(laid)
            assert content in allowed, (name, content)
        found.add(repr(content))
        states += 1
    assert states > len(lines) // 2
    return found


def test_a_write(library: Path, folder: Path) -> None:
    code = _UNLOCK + "vault.credentials.put(credentials('THIRD'))\nvault.close()"
    assert len(survives(library, folder, code, (OLD, NEW))) == 2


def test_another_way_in(library: Path, folder: Path) -> None:
    survives(library, folder, _UNLOCK + "vault.ways.keep_in_keychain(keychain)\nvault.close()", (OLD,))


def test_rotation(library: Path, folder: Path) -> None:
    code = _UNLOCK + "vault.rotate(keychain=keychain)\nvault.credentials.put(credentials('THIRD'))\nvault.close()"
    assert len(survives(library, folder, code, (OLD, NEW))) == 2


def test_restoring(library: Path, folder: Path) -> None:
    database = folder / "vault.db"
    content = bytearray(database.read_bytes())
    content[5000] ^= 4
    database.write_bytes(content)

    def look(cut: Path) -> dict[str, str]:
        assert any(path.read_bytes() == content for path in cut.glob("vault.db*")), "the damaged file is lost"
        try:
            return opened(cut)
        except VaultDamaged:
            Vault.restore(cut, FromKeychain(FolderKeychain(cut / "keychain")))
            return opened(cut)

    code = (
        _START + "Vault.restore(folder, FromKeychain(keychain))\nVault.unlock(folder, FromKeychain(keychain)).close()"
    )
    survives(library, folder, code, (OLD,), look)


def test_creation(library: Path, quick_path: Path) -> None:
    folder = quick_path / "vault"
    (folder / "keychain").mkdir(parents=True)

    def look(cut: Path) -> dict[str, str]:
        cut.mkdir(exist_ok=True)
        (cut / "keychain").mkdir(exist_ok=True)
        try:
            return opened(cut)
        except VaultMissing:
            Vault.create(cut, keychain=FolderKeychain(cut / "keychain"))[0].close()
            return opened(cut)

    code = _START + (
        "vault, _ = Vault.create(folder, keychain=keychain)\nvault.credentials.put(credentials('FIRST'))\nvault.close()"
    )
    assert len(survives(library, folder, code, ({}, {"FIRST": CANARY}), look)) == 2


def test_import_in_place_of_another(library: Path, folder: Path, quick_path: Path) -> None:
    """The old vault with the old journal, or the new one with the new: never one with the other's."""
    with Vault.unlock(folder, FromKeychain(FolderKeychain(folder / "keychain"))) as vault:
        asyncio.run(intended(folder, vault, ["HERE"]))
    (quick_path / "other keys").mkdir()
    (quick_path / "other").mkdir()
    vault, _ = Vault.create(quick_path / "other", keychain=FolderKeychain(quick_path / "other keys"))
    with vault:
        vault.credentials.put(credentials("MOVED"))
        asyncio.run(intended(quick_path / "other", vault, ["THERE"]))
        vault.export_bundle(quick_path / "my.vault", OTHER)
    code = _START + (
        f"vault, _ = Vault.import_bundle(folder, Path({str(quick_path / 'my.vault')!r}), OTHER, keychain=keychain, "
        "replace=True)\nvault.close()"
    )
    allowed = ({**OLD, "HERE": ""}, {"MOVED": CANARY, "THERE": ""})
    assert len(survives(library, folder, code, allowed, lambda cut: {**opened(cut), **in_the_journal(cut)})) == 2


_SEALED = """
import asyncio
from tests.store.sealed_journal import intended
asyncio.run(intended(folder, vault, ["A", "B", "C"]))
vault.close()
"""


def test_an_intent_in_the_sealed_journal(library: Path, folder: Path) -> None:
    """Whatever moment the power goes: what stands in the journal is a beginning of what was written, in order."""
    with Vault.unlock(folder, FromKeychain(FolderKeychain(folder / "keychain"))) as vault:
        asyncio.run(intended(folder, vault, ["FIRST"]))
    orders = ["FIRST", "A", "B", "C"]
    allowed = tuple(dict.fromkeys(orders[:count], "") for count in range(1, 5))
    assert len(survives(library, folder, _UNLOCK + _SEALED, allowed, in_the_journal)) == 4


def test_a_sealed_journal_after_a_rotation(library: Path, folder: Path) -> None:
    keychain = FolderKeychain(folder / "keychain")
    with Vault.unlock(folder, FromKeychain(keychain)) as vault:
        asyncio.run(intended(folder, vault, ["FIRST"]))
        vault.rotate(keychain=keychain)
    before = sealed_path(folder / JOURNAL).read_bytes()
    code = _UNLOCK + "import asyncio\nfrom tests.store.sealed_journal import intended\n"
    code += "asyncio.run(intended(folder, vault, []))\nvault.close()"
    survives(library, folder, code, ({"FIRST": ""},), in_the_journal)
    assert in_the_journal(folder) == {"FIRST": ""}
    assert sealed_path(folder / JOURNAL).read_bytes()[:16] != before[:16], "its salt, and so its key, is still the old"


def in_the_journal(folder: Path) -> dict[str, str]:
    with Vault.unlock(folder, FromKeychain(FolderKeychain(folder / "keychain"))) as vault:
        orders, notice = asyncio.run(found(folder, vault))
    assert not notice
    return dict.fromkeys(orders, "")
