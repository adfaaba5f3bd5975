"""Dhan's packets: each example of its layout, several in one frame, damaged ones, and the order updates."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.dhan import DHAN
from brokers.dhan.feed import MarketFeed, OrderFeed
from openalgo_lab.broker import Session
from openalgo_lab.model.errors import BrokerError, DecodeError, LabError, SessionExpired
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import TickBatch
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.vocabulary import Exchange, FeedMode, InstrumentType, PriceType, Product, Side
from tests.support.mutated import mutated

SBIN = Instrument("SBIN", Exchange.NSE, InstrumentType.EQ, "SBI", 1 << 40 | 3045, 1, 0.05, broker_symbol="3045")
NIFTY = Instrument("NIFTY", Exchange.NSE_INDEX, InstrumentType.INDEX, "Nifty 50", 13, 1, 0.05, broker_symbol="13")
FIRST_TRADE = 1767584730 * 10**9  # 09:15:30 in India on 2026-01-05

TICKER = bytes.fromhex("02 1000 00 0d000000 e676bc46 32815b69")
PREVIOUS = bytes.fromhex("06 1000 00 0d000000 0048bc46 00000000")
QUOTE = bytes.fromhex(
    "04 3200 01 e50b0000 66464844 0500 32815b69 48214844 82984900 07850a00 79d2070000c04744 00000000 00204944 66064744"
)
INTEREST = bytes.fromhex("05 0c00 02 caa80000 f8b24500")
FULL = bytes.fromhex(
    "08 a200 02 caa80000 33331643 4b00 32815b69 48e11843 804f1200 683c0100 905f0100 f8b24500 c0304600 20aa4400"
    "00002043 00000000 00802543 00001443"
    "4b000000 96000000 0100 0200 66261643 33331643"
    "96000000 2c010000 0200 0300 9a191643 00401643"
    "e1000000 c2010000 0300 0400 cd0c1643 cd4c1643"
    "2c010000 58020000 0400 0500 00001643 9a591643"
    "77010000 ee020000 0500 0600 33f31543 66661643"
)
FAREWELL = bytes.fromhex("32 0a00 00 00000000 2503")
GOLDEN = (TICKER, PREVIOUS, QUOTE, INTEREST, FULL, FAREWELL)


def ticks(frame: bytes, feed: MarketFeed | None = None) -> tuple[TickBatch, ...]:
    return (feed or MarketFeed()).received(frame).ticks


def values(batch: TickBatch, row: int = 0) -> dict[str, float]:
    return {name: float(column[row]) for name, column in batch.columns.items()}


def test_ticker() -> None:
    (batch,) = ticks(TICKER)
    assert batch.tokens.tolist() == [13]
    assert batch.time_ns.tolist() == [FIRST_TRADE]
    assert values(batch) == {"ltp": 24123.45}


def test_previous_close() -> None:
    (batch,) = ticks(PREVIOUS)
    assert values(batch) == {"prev_close": 24100.0, "prev_oi": 0.0}


def test_quote_leaves_the_days_close_out() -> None:
    (batch,) = ticks(QUOTE)
    assert batch.tokens.tolist() == [1 << 40 | 3045]
    assert values(batch) == {
        "ltp": 801.1, "ltq": 5, "average": 800.52, "volume": 4823170, "open": 799.0, "high": 804.5, "low": 796.1,
    }  # fmt: skip


def test_open_interest_takes_the_last_time_of_its_instrument() -> None:
    feed = MarketFeed()
    assert ticks(INTEREST, feed)[0].time_ns.tolist() == [0]
    ticks(FULL, feed)
    (batch,) = ticks(INTEREST, feed)
    assert values(batch) == {"oi": 4567800}
    assert batch.time_ns.tolist() == [FIRST_TRADE]


def test_full() -> None:
    (batch,) = ticks(FULL)
    assert batch.tokens.tolist() == [2 << 40 | 43210]
    assert values(batch) == {
        "ltp": 150.2, "ltq": 75, "average": 152.88, "volume": 1200000, "oi": 4567800, "open": 160.0, "high": 165.5,
        "low": 148.0, "bid": 150.15, "bid_qty": 75, "ask": 150.2, "ask_qty": 150,
    }  # fmt: skip
    assert batch.depth is not None
    assert batch.depth[0].tolist() == [
        [150.15, 150.1, 150.05, 150.0, 149.95],
        [75, 150, 225, 300, 375],
        [150.2, 150.25, 150.3, 150.35, 150.4],
        [150, 300, 450, 600, 750],
    ]


def test_several_packets_in_a_frame_are_one_batch_a_kind() -> None:
    found = ticks(PREVIOUS + QUOTE + INTEREST + TICKER + QUOTE + b"\x00" * 8 + FULL)
    assert [len(batch.tokens) for batch in found] == [1, 2, 1, 1, 1]
    assert found[1].columns["ltp"].tolist() == [801.1, 801.1]
    assert values(found[4])["oi"] == 4567800


def test_the_length_field_is_not_believed() -> None:
    wrong = bytes([4, 0, 0x32]) + QUOTE[3:]  # big-endian, as one client reads it
    (batch,) = ticks(wrong + TICKER)[:1]
    assert values(batch)["ltp"] == 801.1


def test_prices_of_dear_shares_lie_on_their_tick() -> None:
    feed = MarketFeed()
    dear = Instrument("MRF", Exchange.NSE, InstrumentType.EQ, "MRF", 1 << 40 | 2277, 1, 0.05, broker_symbol="2277")
    feed.subscribe([dear], FeedMode.LTP)
    frame = bytes([2, 16, 0, 1]) + (2277).to_bytes(4, "little") + np.float32(141234.55).tobytes() + bytes(4)
    assert values(ticks(frame, feed)[0]) == {"ltp": 141234.55}


def test_currency_has_four_decimals_and_no_price_is_not_zero() -> None:
    frame = bytes([2, 16, 0, 3]) + (1170).to_bytes(4, "little") + np.float32(84.2575).tobytes() + bytes(4)
    assert values(ticks(frame)[0]) == {"ltp": 84.2575}
    empty = bytes([2, 16, 0, 3]) + (1170).to_bytes(4, "little") + bytes(8)
    (batch,) = ticks(empty)
    assert math.isnan(batch.columns["ltp"][0])
    assert batch.time_ns.tolist() == [0]


@pytest.mark.parametrize(
    ("reason", "error"),
    [(805, BrokerError), (806, SessionExpired), (807, SessionExpired), (810, SessionExpired), (1, BrokerError)],
)
def test_farewells(reason: int, error: type[LabError]) -> None:
    content = MarketFeed().received(FAREWELL[:8] + reason.to_bytes(2, "little"))
    assert type(content.refused) is error


@pytest.mark.parametrize("frame", [TICKER[:-1], b"\x09" + TICKER[1:], TICKER[:3] + b"\x06" + TICKER[4:], b"\x02"])
def test_what_does_not_fit_is_refused(frame: bytes) -> None:
    with pytest.raises(DecodeError):
        ticks(frame)


def test_requests() -> None:
    feed = MarketFeed()
    assert [msgspec.json.decode(str(m)) for m in feed.subscribe([SBIN, NIFTY], FeedMode.QUOTE)] == [
        {
            "RequestCode": 17,
            "InstrumentCount": 2,
            "InstrumentList": [
                {"ExchangeSegment": "NSE_EQ", "SecurityId": "3045"},
                {"ExchangeSegment": "IDX_I", "SecurityId": "13"},
            ],
        }
    ]
    raised = [msgspec.json.decode(str(m)) for m in feed.subscribe([SBIN], FeedMode.DEPTH)]
    assert [(m["RequestCode"], m["InstrumentCount"]) for m in raised] == [(18, 1), (21, 1)]
    dropped = [msgspec.json.decode(str(m)) for m in feed.unsubscribe([SBIN, NIFTY])]
    assert [m["RequestCode"] for m in dropped] == [18, 22]
    assert feed.unsubscribe([SBIN]) == []


def test_a_message_names_at_most_a_hundred() -> None:
    many = [msgspec.structs.replace(SBIN, token=n, broker_symbol=str(n)) for n in range(250)]
    counts = [msgspec.json.decode(str(m))["InstrumentCount"] for m in MarketFeed().subscribe(many, FeedMode.LTP)]
    assert counts == [100, 100, 50]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(GOLDEN), st.sampled_from(GOLDEN), st.data())
def test_damaged_frames_give_a_value_or_a_typed_error(first: bytes, second: bytes, data: st.DataObject) -> None:
    frame = bytearray(first + second)
    for _ in range(data.draw(st.integers(0, 4))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(frame)))
    with contextlib.suppress(DecodeError):
        MarketFeed().received(bytes(frame[:cut]))


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


@given(st.binary(max_size=400))
def test_any_frame_gives_a_value_or_a_typed_error(frame: bytes) -> None:
    for feed in (MarketFeed(), OrderFeed(Session("1", "t"))):
        with contextlib.suppress(DecodeError):
            feed.received(frame)


# Order updates ------------------------------------------------------------------------------------------------------

UPDATE: dict[str, Any] = msgspec.json.decode(
    b'{"Data":{"Exchange":"NSE","Segment":"E","Source":"P","SecurityId":"14366","ClientId":"1100000001",'
    b'"ExchOrderNo":"1400000000404591","OrderNo":"1124091136546","Product":"C","TxnType":"B","OrderType":"LMT",'
    b'"Validity":"DAY","DiscQuantity":0,"DiscQtyRem":0,"RemainingQuantity":1,"Quantity":1,"TradedQty":0,"Price":13,'
    b'"TriggerPrice":0,"TradedPrice":0,"AvgTradedPrice":0,"AlgoOrdNo":null,"OffMktFlag":"0",'
    b'"OrderDateTime":"2026-01-05 14:39:29","ExchOrderTime":"2026-01-05 14:39:29","LastUpdatedTime":'
    b'"2026-01-05 14:39:29","Remarks":"NR","MktType":"NL","ReasonDescription":"CONFIRMED","LegNo":1,'
    b'"Instrument":"EQUITY","Symbol":"IDEA","ProductName":"CNC","Status":"Pending","LotSize":1,"StrikePrice":null,'
    b'"ExpiryDate":"0001-01-01 00:00:00","OptType":"XX","DisplayName":"Vodafone Idea","Isin":"INE669E01016",'
    b'"Series":"EQ","GoodTillDaysDate":"2026-01-05","RefLtp":13.21,"TickSize":0.01,"AlgoId":"0","Multiplier":1,'
    b'"CorrelationId":"wb-0001"},"Type":"order_alert"}'
)
SESSION = Session("1100000001", "eyJ")


def heard(changes: dict[str, Any], *, camel: bool = False) -> Any:
    data = UPDATE["Data"] | changes
    if camel:
        data = {key[0].lower() + key[1:]: value for key, value in data.items()}
    frame = msgspec.json.encode({"Data": data, "Type": "order_alert"}).decode()
    return OrderFeed(SESSION).received(frame).reports[0]


@pytest.mark.parametrize("camel", [False, True])
def test_an_order_update_in_either_spelling(camel: bool) -> None:
    report = heard({}, camel=camel)
    assert (report.broker_order_id, report.order_id, report.status) == ("1124091136546", "wb-0001", OrderStatus.OPEN)
    assert (report.exchange, report.symbol, report.side) == (Exchange.NSE, "14366", Side.BUY)
    assert (report.product, report.price_type, report.price) == (Product.CNC, PriceType.LIMIT, 13.0)
    assert (report.quantity, report.filled_quantity, report.reason) == (1, 0, "")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"Status": "TRANSIT"}, OrderStatus.ACCEPTED),
        ({"Status": "Pending", "OrderType": "SL"}, OrderStatus.TRIGGER_PENDING),
        ({"Status": "Part_Traded", "Quantity": 5, "TradedQty": 2}, OrderStatus.PARTIALLY_FILLED),
        ({"Status": "Pending", "Quantity": 5, "TradedQty": 2}, OrderStatus.PARTIALLY_FILLED),
        ({"Status": "Traded", "TradedQty": 1, "AvgTradedPrice": 13.05}, OrderStatus.COMPLETE),
        ({"Status": "Cancelled"}, OrderStatus.CANCELLED),
        ({"Status": "Rejected", "ReasonDescription": "No margin"}, OrderStatus.REJECTED),
        ({"Status": "Expired"}, OrderStatus.EXPIRED),
    ],
)
def test_states(changes: dict[str, Any], status: OrderStatus) -> None:
    report = heard(changes)
    assert report.status is status
    assert report.reason == ("No margin" if status is OrderStatus.REJECTED else "")


@pytest.mark.parametrize("changes", [{"Status": "Dreaming"}, {"Product": "Z"}, {"Segment": "X"}, {"Quantity": -1}])
def test_unknown_words_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(DecodeError):
        heard(changes)


def test_login_on_the_socket() -> None:
    feed = DHAN.codec.open_feed(SESSION, DHAN.feeds[1])
    (message,) = feed.opened()
    assert msgspec.json.decode(message) == {
        "LoginReq": {"MsgCode": 42, "ClientId": "1100000001", "Token": "eyJ"},
        "UserType": "SELF",
    }
    assert isinstance(feed.received('{"status":"failed","message":"bad token"}').refused, SessionExpired)
    assert feed.received('{"Type":"login","message":"welcome"}').notice == "welcome"
