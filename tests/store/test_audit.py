"""The audit log: a chain that shows every change, and a writer that never holds a command up."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.model.errors import StoreError
from openalgo_lab.store.audit import AuditEntry, AuditFile, audit_path, read_rows, reading_plain, verify
from openalgo_lab.store.audit_writer import AuditWriter
from openalgo_lab.store.cipher import sealed_path
from tests.store.vault.parts import MemoryKeychain, make

ENTRIES = [AuditEntry(number, "asha", "place_order", f'{{"n":{number}}}', "done") for number in range(1, 21)]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A log of twenty rows, open to somebody who knows SQLite."""
    file = AuditFile.open_plain(tmp_path / "audit.db")
    file.append(ENTRIES[:7])
    file.append(ENTRIES[7:])
    file.close()
    connection = sqlite3.connect(tmp_path / "audit.db", isolation_level=None)
    yield connection
    connection.close()


def head(log: sqlite3.Connection) -> str:
    (digest,) = log.execute("SELECT hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    return bytes(digest).hex()


def test_it_gives_back_what_it_was_given(log: sqlite3.Connection) -> None:
    assert [row.entry for row in read_rows(log)] == ENTRIES
    assert [row.seq for row in read_rows(log, after=17)] == [18, 19, 20]
    assert (verify(log).rows, verify(log).head, verify(log).broken_at) == (20, head(log), 0)


@pytest.mark.parametrize(
    "statement", ["UPDATE audit SET body = x'00' WHERE seq = 3", "DELETE FROM audit WHERE seq = 3"]
)
def test_the_file_itself_refuses_changes(log: sqlite3.Connection, statement: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="only grows"):
        log.execute(statement)


def unguarded(log: sqlite3.Connection) -> None:
    log.executescript("DROP TRIGGER audit_stays; DROP TRIGGER audit_grows;")


@pytest.mark.parametrize(
    ("statement", "broken_at"),
    [
        ("UPDATE audit SET body = CAST(replace(body, 'asha', 'bala') AS BLOB) WHERE seq = 1", 1),
        ("UPDATE audit SET body = replace(body, 'done', 'gone') WHERE seq = 12", 12),
        ("UPDATE audit SET hash = zeroblob(32) WHERE seq = 5", 5),
        ("UPDATE audit SET body = CAST(body AS TEXT) WHERE seq = 13", 13),
        ("DELETE FROM audit WHERE seq = 9", 9),
        ("DELETE FROM audit WHERE seq = 1", 1),
        ("DELETE FROM audit WHERE seq > 3 AND seq < 20", 4),
        ("UPDATE audit SET seq = seq + 100 WHERE seq = 20", 20),
        ("UPDATE audit SET seq = CASE seq WHEN 6 THEN -7 ELSE -6 END WHERE seq IN (6, 7)", 1),
        ("INSERT INTO audit VALUES(21, x'7b7d', zeroblob(32))", 21),
    ],
)
def test_every_change_is_found_and_where(log: sqlite3.Connection, statement: str, broken_at: int) -> None:
    unguarded(log)
    log.execute(statement)
    verdict = verify(log)
    assert verdict.broken_at == broken_at
    assert verdict.why


@given(st.data())
def test_any_flipped_bit_is_found(data: st.DataObject) -> None:
    log = sqlite3.connect(":memory:", isolation_level=None)
    AuditFile(log).append(ENTRIES[:5])
    unguarded(log)
    seq = data.draw(st.integers(1, 5))
    column = data.draw(st.sampled_from(["body", "hash"]))
    (content,) = log.execute(f"SELECT {column} FROM audit WHERE seq = ?", (seq,)).fetchone()
    changed = bytearray(content)
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    log.execute(f"UPDATE audit SET {column} = ? WHERE seq = ?", (bytes(changed), seq))
    assert verify(log).broken_at == seq
    log.close()


def test_rows_cut_off_the_end_are_found_by_a_head_that_was_kept(log: sqlite3.Connection) -> None:
    kept = head(log)
    unguarded(log)
    log.execute("DELETE FROM audit WHERE seq > 15")
    assert verify(log).broken_at == 0
    assert "cut off" in verify(log, kept).why
    assert not verify(log, head(log).upper()).broken_at


def test_a_log_goes_on_where_it_ended(tmp_path: Path, log: sqlite3.Connection) -> None:
    file = AuditFile.open_plain(tmp_path / "audit.db")
    assert file.head == head(log)
    file.append(ENTRIES[:1])
    file.close()
    assert verify(log).rows == 21
    assert (tmp_path / "audit.db").stat().st_mode & 0o777 == 0o600


def test_no_log_and_a_foreign_file_are_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no audit log"), reading_plain(tmp_path / "audit.db"):
        pass
    (tmp_path / "audit.db").write_bytes(b"something else" * 500)
    with pytest.raises(StoreError, match="cannot be used"):
        AuditFile.open_plain(tmp_path / "audit.db")


# The writer ---------------------------------------------------------------------------------------------------------


def written(folder: Path) -> list[AuditEntry]:
    with reading_plain(audit_path(folder)) as log:
        assert not verify(log).broken_at
        return [row.entry for row in read_rows(log)]


def test_many_threads_one_chain(tmp_path: Path) -> None:
    writer = AuditWriter(tmp_path)
    threads = [threading.Thread(target=lambda: [*map(writer.append, ENTRIES)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    assert len(written(tmp_path)) == 160
    assert not writer.failure


def test_flush_writes_at_once(tmp_path: Path) -> None:
    writer = AuditWriter(tmp_path)
    writer.append(ENTRIES[0])
    writer.flush()
    assert written(tmp_path) == ENTRIES[:1]
    writer.close()


def test_a_disk_that_refuses_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, full = AuditFile.append, [True]

    def append(self: AuditFile, entries: list[AuditEntry]) -> None:
        if full[0]:
            raise sqlite3.OperationalError("database or disk is full")
        real(self, entries)

    monkeypatch.setattr(AuditFile, "append", append)
    writer = AuditWriter(tmp_path)
    writer.append(ENTRIES[0])
    writer.flush()
    assert "disk is full" in writer.failure
    writer.append(ENTRIES[1])
    full[0] = False
    writer.close()
    assert written(tmp_path) == ENTRIES[:2]


def test_what_could_not_be_kept_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openalgo_lab.store.audit_writer._BACKLOG", 3)
    monkeypatch.setattr(AuditWriter, "_run", lambda self: None)
    writer = AuditWriter(tmp_path)
    for entry in ENTRIES[:5]:
        writer.append(entry)
    writer.flush()
    writer.close()
    gap, *rest = written(tmp_path)
    assert (gap.outcome, gap.said.split()[0]) == ("lost", "2")
    assert rest == ENTRIES[2:5]


def sealed_rows(folder: Path, use: Callable[[AuditWriter], None]) -> list[AuditEntry]:
    with make(folder, MemoryKeychain()) as vault:
        writer = AuditWriter(folder)
        writer.append(ENTRIES[0])
        writer.flush()
        writer.seal(vault.sealed)
        writer.seal(vault.sealed)
        use(writer)
        writer.close()
        path = sealed_path(audit_path(folder))
        assert b"asha" not in path.read_bytes()
        with vault.sealed.reading(path) as log:
            assert not verify(log).broken_at
            return [row.entry for row in read_rows(log)]


def test_it_goes_over_into_the_vault_with_what_it_held(tmp_path: Path) -> None:
    moved, *rest = sealed_rows(tmp_path, lambda writer: writer.append(ENTRIES[1]))
    assert (moved.what, moved.said.split()[0]) == ("moved", "1")
    assert rest == ENTRIES[:2]
    assert not audit_path(tmp_path).exists()


def test_a_sealed_log_that_is_damaged_is_left_and_the_plain_one_goes_on(tmp_path: Path) -> None:
    with make(tmp_path, MemoryKeychain()) as vault:
        path = sealed_path(audit_path(tmp_path))
        path.write_bytes(b"damaged" * 2000)
        writer = AuditWriter(tmp_path)
        with pytest.raises(StoreError, match="move that file away"):
            writer.seal(vault.sealed)
        writer.append(ENTRIES[0])
        writer.close()
        assert written(tmp_path) == ENTRIES[:1]
        assert path.read_bytes() == b"damaged" * 2000
