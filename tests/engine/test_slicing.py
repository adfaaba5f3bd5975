"""Orders above the freeze quantity: sliced everywhere, shown, changed and cancelled as one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.engine.risk_settings import RiskSettings
from openalgo_lab.engine.slicing import slices
from openalgo_lab.model.commands import CancelOrder, ClosePosition, GetFills, GetOrder, ModifyOrder, PlaceOrder
from openalgo_lab.model.errors import InputError, RiskDenied
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.structure_commands import GetOrderStatus, SplitOrder
from openalgo_lab.model.vocabulary import Exchange, PriceType, Product, Side
from tests.support.engine_parts import TRADER, market, running
from tests.support.scripted_broker import Cut, ScriptedBroker

CE = "NIFTY01DEC2626000CE"  # lot 65, freeze 1800: the largest order is 27 lots = 1755


def option(quantity: int, **more: object) -> PlaceOrder:
    return PlaceOrder(Exchange.NFO, CE, Side.BUY, quantity, Product.NRML, **more)  # type: ignore[arg-type]


@given(st.integers(1, 10**6), st.integers(1, 500), st.integers(0, 5000))
def test_slices_add_up_and_fit(lots: int, lot: int, freeze: int) -> None:
    quantity = lots * lot
    parts = slices(quantity, lot, freeze)
    assert sum(parts) == quantity
    assert all(part % lot == 0 for part in parts)
    if freeze >= lot:
        assert all(part <= freeze for part in parts)
        assert len(parts) == -(-quantity // (freeze // lot * lot))


async def test_a_large_order_goes_in_slices_and_is_one(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    async with running(broker, tmp_path) as engine:
        whole = await engine.call(option(4000 // 65 * 65), TRADER)
        assert whole.quantity == 3965 and whole.status is OrderStatus.OPEN
        assert [order.quantity for order in engine.books.orders] == [1755, 1755, 455]
        assert {order.parent for order in engine.books.orders} == {whole.order_id}
        broker.fill("B1", 1755, 10.0)
        broker.fill("B3", 455, 12.0)
        now = await engine.call(GetOrder(whole.order_id), TRADER)
        assert (now.filled_quantity, now.status) == (2210, OrderStatus.PARTIALLY_FILLED)
        assert len(await engine.call(GetFills(whole.order_id), TRADER)) == 2
        state = await engine.call(GetOrderStatus(whole.order_id), TRADER)
        assert (state.status, state.average_price) == ("open", pytest.approx((17550 + 5460) / 2210))
        ended = await engine.call(CancelOrder(whole.order_id), TRADER)
        assert ended.status is OrderStatus.CANCELLED and ended.filled_quantity == 2210


async def test_price_of_all_slices_changes_together(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    async with running(broker, tmp_path) as engine:
        whole = await engine.call(option(3510, price_type=PriceType.LIMIT, price=90.0), TRADER)
        changed = await engine.call(ModifyOrder(whole.order_id, price=91.0), TRADER)
        assert changed.price == 91.0
        assert [row.report.price for row in broker.rows.values()] == [91.0, 91.0]
        with pytest.raises(InputError, match="slices"):
            await engine.call(ModifyOrder(whole.order_id, quantity=65), TRADER)


async def test_the_limit_of_value_judges_the_whole(tmp_path: Path) -> None:
    """Slices must not slip a fat finger past the user's own limits."""
    broker = ScriptedBroker()
    risk = RiskSettings(max_order_value=200_000.0, duplicate_window_s=0.0)
    async with running(broker, tmp_path, risk=risk) as engine:
        with pytest.raises(RiskDenied, match="more than your limit") as denied:
            await engine.call(option(3510), TRADER)
        assert denied.value.rule == "max_value"
        with pytest.raises(RiskDenied, match="multiple"):
            await engine.call(option(3511), TRADER)
        assert not broker.placed
        with pytest.raises(InputError, match="more than 100"):
            await engine.call(option(65 * 27 * 101), TRADER)


async def test_one_key_is_one_order_in_slices_too(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    risk = RiskSettings(duplicate_window_s=2.0)
    async with running(broker, tmp_path, risk=risk) as engine:
        first = await engine.call(option(3510, client_key="k"), TRADER)
        again = await engine.call(option(3510, client_key="k"), TRADER)
        assert again.order_id == first.order_id
        assert len(broker.placed) == 2
    async with running(broker, tmp_path, risk=risk) as engine:  # and after a restart
        once_more = await engine.call(option(3510, client_key="k"), TRADER)
        assert once_more.order_id == first.order_id
        assert len(broker.placed) == 2


async def test_a_slice_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    broker.cuts = [Cut.NONE, Cut.REFUSE]
    async with running(broker, tmp_path) as engine:
        whole = await engine.call(option(5265), TRADER)
        assert whole.quantity == 5265
        statuses = [order.status for order in engine.books.orders]
        assert statuses == [OrderStatus.OPEN, OrderStatus.REJECTED, OrderStatus.OPEN]


async def test_closing_is_sliced(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    broker.carried = {(Exchange.NFO, CE, Product.NRML): (4030, 100.0)}
    async with running(broker, tmp_path) as engine:
        reply = await engine.call(ClosePosition(), TRADER)
        assert len(reply.done) == 3 and not reply.failed
        assert [(order.side, order.quantity) for order in engine.books.orders] == [
            (Side.SELL, 1755), (Side.SELL, 1755), (Side.SELL, 520),
        ]  # fmt: skip


async def test_split(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    broker.cuts = [Cut.NONE, Cut.REFUSE]
    async with running(broker, tmp_path) as engine:
        reply = await engine.call(SplitOrder(market(quantity=105), 50), TRADER)
        assert [leg.quantity for leg in reply.legs] == [50, 50, 5]
        assert [leg.ok for leg in reply.legs] == [True, False, True]
        assert reply.legs[1].error == "margin exceeds"
        assert all(not order.parent for order in engine.books.orders)  # children are orders of their own
        with pytest.raises(InputError, match="more than 100"):
            await engine.call(SplitOrder(market(quantity=101), 1), TRADER)
        capped = await engine.call(SplitOrder(option(3510), 2600), TRADER)
        assert [leg.quantity for leg in capped.legs] == [1755, 1755]
        with pytest.raises(InputError, match="one lot"):
            await engine.call(SplitOrder(option(3510), 40), TRADER)
