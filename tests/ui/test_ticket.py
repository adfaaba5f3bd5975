"""The order ticket on a real engine: one press is one order, and every refusal stands where it belongs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterator
from typing import Any

import ipywidgets
import pytest

from openalgo_lab import Lab
from openalgo_lab.model.commands import EstimateMargin, PlaceOrder
from openalgo_lab.model.errors import CallTimeout, RiskDenied, SymbolError
from openalgo_lab.model.orders import Order, OrderStatus
from openalgo_lab.model.vocabulary import PriceType, Side
from openalgo_lab.ui.ticket import OrderTicket
from openalgo_lab.ui.ticket.press import DOUBLE_CLICK_S, LATEST_S, Lateness, PressGuard
from tests.support.waiting import eventually
from tests.support.widget_page import Page, orders_sent, simulated_lab


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with simulated_lab("ticket") as opened:
        yield opened


@pytest.fixture
def ticket(lab: Lab) -> Iterator[OrderTicket]:
    made = OrderTicket(lab, "NSE:SBIN")
    yield made
    made.close()


@pytest.fixture
def page(ticket: OrderTicket, monkeypatch: pytest.MonkeyPatch) -> Page:
    page = Page(ticket._form, monkeypatch)
    page.hello()
    return page


def market(ticket: OrderTicket, quantity: int) -> None:
    ticket.set(price_type="MARKET", quantity=quantity)


def press(ticket: OrderTicket, page: Page, *, late_s: float = 0.0, seen: str | None = None) -> None:
    page.say(k="submit", seen=ticket.sentence if seen is None else seen, t=time.time() - late_s)


def outcome(page: Page) -> dict[str, Any]:
    return page.seen.get("outcome") or {}


def rested(ticket: OrderTicket) -> None:
    """As if the last press were long ago."""
    ticket._sender._guard._last = float("-inf")


def answered(ticket: OrderTicket) -> Order | None:
    eventually(lambda: not ticket._sender.waiting)
    ticket._answered()  # the answer is told to the page on another thread, perhaps a moment later
    return ticket.order


def test_a_market_order_from_the_ticket_fills(lab: Lab, ticket: OrderTicket, page: Page) -> None:
    market(ticket, 11)
    press(ticket, page)
    eventually(lambda: ticket.order is not None and ticket.order.status is OrderStatus.COMPLETE)
    eventually(lambda: outcome(page).get("text", "").startswith("BUY: filled 11 @ "))
    assert page.seen["outcome"]["tone"] == "good"
    assert any(order.quantity == 11 for order in lab.handle.books.orders)


def test_pressed_in_python_it_is_the_same(lab: Lab, ticket: OrderTicket, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = orders_sent(lab, monkeypatch)
    market(ticket, 12)
    assert ticket.submit()
    assert answered(ticket) is not None
    assert [(order.quantity, order.side) for order in sent] == [(12, Side.BUY)]
    assert sent[0].client_key


def test_presses_until_the_answer_are_one_order(
    lab: Lab, ticket: OrderTicket, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, sent = asyncio.Event(), []
    real = lab.handle.call

    def slow(command: Any) -> Coroutine[Any, Any, Any]:
        async def run() -> Any:
            if isinstance(command, PlaceOrder):
                sent.append(command)
                await gate.wait()
            return await real(command)

        return run()

    monkeypatch.setattr(lab.handle, "call", slow)
    market(ticket, 13)
    for _ in range(5):
        press(ticket, page)
        ticket.submit()
    assert page.seen["state"]["waiting"]
    assert not page.seen["state"]["armed"]
    assert not ticket.armed
    rested(ticket)
    press(ticket, page)
    lab.handle.loop.call_soon_threadsafe(gate.set)
    assert answered(ticket) is not None
    assert len(sent) == 1


def test_a_double_click_is_one_order_even_when_the_answer_was_faster(
    lab: Lab, ticket: OrderTicket, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = orders_sent(lab, monkeypatch)
    monkeypatch.setattr(ticket._sender._guard, "_monotonic", lambda: 100.0)
    market(ticket, 14)
    press(ticket, page)
    answered(ticket)
    press(ticket, page)
    answered(ticket)
    assert len(sent) == 1
    assert ticket.message == ""


def test_an_equal_order_has_to_be_confirmed(lab: Lab, page: Page, ticket: OrderTicket) -> None:
    market(ticket, 15)
    press(ticket, page)
    first = answered(ticket)
    rested(ticket)
    press(ticket, page)
    assert answered(ticket) is not None
    assert first is not None
    assert ticket.order is not None
    assert ticket.order.order_id == first.order_id  # the first one stays in view
    assert "confirm it" in page.seen["state"]["message"]
    assert page.seen["state"]["again"].startswith("Send again: BUY 15 SBIN")
    rested(ticket)
    page.say(k="again", t=time.time())
    second = answered(ticket)
    assert second is not None
    assert second.order_id != first.order_id
    assert page.seen["state"]["again"] == ""


def test_any_change_takes_the_offer_to_send_again_back(ticket: OrderTicket, page: Page) -> None:
    market(ticket, 16)
    for _ in range(2):
        press(ticket, page)
        answered(ticket)
        rested(ticket)
    assert page.seen["state"]["again"]
    page.say(k="type", field="quantity", text="17")
    assert page.seen["state"]["again"] == ""
    assert not ticket.send_again()


def test_a_press_on_words_that_have_changed_sends_nothing(
    lab: Lab, ticket: OrderTicket, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = orders_sent(lab, monkeypatch)
    market(ticket, 18)
    seen = ticket.sentence
    page.say(k="type", field="quantity", text="180")
    told = page.count["state"]
    press(ticket, page, seen=seen)
    assert sent == []
    assert "changed as you pressed" in page.seen["state"]["message"]
    assert page.count["state"] > told  # the page disarmed itself and must hear that it may arm again


def test_a_press_that_waited_behind_a_busy_cell_sends_nothing(
    lab: Lab, ticket: OrderTicket, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = orders_sent(lab, monkeypatch)
    market(ticket, 19)
    press(ticket, page, late_s=LATEST_S + 5)
    assert sent == []
    assert "nothing was sent" in page.seen["state"]["message"]
    press(ticket, page)
    answered(ticket)
    assert len(sent) == 1


def test_a_wrong_clock_in_the_browser_is_no_lateness(lab: Lab, ticket: OrderTicket, page: Page) -> None:
    page.hello(ago_s=3600)
    market(ticket, 21)
    press(ticket, page, late_s=3600)
    assert answered(ticket) is not None


@pytest.mark.parametrize(
    ("field", "text", "words"), [("quantity", "0", "must be positive"), ("price", "1.23", "off the tick")]
)
def test_local_faults_disarm_and_stand_beside_their_field(
    lab: Lab, ticket: OrderTicket, page: Page, monkeypatch: pytest.MonkeyPatch, field: str, text: str, words: str
) -> None:
    sent = orders_sent(lab, monkeypatch)
    ticket.set(price=900.0, quantity=1)
    page.say(k="type", field=field, text=text)
    assert words in page.seen["state"]["fields"][field]["problem"]
    assert not page.seen["state"]["armed"]
    press(ticket, page)
    assert not ticket.submit()
    assert sent == []


def test_the_engines_refusal_stands_beside_the_field_it_names(
    lab: Lab, ticket: OrderTicket, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def deny() -> Any:
        raise RiskDenied("<img src=x onerror=alert(1)> too dear: order less.", "max_value", "quantity")

    real = lab.handle.call
    monkeypatch.setattr(lab.handle, "call", lambda c: deny() if isinstance(c, PlaceOrder) else real(c))
    market(ticket, 22)
    press(ticket, page)
    answered(ticket)
    assert page.seen["state"]["fields"]["quantity"]["problem"].startswith("<img src=x")  # as text, untouched
    assert ticket.problems == {"quantity": "<img src=x onerror=alert(1)> too dear: order less."}
    page.say(k="type", field="quantity", text="2")
    assert page.seen["state"]["fields"]["quantity"]["problem"] == ""
    assert ticket.armed


def test_the_engine_itself_refuses_in_a_sentence(lab: Lab, ticket: OrderTicket, page: Page) -> None:
    quote = lab.handle.board.quote(lab.instrument("SBIN").key)
    assert quote is not None
    ticket.set(price=round(quote.ltp * 3), quantity=1)
    press(ticket, page)
    answered(ticket)
    assert page.seen["state"]["message"].endswith(".")
    assert "price" in ticket.problems


def test_an_answer_that_never_came_arms_again_and_says_so(
    lab: Lab, ticket: OrderTicket, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def late() -> Any:
        raise CallTimeout("The order did not come back in time: look at the order book before sending it again.")

    real = lab.handle.call
    monkeypatch.setattr(lab.handle, "call", lambda c: late() if isinstance(c, PlaceOrder) else real(c))
    market(ticket, 23)
    press(ticket, page)
    answered(ticket)
    assert "look at the order book" in page.seen["state"]["message"]
    assert ticket.order is None
    assert ticket.armed


def test_a_working_order_offers_modify_and_cancel(lab: Lab, ticket: OrderTicket, page: Page) -> None:
    asked: list[str] = []
    ticket.on_modify(asked.append)
    quote = lab.handle.board.quote(lab.instrument("SBIN").key)
    assert quote is not None
    ticket.set(price=quote.ltp * 0.97, quantity=24)
    press(ticket, page)
    eventually(lambda: ticket.order is not None and ticket.order.working)
    eventually(lambda: outcome(page).get("working"))
    page.say(k="modify")
    assert ticket.order is not None
    assert asked == [ticket.order.order_id]
    page.say(k="cancel")
    eventually(lambda: ticket.order is not None and ticket.order.status is OrderStatus.CANCELLED)
    eventually(lambda: "cancelled, nothing filled" in outcome(page).get("text", ""))


def test_cost_comes_by_itself_and_goes_with_a_fault(
    lab: Lab, ticket: OrderTicket, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[EstimateMargin] = []
    real = lab.handle.call

    def call(command: Any) -> Coroutine[Any, Any, Any]:
        asked.extend([command] if isinstance(command, EstimateMargin) else [])
        return real(command)

    monkeypatch.setattr(lab.handle, "call", call)
    ticket.set(price=900.0, quantity=30)
    for text in ("3", "31", "310"):
        page.say(k="type", field="quantity", text=text)
    eventually(lambda: page.seen["state"]["cost"]["margin"].startswith("₹"))
    assert {one.order.quantity for one in asked} == {310}  # what was typed on the way is not asked for
    page.say(k="type", field="quantity", text="")
    assert page.seen["state"]["cost"]["margin"] == ""


def test_live_market_and_quick_prices(lab: Lab, ticket: OrderTicket, page: Page) -> None:
    eventually(lambda: page.seen.get("market", {}).get("bid", "–") != "–")
    for what in ("bid", "mid", "ask", "ltp"):
        page.say(k="put", what=what)
        assert ticket.problems == {}
        assert page.seen["state"]["fields"]["price"]["text"] == ticket.state.price
    assert page.seen["state"]["fields"]["price"]["rev"] > 0


def test_typing_is_never_overwritten_but_steps_are_shown(ticket: OrderTicket, page: Page) -> None:
    ticket.set(price=900.0)
    rev = page.seen["state"]["fields"]["price"]["rev"]
    page.say(k="type", field="price", text="901")
    assert page.seen["state"]["fields"]["price"]["rev"] == rev
    page.say(k="step", field="price", by=2)
    assert page.seen["state"]["fields"]["price"] == {"text": "901.10", "rev": rev + 1, "problem": ""}


def test_side_and_mode_colour_the_whole_ticket(ticket: OrderTicket, page: Page) -> None:
    page.say(k="choose", side="SELL")
    assert set(ticket._dom_classes) == {"oal-ticket-box", "oal-ticket-box-sell", "oal-ticket-mode-simulated"}
    assert ticket.sentence.startswith("SELL 1 SBIN")
    assert ticket.sentence.endswith("SIMULATED SIM")


def test_set_fills_in_what_is_given(ticket: OrderTicket) -> None:
    market(ticket, 5)
    ticket.set(side="SELL", price=901.02)
    assert (ticket.state.side, ticket.state.price_type, ticket.state.price) == (Side.SELL, PriceType.LIMIT, "901.00")
    assert ticket.state.quantity == "5"
    ticket.set("RELIANCE")
    assert ticket.state.quantity == "1"
    with pytest.raises(SymbolError):
        ticket.set("NOSUCHTHING")
    assert ticket.state.instrument is not None
    assert ticket.state.instrument.symbol == "RELIANCE"


def test_clear_keeps_symbol_and_side(ticket: OrderTicket, page: Page) -> None:
    ticket.set(side=Side.SELL, price=900.0, quantity=7)
    page.say(k="clear")
    assert ticket.state.side is Side.SELL
    assert ticket.state.quantity == "1"
    assert page.seen["outcome"] is None


def test_what_cannot_be_read_is_dropped(ticket: OrderTicket, page: Page) -> None:
    market(ticket, 5)  # a limit's first price would be filled in by itself
    before = ticket.state
    for junk in ({"k": "submit"}, {"k": "type", "field": "instrument", "text": "x"}, {"k": "nonsense"}, {}):
        page.say(**junk)
    assert ticket.state == before


def test_a_ticket_costs_a_page_few_models(lab: Lab) -> None:
    made: list[ipywidgets.Widget] = []
    before = ipywidgets.Widget._widget_construction_callback
    ipywidgets.Widget.on_widget_constructed(made.append)
    try:
        ticket = OrderTicket(lab, "RELIANCE")
    finally:
        ipywidgets.Widget.on_widget_constructed(before)
    ticket.close()
    assert len(made) < 10


def test_the_guard_counts_one_press_at_a_time() -> None:
    now = [0.0]
    guard = PressGuard(lambda: now[0])
    first = guard.press()
    now[0] = 5.0
    assert first
    assert guard.press() == ""
    guard.answered()
    second = guard.press()
    assert second not in ("", first)
    guard.answered()
    now[0] += DOUBLE_CLICK_S / 2
    assert guard.press() == ""
    now[0] += DOUBLE_CLICK_S
    assert guard.press()


def test_lateness_is_measured_against_the_quickest_message() -> None:
    now = [1000.0]
    lateness = Lateness(lambda: now[0])
    lateness.restart(990.0)  # ten seconds between the clocks
    now[0] = 1001.0
    assert lateness.of(991.0) == pytest.approx(0)
    now[0] = 1010.0
    assert lateness.of(995.0) == pytest.approx(5)
