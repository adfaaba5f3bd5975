"""The vault's promises: what goes in comes out, by each way; nothing else gets in; nothing readable lies on disk."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from openalgo_lab.model.errors import InputError, VaultBusy, VaultDelayed, VaultError, VaultMissing, VaultRefused
from openalgo_lab.model.secret import Secret, SecretMasker
from openalgo_lab.model.times import NS_PER_SECOND, ManualClock, at_ist, to_ns
from openalgo_lab.store.vault import (
    FromKeychain,
    Passphrase,
    Purpose,
    RecoveryKey,
    Vault,
    create_async,
    in_thread,
    unlock_async,
    vault_status,
)
from openalgo_lab.store.vault.keys import FLOOR
from tests.store.vault.parts import (
    CANARY,
    OTHER,
    TOMORROW,
    WORDS,
    MemoryKeychain,
    credentials,
    make,
    reopen,
    revealed,
    token,
)

START = ManualClock(TOMORROW).now_ns()


@pytest.fixture
def keychain() -> MemoryKeychain:
    return MemoryKeychain()


def test_passphrase_keychain_and_recovery_key_open_the_same_vault(tmp_path: Path, keychain: MemoryKeychain) -> None:
    vault, recovery = Vault.create(tmp_path, passphrase=WORDS, keychain=keychain)
    assert recovery is not None
    with vault:
        vault.credentials.put(credentials())
    for by in (Passphrase(WORDS), FromKeychain(keychain), RecoveryKey(recovery)):
        with Vault.unlock(tmp_path, by) as opened:
            assert revealed(opened) == {"AB1234": CANARY}


def test_nothing_readable_on_disk(tmp_path: Path, keychain: MemoryKeychain) -> None:
    vault, recovery = Vault.create(tmp_path, passphrase=WORDS, keychain=keychain)
    assert recovery is not None
    vault.credentials.put(credentials())
    vault.tokens.put(token())
    vault.settings.put("note", f"note-{CANARY}")
    hidden = [CANARY, WORDS.reveal(), recovery.reveal(), *(one.reveal() for one in keychain.kept.values())]
    for _ in range(2):  # while it is open, and after
        for path in tmp_path.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                assert not any(text.encode() in content for text in hidden), path
                assert not content.startswith(b"SQLite format 3"), path
                assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        vault.close()


def test_wrong_passphrase_and_damaged_slot_look_alike(tmp_path: Path) -> None:
    vault, recovery = Vault.create(tmp_path, passphrase=WORDS)
    vault.close()
    assert recovery is not None
    said = set()
    for by in (Passphrase(OTHER), Passphrase(Secret("")), RecoveryKey(_another_recovery_key(tmp_path / "other"))):
        with pytest.raises(VaultRefused) as refused:
            Vault.unlock(tmp_path, by)
        said.add(str(refused.value))
        (tmp_path / "vault.tries").unlink()
    assert len(said) == 1
    reopen(tmp_path, WORDS).close()


def _another_recovery_key(folder: Path) -> Secret:
    folder.mkdir()
    vault, recovery = Vault.create(folder, keychain=MemoryKeychain())
    vault.close()
    assert recovery is not None
    return recovery


def test_a_tenth_wrong_try_waits_half_a_minute_and_survives_a_restart(tmp_path: Path) -> None:
    make(tmp_path, MemoryKeychain(), WORDS).close()
    clock = ManualClock(at_ist(TOMORROW.date(), TOMORROW.time()))
    for _ in range(10):
        clock.advance(301 * NS_PER_SECOND)
        with pytest.raises(VaultRefused):
            Vault.unlock(tmp_path, Passphrase(OTHER), clock=clock)
    clock.advance(30 * NS_PER_SECOND)
    with pytest.raises(VaultDelayed) as delayed:  # even the right one
        Vault.unlock(tmp_path, Passphrase(WORDS), clock=clock)
    assert 30 < delayed.value.retry_after_s <= 300
    status = vault_status(tmp_path, clock)
    assert status.failed_tries == 10
    assert status.wait_s == delayed.value.retry_after_s
    clock.advance(int(delayed.value.retry_after_s + 1) * NS_PER_SECOND)
    Vault.unlock(tmp_path, Passphrase(WORDS), clock=clock).close()
    assert vault_status(tmp_path, clock).failed_tries == 0


def test_easy_passphrases_and_no_way_at_all_are_refused(tmp_path: Path) -> None:
    for easy in ("", "short", "aaaaaaaaaaaaaaaa", "121212121212"):
        with pytest.raises(InputError, match="easy to guess"):
            Vault.create(tmp_path, passphrase=Secret(easy))
    with pytest.raises(InputError, match="passphrase"):
        Vault.create(tmp_path)
    assert not (tmp_path / "vault.json").exists()


def test_the_same_letters_open_it_however_they_were_typed(tmp_path: Path) -> None:
    make(tmp_path, MemoryKeychain(), Secret("caf\u00e9 au lait at noon")).close()
    reopen(tmp_path, Secret("cafe\u0301 au lait at noon")).close()


def test_one_vault_a_profile(tmp_path: Path, keychain: MemoryKeychain) -> None:
    with pytest.raises(VaultMissing, match="vault init"):
        reopen(tmp_path, keychain)
    assert list(tmp_path.iterdir()) == []
    make(tmp_path, keychain).close()
    with pytest.raises(VaultError, match="already"):
        make(tmp_path, keychain)


def test_a_header_that_was_lost_does_not_cost_the_database(tmp_path: Path, keychain: MemoryKeychain) -> None:
    make(tmp_path, keychain).close()
    before = (tmp_path / "vault.db").read_bytes()
    (tmp_path / "vault.json").unlink()
    (tmp_path / "vault.copies" / "vault.json").unlink()
    make(tmp_path, keychain).close()
    (orphan,) = tmp_path.glob("vault.db.orphan-*")
    assert orphan.read_bytes() == before


def test_one_writer_many_readers(tmp_path: Path, keychain: MemoryKeychain) -> None:
    with make(tmp_path, keychain) as writer:
        writer.credentials.put(credentials())
        with pytest.raises(VaultBusy, match=f"process {os.getpid()}"):
            reopen(tmp_path, keychain)
        with reopen(tmp_path, keychain, write=False) as reader:
            assert revealed(reader) == {"AB1234": CANARY}
            writer.credentials.put(credentials("CD5678", "another secret"))
            assert set(revealed(reader)) == {"AB1234", "CD5678"}
            for change in (
                lambda: reader.credentials.put(credentials()),
                lambda: reader.tokens.put(token()),
                lambda: reader.settings.put("a", 1),
                lambda: reader.ways.set_passphrase(WORDS),
                reader.rotate,
            ):
                with pytest.raises(VaultError, match="reading"):
                    change()
    with reopen(tmp_path, keychain), pytest.raises(VaultBusy):  # also when it was opened, not made
        reopen(tmp_path, keychain)


def test_a_locked_vault_gives_nothing(tmp_path: Path, keychain: MemoryKeychain) -> None:
    vault = make(tmp_path, keychain)
    vault.credentials.put(credentials())
    vault.close()
    vault.close()
    for ask in (
        vault.credentials.accounts,
        lambda: vault.tokens.get("simulated", "AB1234", "access"),
        lambda: vault.key_for(Purpose.JOURNAL),
        lambda: vault.settings.put("a", 1),
    ):
        with pytest.raises(VaultError):
            ask()
    assert vault_status(tmp_path).writer is None


def test_passphrase_changes_without_touching_the_data(tmp_path: Path, keychain: MemoryKeychain) -> None:
    vault = make(tmp_path, keychain, WORDS)
    vault.credentials.put(credentials())
    before = (tmp_path / "vault.db").read_bytes()
    vault.ways.set_passphrase(OTHER)
    assert (tmp_path / "vault.db").read_bytes() == before
    vault.close()
    with pytest.raises(VaultRefused):
        reopen(tmp_path, WORDS)
    assert (tmp_path / "vault.json").read_bytes() == (tmp_path / "vault.copies" / "vault.json").read_bytes()
    with reopen(tmp_path, OTHER) as opened:
        assert revealed(opened) == {"AB1234": CANARY}


def test_moving_between_passphrase_and_keychain(tmp_path: Path, keychain: MemoryKeychain) -> None:
    vault = make(tmp_path, keychain)
    with pytest.raises(InputError, match="only way"):
        vault.ways.leave_keychain(keychain)
    vault.ways.set_passphrase(WORDS)
    vault.ways.leave_keychain(keychain)
    assert keychain.kept == {}
    with pytest.raises(InputError, match="only way"):
        vault.ways.remove_passphrase()
    vault.ways.keep_in_keychain(keychain)
    vault.ways.keep_in_keychain(keychain)
    assert len(keychain.kept) == 1  # the entry before is gone
    vault.ways.remove_passphrase()
    vault.close()
    with pytest.raises(VaultError, match="no passphrase"):
        reopen(tmp_path, WORDS)
    reopen(tmp_path, keychain).close()
    keychain.kept.clear()
    with pytest.raises(VaultRefused, match="holds no key"):
        reopen(tmp_path, keychain)


def test_a_new_recovery_key_ends_the_old_one(tmp_path: Path, keychain: MemoryKeychain) -> None:
    vault, old = Vault.create(tmp_path, keychain=keychain)
    assert old is not None
    new = vault.ways.new_recovery_key()
    vault.ways.check(RecoveryKey(new))
    with pytest.raises(VaultRefused):
        vault.ways.check(RecoveryKey(old))
    vault.close()


def test_rotation_renews_key_database_ways_and_copies(tmp_path: Path, keychain: MemoryKeychain) -> None:
    vault = make(tmp_path, keychain, WORDS)
    vault.credentials.put(credentials())
    vault.close()
    old_header = (tmp_path / "vault.json").read_bytes()
    old_copies = set((tmp_path / "vault.copies").glob("*.db"))
    vault = reopen(tmp_path, WORDS)
    journal = vault.key_for(Purpose.JOURNAL)
    for wrong in ({"passphrase": OTHER, "keychain": keychain}, {"keychain": keychain}, {"passphrase": WORDS}):
        with pytest.raises((VaultRefused, InputError)):
            vault.rotate(**wrong)
    recovery = vault.rotate(passphrase=WORDS, keychain=keychain)
    assert recovery is not None
    assert revealed(vault) == {"AB1234": CANARY}
    assert vault.key_for(Purpose.JOURNAL) != journal
    vault.credentials.put(credentials("CD5678", "second"))
    vault.close()
    copies = set((tmp_path / "vault.copies").glob("*.db"))
    assert copies
    assert not copies & old_copies
    assert not (tmp_path / "vault.db").exists()
    for by in (Passphrase(WORDS), FromKeychain(keychain), RecoveryKey(recovery)):
        with Vault.unlock(tmp_path, by) as opened:
            assert revealed(opened) == {"AB1234": CANARY, "CD5678": "second"}
    (tmp_path / "vault.json").write_bytes(old_header)  # whoever kept it has nothing that it opens
    with pytest.raises(VaultError, match=r"vault\.db is gone"):
        reopen(tmp_path, WORDS)


def test_keys_by_purpose_are_stable_and_apart(tmp_path: Path, keychain: MemoryKeychain) -> None:
    with make(tmp_path, keychain) as vault:
        first = {
            purpose: vault.key_for(purpose).reveal() for purpose in (Purpose.JOURNAL, Purpose.EXPORT, Purpose.SESSION)
        }
        for inside in (Purpose.VAULT, Purpose.HEADER):
            with pytest.raises(InputError, match="stays inside"):
                vault.key_for(inside)
    with reopen(tmp_path, keychain) as vault:
        assert first == {purpose: vault.key_for(purpose).reveal() for purpose in first}
    assert len(set(first.values())) == 3
    assert {len(key) for key in first.values()} == {32}


def test_the_header_says_what_status_shows(tmp_path: Path, keychain: MemoryKeychain) -> None:
    assert not vault_status(tmp_path).exists
    clock = ManualClock(START)
    vault, _ = Vault.create(tmp_path, passphrase=WORDS, keychain=keychain, clock=clock)
    status = vault_status(tmp_path)
    assert status.ways == ("passphrase", "keychain", "recovery")
    assert status.created_ns == START
    assert status.writer is not None
    assert status.writer.pid == os.getpid()
    assert status.cost is not None
    assert status.cost.memory_kib >= FLOOR.memory_kib
    vault.close()
    assert len(vault_status(tmp_path).copies_ns) == 1


def test_secrets_read_or_written_are_masked(tmp_path: Path, keychain: MemoryKeychain) -> None:
    written, read = SecretMasker(), SecretMasker()
    vault, _ = Vault.create(tmp_path, keychain=keychain, masker=written)
    vault.credentials.put(credentials())
    vault.close()
    assert CANARY not in written.mask(f"login failed for {CANARY}")
    with Vault.unlock(tmp_path, FromKeychain(keychain), masker=read) as opened:
        assert CANARY in read.mask(CANARY)
        revealed(opened)
        assert CANARY not in read.mask(CANARY)


def test_a_forked_child_must_unlock_for_itself(tmp_path: Path, keychain: MemoryKeychain) -> None:
    if not hasattr(os, "fork"):
        pytest.skip("this system knows no fork")
    with make(tmp_path, keychain) as vault:
        vault.credentials.put(credentials())
        child = os.fork()
        if child == 0:
            code = 1
            try:
                revealed(vault)
            except VaultError:
                code = 0
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert revealed(vault) == {"AB1234": CANARY}


async def test_the_awaited_twins(tmp_path: Path, keychain: MemoryKeychain) -> None:
    vault, _ = await create_async(tmp_path, keychain=keychain)
    await in_thread(vault.credentials.put, credentials())
    await in_thread(vault.close)
    opened = await unlock_async(tmp_path, FromKeychain(keychain))
    assert await in_thread(revealed, opened) == {"AB1234": CANARY}
    await in_thread(opened.close)
    assert to_ns(TOMORROW) == START
