"""An engine that runs through the night: on the first look of a day the ledger lets go of the day before."""

from __future__ import annotations

from datetime import date, time, timedelta

from openalgo_lab.model.commands import PlaceOrder
from openalgo_lab.model.times import at_ist
from openalgo_lab.model.vocabulary import PriceType, Product, Side
from tests.sim.sandbox.desk import DAY, SBIN, option
from tests.support.engine_parts import TRADER
from tests.support.sandbox_world import SandboxWorld

NEXT = DAY + timedelta(days=1)
CALL = option(26_000)


def test_what_ended_yesterday_goes_and_what_is_held_stays() -> None:
    world = SandboxWorld()
    try:
        _trade(world)
        yesterday = world.engine.books
        assert len(yesterday.orders) == 3 and yesterday.fills
        world.travel(at_ist(NEXT, time(0, 0, 5)))
        today = world.engine.books
        assert not today.orders and not today.fills
        (position,) = [one for one in today.positions if one.quantity]
        before = next(one for one in yesterday.positions if one.symbol == CALL.symbol)
        assert (position.symbol, position.quantity) == (CALL.symbol, 65)
        assert (position.average_price, position.buy_quantity) == (before.average_price, 0)
        assert [(one.symbol, one.quantity) for one in today.holdings] == [("SBIN", 10)]
    finally:
        world.close()


def test_the_day_is_turned_once_and_trading_goes_on() -> None:
    world = SandboxWorld()
    try:
        _trade(world)
        world.travel(at_ist(NEXT, time(10, 0)))
        world.run(world.engine.call(PlaceOrder(CALL.exchange, CALL.symbol, Side.SELL, 65, Product.NRML), TRADER))
        world.step()
        world.run(world.engine.reconciler.look(world.engine.router.line("")))
        books = world.engine.books
        assert [(one.symbol, one.side) for one in books.fills] == [(CALL.symbol, Side.SELL)]
        position = next(one for one in books.positions if one.symbol == CALL.symbol)
        assert (position.quantity, position.sell_quantity) == (0, 65)
    finally:
        world.close()


def _trade(world: SandboxWorld) -> None:
    assert world.now.date() == date(2026, 11, 25)
    for order in (
        PlaceOrder(CALL.exchange, CALL.symbol, Side.BUY, 65, Product.NRML),
        PlaceOrder(SBIN.exchange, SBIN.symbol, Side.BUY, 10, Product.CNC),
        PlaceOrder(SBIN.exchange, SBIN.symbol, Side.BUY, 5, Product.MIS, PriceType.LIMIT, 780.0),
    ):
        world.run(world.engine.call(order, TRADER))
    world.step()
