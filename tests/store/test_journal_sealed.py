"""The order journal inside SQLCipher: the plain one's promises, nothing readable, and the way from one to the other."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from openalgo_lab.model.errors import JournalError, VaultError
from openalgo_lab.model.secret import SecretBytes
from openalgo_lab.store.cipher import sealed_path
from openalgo_lab.store.journal import Journal
from openalgo_lab.store.journal_file import Row
from openalgo_lab.store.journal_records import Asked, KillSwitched
from openalgo_lab.store.journal_sealed import SealedJournalFile
from openalgo_lab.store.vault import FromKeychain, Vault
from openalgo_lab.store.vault.sealed import _opens
from tests.store.sealed_journal import DAY, INTENT, JOURNAL, found, intended, opened
from tests.store.vault.parts import FolderKeychain, MemoryKeychain, make, reopen

WORD = "ORDERCANARY"


@pytest.fixture
def keychain() -> MemoryKeychain:
    return MemoryKeychain()


@pytest.fixture
def vault(tmp_path: Path, keychain: MemoryKeychain) -> Iterator[Vault]:
    with make(tmp_path, keychain) as vault:
        yield vault


async def test_an_intent_is_durable_and_unreadable_when_intend_returns(tmp_path: Path, vault: Vault) -> None:
    journal: Journal = opened(tmp_path, vault)
    await journal.intend(msgspec.structs.replace(INTENT, symbol=WORD), "key")
    path = sealed_path(tmp_path / JOURNAL)
    with vault.sealed.reading(path) as other:
        assert other.execute("SELECT count(*) FROM records").fetchone() == (1,)
    content = b"".join(one.read_bytes() for one in tmp_path.glob(path.name + "*"))
    assert content
    assert WORD.encode() not in content
    assert b"records" not in content
    assert path.stat().st_mode & 0o777 == 0o600
    await journal.close()


async def test_it_gives_back_what_the_plain_one_would(tmp_path: Path, vault: Vault) -> None:
    journal = opened(tmp_path, vault)
    await journal.intend(INTENT)
    journal.append(Asked("OID1", "cancel", "a test"))
    journal.append(KillSwitched(True))
    await journal.close()
    again = opened(tmp_path, vault)
    assert [type(record).__name__ for record in again.replay()] == ["Intended", "Asked", "KillSwitched"]
    await again.close()


async def test_what_stood_in_the_plain_one_moves_in(tmp_path: Path, vault: Vault) -> None:
    await intended(tmp_path, None, ["A", "B"])
    await intended(tmp_path, vault, ["C"])
    assert not list(tmp_path.glob(JOURNAL + "*"))
    assert await found(tmp_path, vault) == (["A", "B", "C"], "")
    await intended(tmp_path, None, ["D"])  # the vault was locked for a while
    assert await found(tmp_path, vault) == (["A", "B", "C", "D"], "")


async def test_a_damaged_plain_one_does_not_keep_the_sealed_one_shut(tmp_path: Path, vault: Vault) -> None:
    (tmp_path / JOURNAL).write_bytes(b"no database" * 1000)
    await intended(tmp_path, vault, ["A"])
    assert await found(tmp_path, vault) == (["A"], "")
    assert (tmp_path / JOURNAL).exists()


async def test_every_page_flipped_once_is_set_aside_and_never_served(tmp_path: Path, vault: Vault) -> None:
    await intended(tmp_path, vault, [f"{number:04}" for number in range(40)])
    path = sealed_path(tmp_path / JOURNAL)
    whole = path.read_bytes()
    pages = len(whole) // 4096
    assert pages >= 4
    for page in range(pages):
        content = bytearray(whole)
        content[page * 4096 + 100] ^= 1
        path.write_bytes(content)
        orders, notice = await found(tmp_path, vault)
        assert (orders, "set aside" in notice or "lies aside" in notice) == ([], True), page
        (aside,) = tmp_path.glob(f"{path.name}.damaged-*")
        assert aside.read_bytes() == bytes(content)
        for leftover in tmp_path.glob(f"{path.name}*"):
            leftover.unlink()


async def test_a_full_disk_lets_no_order_out(tmp_path: Path, vault: Vault) -> None:
    journal = opened(tmp_path, vault)
    file = journal._file
    assert isinstance(file, SealedJournalFile)
    file.limit_pages(4)
    with pytest.raises(JournalError, match="No order leaves"):
        for _ in range(100):
            await journal.intend(INTENT)
    file.limit_pages(100_000)
    await journal.intend(INTENT)
    assert not journal.failure
    await journal.close()


async def test_after_a_rotation_the_old_key_opens_nothing(
    tmp_path: Path, vault: Vault, keychain: MemoryKeychain
) -> None:
    await intended(tmp_path, vault, ["A"])
    path = sealed_path(tmp_path / JOURNAL)
    row = vault.sealed._row(path.name)
    assert row is not None
    old = SecretBytes(row[0].reveal())
    assert _opens(path, old)
    vault.rotate(keychain=keychain)
    assert await found(tmp_path, vault) == (["A"], "")
    assert not _opens(path, old)
    assert await found(tmp_path, vault) == (["A"], "")


async def test_another_vaults_journal_is_kept_and_not_read(tmp_path: Path, vault: Vault) -> None:
    await intended(tmp_path, vault, ["A"])
    path = sealed_path(tmp_path / JOURNAL)
    whole = path.read_bytes()
    (tmp_path / "other").mkdir()
    with make(tmp_path / "other", MemoryKeychain()) as other:
        stranger = sealed_path(tmp_path / "other" / JOURNAL)
        stranger.write_bytes(whole)
        orders, notice = await found(tmp_path / "other", other)
    assert orders == []
    assert "aside" in notice
    (aside,) = (tmp_path / "other").glob("*.damaged-*")
    assert aside.read_bytes() == whole


async def test_it_stays_open_when_the_vault_is_locked(tmp_path: Path, keychain: MemoryKeychain) -> None:
    vault = make(tmp_path, keychain)
    journal = opened(tmp_path, vault)
    vault.close()
    await journal.intend(INTENT)
    await journal.close()
    with reopen(tmp_path, keychain) as again:
        assert await found(tmp_path, again) == (["OID1"], "")


def test_a_reader_opens_none_for_writing(tmp_path: Path, vault: Vault, keychain: MemoryKeychain) -> None:
    asyncio.run(intended(tmp_path, vault, ["A"]))
    reader = reopen(tmp_path, keychain, write=False)
    with reader, pytest.raises(JournalError, match="reading only"):
        opened(tmp_path, reader)
    with pytest.raises(VaultError, match="knows no file"), vault.sealed.reading(tmp_path / "nothing.sealed.db"):
        pass


WORKER = """
import asyncio, sys, itertools
from pathlib import Path
import msgspec
from openalgo_lab.store.vault import FromKeychain, Vault
from tests.store.sealed_journal import INTENT, opened
from tests.store.vault.parts import FolderKeychain
folder = Path(sys.argv[1])

async def main():
    journal = opened(folder, Vault.unlock(folder, FromKeychain(FolderKeychain(folder / "keychain"))))
    for number in itertools.count():
        await journal.intend(msgspec.structs.replace(INTENT, order_id=str(number)))
        print(number, flush=True)

asyncio.run(main())
"""


def test_a_kill_loses_no_intent_that_was_answered(tmp_path: Path, repository: Path) -> None:
    (tmp_path / "keychain").mkdir()
    keychain = FolderKeychain(tmp_path / "keychain")
    Vault.create(tmp_path, keychain=keychain)[0].close()
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, str(tmp_path)], cwd=repository, stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout is not None
        answered = [int(worker.stdout.readline()) for _ in range(30)]
        os.kill(worker.pid, signal.SIGKILL)
        answered += [int(line) for line in worker.stdout.read().split()]
    with Vault.unlock(tmp_path, FromKeychain(keychain)) as vault:
        orders, notice = asyncio.run(found(tmp_path, vault))
    assert not notice
    assert {str(number) for number in answered} <= set(orders)


def test_a_log_left_by_a_death_survives_a_wrong_key(tmp_path: Path, vault: Vault) -> None:
    path = tmp_path / "some.sealed.db"
    connection = vault.sealed.open(path)
    connection.execute("CREATE TABLE t(x)")
    connection.execute("INSERT INTO t VALUES('kept')")
    for part in ("", "-wal"):
        (tmp_path / f"dead.sealed.db{part}").write_bytes((tmp_path / f"{path.name}{part}").read_bytes())
    connection.close()
    dead = tmp_path / "dead.sealed.db"
    assert (tmp_path / "dead.sealed.db-wal").stat().st_size > 0
    assert not _opens(dead, SecretBytes(b"w" * 32))
    row = vault.sealed._row(path.name)
    assert row is not None
    vault.sealed._keep(dead.name, row[0], None, row[2])
    with vault.sealed.reading(dead) as found_again:
        assert found_again.execute("SELECT x FROM t").fetchall() == [("kept",)]


def test_errors_keep_their_code(tmp_path: Path, vault: Vault) -> None:
    file, _ = SealedJournalFile.open_sealed(tmp_path / "x.sealed.db", DAY, vault.sealed)
    file.limit_pages(1)
    row = Row(DAY, "A", False, 0, b"x" * 100_000)
    with pytest.raises(sqlite3.DatabaseError) as failed:
        file.write([row])
    assert failed.value.sqlite_errorcode == sqlite3.SQLITE_FULL
    file.close()
