"""SmartStream's packets: each example of its layout, damaged ones, and the order updates."""

from __future__ import annotations

import contextlib
import math
import struct
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.angel import SPEC
from brokers.angel.feed import MarketFeed, OrderFeed
from openalgo_lab.broker import Session
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import TickBatch
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.times import from_ns
from openalgo_lab.model.vocabulary import Exchange, FeedMode, InstrumentType, PriceType, Product, Side
from tests.support.mutated import mutated

LTP = bytes.fromhex(
    "0101 39393932363030300000000000000000000000000000000000 0000000000000000 0b8c428c9b010000 39cf240000000000"
)
QUOTE = bytes.fromhex(
    "0201 33303435000000000000000000000000000000000000000000 4d00000000000000 0b8c428c9b010000 ee38010000000000"
    "0500000000000000 b438010000000000 8298490000000000 00000000e4491f41 000000000e0a2541 1c38010000000000"
    "423a010000000000 fa36010000000000 9938010000000000"
)
SNAP = bytes.fromhex(
    "0302343332313000000000000000000000000000000000000000004e000000000000000b8c428c9b010000ac3a0000000000004b000000"
    "00000000b83b000000000000804f1200000000000000000000f9f5400000000080c6f340803e000000000000a640000000000000d03900"
    "00000000004f3d000000000000da335b6900000000f8b2450000000000000000000000000001004b00000000000000a73a000000000000"
    "010001009600000000000000a23a00000000000002000100e1000000000000009d3a000000000000030001002c01000000000000983a00"
    "0000000000040001007701000000000000933a000000000000050000009600000000000000ac3a000000000000020000002c0100000000"
    "0000b13a00000000000003000000c201000000000000b63a000000000000040000005802000000000000bb3a00000000000005000000ee"
    "02000000000000c03a000000000000060018790000000000000500000000000000606d000000000000b004000000000000"
)
GOLDEN = (LTP, QUOTE, SNAP)
MOMENT = 1767584730123 * 10**6
SBIN = Instrument(
    "SBIN",
    Exchange.NSE,
    InstrumentType.EQ,
    "SBIN",
    1 << 40 | 3045,
    1,
    0.05,
    broker_symbol="SBIN-EQ",
    broker_token="3045",
)
NIFTY = Instrument(
    "NIFTY", Exchange.NSE_INDEX, InstrumentType.INDEX, "NIFTY", 1 << 40 | 99926000, 1, 0.05, broker_token="99926000"
)
CALL = Instrument("X", Exchange.NFO, InstrumentType.CE, "NIFTY", 2 << 40 | 43210, 50, 0.05, broker_token="43210")


def tick(frame: bytes) -> TickBatch:
    (batch,) = MarketFeed().received(frame).ticks
    assert batch.time_ns.tolist() == [MOMENT]
    return batch


def values(batch: TickBatch) -> dict[str, float]:
    return {name: float(column[0]) for name, column in batch.columns.items()}


def test_the_examples_have_their_sizes() -> None:
    assert [len(frame) for frame in GOLDEN] == [51, 123, 379]


def test_ltp() -> None:
    batch = tick(LTP)
    assert batch.tokens.tolist() == [1 << 40 | 99926000]
    assert values(batch) == {"ltp": 24123.45}


def test_quote() -> None:
    batch = tick(QUOTE)
    assert batch.tokens.tolist() == [SBIN.token]
    assert values(batch) == {
        "ltp": 801.1, "ltq": 5, "average": 800.52, "volume": 4823170, "open": 799.0, "high": 804.5, "low": 796.1,
        "prev_close": 800.25,
    }  # fmt: skip


def test_snap_quote() -> None:
    batch = tick(SNAP)
    assert batch.tokens.tolist() == [CALL.token]
    assert values(batch) == {
        "ltp": 150.2, "ltq": 75, "average": 152.88, "volume": 1200000, "open": 160.0, "high": 165.5, "low": 148.0,
        "prev_close": 156.95, "oi": 4567800, "bid": 150.15, "bid_qty": 75, "ask": 150.2, "ask_qty": 150,
    }  # fmt: skip
    assert batch.depth is not None
    assert batch.depth[0].tolist() == [
        [150.15, 150.1, 150.05, 150.0, 149.95],
        [75, 150, 225, 300, 375],
        [150.2, 150.25, 150.3, 150.35, 150.4],
        [150, 300, 450, 600, 750],
    ]


def test_an_empty_level_is_skipped_and_no_price_is_not_zero() -> None:
    frame = bytearray(SNAP)
    frame[147 + 2 : 147 + 10] = bytes(8)  # the best bid's quantity
    frame[91:99] = bytes(8)  # the open
    batch = tick(bytes(frame))
    assert batch.depth is not None
    assert batch.depth[0, 0, 0] == 150.1
    assert math.isnan(batch.depth[0, 0, 4])
    assert math.isnan(batch.columns["open"][0])


def test_currency_has_another_divisor() -> None:
    frame = b"\x01\x0d" + LTP[2:43] + struct.pack("<q", 842575000)
    assert values(tick(frame)) == {"ltp": 84.2575}


@pytest.mark.parametrize(
    "frame", [b"", LTP[:-1], LTP + b"\x00", b"\x04" + LTP[1:], b"\x01\x63" + LTP[2:], LTP[:2] + b"x" + LTP[3:]]
)
def test_what_does_not_fit_is_refused(frame: bytes) -> None:
    with pytest.raises(DecodeError):
        MarketFeed().received(frame)


def test_requests() -> None:
    feed = MarketFeed()
    (asked,) = [msgspec.json.decode(str(m)) for m in feed.subscribe([SBIN, NIFTY, CALL], FeedMode.DEPTH)]
    assert (asked["action"], asked["params"]) == (
        1,
        {
            "mode": 3,
            "tokenList": [
                {"exchangeType": 1, "tokens": ["3045", "99926000"]},
                {"exchangeType": 2, "tokens": ["43210"]},
            ],
        },
    )
    lowered = [msgspec.json.decode(str(m)) for m in feed.subscribe([SBIN], FeedMode.LTP)]
    assert [(m["action"], m["params"]["mode"]) for m in lowered] == [(0, 3), (1, 1)]
    dropped = [msgspec.json.decode(str(m)) for m in feed.unsubscribe([SBIN, NIFTY, CALL])]
    assert [(m["action"], m["params"]["mode"]) for m in dropped] == [(0, 1), (0, 3)]


def test_texts_of_the_market_socket() -> None:
    feed = MarketFeed()
    assert feed.ping() == "ping"
    assert feed.received("pong") == feed.received("pong")
    content = feed.received('{"correlationID":"a","errorCode":"E1002","errorMessage":"Subscription Limit Exceeded"}')
    assert content.notice == "E1002: Subscription Limit Exceeded"


def test_addresses() -> None:
    session = Session("A123456", "jwt", {"api_key": "key", "feed": "feed-token", "public_ip": "203.0.113.7"})
    market = SPEC.codec.feed_address(session, SPEC.feeds[0])
    assert getattr(market, "url_or_path") == "/smart-stream"  # noqa: B009
    assert dict(market.headers) == {  # type: ignore[union-attr]
        "authorization": "jwt", "x-api-key": "key", "x-client-code": "A123456", "x-feed-token": "feed-token",
    }  # fmt: skip


# Order updates ------------------------------------------------------------------------------------------------------

UPDATE: dict[str, Any] = msgspec.json.decode(
    b'{"user-id":"A123456","status-code":"200","order-status":"AB03","error-message":"","orderData":{"variety":'
    b'"NORMAL","ordertype":"LIMIT","ordertag":"10007712","producttype":"DELIVERY","price":551,"triggerprice":0,'
    b'"quantity":"1","disclosedquantity":"0","duration":"DAY","squareoff":0,"stoploss":0,"trailingstoploss":0,'
    b'"tradingsymbol":"SBIN-EQ","transactiontype":"BUY","exchange":"NSE","symboltoken":"3045","instrumenttype":"",'
    b'"strikeprice":-1,"optiontype":"","expirydate":"","lotsize":"1","cancelsize":"0","averageprice":0,'
    b'"filledshares":"0","unfilledshares":"1","orderid":"111111111111111","text":"Adapter is Logged Off",'
    b'"status":"rejected","orderstatus":"rejected","updatetime":"25-Oct-2026 23:53:21","exchtime":"",'
    b'"exchorderupdatetime":"","fillid":"","filltime":"","parentorderid":""}}'
)


def heard(code: str = "AB03", **changes: Any) -> Any:
    frame = msgspec.json.encode({**UPDATE, "order-status": code, "orderData": UPDATE["orderData"] | changes})
    return OrderFeed().received(frame.decode())


def test_the_documented_update() -> None:
    (report,) = heard().reports
    assert (report.broker_order_id, report.order_id) == ("111111111111111", "10007712")
    assert (report.status, report.reason) == (OrderStatus.REJECTED, "Adapter is Logged Off")
    assert (report.exchange, report.symbol, report.side) == (Exchange.NSE, "SBIN-EQ", Side.BUY)
    assert (report.product, report.price_type, report.price) == (Product.CNC, PriceType.LIMIT, 551.0)
    assert from_ns(report.exchange_ns).isoformat() == "2026-10-25T23:53:21+05:30"


@pytest.mark.parametrize(
    ("word", "filled", "status"),
    [
        ("open", "0", OrderStatus.OPEN), ("open", "1", OrderStatus.PARTIALLY_FILLED),
        ("complete", "1", OrderStatus.COMPLETE), ("cancelled", "0", OrderStatus.CANCELLED),
        ("trigger pending", "0", OrderStatus.TRIGGER_PENDING), ("open pending", "0", OrderStatus.ACCEPTED),
        ("modified", "0", OrderStatus.OPEN), ("after market order req received", "0", OrderStatus.ACCEPTED),
        ("cancelled after market order", "0", OrderStatus.CANCELLED), ("Expired", "0", OrderStatus.EXPIRED),
    ],
)  # fmt: skip
def test_states_go_by_the_word_not_by_the_code(word: str, filled: str, status: OrderStatus) -> None:
    (report,) = heard("AB00", orderstatus=word, filledshares=filled).reports
    assert report.status is status


def test_the_code_counts_where_there_is_no_word() -> None:
    assert heard("AB05", orderstatus="", status="").reports[0].status is OrderStatus.COMPLETE
    with pytest.raises(DecodeError):
        heard("AB99", orderstatus="", status="")
    with pytest.raises(DecodeError):
        heard(orderstatus="dreaming")


def test_the_greeting_is_no_order() -> None:
    empty = dict.fromkeys(UPDATE["orderData"], "") | {"quantity": "0", "price": 0, "filledshares": ""}
    assert heard("AB00", **empty).reports == ()
    assert OrderFeed().received("pong").reports == ()
    assert OrderFeed().ping() == "ping"


# Damage -------------------------------------------------------------------------------------------------------------


@settings(max_examples=300)
@given(st.sampled_from(GOLDEN), st.data())
def test_damaged_frames_give_a_value_or_a_typed_error(golden: bytes, data: st.DataObject) -> None:
    frame = bytearray(golden)
    for _ in range(data.draw(st.integers(0, 4))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(DecodeError):
        MarketFeed().received(bytes(frame[: data.draw(st.integers(len(frame) - 1, len(frame)))]))


@pytest.mark.parametrize("rounds", [2_000, pytest.param(600_000, marks=pytest.mark.long)])
def test_mutated_frames(rounds: int) -> None:
    made = MarketFeed()
    for frame in mutated(GOLDEN, rounds):
        try:
            content = made.received(frame)
        except DecodeError:
            continue
        for batch in content.ticks:
            assert all(len(column) == len(batch.tokens) == len(batch.time_ns) for column in batch.columns.values())


@given(st.binary(max_size=400) | st.text(max_size=60))
def test_any_frame_gives_a_value_or_a_typed_error(frame: bytes | str) -> None:
    for feed in (MarketFeed(), OrderFeed()):
        with contextlib.suppress(DecodeError):
            feed.received(frame)


@given(st.data())
def test_damaged_updates_give_a_value_or_a_typed_error(data: st.DataObject) -> None:
    junk: st.SearchStrategy[Any] = st.sampled_from(
        [None, "", "x", -1, 1e300, [], {}, True, 2**70, "31-Feb-2026 10:10:10"]
    )
    with contextlib.suppress(DecodeError):
        heard(**{n: data.draw(junk) for n in UPDATE["orderData"] if data.draw(st.booleans())})
