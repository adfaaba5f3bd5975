"""Widgets about orders beyond ticket and blotter, on a real engine without a page."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from openalgo_lab import Lab
from openalgo_lab.engine.principal import Permission, Principal
from openalgo_lab.model.accounting import PnlCurve, TradeStatistics
from openalgo_lab.model.alerts import Channel, IndicatorCondition, OrderCondition, PnlCondition, PriceCondition
from openalgo_lab.model.approvals import ApprovalState, OrderMode, SetOrderMode
from openalgo_lab.model.commands import PlaceOrder
from openalgo_lab.model.errors import AwaitsApproval, InputError, StoreError
from openalgo_lab.model.structure_commands import PlaceBasket
from openalgo_lab.model.vocabulary import Exchange, Product, Side
from openalgo_lab.ui.order_timeline.latency import STAGES
from openalgo_lab.ui.pnl.widget import headline
from tests.support.waiting import eventually
from tests.support.widget_page import held, simulated_lab

PROGRAM = Principal("webhook", Permission.TRADE, local=False)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with simulated_lab("order-widgets") as opened:
        yield opened


def near(lab: Lab, symbol: str, factor: float) -> float:
    tick = lab.instrument(symbol).tick_size
    return round(round(lab.quote(symbol).ltp * factor / tick) * tick, 2)


def end(table: Any, action: str) -> None:
    """Press a row's button until it is over; what failed on a busy machine is asked again, as a person would."""
    first = table.items[0].key

    def over() -> bool:
        item = next(one for one in table.items if one.key == first)
        if item.actions and (not table.message.value or "oal-message-bad" in table.message._dom_classes):
            table.do(table._spec.act(action, item.value), "Asked.")
        return not item.actions

    eventually(over)


def test_what_works_on_by_itself(lab: Lab) -> None:
    view = lab.at_work()
    low = near(lab, "TITAN", 0.9)
    lab.place_gtt("TITAN", "BUY", 2, trigger_below=low, price_below=low)
    lab.chase("CIPLA", "BUY", 10, worst_price=near(lab, "CIPLA", 0.95))
    lab.place_bracket("TRENT", "BUY", 5, near(lab, "TRENT", 0.97))
    gtts, algos, brackets = view.view("gtts"), view.view("algos"), view.view("brackets")
    eventually(lambda: gtts.items and algos.items and brackets.items)
    assert gtts.items[0].texts["triggers"].startswith("≤")
    for table, action in ((gtts, "cancel"), (algos, "stop"), (brackets, "close")):
        end(table, action)
    view.close()


def test_the_action_center_asks_twice_before_all(lab: Lab) -> None:
    view = lab.approvals()
    eventually(lambda: view._true_mode is OrderMode.AUTO)  # the first answer comes on another thread here
    view.mode.value = OrderMode.SEMI_AUTO.value
    eventually(lambda: lab.action_center.mode is OrderMode.SEMI_AUTO)
    engine = lab.handle._side._engine
    for quantity in (3, 4):
        order = PlaceOrder(Exchange.NSE, "NTPC", Side.BUY, quantity, Product.MIS)
        asked = asyncio.run_coroutine_threadsafe(engine.call(order, PROGRAM), lab.handle.loop)
        with pytest.raises(AwaitsApproval):
            asked.result(10)
    eventually(lambda: len(view.table.items) == 2)
    view.edit(view.table.items[0].value)
    view.quantity.value = 9
    view.apply.click()
    eventually(lambda: any("BUY 9 NSE:NTPC MIS (edited)" in item.texts["what"] for item in view.table.items))
    view.approve_all.click()
    assert view.approve_all.description == "Really approve 2?"
    assert len(lab.action_center.pending) == 2
    view.approve_all.click()
    eventually(lambda: all(one.state is ApprovalState.APPROVED for one in lab.action_center.all))
    eventually(lambda: view.approve_all.disabled)
    view.mode.value = OrderMode.AUTO.value
    eventually(lambda: lab.action_center.mode is OrderMode.AUTO)
    view.close()


def test_an_older_answer_does_not_undo_the_choice_of_mode(lab: Lab) -> None:
    view = lab.approvals()
    eventually(lambda: view._true_mode is OrderMode.AUTO)  # the first answer comes on another thread here
    view.mode.value = OrderMode.SEMI_AUTO.value
    view._told_mode(0, OrderMode.AUTO)
    assert view.mode.value == OrderMode.SEMI_AUTO.value
    eventually(lambda: lab.action_center.mode is OrderMode.SEMI_AUTO)
    view.mode.value = OrderMode.AUTO.value
    eventually(lambda: lab.action_center.mode is OrderMode.AUTO)
    view.close()


def test_a_mode_that_was_refused_is_not_shown(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse() -> Any:
        raise StoreError("The profile's folder is full: free some space.")

    view = lab.approvals()
    eventually(lambda: view._true_mode is OrderMode.AUTO)
    real = lab.handle.call
    monkeypatch.setattr(lab.handle, "call", lambda c: refuse() if isinstance(c, SetOrderMode) else real(c))
    view.mode.value = OrderMode.SEMI_AUTO.value
    eventually(
        lambda: view.table.message.value == "The mode was not changed: The profile's folder is full: free some space."
    )
    assert view.mode.value == OrderMode.AUTO.value
    assert lab.action_center.mode is OrderMode.AUTO
    view.close()


def test_basket_builder(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    basket = lab.basket_builder(["SBIN"])
    leg = basket.add("INFY", "SELL")
    leg.lots.value = 3
    basket.tag.value, basket.strategy.value = "pair", "spread"
    eventually(lambda: "Margin" in basket.cost.value)
    assert basket.send.description.startswith("Place 2 legs · SIMULATED")
    assert [(order.symbol, order.quantity) for order in basket.orders] == [("SBIN", 1), ("INFY", 3)]
    assert {(order.tag, order.strategy) for order in basket.orders} == {("pair", "spread")}
    with held(lab, monkeypatch, PlaceBasket):
        assert basket.submit()
        assert not basket.submit()  # disarmed until it is answered
        leg.lots.value = 2
        assert not basket.submit()  # a change does not arm it either
    eventually(lambda: len(basket.outcome.children) == 2)
    eventually(lambda: "2 of 2" in basket.message.value)
    basket._take_out(leg)
    assert len(basket.legs) == 1
    basket.close()


def test_results_and_curve(lab: Lab) -> None:
    lab.place_order("LT", "BUY", 5).wait()
    lab.place_order("LT", "SELL", 5).wait()
    tracker = lab.pnl()
    tracker.refresh()
    eventually(lambda: "closed" in tracker.line.value)
    eventually(lambda: bool(tracker.grid.row_ids))
    eventually(lambda: not tracker.figure.title)
    assert all(axis.visible for axis in tracker._axes)
    tracker._take_curve(PnlCurve())
    assert "first trade" in tracker.figure.title and not any(axis.visible for axis in tracker._axes)
    tracker.by.value = "symbol"
    tracker.close()
    assert headline(PnlCurve(), TradeStatistics()).startswith("no trades today")
    assert "without a price: X" in headline(PnlCurve(missing=("X",)), TradeStatistics())


def test_a_time_line_without_a_choice_shows_the_newest_order(lab: Lab) -> None:
    line = lab.timeline()
    order = lab.place_order("SBIN", "BUY", 3, confirm_duplicate=True).wait()
    fresh = lab.timeline()
    eventually(lambda: fresh.choice.value == order.order_id and len(fresh.grid.row_ids) >= 4)
    eventually(lambda: line.choice.value and line.grid.row_ids)
    line.close()
    fresh.close()


def test_time_line_and_latencies(lab: Lab, tmp_path: Path) -> None:
    order = lab.place_order("SBIN", "BUY", 2, confirm_duplicate=True).wait()
    line = lab.timeline(order.order_id)
    eventually(lambda: len(line.grid.row_ids) >= 4)
    monitor = lab.latency()
    rows = {row.stage: row for row in monitor.rows if row.account == "SIM"}
    assert set(rows) == set(STAGES)
    measured = rows["to the acknowledgement"]
    assert measured.count >= 1 and measured.p50 <= measured.p90 <= measured.p95 <= measured.p99 <= measured.worst
    assert monitor.export(tmp_path / "latency.csv").read_text().startswith("index,order_id,account")
    line.close()
    monitor.close()


def test_alerts_make_toasts(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    view = lab.alert_list()
    told: list[dict[str, object]] = []
    monkeypatch.setattr(view.toasts, "send", told.append)
    hostile = "<img src=x onerror=alert(1)>"
    lab.alerts.price("ONGC", below=lab.quote("ONGC").ltp * 2, name=hostile, channels=["toast", "desktop"])
    eventually(lambda: bool(told))
    assert (told[0]["toast"], told[0]["sound"], told[0]["desktop"]) == (True, False, True)
    assert hostile in str(told[0]["message"])  # as text: the page sets textContent only
    eventually(lambda: view.table.items and view.table.items[0].actions == 3)
    view.toasts._on_message(None, {"k": "seen", "alert_id": view.table.items[0].key}, None)
    eventually(lambda: view.table.items[0].actions == 2)
    view.toasts._on_message(None, {"k": "rubbish"}, None)
    view.close()


def test_the_form_arms_alerts_of_every_kind(lab: Lab) -> None:
    view = lab.alert_list()
    form = view.form
    form.submit()
    assert view.table.message.value == "Choose a symbol first: type a name into the search box."
    form.pick(lab.instrument("WIPRO").key)
    assert form.symbol.value == "NSE:WIPRO"
    for what, kind in (
        ("ltp", PriceCondition),
        ("rsi", IndicatorCondition),
        ("pnl", PnlCondition),
        ("filled", OrderCondition),
    ):
        form.what.value = what
        assert isinstance(form.command().condition, kind)
    assert form.command().repeat  # orders are told each time
    assert form.value.layout.display == "none"
    form.what.value = "iv"
    with pytest.raises(InputError, match="no option"):
        form.command()
    form.what.value, form.above.value, form.value.value = "ltp", False, 0.5
    form.channels[Channel.SOUND].value = True
    form.add.click()
    eventually(lambda: any(item.texts["channels"] == "toast, sound" for item in view.table.items))
    form.channels[Channel.SOUND].value = form.channels[Channel.TOAST].value = False
    with pytest.raises(InputError, match="how it is told"):
        form.command()
    view.close()
