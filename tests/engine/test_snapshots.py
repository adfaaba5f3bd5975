"""What an account held: written when it changed, in the journal of its account, and known again after a start."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from openalgo_lab.model.vocabulary import Exchange, Product
from openalgo_lab.store.journal_records import Snapshotted
from tests.store.vault.parts import MemoryKeychain, make
from tests.support.engine_parts import DAY, NOW_NS, running
from tests.support.scripted_broker import ScriptedBroker


async def snapshots(path: Path) -> list[Snapshotted]:
    from openalgo_lab.store.journal import SqliteJournal

    journal = SqliteJournal.open(path, DAY, lambda: NOW_NS)
    found = [record for record in journal.replay() if isinstance(record, Snapshotted)]
    await journal.close()
    return found


async def test_one_is_written_when_something_changed(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    broker.carried[Exchange.NSE, "SBIN", Product.NRML] = (10, 95.0)
    async with running(broker, tmp_path) as engine:
        engine.snapshots.take_all()
        engine.snapshots.take_all()
        (funds,) = engine.books.funds
        engine.ledger.set_funds(msgspec.structs.replace(funds, used_paise=700))
    first, second = await snapshots(tmp_path / "journal.db")  # the second by the engine's end
    assert [(one.symbol, one.quantity) for one in first.positions] == [("SBIN", 10)]
    assert (first.funds, second.funds) == (funds, msgspec.structs.replace(funds, used_paise=700))


async def test_a_restart_knows_the_money_before_the_broker_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = ScriptedBroker()
    async with running(broker, tmp_path) as engine:
        funds, holdings = engine.books.funds, engine.books.holdings
        assert funds

    async def unreachable(_: object) -> None:
        from openalgo_lab.model.errors import WireError

        raise WireError("no network")

    again = ScriptedBroker()
    monkeypatch.setattr(again, "connect", unreachable)
    async with running(again, tmp_path) as engine:
        assert engine.books.funds == funds
        assert engine.books.holdings == holdings
        assert not engine.router.line("").open
        assert len(await snapshots(tmp_path / "journal.db")) == 1  # a closed line's books are not evidence


def test_it_lies_inside_the_vault_like_everything_of_the_journal(tmp_path: Path) -> None:
    import asyncio

    from openalgo_lab.model.portfolio import Funds
    from openalgo_lab.store.cipher import sealed_path
    from tests.store.sealed_journal import JOURNAL, opened

    async def write() -> None:
        with make(tmp_path, MemoryKeychain()) as vault:
            journal = opened(tmp_path, vault)
            journal.append(Snapshotted("CANARYACCOUNT", (), (), Funds("CANARYACCOUNT", 1, 2)))
            await journal.close()

    asyncio.run(write())
    assert b"CANARYACCOUNT" not in sealed_path(tmp_path / JOURNAL).read_bytes()
