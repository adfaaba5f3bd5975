"""Rows by a table of names; Socket.IO by hand."""

from __future__ import annotations

import base64
import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.broker import FrameContent
from openalgo_lab.broker.reading import jwt_expiry_ns, words
from openalgo_lab.broker.record import Record
from openalgo_lab.broker.shapes import RowShape
from openalgo_lab.broker.socketio import SocketIo
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.reports import Evidence
from openalgo_lab.model.vocabulary import Exchange, PriceType, Product, Side

SHAPE = RowShape(
    "It", words(Exchange, "NSE"), words(Side, "B=BUY"), words(Product, "I=MIS"), words(PriceType, "LMT=LIMIT"),
    words(
        str,
        "id=no tag=tag exchange=ex symbol=sym side=bs product=p|q price_type=typ quantity=qty filled=done average=avg "
        "price=px trigger=tpx reason=why time=t1|t2 trade_id=tid trade_quantity=tq trade_price=tp trade_time=tt|t2 "
        "net=net long_average=la short_average=sa realised=r",
    ),
)  # fmt: skip
ROW: dict[str, Any] = {
    "no": 7,
    "ex": "nse",
    "sym": "A",
    "bs": "B",
    "q": "I",
    "typ": "lmt",
    "qty": "10",
    "t2": 1770698730,
}


def test_names_alternatives_and_what_may_be_missing() -> None:
    order = SHAPE.order(Record(ROW, "It"), OrderStatus.OPEN, Evidence.STREAM)
    assert (order.broker_order_id, order.order_id, order.product, order.price_type) == (
        "7",
        "",
        Product.MIS,
        PriceType.LIMIT,
    )
    assert (order.quantity, order.filled_quantity, order.exchange_ns) == (10, 0, 1770698730 * 10**9)
    trade = SHAPE.fill(Record({**ROW, "p": "I", "tid": 3, "tq": 4, "tp": "1.5"}, "It"), Evidence.TRADE_BOOK)
    assert (trade.trade_id, trade.quantity, trade.price, trade.exchange_ns) == ("3", 4, 1.5, order.exchange_ns)


@pytest.mark.parametrize("gone", ["no", "ex", "sym", "bs", "q", "typ", "qty"])
def test_what_may_not_be_missing(gone: str) -> None:
    row = {name: value for name, value in ROW.items() if name != gone}
    with pytest.raises(DecodeError):
        SHAPE.order(Record(row, "It"), OrderStatus.OPEN, Evidence.STREAM)
    with pytest.raises(DecodeError):
        SHAPE.fill(Record(ROW, "It"), Evidence.STREAM)


@pytest.mark.parametrize(("net", "average"), [("5", 1.5), (-5, 2.5), (0, 0.0)])
def test_a_net_position(net: str | int, average: float) -> None:
    row = Record({**ROW, "net": net, "la": "1.5", "sa": 2.5, "r": "0.25"}, "It")
    position = SHAPE.position(row)
    assert (position.quantity, position.average_price, position.realised_paise) == (int(net), average, 25)


class Feed(SocketIo):
    broker = "It"

    def event(self, name: str, argument: Any) -> FrameContent:
        return FrameContent(notice=f"{name}={argument}")


class BinaryFeed(Feed):
    def packet(self, name: str, payload: bytes) -> FrameContent:
        return FrameContent(notice=f"{name}:{payload.hex()}")


def test_frames_of_engine_io() -> None:
    feed = BinaryFeed()
    assert feed.received('0{"sid":"x"}') == feed.received("3") == feed.received("6") == FrameContent()
    assert feed.received("40").ready
    assert feed.received('42["a",1]').notice == "a=1"
    assert feed.received('42["a"]').notice == "a=None"
    feed.received('451-["b",{"_placeholder":true,"num":0}]')
    assert feed.received(b"\x04\x01").notice == "b:01"
    assert feed.received(b"\x04\x02").notice == ":02"
    assert feed.received("1").refused is not None
    assert feed.received('44"Invalid token"').notice == 'error="Invalid token"'
    assert feed.received("2").replies == ("3",)
    assert feed.received("431[]") == FrameContent()
    for junk in ("", "3x", "42", "42[3]", "hello", b"", b"\x05a"):
        with pytest.raises(DecodeError):
            feed.received(junk)
    with pytest.raises(DecodeError, match="only text"):
        Feed().received(b"\x04a")


@given(st.one_of(st.text(max_size=40), st.binary(max_size=40)))
def test_any_frame_gives_a_value_or_a_decode_error(frame: str | bytes) -> None:
    with contextlib.suppress(DecodeError):
        BinaryFeed().received(frame)


def test_the_end_of_a_token() -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": 5}).encode()).decode().rstrip("=")
    assert jwt_expiry_ns(f"a.{claims}.c") == 5 * 10**9
    for other in ("", "a", "a.b.c", "a.e30.c", "a.é.c", f"a.{base64.urlsafe_b64encode(b'[1]').decode()}.c"):
        assert jwt_expiry_ns(other) == 0
