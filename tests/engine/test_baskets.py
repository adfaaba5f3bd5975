"""Baskets and options by moneyness: buys first, and what happens when a leg fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from openalgo_lab.engine.engine import Engine
from openalgo_lab.engine.structure_desk import STATUS_WORDS
from openalgo_lab.model.commands import ClosePosition, EstimateBasketMargin, PlaceOrder
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.structure_commands import (
    GetOpenPosition,
    GetOrderStatus,
    LegPolicy,
    OptionLeg,
    PlaceBasket,
    PlaceOptionsMultiOrder,
    PlaceOptionsOrder,
)
from openalgo_lab.model.vocabulary import Exchange, OptionType, Product, Side
from tests.support.engine_parts import TRADER, limit, market, running
from tests.support.scripted_broker import Cut, ScriptedBroker

CE = OptionType.CE


def legs(*pairs: tuple[Side, str]) -> tuple[PlaceOrder, ...]:
    return tuple(market(side, 10, symbol) for side, symbol in pairs)


SPREAD = legs((Side.SELL, "SBIN"), (Side.BUY, "INFY"))


async def fill_as_placed(broker: ScriptedBroker, only: Callable[[str], bool] = lambda _: True) -> None:
    """The market: every order that comes is filled a moment later."""
    while True:
        for broker_id, row in list(broker.rows.items()):
            if row.report.status is OrderStatus.OPEN and only(row.report.symbol):
                broker.fill(broker_id, row.report.quantity - row.report.filled_quantity)
        await asyncio.sleep(0.001)


async def basket(engine: Engine, broker: ScriptedBroker, command: PlaceBasket, **fills: Any) -> Any:
    market_ = asyncio.ensure_future(fill_as_placed(broker, **fills))
    try:
        return await engine.call(command, TRADER)
    finally:
        market_.cancel()


async def test_buys_go_first_and_answers_keep_their_place(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    async with running(broker, tmp_path) as engine:
        reply = await engine.call(PlaceBasket((*SPREAD, market(Side.BUY, 5, "SBIN"))), TRADER)
        assert [leg.leg for leg in reply.legs] == [1, 2, 3]
        assert [(o.side, o.symbol) for o in engine.books.orders] == [
            (Side.BUY, "INFY"), (Side.BUY, "SBIN"), (Side.SELL, "SBIN"),
        ]  # fmt: skip
        assert reply.ok
        with pytest.raises(InputError, match="empty"):
            await engine.call(PlaceBasket(()), TRADER)


async def test_independent_legs_do_not_stop_each_other(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    broker.cuts = [Cut.REFUSE]
    async with running(broker, tmp_path) as engine:
        command = PlaceBasket((*SPREAD, market(symbol="NOBODY")))
        reply = await engine.call(command, TRADER)
        assert [leg.ok for leg in reply.legs] == [True, False, False]
        assert reply.legs[1].error == "margin exceeds"
        assert "NOBODY is no listed symbol" in reply.legs[2].error
        assert len(broker.placed) == 1


async def test_leg_by_leg_waits_for_the_fill(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    async with running(broker, tmp_path) as engine:
        reply = await basket(engine, broker, PlaceBasket(SPREAD, LegPolicy.HOLD))
        assert [leg.order.status for leg in reply.legs if leg.order] == [OrderStatus.COMPLETE] * 2
        sold = next(o for o in engine.books.orders if o.side is Side.SELL)
        bought = next(o for o in engine.books.orders if o.side is Side.BUY)
        times = {fill.order_id: fill.time_ns for fill in engine.books.fills}
        assert broker.placed == [bought.order_id, sold.order_id]
        assert times[bought.order_id] < times[sold.order_id]


@pytest.mark.parametrize("policy", [LegPolicy.HOLD, LegPolicy.UNWIND])
async def test_a_refused_leg(tmp_path: Path, policy: LegPolicy) -> None:
    broker = ScriptedBroker()
    broker.cuts = [Cut.NONE, Cut.REFUSE]
    async with running(broker, tmp_path) as engine:
        reply = await basket(engine, broker, PlaceBasket((*SPREAD, market(Side.SELL, 1, "INFY")), policy))
        assert reply.legs[0].error == "margin exceeds"
        assert reply.legs[2].error.startswith("Not sent")
        unwound = reply.legs[1].unwound
        if policy is LegPolicy.HOLD:
            assert unwound is None and reply.legs[1].ok
        else:
            assert unwound is not None and (unwound.side, unwound.quantity) == (Side.SELL, 10)
            assert "Unwound" in reply.legs[1].error


async def test_a_leg_that_does_not_fill_is_cancelled_and_its_part_unwound(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    async with running(broker, tmp_path) as engine:
        command = PlaceBasket((market(), limit(99.0, 10, Side.BUY, symbol="INFY")), LegPolicy.UNWIND, 0.05)

        async def half() -> None:
            while "B2" not in broker.rows:
                await asyncio.sleep(0.001)
            broker.fill("B2", 4, 99.0)

        partly = asyncio.ensure_future(half())
        reply = await basket(engine, broker, command, only=lambda symbol: symbol == "SBIN")
        await partly
        assert "4 of 10" in reply.legs[1].error or "by client" in reply.legs[1].error
        assert reply.legs[1].order.status is OrderStatus.CANCELLED
        assert [leg.unwound.quantity for leg in reply.legs] == [10, 4]


async def test_options_by_moneyness(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    broker.price = 26010.0
    day = date(2026, 12, 1)
    async with running(broker, tmp_path) as engine:
        leg = OptionLeg("ATM", CE, Side.BUY, 130, Product.NRML, expiry=day)
        reply = await engine.call(PlaceOptionsOrder("NIFTY", Exchange.NSE_INDEX, leg), TRADER)
        assert (reply.underlying, reply.underlying_ltp) == ("NIFTY", 26010.0)
        assert reply.legs[0].symbol == "NIFTY01DEC2626000CE"
        split = OptionLeg("ATM", CE, Side.BUY, 130, Product.NRML, expiry=day, split_size=65)
        reply = await engine.call(PlaceOptionsOrder("NIFTY", Exchange.NFO, split), TRADER)
        assert [one.quantity for one in reply.legs] == [65, 65]


async def test_options_multi_order(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    broker.price = 26010.0
    two = (
        OptionLeg("ATM", CE, Side.SELL, 65, Product.NRML),
        OptionLeg("OTM9", CE, Side.BUY, 65, Product.NRML),
        OptionLeg("ATM", CE, Side.BUY, 130, Product.NRML, split_size=65),
    )
    async with running(broker, tmp_path) as engine:
        command = PlaceOptionsMultiOrder("NIFTY01DEC26", Exchange.NFO, two)
        reply = await engine.call(command, TRADER)
        assert [leg.ok for leg in reply.legs] == [True, False, True]
        assert "out of range" in reply.legs[1].error
        assert [o.side for o in engine.books.orders] == [Side.BUY, Side.BUY, Side.SELL]
        held = PlaceOptionsMultiOrder("NIFTY01DEC26", Exchange.NFO, two, policy=LegPolicy.HOLD)
        before = len(broker.placed)
        reply = await engine.call(held, TRADER)
        assert not any(leg.ok for leg in reply.legs) and len(broker.placed) == before
        with pytest.raises(InputError, match="1 to 20"):
            await engine.call(PlaceOptionsMultiOrder("NIFTY01DEC26", Exchange.NFO, ()), TRADER)


async def test_a_strategy_closes_what_is_its_own(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    async with running(broker, tmp_path) as engine:
        for strategy, quantity in (("a", 30), ("b", 20), ("", 5)):
            await engine.call(market(quantity=quantity, strategy=strategy), TRADER)
            broker.fill(f"B{len(broker.rows)}", quantity)
        position = GetOpenPosition(Exchange.NSE, "SBIN", Product.MIS, strategy="a")
        assert (await engine.call(position, TRADER)).quantity == 30
        first = await engine.call(ClosePosition(strategy="a"), TRADER)
        again = await engine.call(ClosePosition(strategy="a"), TRADER)
        assert len(first.done) == 1 and not again.done
        order = engine.books.orders[-1]
        assert (order.side, order.quantity, order.strategy) == (Side.SELL, 30, "a")
        broker.fill("B4", 30)
        assert (await engine.call(position, TRADER)).quantity == 0
        assert (await engine.call(GetOpenPosition(Exchange.NSE, "SBIN", Product.MIS), TRADER)).quantity == 25
        rest = await engine.call(ClosePosition(), TRADER)
        assert len(rest.done) == 2  # b's share under b's tag, the rest as square-off
        assert [(o.quantity, o.strategy) for o in engine.books.orders[-2:]] == [(20, "b"), (5, "Squareoff")]
        assert not (await engine.call(ClosePosition(), TRADER)).done


async def test_states_in_the_contracts_words(tmp_path: Path) -> None:
    assert set(STATUS_WORDS) == set(OrderStatus)
    broker = ScriptedBroker()
    async with running(broker, tmp_path) as engine:
        order = await engine.call(market(strategy="s"), TRADER)
        broker.fill("B1", 4, 100.0)
        broker.fill("B1", 6, 110.0)
        state = await engine.call(GetOrderStatus("B1"), TRADER)
        assert (state.status, state.average_price, state.order.order_id) == ("complete", 106.0, order.order_id)
        with pytest.raises(InputError, match="belongs to the strategy s"):
            await engine.call(GetOrderStatus("B1", strategy="other"), TRADER)
        with pytest.raises(InputError, match="no order"):
            await engine.call(GetOrderStatus("B9"), TRADER)


async def test_a_basket_without_margins_or_orders(tmp_path: Path) -> None:
    async with running(ScriptedBroker(), tmp_path) as engine:
        with pytest.raises(InputError, match="empty"):
            await engine.call(EstimateBasketMargin(()), TRADER)
        with pytest.raises(InputError, match="several accounts"):
            await engine.call(EstimateBasketMargin((market(), market(account="OTHER"))), TRADER)
