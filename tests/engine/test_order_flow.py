"""The way of an order through a whole engine over a scripted broker."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from openalgo_lab.engine.engine import Engine
from openalgo_lab.model.commands import (
    CancelAllOrders,
    CancelOrder,
    ClosePosition,
    GetFills,
    GetOrder,
    KillSwitch,
    ModifyOrder,
)
from openalgo_lab.model.errors import Denied, InputError, Rejected, RiskDenied, SymbolError, WireError
from openalgo_lab.model.events import AnyEvent, KillSwitchChanged, OrderUpdated, TradeHappened
from openalgo_lab.model.orders import OrderStatus, Pending
from openalgo_lab.model.vocabulary import Side
from tests.support.engine_parts import TRADER, limit, market, running, the_order
from tests.support.scripted_broker import Cut, ScriptedBroker

S = OrderStatus


async def until(engine: Engine, status: OrderStatus, order_id: str) -> None:
    async with asyncio.timeout(10):
        while (await engine.call(GetOrder(order_id), TRADER)).status is not status:
            await asyncio.sleep(0.005)


async def test_a_placed_order_is_accepted_then_fills(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    async with running(broker, tmp_path) as engine:
        heard: list[AnyEvent] = []
        engine.bus.listen(heard.append)
        order = await engine.call(market(), TRADER)
        assert order.working and order.broker_order_id == "B1" and order.sent_ns and order.acked_ns
        broker.fill("B1", 4)
        assert the_order(engine).status is S.PARTIALLY_FILLED
        broker.fill("B1", 6, 101.0)
        done = the_order(engine)
        assert (done.status, done.filled_quantity) == (S.COMPLETE, 10)
        assert done.average_price == pytest.approx(100.6)
        (position,) = engine.books.positions
        assert (position.quantity, position.buy_value_paise) == (10, 100_600)
        assert [f.quantity for f in await engine.call(GetFills(order.order_id), TRADER)] == [4, 6]
        assert sum(isinstance(event, TradeHappened) for event in heard) == 2
        assert any(isinstance(event, OrderUpdated) for event in heard)
        assert engine.status().order_ack.count == 1


async def test_what_success_means(tmp_path: Path) -> None:
    """A submit that the broker took says ACCEPTED, nothing more, until the broker says more (F16)."""
    broker = ScriptedBroker(auto=False)
    async with running(broker, tmp_path) as engine:
        order = await engine.call(market(), TRADER)
        assert order.status is S.ACCEPTED
        broker.reject_late("B1")
        broker.deliver_all()
        late = the_order(engine)
        assert (late.status, late.reason) == (S.REJECTED, "circuit limit")


@pytest.mark.parametrize(
    ("cut", "status", "arrived"), [(Cut.BEFORE, S.NOT_PLACED, 0), (Cut.REFUSE, S.REJECTED, 0), (Cut.AFTER, S.OPEN, 1)]
)
async def test_outcomes_are_proved(tmp_path: Path, cut: Cut, status: OrderStatus, arrived: int) -> None:
    broker = ScriptedBroker(auto=False)
    broker.cuts = [cut]
    async with running(broker, tmp_path) as engine:
        order = await engine.call(market(), TRADER)
        assert order.status is (S.UNKNOWN if cut is Cut.AFTER else status)
        assert order.reason
        await until(engine, status, order.order_id)
        assert len(broker.placed) == arrived


async def test_unknown_and_absent_becomes_not_placed_only_by_proof(tmp_path: Path) -> None:
    broker = ScriptedBroker(auto=False)
    broker.cuts = [Cut.AFTER]
    async with running(broker, tmp_path) as engine:
        row = None

        async def hide() -> None:
            nonlocal row
            row = broker.rows.pop("B1")

        placing = asyncio.ensure_future(engine.call(market(), TRADER))
        while not broker.rows:
            await asyncio.sleep(0)
        await hide()
        order = await placing
        assert order.status is S.UNKNOWN
        await until(engine, S.NOT_PLACED, order.order_id)
        assert row is not None
        broker.rows["B1"] = row  # It was there after all: shown, and flagged.
        await engine.reconciler.look(engine.router.line(""))
        back = the_order(engine)
        assert back.status is S.OPEN
        assert "turned up" in back.alarms[0]
        assert len(broker.placed) == 1


async def test_a_fault_of_the_adapter_is_unknown_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broker = ScriptedBroker()

    async def broken(*_: object) -> None:
        raise KeyError("no such field")

    monkeypatch.setattr(broker, "place", broken)
    async with running(broker, tmp_path) as engine:
        order = await engine.call(market(), TRADER)
        assert order.status is S.UNKNOWN


async def test_one_client_key_is_one_order(tmp_path: Path) -> None:
    """F2: a double click, a cell run again, a retry, a restart."""
    broker = ScriptedBroker()
    broker.delay_s = 0.01
    command = market(client_key="ticket-1")
    async with running(broker, tmp_path) as engine:
        storm = await asyncio.gather(*(engine.call(command, TRADER) for _ in range(20)))
        again = await engine.call(command, TRADER)
        assert {order.order_id for order in [*storm, again]} == {storm[0].order_id}
        with pytest.raises(InputError, match="another order"):
            await engine.call(market(Side.SELL, client_key="ticket-1"), TRADER)
    async with running(broker, tmp_path) as engine:
        after = await engine.call(command, TRADER)
        assert after.order_id == storm[0].order_id
    assert len(broker.placed) == 1


async def test_the_caller_may_leave_the_order_goes_on(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    broker.delay_s = 0.05
    async with running(broker, tmp_path) as engine:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(engine.call(market(), TRADER), 0.01)
        await asyncio.sleep(0.1)
        assert the_order(engine).working


async def test_modify_and_cancel(tmp_path: Path) -> None:
    broker = ScriptedBroker(auto=False)
    async with running(broker, tmp_path) as engine:
        order = await engine.call(limit(), TRADER)
        broker.deliver_all()
        changed = await engine.call(ModifyOrder(order.order_id, price=98.0, quantity=20), TRADER)
        assert (changed.pending, changed.price) == (Pending.MODIFY, 99.0)
        with pytest.raises(Denied, match="under way"):
            await engine.call(ModifyOrder(order.order_id, price=97.0), TRADER)
        broker.deliver_all()
        now = the_order(engine)
        assert (now.pending, now.price, now.quantity, now.alarms) == (Pending.NONE, 98.0, 20, ())
        with pytest.raises(InputError, match="has changed"):
            await engine.call(ModifyOrder(order.order_id, price=97.0, version=order.version), TRADER)
        ending = await engine.call(CancelOrder(order.order_id), TRADER)
        assert ending.pending is Pending.CANCEL and ending.working
        broker.deliver_all()
        assert (the_order(engine).status, the_order(engine).pending) == (S.CANCELLED, Pending.NONE)
        again = await engine.call(CancelOrder(order.order_id), TRADER)
        assert again.status is S.CANCELLED
        assert len(broker.cancelled) == 1


async def test_a_cancel_that_comes_too_late_is_information(tmp_path: Path) -> None:
    """F17: the broker refuses because the order is complete; the books say so, and that is the answer."""
    broker = ScriptedBroker(auto=False)
    async with running(broker, tmp_path) as engine:
        order = await engine.call(limit(), TRADER)
        broker.fill("B1", 10)
        answer = await engine.call(CancelOrder(order.order_id), TRADER)
        assert (answer.status, answer.filled_quantity, answer.pending) == (S.COMPLETE, 10, Pending.NONE)


async def test_a_cancel_that_is_refused_or_cut(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    async with running(broker, tmp_path) as engine:
        order = await engine.call(limit(), TRADER)
        broker.cuts = [Cut.REFUSE, Cut.BEFORE, Cut.AFTER]
        with pytest.raises(Rejected):
            await engine.call(CancelOrder(order.order_id), TRADER)
        with pytest.raises(WireError):
            await engine.call(CancelOrder(order.order_id), TRADER)
        assert the_order(engine).pending is Pending.NONE
        await engine.call(CancelOrder(order.order_id), TRADER)
        await until(engine, S.CANCELLED, order.order_id)


async def test_an_order_in_doubt_is_cancelled_when_it_is_found(tmp_path: Path) -> None:
    broker = ScriptedBroker(auto=False)
    broker.cuts = [Cut.AFTER]
    async with running(broker, tmp_path) as engine:
        order = await engine.call(limit(), TRADER)
        assert order.status is S.UNKNOWN
        await engine.call(CancelOrder(order.order_id), TRADER)
        await until(engine, S.CANCELLED, order.order_id)


async def test_the_kill_switch(tmp_path: Path) -> None:
    """F24: new orders are refused at once, every working one is cancelled, also one that is still on its way."""
    broker = ScriptedBroker()
    async with running(broker, tmp_path) as engine:
        heard: list[AnyEvent] = []
        engine.bus.listen(heard.append)
        for n in range(50):
            await engine.call(limit(quantity=n + 1), TRADER)
        broker.delay_s = 0.05
        on_its_way = asyncio.ensure_future(engine.call(limit(98.0), TRADER))
        while broker.asked < 51:
            await asyncio.sleep(0)
        broker.delay_s = 0.0
        reply = await engine.call(KillSwitch(engage=True), TRADER)
        assert (len(reply.done), reply.failed) == (51, ())
        await on_its_way
        assert all(order.status is S.CANCELLED for order in engine.books.orders)
        with pytest.raises(RiskDenied, match="kill switch"):
            await engine.call(limit(), TRADER)
        assert engine.status().kill_switch
        assert KillSwitchChanged(True) in heard
    async with running(broker, tmp_path) as engine:
        assert engine.status().kill_switch  # it outlives a restart
        await engine.call(KillSwitch(engage=False), TRADER)
        assert (await engine.call(limit(), TRADER)).working


async def test_closing_slices_and_does_not_close_twice(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    async with running(broker, tmp_path) as engine:
        for _ in range(2):
            await engine.call(option(1755), TRADER)
        broker.fill("B1", 1755)
        broker.fill("B2", 1755)
        await engine.call(KillSwitch(engage=True), TRADER)
        reply = await engine.call(ClosePosition(), TRADER)
        assert len(reply.done) == 2 and not reply.failed
        assert [row.report.quantity for row in list(broker.rows.values())[2:]] == [1755, 1755]
        assert (await engine.call(ClosePosition(), TRADER)).done == ()
        broker.fill("B3", 1755, 101.0)
        broker.fill("B4", 1755, 101.0)
        (position,) = engine.books.positions
        assert (position.quantity, position.realised_paise) == (0, 3510 * 100)


def option(quantity: int) -> object:
    from openalgo_lab.model.commands import PlaceOrder
    from openalgo_lab.model.vocabulary import Exchange, Product

    return PlaceOrder(Exchange.NFO, "NIFTY01DEC2626000CE", Side.BUY, quantity, Product.NRML)


async def test_cancel_all_narrowed(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    async with running(broker, tmp_path) as engine:
        await engine.call(limit(strategy="a"), TRADER)
        await engine.call(limit(strategy="b"), TRADER)
        await engine.call(limit(symbol="INFY", strategy="a"), TRADER)
        reply = await engine.call(CancelAllOrders(strategy="a", symbol="SBIN"), TRADER)
        assert len(reply.done) == 1
        assert sum(order.working for order in engine.books.orders) == 2


async def test_bad_input_gets_a_sentence_and_nothing_leaves(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    async with running(broker, tmp_path) as engine:
        with pytest.raises(SymbolError, match="SBIN"):
            await engine.call(market(symbol="SBINX"), TRADER)
        with pytest.raises(RiskDenied, match="index"):
            await engine.call(market(symbol="NIFTY").__class__(**{**fields(market()), "symbol": "NIFTY"}), TRADER)
        with pytest.raises(InputError, match="no order"):
            await engine.call(CancelOrder("NOPE"), TRADER)
        with pytest.raises(InputError, match="no account"):
            await engine.call(market(account="X"), TRADER)
    assert not broker.placed


def fields(command: object) -> dict[str, object]:
    from openalgo_lab.model.vocabulary import Exchange

    out = {name: getattr(command, name) for name in command.__struct_fields__}  # type: ignore[attr-defined]
    return {**out, "exchange": Exchange.NSE_INDEX}


async def test_strangers_are_adopted_and_positions_compared(tmp_path: Path) -> None:
    from openalgo_lab.engine.orders import _intent
    from openalgo_lab.model.events import ErrorRaised
    from openalgo_lab.model.vocabulary import Exchange, Product

    broker = ScriptedBroker()
    broker.carried[(Exchange.NSE, "INFY", Product.CNC)] = (5, 1500.0)
    broker.new_order(_intent(limit(account="TEST"), 1), tag=False)
    async with running(broker, tmp_path) as engine:
        stranger = the_order(engine)
        assert (stranger.order_id, stranger.status, stranger.strategy) == ("B1", S.OPEN, "")
        assert (engine.books.positions[0].quantity, engine.books.positions[0].average_price) == (5, 1500.0)
        broker.fill("B1", 10)
        assert the_order(engine).status is S.COMPLETE
        heard: list[AnyEvent] = []
        engine.bus.listen(heard.append)
        broker.carried[(Exchange.NSE, "INFY", Product.CNC)] = (7, 1500.0)
        for _ in range(2):
            await engine.reconciler.look(engine.router.line(""))
        told = [event.message for event in heard if isinstance(event, ErrorRaised)]
        assert len(told) == 1 and "holds 7 INFY" in told[0]
