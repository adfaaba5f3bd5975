"""The order journal: durable before the wire, honest about failure, never overwritten."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest

from openalgo_lab.model.errors import JournalError
from openalgo_lab.model.orders import OrderIntent, OrderStatus
from openalgo_lab.model.times import day_bounds_ns
from openalgo_lab.model.vocabulary import Exchange, PriceType, Product, Side
from openalgo_lab.store.journal import SqliteJournal
from openalgo_lab.store.journal_file import Row, SqliteFile
from openalgo_lab.store.journal_records import Asked, Ended, Intended, JournalRecord, KillSwitched, Settled

DAY = date(2026, 11, 25)
INTENT = OrderIntent("OID1", "A", Exchange.NSE, "SBIN", Side.BUY, 10, Product.MIS, PriceType.MARKET)


def intent(order_id: str) -> OrderIntent:
    return msgspec.structs.replace(INTENT, order_id=order_id)


def noon(day: date) -> int:
    return day_bounds_ns(day)[0] + 12 * 3_600_000_000_000


def opened(path: Path, day: date = DAY) -> SqliteJournal:
    return SqliteJournal.open(path, day, lambda: noon(day))


async def written(path: Path, records: Sequence[JournalRecord], day: date = DAY) -> None:
    journal = opened(path, day)
    for record in records:
        journal.append(record)
    await journal.close()


async def replayed(path: Path, day: date = DAY) -> list[JournalRecord]:
    journal = opened(path, day)
    records = list(journal.replay())
    await journal.close()
    return records


async def test_an_intent_is_durable_when_intend_returns(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    journal = opened(path)
    await journal.intend(INTENT, "key")
    with sqlite3.connect(path) as other:  # another reader, the writer still open
        assert other.execute("SELECT count(*) FROM records").fetchone() == (1,)
    assert not journal.failure and len(journal.sync_ms) == 1
    await journal.close()
    assert await replayed(path) == [Intended(INTENT, "key")]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_intents_that_come_together_share_a_commit(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j.db")
    await asyncio.gather(*(journal.intend(intent(f"O{n}")) for n in range(50)))
    assert len(journal.sync_ms) < 10
    await journal.close()
    assert len(await replayed(tmp_path / "j.db")) == 50


async def test_the_order_of_records_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    journal = opened(path)
    journal.append(Asked("OID0", "cancel", "me"))
    await journal.intend(INTENT)
    journal.append(Settled("OID1", OrderStatus.UNKNOWN, "cut"))
    await journal.close()
    kinds = [type(record) for record in await replayed(path)]
    assert kinds == [Asked, Intended, Settled]


async def test_of_earlier_days_only_what_has_not_ended(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    before = DAY - timedelta(days=1)
    await written(path, [Intended(intent("DONE")), Ended("DONE"), Intended(intent("OPEN"))], before)
    await written(path, [Intended(intent("OLD"))], DAY - timedelta(days=30))
    await written(path, [KillSwitched(True)], DAY - timedelta(days=40))
    await written(path, [Intended(intent("TODAY")), Ended("TODAY")])
    got = await replayed(path)
    assert [record.order for record in got] == ["OPEN", "*", "TODAY", "TODAY"]


@pytest.mark.parametrize("damage", ["header", "middle", "text", "cut", "record"])
async def test_a_damaged_file_is_set_aside_not_overwritten(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "j.db"
    await written(path, [Intended(intent(f"O{n}")) for n in range(400)])
    if damage == "record":
        with sqlite3.connect(path) as db:
            db.execute("UPDATE records SET body = x'00' WHERE seq = 7")
    else:
        whole = path.read_bytes()
        harmed = {
            "header": b"\xff" * 100 + whole[100:],
            "middle": whole[:4096] + b"\xff" * 8192 + whole[4096 + 8192 :],
            "text": b"not a database at all " * 99,
            "cut": whole[: len(whole) // 2],
        }
        path.write_bytes(harmed[damage])
    content = path.read_bytes()
    journal = opened(path)
    assert "damaged" in journal.notice and "broker's books" in journal.notice
    (aside,) = [p for p in tmp_path.iterdir() if ".damaged-" in p.name and not p.name.endswith(("-wal", "-shm"))]
    assert aside.read_bytes() == content
    assert list(journal.replay()) == []
    await journal.intend(INTENT)
    await journal.close()


async def test_a_record_of_another_version_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    file, _ = SqliteFile.open(path, DAY)
    file.write([Row(DAY, "X", False, 1, msgspec.msgpack.encode({"type": "from the future"}))])
    file.close()
    journal = opened(path)
    assert not journal.notice
    with pytest.raises(JournalError, match="another version"):
        list(journal.replay())
    await journal.close()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
async def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(JournalError, match="rights"):
            opened(tmp_path / "j.db")
    finally:
        tmp_path.chmod(0o700)


async def test_a_path_that_is_a_folder(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="cannot be opened"):
        opened(tmp_path)


async def test_a_really_full_disk(tmp_path: Path) -> None:
    """SQLite's own limit of pages gives the very error of a full disk."""
    file, _ = SqliteFile.open(tmp_path / "j.db", DAY)
    file.limit_pages(8)
    journal = SqliteJournal(file, now_ns=lambda: noon(DAY))
    with pytest.raises(JournalError, match="full"):
        for n in range(1000):
            await journal.intend(intent(f"O{n}"), "k" * 500)
    assert "full" in journal.failure
    file.limit_pages(10_000)
    await journal.intend(intent("LAST"))
    assert not journal.failure
    await journal.close()
    assert (await replayed(tmp_path / "j.db"))[-1].order == "LAST"


class Faulty:
    """A file whose n-th write fails, before anything is written or after all of it is."""

    def __init__(self, file: SqliteFile, fail_at: int, late: bool) -> None:
        self._file, self._fail_at, self._late = file, fail_at, late
        self.writes = 0

    def write(self, rows: Sequence[Row]) -> None:
        self.writes += 1
        fails = self.writes == self._fail_at
        if fails and not self._late:
            raise OSError(5, "Input/output error")
        self._file.write(rows)
        if fails:
            raise sqlite3.OperationalError("disk I/O error")

    def read(self) -> Iterator[bytes]:
        return self._file.read()

    def close(self) -> None:
        self._file.close()


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("fail_at", range(1, 9))
async def test_every_write_may_fail(tmp_path: Path, fail_at: int, late: bool) -> None:
    """F10 at the journal: whoever was told "durable" is in the file, and appends are written by the next try."""
    file, _ = SqliteFile.open(tmp_path / "j.db", DAY)
    journal = SqliteJournal(Faulty(file, fail_at, late), now_ns=lambda: noon(DAY))
    durable, refused = [], []
    for n in range(6):
        journal.append(Settled(f"S{n}", OrderStatus.UNKNOWN, ""))
        try:
            await journal.intend(intent(f"O{n}"))
            durable.append(f"O{n}")
        except JournalError:
            refused.append(f"O{n}")
    await journal.close()
    there = [record.order for record in await replayed(tmp_path / "j.db")]
    assert set(durable) <= set(there)
    assert late or not set(refused) & set(there)
    assert {f"S{n}" for n in range(6)} <= set(there)
    assert len(refused) == (fail_at <= 6)


async def test_closed_is_closed(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j.db")
    await journal.close()
    with pytest.raises(JournalError, match="closed"):
        await journal.intend(INTENT)


async def test_appends_that_failed_are_tried_again_without_an_order(tmp_path: Path) -> None:
    file, _ = SqliteFile.open(tmp_path / "j.db", DAY)
    journal = SqliteJournal(Faulty(file, 1, False), now_ns=lambda: noon(DAY))
    journal.append(Settled("S", OrderStatus.UNKNOWN, ""))
    async with asyncio.timeout(20):
        while not journal.failure:
            await asyncio.sleep(0.01)
        while journal.failure:
            await asyncio.sleep(0.01)
    await journal.close()
    assert [record.order for record in await replayed(tmp_path / "j.db")] == ["S"]
