"""F10 in a whole engine: at every write that fails, no order is at the broker without its durable intent."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from openalgo_lab.model.commands import CancelOrder
from openalgo_lab.model.errors import JournalError
from openalgo_lab.model.events import ErrorRaised
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.store.journal import SqliteJournal
from openalgo_lab.store.journal_file import Row, SqliteFile
from openalgo_lab.store.journal_records import Intended, decode_record
from tests.support.engine_parts import DAY, NOW_NS, TRADER, limit, running
from tests.support.scripted_broker import ScriptedBroker


class FailingFile:
    """Writes fail from the n-th on, for so many times."""

    def __init__(self, file: SqliteFile, first: int, times: int) -> None:
        self._file, self._first, self._last = file, first, first + times
        self.writes = 0

    def write(self, rows: Sequence[Row]) -> None:
        self.writes += 1
        if self._first <= self.writes < self._last:
            raise sqlite3.OperationalError("database or disk is full")
        self._file.write(rows)

    def read(self) -> Iterator[bytes]:
        return self._file.read()

    def close(self) -> None:
        self._file.close()


def intents_in(path: Path) -> set[str]:
    file, notice = SqliteFile.open(path, DAY)
    records = [decode_record(body) for body in file.read()]
    file.close()
    assert not notice
    return {record.order for record in records if isinstance(record, Intended)}


@pytest.mark.parametrize("first", range(1, 13))
async def test_no_durable_intent_no_order(tmp_path: Path, first: int) -> None:
    broker, path = ScriptedBroker(), tmp_path / "j.db"
    file, _ = SqliteFile.open(path, DAY)
    journal = SqliteJournal(FailingFile(file, first, 3), now_ns=lambda: NOW_NS)
    placed, refused = 0, 0
    async with running(broker, tmp_path, journal) as engine:
        for n in range(10):
            try:
                order = await engine.call(limit(quantity=n + 1), TRADER)
                placed += 1
                broker.fill(order.broker_order_id, n + 1)
            except JournalError as error:
                assert "cancelling still works" in str(error)
                refused += 1
        assert placed + refused == 10 == len(engine.books.orders) + refused
        assert {order.order_id for order in engine.books.orders} == set(broker.placed)
        assert all(order.status is OrderStatus.COMPLETE for order in engine.books.orders)
    assert set(broker.placed) <= intents_in(path)


async def test_cancels_go_out_and_the_failure_is_shown(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    file, _ = SqliteFile.open(tmp_path / "j.db", DAY)
    journal = SqliteJournal(FailingFile(file, 2, 10_000), now_ns=lambda: NOW_NS)
    async with running(broker, tmp_path, journal) as engine:
        heard: list[object] = []
        engine.bus.listen(heard.append)
        order = await engine.call(limit(), TRADER)
        with pytest.raises(JournalError):
            await engine.call(limit(98.0), TRADER)
        assert (await engine.call(CancelOrder(order.order_id), TRADER)).status is OrderStatus.CANCELLED
        engine.sheet.tell_changes()
        assert any(isinstance(event, ErrorRaised) and "disk is full" in event.message for event in heard)
    assert len(broker.placed) == 1
