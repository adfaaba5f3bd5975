"""Orders through the facade: live objects that follow, books that show the present, errors that say what to do."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from itertools import pairwise

import pytest

from openalgo_lab import Lab
from openalgo_lab.lab import LiveOrder
from openalgo_lab.lab.order import Step
from openalgo_lab.model.errors import CallTimeout, EngineError, InputError, LabError, RiskDenied, SymbolError
from openalgo_lab.model.events import AnyEvent, OrderUpdated
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.vocabulary import PriceType, Product, Side
from tests.support.waiting import eventually


def below(lab: Lab, symbol: str) -> float:
    """A buying price that does not trade."""
    instrument, ltp = lab.instrument(symbol), lab.quote(symbol).ltp
    return round(round(ltp * 0.97 / instrument.tick_size) * instrument.tick_size, 2)


@pytest.fixture
def resting(lab: Lab) -> LiveOrder:
    """A limit order that waits."""
    order = lab.place_order("INFY", "BUY", 10, price=below(lab, "INFY"), confirm_duplicate=True)
    eventually(lambda: order.is_working)
    return order


def test_market_order_fills_and_makes_a_position(lab: Lab) -> None:
    order = lab.place_order("SBIN", "BUY", 10, strategy="first")
    assert order.wait() is order
    assert order.status is OrderStatus.COMPLETE
    assert (order.filled, order.remaining, order.quantity) == (10, 0, 10)
    assert order.average > 0
    assert order.side is Side.BUY
    assert str(order.key) == "NSE:SBIN"
    assert sum(fill.quantity for fill in order.fills) == 10
    eventually(lambda: lab.positions["SBIN"].quantity >= 10)
    assert order in list(lab.orders)
    assert lab.orders[order.order_id] == order
    assert lab.order(order.order_id) == order


def test_history_tells_the_life_in_order(lab: Lab) -> None:
    steps = lab.place_order("SBIN", "BUY", 7).wait().history
    assert [step.what for step in steps if step.what != "filled"] == [
        "asked", "checked", "sent", "acknowledged", "complete",
    ]  # fmt: skip
    assert all(isinstance(step, Step) and step.time.tzinfo for step in steps)
    assert all(before.time_ns <= after.time_ns for before, after in pairwise(steps[:4]))


@pytest.mark.parametrize(
    ("price", "trigger", "kind"),
    [(0.97, None, PriceType.LIMIT), (None, 1.02, PriceType.SL_M), (1.03, 1.02, PriceType.SL)],
)
def test_prices_make_the_type(lab: Lab, price: float | None, trigger: float | None, kind: PriceType) -> None:
    ltp, tick = lab.quote("TCS").ltp, lab.instrument("TCS").tick_size

    def at(factor: float | None) -> float | None:
        return None if factor is None else round(round(ltp * factor / tick) * tick, 2)

    order = lab.place_order("TCS", "BUY", 1, price=at(price), trigger_price=at(trigger))
    assert order.now.price_type is kind
    assert order.now.product is Product.MIS
    order.cancel()
    assert order.wait().status is OrderStatus.CANCELLED


def test_resting_order_is_modified_and_cancelled(lab: Lab, resting: LiveOrder) -> None:
    price = round(resting.price - lab.instrument("INFY").tick_size, 2)
    assert resting.modify(price=price, quantity=12) is resting
    eventually(lambda: (resting.price, resting.quantity) == (price, 12))
    assert resting in lab.orders.working
    assert resting.cancel() is resting
    assert resting.wait().status is OrderStatus.CANCELLED
    assert resting.cancel().status is OrderStatus.CANCELLED  # an answer, not an error


def test_stale_order_value_is_refused(lab: Lab, resting: LiveOrder) -> None:
    seen = resting.now
    resting.modify(quantity=11)
    eventually(lambda: resting.now.version > seen.version and resting.quantity == 11)
    with pytest.raises(LabError):
        lab.modify_order(seen, quantity=9)
    resting.cancel()


def test_modify_without_a_change_is_refused(lab: Lab, resting: LiveOrder) -> None:
    with pytest.raises(InputError, match="Nothing to modify"):
        resting.modify()
    resting.cancel()


def test_cancel_all_of_a_strategy(lab: Lab) -> None:
    price = below(lab, "HDFCBANK")
    orders = [lab.place_order("HDFCBANK", "BUY", number, price=price, strategy="many") for number in (1, 2, 3)]
    outcome = lab.cancel_all_orders(strategy="many")
    assert outcome.ok
    assert set(outcome.done) == {order.order_id for order in orders}
    assert all(order.wait().status is OrderStatus.CANCELLED for order in orders)


def test_position_closes(lab: Lab) -> None:
    lab.place_order("WIPRO", "BUY", 20).wait()
    eventually(lambda: lab.positions["WIPRO"].quantity == 20)
    position = lab.positions["WIPRO"]
    assert position in lab.positions.open or position.quantity
    assert position.close().ok
    eventually(lambda: position.quantity == 0)
    assert position.unrealised == 0
    assert position.pnl == position.realised


def test_the_same_client_key_is_the_same_order(lab: Lab) -> None:
    first = lab.place_order("SBIN", "SELL", 3, client_key="once")
    again = lab.place_order("SBIN", "SELL", 3, client_key="once")
    assert first == again
    assert hash(first) == hash(again)


def test_wait_gives_up_and_the_order_goes_on(lab: Lab, resting: LiveOrder) -> None:
    with pytest.raises(CallTimeout, match=f"end of order {resting.order_id} did not come within 0.05 s"):
        resting.wait(0.05)
    assert resting.is_working
    resting.cancel()


def test_same_in_a_coroutine(lab: Lab) -> None:
    async def trade() -> tuple[LiveOrder, float]:
        order = await lab.place_order_async("SBIN", "BUY", 4)
        done = await asyncio.wait_for(order.done(), 20)
        quote = await lab.quote_async("SBIN")
        margin = await lab.margin_async("SBIN", "BUY", 100)
        assert margin.margin > 0
        return done, quote.ltp

    order, ltp = asyncio.run(trade())
    assert order.status is OrderStatus.COMPLETE
    assert ltp > 0


def test_awaiting_gives_up_too(lab: Lab, resting: LiveOrder) -> None:
    async def wait() -> None:
        await resting.done(0.05)

    with pytest.raises(CallTimeout):
        asyncio.run(wait())
    assert asyncio.run(resting.cancel_async()) is resting


def test_blocking_in_a_running_loop_is_allowed_as_in_a_notebook(lab: Lab) -> None:
    async def cell() -> LiveOrder:
        return lab.place_order("SBIN", "BUY", 2).wait()

    assert asyncio.run(cell()).is_done


def test_callbacks_run_in_order_on_their_own_thread(lab: Lab) -> None:
    heard: list[tuple[OrderStatus, str]] = []

    def note(event: AnyEvent) -> None:
        if isinstance(event, OrderUpdated) and event.order.strategy == "heard":
            heard.append((event.order.status, threading.current_thread().name))

    leave = lab.on("order:update", note)
    lab.place_order("SBIN", "BUY", 6, strategy="heard").wait()
    eventually(lambda: heard and heard[-1][0] is OrderStatus.COMPLETE)
    statuses = [status for status, _ in heard]
    assert statuses[0] in (OrderStatus.SENDING, OrderStatus.NEW)
    assert {thread for _, thread in heard} == {"openalgo-callbacks"}
    leave()


def test_order_calls_back_until_told_otherwise(lab: Lab, resting: LiveOrder) -> None:
    seen: list[OrderStatus] = []
    leave = resting.on_update(lambda order: seen.append(order.status))
    resting.cancel()
    eventually(lambda: OrderStatus.CANCELLED in seen)
    leave()


def test_callback_may_wait_and_fail_without_harm(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    placed: list[LiveOrder] = []

    def hedge(event: AnyEvent) -> None:
        if isinstance(event, OrderUpdated) and event.order.strategy == "lead" and event.order.done and not placed:
            placed.append(lab.place_order("SBIN", "SELL", 8, strategy="hedge").wait())
            raise ZeroDivisionError

    leave = lab.on("order:update", hedge)
    lab.place_order("SBIN", "BUY", 8, strategy="lead").wait()
    eventually(lambda: placed and placed[0].is_done)
    eventually(lambda: "ZeroDivisionError" in caplog.text)
    leave()
    assert lab.place_order("SBIN", "BUY", 1, confirm_duplicate=True).wait().is_done


def test_wait_on_the_engines_own_thread_is_refused(lab: Lab, resting: LiveOrder) -> None:
    async def inside() -> None:
        resting.wait()

    with pytest.raises(EngineError, match="await it instead"):
        asyncio.run_coroutine_threadsafe(inside(), lab.handle.loop).result(10)
    resting.cancel()


@pytest.mark.parametrize(
    ("wrong", "error", "sentence"),
    [
        (lambda lab: lab.place_order("SBINN", "BUY", 1), SymbolError, "the nearest are .*SBIN"),
        (lambda lab: lab.place_order("SBIN", "HOLD", 1), InputError, "use one of BUY, SELL"),
        (lambda lab: lab.place_order("SBIN", "BUY", 1.5), InputError, "whole number"),
        (lambda lab: lab.place_order("SBIN", "BUY", -5), RiskDenied, "positive"),
        (lambda lab: lab.place_order("SBIN", "BUY", 0), RiskDenied, "positive"),
        (lambda lab: lab.place_order("SBIN", "BUY", 1, price=1.234), RiskDenied, "tick"),
        (lambda lab: lab.place_order("NIFTY", "BUY", 1), LabError, r"index|cannot be ordered|quote"),
        (lambda lab: lab.place_order("SBIN", "BUY", 1, product="XYZ"), InputError, "use one of CNC, NRML, MIS"),
        (lambda lab: lab.order("nonsense"), InputError, "lab.orders"),
        (lambda lab: lab.cancel_order(""), InputError, "take it from lab.orders"),
    ],
)
def test_bad_input_gets_one_sentence_and_nothing_is_sent(
    lab: Lab, wrong: Callable[[Lab], object], error: type[LabError], sentence: str
) -> None:
    before = [order.order_id for order in lab.books.orders if order.broker_order_id]
    with pytest.raises(error, match=sentence) as raised:
        wrong(lab)
    assert "\n" not in str(raised.value)
    assert [order.order_id for order in lab.books.orders if order.broker_order_id] == before


def test_wrong_lot_names_the_nearest(lab: Lab) -> None:
    option = lab.option_chain("NIFTY").option(lab.option_chain("NIFTY").atm, "CE")
    with pytest.raises(RiskDenied, match=str(option.lot_size)):
        lab.place_order(option, "BUY", option.lot_size + 1)
    assert lab.place_order(option, "BUY", option.lot_size, product="NRML").wait().filled == option.lot_size


def test_margin_costs_nothing(lab: Lab) -> None:
    before = len(lab.orders)
    margin = lab.margin("SBIN", "BUY", 100)
    assert margin.margin > 0
    assert margin.charges > 0
    assert margin.enough
    assert len(lab.orders) == before


def test_books_as_frames(lab: Lab) -> None:
    lab.place_order("SBIN", "BUY", 9).wait()
    orders, trades = lab.orders.frame, lab.trades.frame
    assert len(orders) == len(lab.books.orders)
    assert {"symbol", "status", "filled_quantity", "average_price", "created", "acked"} <= set(orders.columns)
    assert str(orders["created"].dt.tz) == "Asia/Kolkata"
    assert set(orders["status"]) <= {status.value for status in OrderStatus}
    assert len(trades) == len(lab.trades)
    assert trades["quantity"].sum() == sum(fill.quantity for fill in lab.trades)
    positions = lab.positions.frame
    assert {"quantity", "average", "ltp", "unrealised", "realised"} <= set(positions.columns)
    assert lab.positions.pnl == pytest.approx(positions["unrealised"].sum() + positions["realised"].sum(), abs=200)
    assert list(lab.funds.frame.index) == [funds.account for funds in lab.funds]
    assert lab.holdings.frame.empty


def test_funds_are_rupees(lab: Lab) -> None:
    assert lab.funds.available == lab.funds.now.available_paise / 100
    assert lab.funds.used >= 0


def test_unknown_position_is_a_key_error(lab: Lab) -> None:
    with pytest.raises(KeyError):
        lab.positions["NOSUCH"]


def test_everything_shows_itself(lab: Lab, resting: LiveOrder) -> None:
    resting.cancel()
    for thing in (lab, lab.health, lab.orders, lab.trades, lab.positions, lab.holdings, lab.funds, resting):
        assert repr(thing)
        assert thing._repr_html_().count("<table") == 1
    assert resting.order_id in repr(resting)
    assert resting.order_id in lab.orders._repr_html_()


def test_kill_switch_stops_and_releases(lab: Lab, resting: LiveOrder) -> None:
    try:
        outcome = lab.kill_switch()
        assert resting.order_id in outcome.done
        with pytest.raises(LabError, match="kill switch"):
            lab.place_order("SBIN", "BUY", 1)
        assert lab.health.now.kill_switch
        assert "ENGAGED" in repr(lab.health)
    finally:
        lab.kill_switch(engage=False)
    assert lab.place_order("SBIN", "BUY", 1, confirm_duplicate=True).wait().is_done
