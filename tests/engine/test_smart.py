"""Smart orders: the contract's table, and two alerts in the same second."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from openalgo_lab.engine.smart import MATCHED, NOTHING_OPEN, smart_units
from openalgo_lab.model.commands import KillSwitch
from openalgo_lab.model.errors import InputError, RiskDenied
from openalgo_lab.model.structure_commands import PlaceSmartOrder
from openalgo_lab.model.vocabulary import Exchange, PriceType, Product, Side
from tests.support.engine_parts import TRADER, limit, running
from tests.support.scripted_broker import ScriptedBroker

B, L = Side.BUY, Side.SELL


@pytest.mark.parametrize(
    ("side", "quantity", "target", "current", "units"),
    [
        (B, 25, 0, 0, 25), (L, 25, 0, 0, -25), (L, 0, 0, 0, 0),  # 1 a plain order
        (B, 99, 0, 40, -40), (L, 0, 0, -40, 40),  # 2, 3 close
        (L, 5, 60, 0, 60), (B, 5, -60, 0, -60),  # 4, 5 open; the side does not matter
        (B, 5, 70, 70, 0), (B, 5, -70, -70, 0),  # 6 right already
        (B, 0, 60, -40, 100), (B, 0, 100, 30, 70),  # 7 more
        (B, 0, 30, 100, -70), (B, 0, -50, 100, -150),  # 8 less
    ],
)  # fmt: skip
def test_the_table(side: Side, quantity: int, target: int, current: int, units: int) -> None:
    assert smart_units(side, quantity, target, current) == units


def smart(target: int, side: Side = B, quantity: int = 0, **more: Any) -> PlaceSmartOrder:
    return PlaceSmartOrder(Exchange.NSE, "SBIN", side, quantity, Product.MIS, target, **more)


async def test_it_follows_the_position(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    broker.carried = {(Exchange.NSE, "SBIN", Product.MIS): (-40, 100.0)}
    async with running(broker, tmp_path) as engine:
        reply = await engine.call(smart(60), TRADER)
        assert reply.order is not None and (reply.order.side, reply.order.quantity) == (B, 100)
        broker.fill("B1", 100)
        assert (await engine.call(smart(60), TRADER)).message == MATCHED
        exit_ = await engine.call(smart(0, strategy="s"), TRADER)
        assert exit_.order is not None and (exit_.order.side, exit_.order.quantity) == (L, 60)
        assert exit_.order.strategy == "s"
        broker.fill("B2", 60)
        again = await engine.call(smart(0), TRADER)
        assert again.order is None and again.message == NOTHING_OPEN
        with pytest.raises(InputError, match="negative"):
            await engine.call(smart(0, quantity=-1), TRADER)


async def test_two_alerts_in_the_same_second_do_not_double(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    broker.delay_s = 0.01
    async with running(broker, tmp_path) as engine:
        replies = await asyncio.gather(*(engine.call(smart(50), TRADER) for _ in range(5)))
        assert sum(reply.order is not None for reply in replies) == 1
        assert len(broker.placed) == 1
        broker.fill("B1", 20)  # in part: what is still to come counts
        assert (await engine.call(smart(50), TRADER)).message == MATCHED


async def test_resting_guards_do_not_count_but_its_own_limits_do(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    broker.carried = {(Exchange.NSE, "SBIN", Product.MIS): (50, 100.0)}
    async with running(broker, tmp_path) as engine:
        await engine.call(limit(105.0, 50, L), TRADER)  # a target that guards the position
        assert (await engine.call(smart(50), TRADER)).message == MATCHED
        resting = await engine.call(smart(70, price_type=PriceType.LIMIT, price=99.0), TRADER)
        assert resting.order is not None and resting.order.quantity == 20
        assert (await engine.call(smart(70, price_type=PriceType.LIMIT, price=99.0), TRADER)).message == MATCHED


async def test_reducing_passes_the_kill_switch_and_more_does_not(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    broker.carried = {(Exchange.NSE, "SBIN", Product.MIS): (50, 100.0)}
    async with running(broker, tmp_path) as engine:
        await engine.call(KillSwitch(engage=True), TRADER)
        with pytest.raises(RiskDenied, match="kill switch"):
            await engine.call(smart(80), TRADER)
        with pytest.raises(RiskDenied, match="kill switch"):
            await engine.call(smart(-10), TRADER)  # crosses zero: opens a short
        assert (await engine.call(smart(10), TRADER)).order is not None


async def test_one_key_one_order(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    async with running(broker, tmp_path) as engine:
        first = await engine.call(smart(50, client_key="a"), TRADER)
        broker.fill("B1", 50)
        second = await engine.call(smart(50, client_key="a"), TRADER)
        assert first.order is not None and second.order is not None
        assert first.order.order_id == second.order.order_id
