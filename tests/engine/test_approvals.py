"""The Action Center: what waits, what passes, what is refused, and what becomes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from openalgo_lab.engine.principal import Permission, Principal
from openalgo_lab.model import approvals as c
from openalgo_lab.model.algo_commands import AlgoAct, ControlAlgo, EndBracket, ProtectPosition
from openalgo_lab.model.command_base import Command
from openalgo_lab.model.commands import CancelOrder, ClosePosition, GetBooks, PlaceOrder
from openalgo_lab.model.errors import AwaitsApproval, InputError, NotPermitted
from openalgo_lab.model.gtt_commands import CancelGtt, ModifyGtt
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.structure_commands import PlaceBasket, PlaceSmartOrder
from openalgo_lab.model.times import NS_PER_DAY
from openalgo_lab.model.vocabulary import Exchange, Mode, Product, Side
from tests.support.engine_parts import NOW_NS, TRADER, market
from tests.support.scripted_broker import Cut, ScriptedBroker
from tests.support.works import engine_of, quote

PERSON = Principal("person", Permission.ADMIN)
PROGRAM = Principal("webhook", Permission.TRADE, local=False)
SEMI = c.SetOrderMode(c.OrderMode.SEMI_AUTO)


async def test_programs_wait_and_people_do_not(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    engine = await engine_of(broker, tmp_path)
    await engine.call(market(), PROGRAM)  # auto: at once
    await engine.call(SEMI, PERSON)
    with pytest.raises(AwaitsApproval, match="under the number"):
        await engine.call(market(quantity=20), PROGRAM)
    await engine.call(market(quantity=5), TRADER)
    await engine.call(GetBooks(), PROGRAM)
    assert [order.quantity for order in engine.books.orders] == [10, 5]
    (waiting,) = await engine.call(c.GetApprovals(), TRADER)
    assert waiting.asked_by == "webhook" and isinstance(waiting.request, PlaceOrder)
    (done,) = await engine.call(c.Approve(waiting.approval_id), PERSON)
    assert (done.state, done.outcome, done.decided_by) == (c.ApprovalState.APPROVED, "open", "person")
    assert done.orders == (engine.books.orders[-1].order_id,)
    assert engine.books.orders[-1].quantity == 20
    with pytest.raises(InputError, match="approved already"):
        await engine.call(c.Approve(waiting.approval_id), PERSON)
    await engine.close()


async def test_all_at_once_edited_rejected_and_over_a_restart(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    engine = await engine_of(broker, tmp_path)
    await engine.call(SEMI, PERSON)
    quote(engine, 100.0)
    for quantity in (1, 2, 3):
        with pytest.raises(AwaitsApproval):
            await engine.call(market(quantity=quantity), PROGRAM)
    quote(engine, 103.0)
    first, second, third = await engine.call(c.GetApprovals(), TRADER)
    assert first.moved_pct == pytest.approx(3.0)
    edited = await engine.call(c.EditApproval(first.approval_id, market(quantity=7)), TRADER)
    assert edited.edited
    with pytest.raises(InputError, match="kind"):
        await engine.call(c.EditApproval(first.approval_id, PlaceBasket((market(),))), TRADER)
    (no,) = await engine.call(c.Reject(second.approval_id, "too late"), PERSON)
    assert (no.state, no.reason) == (c.ApprovalState.REJECTED, "too late")
    await engine.close()
    engine = await engine_of(broker, tmp_path)
    assert await engine.call(c.GetOrderMode(), TRADER) is c.OrderMode.SEMI_AUTO
    done = await engine.call(c.Approve(), PERSON)
    assert [one.approval_id for one in done] == [first.approval_id, third.approval_id]
    assert [order.quantity for order in engine.books.orders] == [7, 3]
    assert not await engine.call(c.GetApprovals(), TRADER)
    assert len(await engine.call(c.GetApprovals(pending_only=False), TRADER)) == 3
    await engine.close()


async def test_outcomes(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    broker.cuts = [Cut.REFUSE, Cut.NONE, Cut.REFUSE]
    engine = await engine_of(broker, tmp_path)
    await engine.call(SEMI, PERSON)
    asked = (
        market(),
        PlaceBasket((market(), market(symbol="INFY"))),
        PlaceSmartOrder(Exchange.NSE, "SBIN", Side.BUY, 0, Product.CNC, 0),
        market(symbol="NOBODY"),
    )
    for command in asked:
        with pytest.raises(AwaitsApproval):
            await engine.call(command, PROGRAM)
    done = await engine.call(c.Approve(), PERSON)
    assert [one.outcome for one in done] == ["rejected", "partial", "nothing", "rejected"]
    assert "margin exceeds" in done[0].reason and "no listed symbol" in done[3].reason
    await engine.close()


async def test_nobody_decides(tmp_path: Path) -> None:
    now = [NOW_NS]
    engine = await engine_of(ScriptedBroker(), tmp_path, now_ns=lambda: now[0])
    await engine.call(SEMI, PERSON)
    with pytest.raises(AwaitsApproval):
        await engine.call(market(), PROGRAM)
    (waiting,) = await engine.call(c.GetApprovals(), TRADER)
    now[0] = waiting.expires_ns - 1
    assert await engine.call(c.GetApprovals(), TRADER)
    now[0] = waiting.expires_ns  # to the nanosecond
    assert not await engine.call(c.GetApprovals(), TRADER)
    with pytest.raises(InputError, match="expired already"):
        await engine.call(c.Approve(waiting.approval_id), PERSON)
    assert waiting.expires_ns - NOW_NS < NS_PER_DAY
    await engine.close()


@pytest.mark.parametrize(
    "command",
    [
        ModifyGtt("x", trigger_below=90.0), CancelGtt("x"), EndBracket("x", close=True),
        ControlAlgo("x", AlgoAct.RESUME), ProtectPosition(Exchange.NSE, "SBIN", Product.MIS, 90.0),
    ],
)  # fmt: skip
async def test_nor_what_the_engine_keeps_for_them(tmp_path: Path, command: Command[Any]) -> None:
    """A trigger, a bracket or an algorithm is no way round the Action Center."""
    broker = ScriptedBroker()
    broker.account = msgspec.structs.replace(broker.account, mode=Mode.LIVE)
    engine = await engine_of(broker, tmp_path)
    engine.gate.armed.add("TEST")
    await engine.call(SEMI, PERSON)
    with pytest.raises(NotPermitted, match="semi-automatically"):
        await engine.call(command, PROGRAM)
    with pytest.raises(InputError):  # a person comes through, and hears that there is none
        await engine.call(command, PERSON)
    assert not broker.placed
    await engine.close()


@pytest.mark.parametrize("mode", [Mode.LIVE, Mode.SANDBOX])
async def test_programs_may_not_change_or_close_where_money_is(tmp_path: Path, mode: Mode) -> None:
    broker = ScriptedBroker()
    broker.account = msgspec.structs.replace(broker.account, mode=mode)
    engine = await engine_of(broker, tmp_path)
    engine.gate.armed.add("TEST")
    order = await engine.call(market(), TRADER)
    await engine.call(SEMI, PERSON)
    for command in (CancelOrder(order.order_id), ClosePosition()):
        if mode is Mode.LIVE:
            with pytest.raises(NotPermitted, match="semi-automatically"):
                await engine.call(command, PROGRAM)
        else:
            await engine.call(command, PROGRAM)
    if mode is Mode.LIVE:
        for command in (c.Approve(), c.Reject()):
            with pytest.raises(NotPermitted):
                await engine.call(command, PROGRAM)
        assert (await engine.call(CancelOrder(order.order_id), TRADER)).status is OrderStatus.CANCELLED
    await engine.close()
