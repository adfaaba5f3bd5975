"""The kinds of a ticket's order: their fields, their faults, their command and their words; and each once for real."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab import Lab
from openalgo_lab.model.algo_commands import AlgoKind, AlgoStatus, BracketStatus, PlaceBracket, StartAlgo
from openalgo_lab.model.commands import PlaceOrder
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.gtt import GttStatus
from openalgo_lab.model.gtt_commands import PlaceGtt
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.structure_commands import PlaceSmartOrder, SplitOrder
from openalgo_lab.model.vocabulary import PriceType, Product, Side
from openalgo_lab.ui.ticket import OrderTicket
from openalgo_lab.ui.ticket.kinds import KIND_WORDS, Extra, ExtraField, TicketKind
from openalgo_lab.ui.ticket.plan import Facts
from openalgo_lab.ui.ticket.planning import command_of, plan_of, problems_of, sentence_of
from openalgo_lab.ui.ticket.state import TicketState
from tests.support.waiting import eventually
from tests.support.widget_page import Page, held, simulated_lab
from tests.ui.test_ticket_state import CALL, SHARE, SIM

FACTS = Facts(last=100.0, expiries=(date(2026, 12, 1),))
texts = st.one_of(st.text(max_size=12), st.from_regex(r"[-+0-9,]{0,6}(\.[0-9]{0,2})?", fullmatch=True))


def ticket_of(kind: TicketKind | str, *, quantity: int = 100, price: float = 100.0, **extra: str) -> TicketState:
    state = TicketState(kind=TicketKind(kind)).with_instrument(SHARE).with_quantity(quantity).priced(price)
    state = msgspec.structs.replace(state, extra=msgspec.structs.replace(state.extra, **extra))
    plan = plan_of(state, FACTS)
    return plan.settled() if plan is not None else state


def story(state: TicketState, facts: Facts = FACTS) -> str:
    plan = plan_of(state, facts)
    assert plan is not None
    assert problems_of(state, facts, None) == {}
    return plan.story()


def test_every_kind_has_words_and_every_field_a_name() -> None:
    assert set(KIND_WORDS) == set(TicketKind)
    assert set(ExtraField.__args__) == set(Extra.__struct_fields__)
    for kind in TicketKind:
        plan = plan_of(TicketState(kind=kind), FACTS)
        assert (plan is None) is (kind is TicketKind.ORDER)
        assert plan is None or {shape.key for shape in plan.shapes()} <= set(Extra.__struct_fields__)


def test_a_target_position_buys_or_sells_what_is_missing() -> None:
    short = ticket_of("smart", position="-75")
    facts = Facts(held=25)
    assert sentence_of(short, facts, SIM) == "SELL 100 SBIN to be 75 short @ 100.00 LIMIT · MIS · SIMULATED SIM1"
    command = command_of(short, facts, None)
    assert isinstance(command, PlaceSmartOrder)
    assert (command.position_size, command.side, command.price) == (-75, Side.SELL, 100.0)
    assert story(short, facts).startswith(
        "Sells 100 at 100.00 or better: the position is 25 long and becomes 75 short."
    )


def test_a_split_order_says_its_parts() -> None:
    state = ticket_of("split", quantity=100, split_size="30")
    assert "in 4 orders" in sentence_of(state, FACTS, SIM)
    assert story(state).startswith("Buys 3 × 30 and 10, each at 100.00 or better.")
    assert command_of(state, FACTS, None) == SplitOrder(ticket_of("order").order(), 30)


def test_a_bracket_says_both_ends_and_what_is_at_stake() -> None:
    state = ticket_of("bracket", stop="95", target="120", trail="2")
    assert sentence_of(state, FACTS, SIM).startswith(
        "BUY 100 SBIN @ 100.00 LIMIT, stop 95.00, target 120.00, trail 2.00"
    )
    assert story(state) == (
        "Buys 100 at 100.00 or better; sells at 95.00 or 120.00. "
        "The stop follows the best price at a distance of 2.00. Risks ₹500 for ₹2,000."
    )
    market = msgspec.structs.replace(state, price_type=PriceType.MARKET, price="")
    assert story(market).startswith("Buys 100 at market; sells at 95.00 or 120.00.")


def test_triggers_say_when_and_at_what() -> None:
    both = ticket_of("gtt", trigger_below="90", price_below="89.5", trigger_above="110", price_above="110.5")
    assert both.product is Product.CNC
    assert "when ≤ 90.00 @ 89.50 or ≥ 110.00 @ 110.50 LIMIT" in sentence_of(both, FACTS, SIM)
    assert story(both).endswith("The first that fires ends the other. It waits for up to a year.")
    command = command_of(both, FACTS, None)
    assert isinstance(command, PlaceGtt)
    assert (command.trigger_below, command.price_below, command.trigger_above, command.price_above) == (
        90,
        89.5,
        110,
        110.5,
    )
    single = msgspec.structs.replace(
        ticket_of("gtt", trigger_above="110", price_below="3"), price_type=PriceType.MARKET
    )
    command = command_of(single, FACTS, None)
    assert isinstance(command, PlaceGtt)
    assert (command.trigger_below, command.price_below, command.price_above) == (0, 0, 0)
    assert story(single).startswith("When the price rises to 110.00, it buys 100 at market.")


def test_algorithms_say_how_they_work() -> None:
    chase = ticket_of("chase", worst="101", patience="5", finish="yes")
    assert story(chase).startswith(
        "Buys 100 at the best bid and moves with it, never above 101.00; after 5 min the rest goes"
    )
    command = command_of(chase, FACTS, None)
    assert isinstance(command, StartAlgo)
    terms = command.terms
    assert (terms.kind, terms.order.price, terms.duration_s, terms.finish_at_market) == (
        AlgoKind.CHASE,
        101.0,
        300,
        True,
    )
    twap = command_of(ticket_of("twap", parts="4", minutes="2.5"), FACTS, None)
    assert isinstance(twap, StartAlgo)
    assert (twap.terms.parts, twap.terms.duration_s, twap.terms.order.price) == (4, 150.0, 100.0)
    iceberg = command_of(ticket_of("iceberg", visible="20"), FACTS, None)
    assert isinstance(iceberg, StartAlgo)
    assert (iceberg.terms.visible, iceberg.terms.order.price_type) == (20, PriceType.LIMIT)


def test_an_option_is_sent_as_the_contract_that_is_shown() -> None:
    state = ticket_of("option")
    assert problems_of(state, FACTS, None) == {"symbol": "Looking for the contract…"}
    state = state.with_contract(CALL)
    assert (state.lots, state.quantity, state.product) == ("1", "65", Product.MIS)  # 100 shares are not 100 lots
    state = state.priced(187.0)
    command = command_of(state, FACTS, None)
    assert isinstance(command, PlaceOrder)
    assert (command.symbol, command.quantity) == (CALL.symbol, 65)
    assert CALL.symbol in sentence_of(state, FACTS, SIM)
    two = state.typed("lots", "2").with_contract(msgspec.structs.replace(CALL, symbol="OTHER"))
    assert (two.lots, two.price) == ("2", "")  # lots stay, another strike's price does not


@pytest.mark.parametrize(
    ("kind", "extra", "field", "words"),
    [
        ("smart", {"position": ""}, "position", "units to hold"),
        ("smart", {"position": "0"}, "position", "flat already"),
        ("smart", {"position": "5.5"}, "position", "units to hold"),
        ("split", {"split_size": "x"}, "split_size", "whole units"),
        ("split", {"split_size": "1", "quantity": 101}, "split_size", "101 orders"),
        ("bracket", {}, "stop", "loss ends"),
        ("bracket", {"stop": "101"}, "stop", "below the entry at 100.00"),
        ("bracket", {"stop": "95.02"}, "stop", "take 95.00 or 95.05"),
        ("bracket", {"stop": "95", "target": "99"}, "target", "above the entry"),
        ("bracket", {"stop": "95", "trail": "<b>"}, "trail", "no price"),
        ("gtt", {}, "trigger_below", "Give a trigger"),
        ("gtt", {"trigger_below": "90"}, "price_below", "limit"),
        ("gtt", {"trigger_below": "100", "price_below": "99"}, "trigger_below", "at once"),
        ("gtt", {"trigger_above": "99", "price_above": "99"}, "trigger_above", "at once"),
        ("chase", {"worst": "100.02"}, "worst", "100 or 100.05"),
        ("chase", {"every": "0"}, "every", "0.05"),
        ("chase", {"finish": "yes"}, "patience", "after how many minutes"),
        ("twap", {"parts": "1"}, "parts", "at least 2"),
        ("twap", {"parts": "200"}, "parts", "only 100 units"),
        ("twap", {"minutes": "0"}, "minutes", "minutes"),
        ("iceberg", {}, "visible", "whole units"),
        ("iceberg", {"visible": "100"}, "visible", "less than the whole"),
    ],
)  # fmt: skip
def test_each_fault_is_told_beside_its_field(kind: str, extra: dict[str, Any], field: str, words: str) -> None:
    state = ticket_of(kind, **extra)
    assert words in problems_of(state, FACTS, None)[field]
    with pytest.raises(InputError):
        command_of(state, FACTS, None)


@given(st.sampled_from(list(TicketKind)), st.dictionaries(st.sampled_from(Extra.__struct_fields__), texts), texts,
       st.integers(-3, 3).filter(bool))  # fmt: skip
def test_whatever_is_typed_is_an_order_or_a_sentence(
    kind: TicketKind, typed: dict[str, str], quantity: str, by: int
) -> None:
    state = ticket_of(kind).typed("quantity", quantity)
    for field, text in typed.items():
        state = state.typed(field, text).stepped(field, by if len(text) % 2 else -by, 100.0)  # type: ignore[arg-type]
    for facts in (FACTS, Facts(held=-50, last=math.nan)):
        problems = problems_of(state, facts, None)
        assert sentence_of(state, facts, SIM).endswith("SIMULATED SIM1")
        if problems:
            assert all(sentence.endswith((".", "…")) for sentence in problems.values())
        else:
            assert command_of(state, facts, None) is not None
            plan = plan_of(state, facts)
            assert plan is None or plan.story().endswith((".", "stopped."))


# On a real engine ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with simulated_lab("ticket-kinds") as opened:
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


def near(lab: Lab, factor: float, symbol: str = "SBIN") -> float:
    tick = lab.instrument(symbol).tick_size
    return round(round(lab.quote(symbol).ltp * factor / tick) * tick, 2)


def press(ticket: OrderTicket, page: Page) -> None:
    assert ticket.problems == {}
    page.say(k="submit", seen=ticket.sentence, t=time.time())


def said(page: Page) -> str:
    return str((page.seen.get("outcome") or {}).get("text", ""))


def test_a_plain_ticket_shows_nothing_more(page: Page) -> None:
    state = page.seen["state"]
    assert (state["kind"], state["shapes"], state["hides"], state["story"]) == ("order", (), (), "")
    assert "stop" not in state["fields"]


def test_a_target_position_is_reached_with_one_order(lab: Lab, ticket: OrderTicket, page: Page) -> None:
    page.say(k="choose", kind="smart", price_type="MARKET")
    page.say(k="type", field="position", text="-7")
    assert page.seen["state"]["side"] == "SELL"
    assert "oal-ticket-box-sell" in ticket._dom_classes
    press(ticket, page)
    eventually(lambda: ticket.order is not None and ticket.order.status is OrderStatus.COMPLETE)
    eventually(lambda: "flat" not in page.seen["state"]["shapes"][0]["label"])  # the ticket knows what is held now
    eventually(lambda: lab.open_position("SBIN") == -7)
    assert "already" in page.seen["state"]["fields"]["position"]["problem"]


def test_a_bracket_is_placed_once_and_can_be_ended_here(
    lab: Lab, ticket: OrderTicket, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.say(k="choose", kind="bracket", price_type="MARKET")
    for field, factor in (("stop", 0.95), ("target", 1.05)):
        page.say(k="type", field=field, text=f"{near(lab, factor):.2f}")
    assert page.seen["state"]["story"].startswith("Buys 1 at market; sells at ")
    with held(lab, monkeypatch, PlaceBracket):
        press(ticket, page)
        press_again = ticket.submit()
    assert not press_again
    eventually(lambda: "bracket" in said(page))
    assert len(lab.brackets()) == 1
    eventually(lambda: lab.brackets()[0].status is BracketStatus.GUARDED)
    page.say(k="cancel")
    eventually(lambda: lab.brackets()[0].status is BracketStatus.CANCELLED)
    eventually(lambda: "cancelled" in said(page))


def test_triggers_wait_and_are_taken_back(lab: Lab, ticket: OrderTicket, page: Page) -> None:
    page.say(k="choose", kind="gtt", price_type="MARKET", side="SELL")
    assert page.seen["state"]["products"] == ("CNC",)
    for field, factor in (("trigger_below", 0.8), ("trigger_above", 1.2)):
        page.say(k="type", field=field, text=f"{near(lab, factor):.2f}")
    press(ticket, page)
    eventually(lambda: "trigger active" in said(page))
    assert len(lab.gtt_orders()) == 1
    page.say(k="cancel")
    eventually(lambda: not lab.gtt_orders())
    eventually(lambda: GttStatus.CANCELLED.value in said(page))
    page.say(k="choose", kind="order")
    assert page.seen["state"]["product"] == "MIS"  # the product that only a trigger wanted is gone


def test_algorithms_and_splits_start(lab: Lab, ticket: OrderTicket, page: Page) -> None:
    page.say(k="choose", kind="twap", price_type="MARKET")
    page.say(k="type", field="quantity", text="10")
    press(ticket, page)
    eventually(lambda: "twap running" in said(page))
    page.say(k="cancel")
    eventually(lambda: lab.algos()[-1].status is AlgoStatus.STOPPED)
    ticket._sender._guard._last = float("-inf")
    page.say(k="choose", kind="split")
    page.say(k="type", field="split_size", text="4")
    page.say(k="type", field="tag", text="parts")
    press(ticket, page)
    eventually(lambda: said(page) == "3 of 3 orders were taken.")
    eventually(lambda: sorted(one.quantity for one in lab.books.orders if one.tag == "parts") == [2, 4, 4])


def test_an_option_follows_its_offset(lab: Lab, ticket: OrderTicket, page: Page) -> None:
    ticket.set("NSE_INDEX:NIFTY", kind="option", offset="OTM2", option_type="PE")
    eventually(lambda: ticket.state.contract is not None)
    contract = ticket.state.contract
    assert contract is not None
    assert (contract.underlying, contract.kind.value) == ("NIFTY", "PE")
    eventually(lambda: page.seen["state"]["lot"] == contract.lot_size)
    eventually(lambda: page.seen.get("market", {}).get("bid", "–") != "–")
    page.say(k="choose", price_type="MARKET")
    eventually(lambda: page.seen["state"]["story"].startswith(f"Buys {contract.lot_size} of NIFTY"))
    page.say(k="type", field="offset", text="OTM900")
    eventually(lambda: "not a strike offset" in page.seen["state"]["problems"].get("symbol", ""))
    assert not page.seen["state"]["armed"]


def test_a_field_that_no_kind_has(ticket: OrderTicket) -> None:
    with pytest.raises(InputError, match="no field 'stopp'"):
        ticket.set(stopp=3)
