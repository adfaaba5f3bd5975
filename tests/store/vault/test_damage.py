"""F8, F9: a damaged file is found, said, left as it is, and the newest good copy brings everything back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openalgo_lab.model.errors import VaultDamaged, VaultError, VaultRefused
from openalgo_lab.store.vault import FromKeychain, Vault, vault_status
from openalgo_lab.store.vault.files import write_whole
from tests.store.vault.parts import CANARY, WORDS, MemoryKeychain, credentials, make, reopen, revealed, token

PAGE = 4096


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, MemoryKeychain]:
    """A closed vault with some pages and two copies; the last credentials are in the newer copy."""
    folder, keychain = tmp_path_factory.mktemp("sound"), MemoryKeychain()
    with make(folder, keychain) as vault:
        for number in range(30):
            vault.credentials.put(credentials(f"AC{number:04d}", CANARY * 20))
    with reopen(folder, keychain) as vault:
        vault.credentials.put(credentials("LATEST"))
        vault.tokens.put(token())
    return folder, keychain


@pytest.fixture
def folder(sound: tuple[Path, MemoryKeychain], tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound[0], tmp_path / "vault"))


def hurt(path: Path, at: int, bit: int = 0) -> bytes:
    """Flip one bit; the file's content as it is then."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1 << bit
    path.write_bytes(content)
    return bytes(content)


def restored_whole(folder: Path, keychain: MemoryKeychain, damaged: bytes | None) -> None:
    """Restoring gives all accounts, and the damaged bytes still lie beside it."""
    outcome = Vault.restore(folder, FromKeychain(keychain))
    if damaged is None:
        assert outcome.kept is None
    else:
        assert outcome.kept is not None
        assert outcome.kept.read_bytes() == damaged
    with reopen(folder, keychain) as vault:
        assert len(revealed(vault)) == 31
        assert vault.tokens.get("simulated", "AB1234", "access") is not None
    with reopen(folder, keychain) as vault:  # and tidying up at an opening deletes nothing of it
        assert outcome.kept is None or outcome.kept.read_bytes() == damaged


def test_every_page_flipped_once(sound: tuple[Path, MemoryKeychain], folder: Path) -> None:
    keychain, file = sound[1], folder / "vault.db"
    good = file.read_bytes()
    pages = len(good) // PAGE
    assert pages > 8
    for page in range(pages):
        damaged = hurt(file, page * PAGE + (page * 977) % PAGE, page % 8)
        for write in (True, False):
            with pytest.raises(VaultDamaged, match="left as it is"):
                reopen(folder, keychain, write=write)
        assert file.read_bytes() == damaged
        file.write_bytes(good)
    reopen(folder, keychain).close()
    damaged = hurt(file, 3 * PAGE + 1)
    restored_whole(folder, keychain, damaged)


@pytest.mark.parametrize("length", [0, 1, 16, PAGE - 1, PAGE, PAGE + 7, 3 * PAGE, -PAGE, -1])
def test_truncated(sound: tuple[Path, MemoryKeychain], folder: Path, length: int) -> None:
    file = folder / "vault.db"
    cut = file.read_bytes()[:length]
    file.write_bytes(cut)
    with pytest.raises(VaultDamaged):
        reopen(folder, sound[1])
    assert file.read_bytes() == cut
    restored_whole(folder, sound[1], cut)


def test_gone(sound: tuple[Path, MemoryKeychain], folder: Path) -> None:
    (folder / "vault.db").unlink()
    with pytest.raises(VaultDamaged, match="is gone"):
        reopen(folder, sound[1])
    restored_whole(folder, sound[1], None)


def test_a_foreign_database_in_its_place(sound: tuple[Path, MemoryKeychain], folder: Path, tmp_path: Path) -> None:
    (tmp_path / "foreign").mkdir()
    make(tmp_path / "foreign", MemoryKeychain()).close()
    shutil.copy(tmp_path / "foreign" / "vault.db", folder / "vault.db")
    with pytest.raises(VaultDamaged):
        reopen(folder, sound[1])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_header_flipped_anywhere_opens_by_its_copy(
    sound: tuple[Path, MemoryKeychain], tmp_path: Path, data: st.DataObject
) -> None:
    shutil.rmtree(tmp_path / "vault", ignore_errors=True)
    folder = Path(shutil.copytree(sound[0], tmp_path / "vault"))
    header = folder / "vault.json"
    good = header.read_bytes()
    damaged = hurt(header, data.draw(st.integers(0, len(good) - 1)), data.draw(st.integers(0, 7)))
    try:
        vault = reopen(folder, sound[1])
    except VaultDamaged:  # the seal alone was hit: nothing else looks wrong, and nobody may guess
        assert header.read_bytes() == damaged
        return
    with vault:
        assert len(revealed(vault)) == 31
    assert header.read_bytes() == good
    kept = [path.read_bytes() for path in folder.glob("vault.json.damaged-*")]
    assert kept in ([damaged], [])  # [] when the flip changed no meaning


def test_both_headers_damaged(sound: tuple[Path, MemoryKeychain], folder: Path) -> None:
    hurt(folder / "vault.json", 40)
    hurt(folder / "vault.copies" / "vault.json", 60)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for act in (
        lambda: reopen(folder, sound[1]),
        lambda: make(folder, sound[1]),
        lambda: Vault.restore(folder, FromKeychain(sound[1])),
    ):
        with pytest.raises(VaultError):
            act()
    after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "vault.lock"}
    assert {path: content for path, content in before.items() if path.name != "vault.lock"} == after
    assert vault_status(folder).problem


def test_a_header_of_somebody_else(sound: tuple[Path, MemoryKeychain], folder: Path) -> None:
    """Cheaper costs or another file in the header are not obeyed: the slot or the seal does not fit any more."""
    header = folder / "vault.json"
    import hashlib
    import json

    stored = json.loads(header.read_text())
    inner = stored["header"] | {"generation": 7}
    raw = json.dumps(inner, separators=(",", ":"))
    write_whole(
        header,
        json.dumps(
            stored | {"header": inner, "checksum": hashlib.sha256(raw.encode()).hexdigest()}, separators=(",", ":")
        ).encode(),
    )
    with pytest.raises(VaultDamaged, match="something other than this program"):
        reopen(folder, sound[1])


def test_cheap_costs_are_refused(tmp_path: Path) -> None:
    import hashlib
    import json

    make(tmp_path, MemoryKeychain(), WORDS).close()
    header = tmp_path / "vault.json"
    stored = json.loads(header.read_text())
    for cost in ({"memory_kib": 8}, {"passes": 1}, {"memory_kib": 2**40}, {"passes": 10**9}):
        inner = json.loads(json.dumps(stored["header"]))
        (slot,) = (one for one in inner["slots"] if one["kind"] == "passphrase")
        slot["cost"] |= cost
        raw = json.dumps(inner, separators=(",", ":"))
        checksum = hashlib.sha256(raw.encode()).hexdigest()
        changed = json.dumps(stored | {"header": inner, "checksum": checksum}, separators=(",", ":"))
        write_whole(header, changed.encode())
        with pytest.raises(VaultDamaged, match="never chooses"):
            reopen(tmp_path, WORDS)


def test_damaged_copies_are_passed_over(sound: tuple[Path, MemoryKeychain], folder: Path) -> None:
    copies = sorted((folder / "vault.copies").glob("*.db"), reverse=True)
    assert len(copies) == 2
    hurt(copies[0], 5 * PAGE)
    hurt(folder / "vault.db", 2 * PAGE)
    outcome = Vault.restore(folder, FromKeychain(sound[1]))
    assert outcome.copy.path == copies[1]
    with reopen(folder, sound[1]) as vault:
        assert len(revealed(vault)) == 30
    for copy in (folder / "vault.copies").glob("*.db"):
        copy.write_bytes(b"")
    hurt(folder / "vault.2.db", 2 * PAGE)
    with pytest.raises(VaultDamaged, match="none of the"):
        Vault.restore(folder, FromKeychain(sound[1]))


def test_copies_go_on_after_one_was_restored(sound: tuple[Path, MemoryKeychain], folder: Path) -> None:
    copies = sorted((folder / "vault.copies").glob("*.db"), reverse=True)
    hurt(copies[0], 5 * PAGE)  # its content was newer than that of the copy restored, by as many changes as follow
    hurt(folder / "vault.db", 2 * PAGE)
    Vault.restore(folder, FromKeychain(sound[1]))
    for account in ("NEW1", "NEW2"):
        with reopen(folder, sound[1]) as vault:
            vault.credentials.put(credentials(account))
    hurt(folder / "vault.2.db", 2 * PAGE)
    Vault.restore(folder, FromKeychain(sound[1]))
    with reopen(folder, sound[1]) as vault:
        assert {"NEW1", "NEW2"} <= set(revealed(vault))


def test_three_copies_of_different_content_are_kept(tmp_path: Path) -> None:
    keychain = MemoryKeychain()
    make(tmp_path, keychain).close()
    for number in range(6):
        with reopen(tmp_path, keychain) as vault:
            vault.credentials.put(credentials(f"A{number}"))
        reopen(tmp_path, keychain).close()  # nothing new, so no further copy
    copies = vault_status(tmp_path).copies_ns
    assert len(copies) == 3
    assert list(copies) == sorted(copies, reverse=True)


def test_tries_record_damaged_counts_as_many(tmp_path: Path) -> None:
    make(tmp_path, MemoryKeychain(), WORDS).close()
    (tmp_path / "vault.tries").write_bytes(b"\x00garbage")
    status = vault_status(tmp_path)
    assert status.failed_tries == 10
    assert status.wait_s > 30
    with pytest.raises(VaultError, match="try again in"):
        reopen(tmp_path, WORDS)


def test_a_keychain_that_changed_is_refused(sound: tuple[Path, MemoryKeychain], folder: Path) -> None:
    other = MemoryKeychain()
    for entry in sound[1].kept:
        other.put(entry, WORDS)
    with pytest.raises(VaultRefused):
        reopen(folder, other)
