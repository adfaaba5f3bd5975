"""The exchange's durable record: one holder, whole or not at all, damage is said."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from openalgo_lab.model.errors import StoreError
from openalgo_lab.model.vocabulary import Exchange, PriceType, Product, Side, Validity
from openalgo_lab.sim.account import Money
from openalgo_lab.sim.records import Records, VenueOrder
from openalgo_lab.sim.rules import Code, Refusal, Terms
from openalgo_lab.sim.venue import Venue
from tests.sim.fake_market import SBIN, FakeMarket


def an_order(number: int = 1, day: str = "2026-11-25") -> VenueOrder:
    return VenueOrder(
        number, day, "ME", 2, Exchange.NSE, "SBIN", Side.BUY, Product.MIS, PriceType.LIMIT, Validity.DAY,
        10, 8000000, 0, 0, "TAG", 1, 1,
    )  # fmt: skip


def test_a_second_holder_is_told_who_is_in_the_way(tmp_path: Path) -> None:
    first = Records(tmp_path / "r.sqlite")
    with pytest.raises(StoreError, match="held by another process"):
        Records(tmp_path / "r.sqlite")
    first.close()
    Records(tmp_path / "r.sqlite").close()


def test_the_lock_dies_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    code = (
        "import os, sys; from openalgo_lab.sim.records import Records; r = Records(sys.argv[1]);"
        "from openalgo_lab.sim.account import Money\n"
        "with r.transaction(): r.save_money('ME', Money(7))\n"
        "print('up', flush=True); sys.stdin.read()"
    )
    root = Path(__file__).parents[2]
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"up\n"
    with pytest.raises(StoreError, match="held by another process"):
        Records(path)
    child.kill()
    child.communicate()
    records = Records(path)
    assert records.load().money == {"ME": Money(7)}
    records.close()


def _save_and_fail(records: Records, order: VenueOrder) -> None:
    with records.transaction():
        records.save_order(order)
        raise ZeroDivisionError


def test_a_failed_transaction_leaves_nothing() -> None:
    records = Records(":memory:")
    with records.transaction():
        records.save_order(an_order(1))
    with pytest.raises(ZeroDivisionError):
        _save_and_fail(records, an_order(2))
    with records.transaction():
        records.start_day("2026-11-25", [])
    assert [order.number for order in records.load().orders] == [1]


def test_only_the_days_orders_come_back_and_numbers_never_start_again() -> None:
    records = Records(":memory:")
    with records.transaction():
        records.save_order(an_order(41, "2026-11-24"))
        records.save_order(an_order(40, "2026-11-25"))
        records.start_day("2026-11-25", [])
    loaded = records.load()
    assert [order.number for order in loaded.orders] == [40]
    assert loaded.last_number == 41


def test_very_old_orders_are_dropped() -> None:
    records = Records(":memory:")
    with records.transaction():
        records.save_order(an_order(1, "2026-10-01"))
        records.save_order(an_order(2, "2026-11-01"))
        records.start_day("2026-11-25", [])
    with records.transaction():
        records.start_day("2026-10-01", [])
    assert records.load().orders == []


def test_a_file_that_is_none_is_said(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    path.write_bytes(b"no database at all, but long enough to be one" * 40)
    with pytest.raises(StoreError, match="cannot be read"):
        Records(path)


def test_a_row_that_does_not_fit_is_said(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    records = Records(path)
    with records.transaction():
        records.save_money("ME", Money(1))
    records.close()
    with sqlite3.connect(path) as db:
        db.execute("UPDATE money SET body = x'c1'")
    db.close()
    records = Records(path)
    with pytest.raises(StoreError, match="damaged"):
        records.load()
    records.close()


class FullDisk(Records):
    """Refuses to write from the n-th transaction on."""

    def __init__(self, writes: int) -> None:
        super().__init__(":memory:")
        self.writes = writes

    def save_order(self, order: VenueOrder) -> None:
        self.writes -= 1
        if self.writes < 0:
            raise sqlite3.OperationalError("database or disk is full")
        super().save_order(order)


@pytest.mark.parametrize("writes", range(5))
def test_a_full_disk_stops_the_venue_and_every_answered_order_is_in_the_file(writes: int) -> None:
    market, records = FakeMarket(), FullDisk(writes)
    venue = Venue(market, records, clock=market.clock)
    answered: list[int] = []

    def trade() -> None:
        while len(answered) < 10:
            answered.append(venue.place("ME", SBIN, Terms(Side.BUY, Product.MIS, PriceType.MARKET, 1)).number)
            venue.run_due(10**12)

    with pytest.raises(Refusal) as refusal:
        trade()
    assert refusal.value.code is Code.HALTED
    with pytest.raises(Refusal, match="stopped"):
        venue.place("ME", SBIN, Terms(Side.BUY, Product.MIS, PriceType.MARKET, 1))
    assert {order.number for order in records.load().orders} == set(answered)
    assert "free the disk" in venue.halted
