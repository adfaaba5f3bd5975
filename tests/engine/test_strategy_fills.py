"""What a strategy carried overnight is still its own: closed, counted and judged under its name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time, timedelta
from typing import Any

import pytest

from openalgo_lab.model.commands import ClosePosition, PlaceOrder
from openalgo_lab.model.structure_commands import GetOpenPosition
from openalgo_lab.model.times import at_ist
from openalgo_lab.model.vocabulary import Product, Side
from tests.sim.sandbox.desk import DAY, EXPIRY, SBIN, option
from tests.support.engine_parts import TRADER
from tests.support.sandbox_world import SandboxWorld

NEXT = at_ist(DAY + timedelta(days=1), time(10, 0))
CALL = option(26_000)


@pytest.fixture
def world() -> Iterator[SandboxWorld]:
    made = SandboxWorld()
    yield made
    made.close()


def _order(world: SandboxWorld, side: Side, lots: int, strategy: str, **more: Any) -> None:
    fields: dict[str, Any] = {"product": Product.NRML, "strategy": strategy, **more}
    order = PlaceOrder(CALL.exchange, CALL.symbol, side, lots * 65, confirm_duplicate=True, **fields)
    world.run(world.engine.call(order, TRADER))
    world.step()


def _net(world: SandboxWorld, strategy: str) -> int:
    ask = GetOpenPosition(CALL.exchange, CALL.symbol, Product.NRML, strategy=strategy)
    return int(world.run(world.engine.call(ask, TRADER)).quantity)


@pytest.mark.parametrize("restart", [False, True])
def test_a_strategy_is_closed_on_the_next_day_and_the_others_stay(world: SandboxWorld, restart: bool) -> None:
    _order(world, Side.BUY, 3, "one")
    _order(world, Side.BUY, 2, "two")
    _order(world, Side.SELL, 1, "one")
    if restart:
        world.restart(NEXT)
    else:
        world.travel(NEXT)
    assert (_net(world, "one"), _net(world, "two")) == (130, 130)
    world.run(world.engine.call(ClosePosition(strategy="one"), TRADER))
    world.step()
    assert (_net(world, "one"), _net(world, "two")) == (0, 130)
    held = {one.symbol: one.quantity for one in world.client.positions.values() if one.quantity}
    assert held == {CALL.symbol: 130}
    assert {(fill.strategy, fill.side, fill.quantity) for fill in world.engine.books.fills} == {
        ("one", Side.SELL, 130),
    }


def test_what_was_squared_off_or_settled_is_nobodys(world: SandboxWorld) -> None:
    _order(world, Side.BUY, 1, "one")
    _order(world, Side.BUY, 1, "day", product=Product.MIS)
    world.travel(at_ist(EXPIRY, time(15, 40)))
    world.travel(at_ist(date(2026, 12, 2), time(10, 0)))
    assert (_net(world, "one"), _net(world, "day")) == (0, 0)
    reply = world.run(world.engine.call(ClosePosition(strategy="one"), TRADER))
    assert not reply.done and not reply.failed
    assert not world.engine.books.fills


def test_its_result_of_the_day_counts_from_its_own_cost(world: SandboxWorld) -> None:
    from openalgo_lab.engine.day_profit import strategy_profits

    _order(world, Side.BUY, 1, "one")
    cost = world.engine.books.fills[0].price
    world.travel(NEXT)
    strategies = world.engine.works.closer._strategies
    profit = strategy_profits(strategies.all(), lambda _: cost + 10.0)[("SANDBOX", "one")]
    assert (profit.realised_paise, profit.open_paise) == (0, 65_000)
    _order(world, Side.SELL, 1, "one")
    sold = world.engine.books.fills[0].price
    profit = strategy_profits(strategies.all(), lambda _: 0.0)[("SANDBOX", "one")]
    assert (profit.realised_paise, profit.open_paise) == (round((sold - cost) * 65 * 100), 0)
    assert world.client.positions[next(iter(world.client.positions))].quantity == 0
    assert SBIN.symbol not in {one.symbol for one in world.engine.books.positions}
