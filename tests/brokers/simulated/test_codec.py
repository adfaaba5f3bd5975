"""The codec alone: round trip against the exchange's own side, and a typed error or a value for any bytes."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.simulated import SPEC, tables
from openalgo_lab.broker import Call, FrameContent, HttpResponse, Session
from openalgo_lab.model.errors import DecodeError, InputError, LabError, Rejected, SessionExpired
from openalgo_lab.model.market import QUOTE_FIELDS
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.vocabulary import Exchange, FeedMode, InstrumentType, PriceType, Product, Side, Validity
from openalgo_lab.sim import words
from openalgo_lab.sim.records import State, VenueOrder
from openalgo_lab.sim.tape import DEPTH, LTP, QUOTE, UNKNOWN, Tape
from tests.brokers.simulated.exchange import SHARE, as_order, intent, listed
from tests.sim.fake_market import NIFTY, SBIN, FakeMarket

CODEC = SPEC.codec
SESSION = Session("ME", "ME:secret")


def answer(body: Any, status: int = 200) -> HttpResponse:
    return HttpResponse(status, (), body if isinstance(body, bytes) else msgspec.json.encode(body))


def an_order(**how: Any) -> VenueOrder:
    fields = {"side": Side.BUY, "product": Product.MIS, "price_type": PriceType.LIMIT, "validity": Validity.DAY, **how}
    return VenueOrder(
        number=7, day="2026-11-25", client="ME", token=2, exchange=Exchange.NSE, symbol="SBIN", quantity=10,
        price=8000500, trigger=0, disclosed=0, tag="T", placed_ns=10**18, updated_ns=10**18 + 5000, **fields,
    )  # fmt: skip


# Words --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "ours"),
    [
        (tables.SEGMENTS, Exchange),
        (tables.SIDES, Side),
        (tables.PRODUCTS, Product),
        (tables.PRICE_TYPES, PriceType),
        (tables.VALIDITIES, Validity),
        (tables.MODES, FeedMode),
        (tables.KINDS, InstrumentType),
    ],
    ids=["segments", "sides", "products", "price types", "validities", "modes", "kinds"],
)
def test_tables_are_total_in_both_directions(table: dict[str, Any], ours: Any) -> None:
    assert set(table.values()) == set(ours)
    assert all(tables.to_word(table, value, "word") == word for word, value in table.items())
    with pytest.raises(DecodeError):
        tables.from_word(table, "?", "word")
    with pytest.raises(InputError):
        tables.to_word({}, next(iter(ours)), "word")


def test_the_exchange_speaks_the_same_words() -> None:
    assert {word: exchange for exchange, word in words.SEGMENTS.items()} == dict(tables.SEGMENTS)
    assert dict(words.TYPES) == dict(tables.PRICE_TYPES)
    assert {word: kind for kind, word in words.KINDS.items()} == dict(tables.KINDS)


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("filled", [0, 4])
def test_every_state_of_the_exchange_is_known(state: State, filled: int) -> None:
    order = an_order(state=state, filled=filled, value=filled * 8000000)
    (report,) = CODEC.order_book(SESSION).decode(answer([words.order_row(order)]))
    expected = {
        State.RECEIVED: OrderStatus.ACCEPTED,
        State.WORKING: OrderStatus.PARTIALLY_FILLED if filled else OrderStatus.OPEN,
        State.WAITING: OrderStatus.TRIGGER_PENDING,
        State.FILLED: OrderStatus.COMPLETE,
        State.CANCELLED: OrderStatus.CANCELLED,
        State.REJECTED: OrderStatus.REJECTED,
        State.EXPIRED: OrderStatus.EXPIRED,
    }
    assert report.status is expected[state]
    assert (report.price, report.filled_quantity, report.order_id) == (800.05, filled, "T")
    assert (report.broker_order_id, report.exchange_ns) == ("SX0000000007", 10**18 + 5000)


@given(
    side=st.sampled_from(Side),
    product=st.sampled_from(Product),
    kind=st.sampled_from(PriceType),
    validity=st.sampled_from(Validity),
    quantity=st.integers(1, 10**6),
    price=st.integers(1, 10**9),
    trigger=st.integers(1, 10**9),
)
def test_what_is_placed_is_what_the_exchange_reads(
    side: Side, product: Product, kind: PriceType, validity: Validity, quantity: int, price: int, trigger: int
) -> None:
    wanted = intent(
        kind,
        side=side,
        product=product,
        validity=validity,
        quantity=quantity,
        price=price / 10_000,
        trigger_price=trigger / 10_000,
    )
    request = CODEC.place(SESSION, wanted, SHARE).request
    body = msgspec.json.decode(request.body, type=words.OrderBody)
    terms = words.terms_of(body)
    assert (request.method, request.path, request.safe, body.tok, body.tag) == (
        "POST",
        "/orders",
        False,
        SBIN,
        wanted.order_id,
    )
    assert (terms.side, terms.product, terms.price_type, terms.validity) == (side, product, kind, validity)
    assert terms.quantity == quantity
    assert terms.price == (price if kind.has_price else 0)
    assert terms.trigger == (trigger if kind.has_trigger else 0)


def test_secrets_do_not_show() -> None:
    assert "secret" not in repr(SESSION)
    assert "secret" not in str(SESSION)


def test_refusals() -> None:
    assert isinstance(CODEC.refusal(answer({"err": {"code": "SESSION", "text": "Gone."}}, 401)), SessionExpired)
    found = CODEC.refusal(answer({"err": {"code": "LOT", "text": "No lot."}}, 400))
    assert isinstance(found, Rejected)
    assert str(found) == "No lot."
    assert CODEC.refusal(answer({}, 200)) is None
    with pytest.raises(DecodeError):
        CODEC.refusal(answer(b"<html>", 502))


def test_a_login_needs_a_client() -> None:
    with pytest.raises(InputError):
        next(CODEC.login({}))


# Frames -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [LTP, QUOTE, DEPTH])
def test_frames_of_the_exchange_come_out_as_they_went_in(kind: int) -> None:
    market = FakeMarket()
    tape = Tape(market, lambda token: True)
    from openalgo_lab.sim.tape import Reader

    reader = Reader("ME")
    tape.add(reader)
    tape.change(reader, [SBIN, NIFTY], kind)
    tape.step()
    (frame,) = reader.take(tape)
    (batch,) = CODEC.open_feed(SESSION, SPEC.feeds[0]).received(frame).ticks
    truth = market.snapshot(batch.tokens, market.now_ns(), depth=True)
    assert set(batch.columns) == ({"ltp"} if kind == LTP else set(QUOTE_FIELDS))
    for name, column in batch.columns.items():
        np.testing.assert_allclose(column, truth.columns[name], atol=1e-4)
    np.testing.assert_array_equal(batch.time_ns, truth.time_ns)
    if kind == DEPTH:
        np.testing.assert_allclose(batch.depth, truth.depth, atol=1e-4)
    else:
        assert batch.depth is None


def a_frame(kind: int = 1, count: int = 1, magic: bytes = b"SX", version: int = 1) -> bytes:
    width = {1: 3, 2: 16, 3: 36}.get(kind, 3)
    return struct.pack("<2sBBIQ", magic, version, kind, count, 1) + struct.pack(f"<{width}q", *[UNKNOWN] * width)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"SX",
        a_frame(magic=b"XX"),
        a_frame(version=2),
        a_frame(kind=9),
        a_frame(count=2),
        a_frame(count=2**32 - 1),
        a_frame()[:-1],
        a_frame() + b"\0",
        '{"k":"new"}',
        '{"k":"ord","n":1,"row":{}}',
        '{"n":1}',
        "no json",
        '{"k":"hb","n":-1}',
    ],
)
def test_a_message_that_does_not_fit_is_a_decode_error(frame: str | bytes) -> None:
    with pytest.raises(DecodeError):
        CODEC.open_feed(SESSION, SPEC.feeds[0]).received(frame)


def test_unknown_values_are_nan() -> None:
    (batch,) = CODEC.open_feed(SESSION, SPEC.feeds[0]).received(a_frame(2)).ticks
    assert all(np.isnan(column).all() for column in batch.columns.values())


def test_an_unknown_state_is_never_guessed() -> None:
    row = {**words.order_row(an_order()), "st": "NEWS"}
    with pytest.raises(DecodeError, match="unknown order state"):
        CODEC.open_feed(SESSION, SPEC.feeds[0]).received(msgspec.json.encode({"k": "ord", "n": 1, "row": row}).decode())


# Fuzz ---------------------------------------------------------------------------------------------------------------

ROW = words.order_row(an_order())
GOLDEN: list[bytes] = [
    a_frame(1),
    a_frame(2),
    a_frame(3),
    msgspec.json.encode({"k": "ord", "n": 1, "row": ROW}),
    msgspec.json.encode([ROW]),
    msgspec.json.encode({"k": "hb", "n": 3, "t": 1}),
    msgspec.json.encode({"id": "SX0000000001"}),
    msgspec.json.encode({"avail": 1, "used": 2, "real": 3, "mtm": 4}),
    msgspec.json.encode({"t": 1, "b": [[1.0, 2.0]], "a": []}),
    msgspec.json.encode({"t": [1], "ohlcvi": [[1.0]] * 6}),
    msgspec.json.encode([[SBIN, 1, *[1.0] * 14]]),
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(GOLDEN)))
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        match draw(st.sampled_from(["set", "cut", "insert", "number"])):
            case "set" if data:
                data[place] = draw(st.integers(0, 255))
            case "cut":
                del data[place : place + draw(st.integers(1, 8))]
            case "insert":
                data[place:place] = draw(st.binary(max_size=8))
            case "number":
                data[place:place] = draw(st.sampled_from([b"1e999", b"-1", b"NaN", b"99999999999999999999", b"null"]))
    return bytes(data)


WANTED = intent()
CALLS: dict[str, Callable[[], Call[Any]]] = {
    "login": lambda: next(CODEC.login({"client": "ME"})),
    "place": lambda: CODEC.place(SESSION, WANTED, SHARE),
    "order_book": lambda: CODEC.order_book(SESSION),
    "trade_book": lambda: CODEC.trade_book(SESSION),
    "positions": lambda: CODEC.positions(SESSION),
    "holdings": lambda: CODEC.holdings(SESSION, "ME"),
    "funds": lambda: CODEC.funds(SESSION, "ME"),
    "margin": lambda: CODEC.margin(SESSION, [(WANTED, SHARE)]),
    "quotes": lambda: CODEC.quotes(SESSION, [SHARE]),
    "depth": lambda: CODEC.depth(SESSION, SHARE),
    "history": lambda: CODEC.history(SESSION, SHARE, "1m", 0, 1),
    "instruments": lambda: CODEC.instrument_files(SESSION)[0],
}


@given(st.sampled_from(sorted(CALLS)), st.one_of(damaged(), st.binary(max_size=60)))
def test_any_answer_gives_a_value_or_a_decode_error(name: str, body: bytes) -> None:
    with contextlib.suppress(DecodeError):  # any other error fails the test
        CALLS[name]().decode(answer(body))


@given(st.one_of(damaged(), st.binary(max_size=60)), st.booleans())
def test_any_message_gives_a_value_or_a_decode_error(data: bytes, text: bool) -> None:
    with contextlib.suppress(DecodeError):
        content = CODEC.open_feed(SESSION, SPEC.feeds[0]).received(data.decode("utf-8", "replace") if text else data)
        assert isinstance(content, FrameContent)


@given(st.one_of(damaged(), st.binary(max_size=60)), st.integers(100, 599))
def test_any_refusal_gives_an_error_none_or_a_decode_error(body: bytes, status: int) -> None:
    with contextlib.suppress(DecodeError):
        found = CODEC.refusal(answer(body, status))
        assert found is None or isinstance(found, LabError)


def test_modify_and_cancel_name_the_order() -> None:
    from openalgo_lab.broker.adapter import OrderChange

    accepted = CODEC.place(SESSION, WANTED, SHARE).decode(answer({"id": "SX0000000042"}))
    order = as_order(WANTED, accepted)
    change = CODEC.modify(SESSION, order, OrderChange(5, PriceType.SL_M, 0.0, 801.5), SHARE)
    assert (change.request.method, change.request.path, change.request.safe) == ("PUT", "/orders/SX0000000042", False)
    assert msgspec.json.decode(change.request.body)["tpx"] == 8015000
    assert CODEC.cancel(SESSION, order).request.path == "/orders/SX0000000042"


def test_a_batch_is_one_message() -> None:
    (message,) = CODEC.open_feed(SESSION, SPEC.feeds[0]).subscribe(listed(SBIN, NIFTY), FeedMode.DEPTH)
    asked = msgspec.json.decode(message)
    assert asked == {"op": "sub", "mode": "D", "toks": [NIFTY, SBIN]}
