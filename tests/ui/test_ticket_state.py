"""The ticket's fields as a plain value: steps, problems, and the law that the button says what is sent."""

from __future__ import annotations

import math
import re
from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.model.errors import InputError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import QUOTE_FIELDS, Quote
from openalgo_lab.model.money import is_on_tick
from openalgo_lab.model.portfolio import Account
from openalgo_lab.model.vocabulary import Exchange, InstrumentType, Mode, PriceType, Product, Side, Validity
from openalgo_lab.ui.ticket.state import TicketState, price_types_for, products_for

SHARE = Instrument("SBIN", Exchange.NSE, InstrumentType.EQ, "State Bank of India", 1, 1, 0.05)
CALL = Instrument(
    "NIFTY01DEC2626000CE",
    Exchange.NFO,
    InstrumentType.CE,
    "NIFTY",
    2,
    65,
    0.05,
    1755,
    "NIFTY",
    date(2026, 12, 1),
    26000,
)
CURRENCY = Instrument("USDINR27NOV26FUT", Exchange.CDS, InstrumentType.FUT, "USDINR", 3, 1000, 0.0025, 0, "USDINR")
INDEX = Instrument("NIFTY", Exchange.NSE_INDEX, InstrumentType.INDEX, "Nifty 50", 4, 1, 0.05)
SIM = Account("SIM1", "simulated", Mode.SIMULATED)

instruments = st.sampled_from([SHARE, CALL, CURRENCY])
texts = st.one_of(st.text(max_size=12), st.from_regex(r"[0-9,]{0,7}(\.[0-9]{0,3})?", fullmatch=True))


def quote_of(item: Instrument, ltp: float) -> Quote:
    fields = dict.fromkeys(QUOTE_FIELDS, math.nan) | {"ltp": ltp}
    return Quote(exchange=item.exchange, symbol=item.symbol, time_ns=1, **fields)


def filled(item: Instrument = CALL, **changes: object) -> TicketState:
    state = TicketState(side=Side.BUY).with_instrument(item).priced(187.0)
    quantity = changes.pop("quantity", None)
    state = msgspec.structs.replace(state, **changes)
    return state if quantity is None else state.typed("quantity", str(quantity))


def test_the_button_says_everything() -> None:
    assert filled().sentence(SIM) == "BUY 65 NIFTY01DEC2626000CE @ 187.00 LIMIT · MIS · SIMULATED SIM1"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"price_type": PriceType.MARKET}, "at MARKET · "),
        ({"price_type": PriceType.SL, "trigger_price": "186.5"}, "@ 187.00 SL, trigger 186.50 · "),
        ({"validity": Validity.IOC}, "LIMIT IOC · "),
        ({"price": "187.02"}, "@ 187.02 LIMIT"),
        ({"price": ""}, "@ – LIMIT"),
        ({"disclosed_quantity": "65"}, "65 disclosed · "),
        ({"quantity": "1,30,000"}, "BUY 1,30,000 "),
    ],
)
def test_words_of_the_button(changes: dict[str, object], words: str) -> None:
    assert words in filled(**changes).sentence(SIM)


@given(instruments, texts, texts, st.sampled_from(list(Side)), st.sampled_from([PriceType.LIMIT, PriceType.MARKET]))
def test_what_the_button_says_is_what_is_sent(
    item: Instrument, quantity: str, price: str, side: Side, kind: PriceType
) -> None:
    state = TicketState(side=side, price_type=kind).with_instrument(item)
    state = state.typed("quantity", quantity).typed("price", price)
    try:
        order = state.order()
    except InputError as error:
        assert error.field
        assert str(error).endswith(".")
        return
    found = re.match(r"(BUY|SELL) ([\d,]+) (\S+) (?:@ ([\d.,]+) LIMIT|at MARKET) · (\w+) · SIMULATED SIM1$",
                     state.sentence(SIM))  # fmt: skip
    assert found is not None
    said_side, said_quantity, symbol, said_price, product = found.groups()
    assert (said_side, int(said_quantity.replace(",", "")), symbol) == (order.side, order.quantity, order.symbol)
    assert float((said_price or "0").replace(",", "")) == order.price
    assert product == order.product


@given(instruments, st.lists(st.tuples(st.sampled_from(["lots", "quantity"]), texts), max_size=6))
def test_lots_and_units_never_contradict_each_other(item: Instrument, typed: list[tuple[str, str]]) -> None:
    state = TicketState().with_instrument(item)
    for field, text in typed:
        state = state.typed(field, text)  # type: ignore[arg-type]
    if state.lots.isascii() and state.lots.isdigit() and state.quantity:
        assert int(state.lots) * item.lot_size == int(state.quantity.replace(",", ""))


@given(instruments, texts, st.integers(-1000, 1000).filter(bool), st.floats(0.05, 90_000))
def test_a_stepped_price_is_legal(item: Instrument, price: str, by: int, last: float) -> None:
    state = TicketState().with_instrument(item).typed("price", price).stepped("price", by, last)
    assert is_on_tick(float(state.price), item.tick_size)
    assert float(state.price) > 0


@given(instruments, texts, st.integers(-50, 50).filter(bool))
def test_a_stepped_quantity_is_whole_lots(item: Instrument, quantity: str, by: int) -> None:
    state = TicketState().with_instrument(item).typed("quantity", quantity).stepped("lots", by, math.nan)
    assert int(state.quantity) % item.lot_size == 0
    assert int(state.quantity) >= item.lot_size


def test_an_odd_quantity_steps_to_the_next_whole_lot() -> None:
    assert filled().typed("quantity", "100").stepped("quantity", 1, 0).quantity == "130"
    assert filled().typed("quantity", "100").stepped("quantity", -1, 0).quantity == "65"


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"quantity": "100"}, "quantity", "take 65 or 130"),
        ({"quantity": ""}, "quantity", "one lot is 65"),
        ({"quantity": "-65"}, "quantity", "no quantity"),
        ({"quantity": "6.5"}, "quantity", "no quantity"),
        ({"quantity": "1821"}, "quantity", "multiple"),
        ({"price": "187.02"}, "price", "187 or 187.05"),
        ({"price": "12e3"}, "price", "no price"),
        ({"price": "<img src=x>"}, "price", "no price"),
        ({"price": ""}, "price", "needs a price"),
        ({"price_type": PriceType.SL_M}, "price_type", "take SL"),
        ({"price_type": PriceType.SL, "trigger_price": "190"}, "price", "at or above"),
        ({"product": Product.CNC}, "product", "NRML or MIS"),
        ({"disclosed_quantity": "130"}, "disclosed_quantity", "between 0 and 65"),
        ({"strategy": "x" * 33}, "strategy", "at most 32"),
        ({"price_type": PriceType.SL, "trigger_price": "186", "validity": Validity.IOC}, "validity", "take DAY"),
    ],
)
def test_each_fault_is_told_beside_its_field(changes: dict[str, object], field: str, words: str) -> None:
    problems = filled(**changes).problems()
    assert words in problems[field]
    with pytest.raises(InputError):
        filled(**changes).order()


def test_a_trigger_on_the_wrong_side_of_the_market() -> None:
    state = filled(price_type=PriceType.SL, trigger_price="180", price="181")
    assert "above the last price 187" in state.problems(quote_of(CALL, 187.0))["trigger_price"]
    assert state.problems(quote_of(CALL, 179.0)) == {}


def test_an_index_cannot_be_ordered() -> None:
    assert "future or options" in TicketState().with_instrument(INDEX).problems()["symbol"]
    assert "Choose a symbol" in TicketState().problems()["symbol"]


@pytest.mark.parametrize(
    ("exchange", "products"),
    [(Exchange.NSE, (Product.CNC, Product.MIS)), (Exchange.NFO, (Product.NRML, Product.MIS))],
)
def test_products_of_an_exchange(exchange: Exchange, products: tuple[Product, ...]) -> None:
    assert products_for(exchange) == products


def test_another_contract_keeps_what_it_knows() -> None:
    state = filled(SHARE, product=Product.CNC, price_type=PriceType.SL_M).with_instrument(CALL)
    assert (state.product, state.price_type) == (Product.NRML, PriceType.SL)
    assert (state.lots, state.quantity, state.price) == ("1", "65", "")
    assert PriceType.SL_M not in price_types_for(CALL)
    assert PriceType.SL_M in price_types_for(SHARE)


def test_the_first_price_is_filled_in_once_and_never_over_a_typed_one() -> None:
    state = TicketState().with_instrument(SHARE)
    assert state.filled_in(math.nan).price_follows
    assert state.filled_in(922.73).price == "922.75"
    assert state.filled_in(922.75).filled_in(930.0).price == "922.75"
    assert state.typed("price", "900").filled_in(930.0).price == "900"
