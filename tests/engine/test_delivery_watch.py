"""The warning before share contracts end by delivery."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time

import pytest

from openalgo_lab.engine.delivery_watch import DeliveryWatch
from openalgo_lab.engine.shelf import PriceWatch
from openalgo_lab.model.commands import PlaceOrder
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.times import at_ist
from openalgo_lab.model.vocabulary import Product, Side
from tests.sim.sandbox.desk import CALENDAR, SBIN, STOCK_FUT, option, stock_option
from tests.support.engine_parts import TRADER
from tests.support.sandbox_world import SandboxWorld

D24, D29 = date(2026, 12, 24), date(2026, 12, 29)


@pytest.fixture
def world() -> Iterator[SandboxWorld]:
    made = SandboxWorld()
    yield made
    made.close()


def _watch(world: SandboxWorld, told: list[str]) -> DeliveryWatch:
    return DeliveryWatch(
        ledger=world.engine.ledger,
        prices=PriceWatch(world.desk.board, lambda _: None),  # type: ignore[arg-type]
        instruments=lambda: world.engine.instruments,
        report=lambda _, sentence: told.append(sentence),
        now_ns=world.desk.clock.now_ns,
        calendar=lambda: CALENDAR,
    )


def _hold(world: SandboxWorld, item: Instrument, side: Side) -> None:
    order = PlaceOrder(item.exchange, item.symbol, side, item.lot_size, Product.NRML)
    world.run(world.engine.call(order, TRADER))
    world.step()


@pytest.mark.parametrize(
    ("item", "side", "words"),
    [
        (STOCK_FUT, Side.BUY, "you take 750 SBIN and pay about ₹6,00,000"),
        (STOCK_FUT, Side.SELL, "you give 750 SBIN and receive about ₹6,00,000"),
        (stock_option(780), Side.BUY, "you take 750 SBIN and pay about ₹5,85,000"),
        (stock_option(820, "PE"), Side.BUY, "you give 750 SBIN and receive about ₹6,15,000"),
        (stock_option(820), Side.BUY, "at today's price it would lapse"),
    ],
)
def test_who_holds_one_hears_once_a_day_what_comes(
    world: SandboxWorld, item: Instrument, side: Side, words: str
) -> None:
    world.restart(at_ist(D24, time(10, 0)))
    _hold(world, item, side)
    told: list[str] = []
    watch = _watch(world, told)
    for _ in range(2):
        world.run(watch.look())
    assert len(told) == 1
    assert words in told[0] and item.symbol in told[0] and "29 Dec 2026" in told[0]
    world.desk.clock.set(at_ist(D29, time(9, 30)))
    world.run(watch.look())
    assert len(told) == 2


def test_nothing_is_said_of_an_index_of_shares_or_of_a_contract_that_is_far(world: SandboxWorld) -> None:
    told: list[str] = []
    for item, product in ((option(26_000), Product.NRML), (STOCK_FUT, Product.NRML), (SBIN, Product.CNC)):
        order = PlaceOrder(item.exchange, item.symbol, Side.BUY, item.lot_size, product)
        world.run(world.engine.call(order, TRADER))
    world.step()
    assert sum(1 for one in world.engine.books.positions if one.quantity) == 3
    world.run(_watch(world, told).look())
    assert not told
    world.desk.clock.set(at_ist(date(2026, 12, 21), time(10, 0)))  # five trading days before
    world.run(_watch(world, told).look())
    assert not told
    world.desk.clock.set(at_ist(date(2026, 12, 22), time(10, 0)))
    world.run(_watch(world, told).look())
    assert len(told) == 1
