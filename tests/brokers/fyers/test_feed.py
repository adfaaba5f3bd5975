"""Fyers' data socket frame by frame as its official encoder writes them, state over several frames, and the order
socket."""

from __future__ import annotations

import contextlib
import math
import struct
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.fyers import SPEC
from brokers.fyers.feed import MarketFeed, OrderFeed
from openalgo_lab.broker import FrameContent, Session
from openalgo_lab.model.errors import DecodeError, SessionExpired
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import TickBatch
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.reports import FillReport, OrderReport
from openalgo_lab.model.times import from_ns
from openalgo_lab.model.vocabulary import Exchange, FeedMode, InstrumentType, PriceType, Product, Side
from tests.support.mutated import mutated

SESSION = Session("XY0001", "jwt", {"app_id": "ABCD1234XY-100", "hsm_key": "0123456789abcdef0123456789abcdef"})
SBIN = Instrument(
    "SBIN", Exchange.NSE, InstrumentType.EQ, "SBI", 10100000003045, 1, 0.05, broker_symbol="NSE:SBIN-EQ",
    broker_token="nse_cm|3045",
)  # fmt: skip
NIFTY = Instrument(
    "NIFTY", Exchange.NSE_INDEX, InstrumentType.INDEX, "NIFTY", 101000000026000, 1, 0.05,
    broker_symbol="NSE:NIFTY50-INDEX", broker_token="nse_cm|Nifty 50",
)  # fmt: skip

AUTH = """00 3f 01 04 01 00 20 30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66 30 31 32 33 34 35 36 37 38
39 61 62 63 64 65 66 02 00 01 50 03 00 01 01 04 00 0f 50 79 74 68 6f 6e 53 44 4b 2d 33 2e 32 2e 30"""
FULL_MODE = "00 00 0c 02 01 00 08 00 00 00 00 00 00 08 00 02 00 01 46"
SUBSCRIBE = """00 b8 04 02 01 00 24 00 02 0e 73 66 7c 6e 73 65 5f 63 6d 7c 33 30 34 35 12 69 66 7c 6e 73 65 5f
63 6d 7c 4e 69 66 74 79 20 35 30 02 00 01 0b"""
UNSUBSCRIBE = "00 a5 05 02 01 00 11 00 01 0e 73 66 7c 6e 73 65 5f 63 6d 7c 33 30 34 35 02 00 01 0b"
ACK_25 = "00 09 03 01 01 00 04 00 00 00 19"

AUTH_OK = bytes.fromhex("00 0d 01 02 01 00 01 4b 02 00 04 00 00 00 32")
SUBSCRIBE_OK = bytes.fromhex("00 06 04 01 01 00 01 4b")
MODE_OK = bytes.fromhex("00 06 0c 01 01 00 01 4b")
LIMIT = bytes.fromhex(
    "00 25 33 03 01 00 04 00 00 c7 39 02 00 15 53 79 6d 62 6f 6c 20 6c 69 6d 69 74 20 65 78 63 65 65 64 65 64"
    "03 00 01 04"
)
SNAP_SF = bytes.fromhex("""
00 87 06 00 00 00 01 00 01 53 01 00 0e 73 66 7c 6e 73 65 5f 63 6d 7c 33 30 34 35 15 00 00 ec e0
00 2e 77 5c 64 c9 e7 96 64 c9 e7 96 00 00 08 21 00 00 03 87 00 00 ec e0 00 00 ec e5 00 00 00 05
00 0b 71 88 00 10 a9 df 00 00 ed 94 00 00 00 00 00 00 ec a9 00 00 ee 7a 80 00 00 00 80 00 00 00
00 00 da 0c 00 01 0a 7c 00 00 ee 39 00 00 f2 44 00 00 00 01 02 06 6e 73 65 5f 63 6d 04 33 30 34
35 07 53 42 49 4e 2d 45 51""")
SNAP_IF = bytes.fromhex("""
00 54 06 00 00 00 02 00 01 53 02 00 12 69 66 7c 6e 73 65 5f 63 6d 7c 4e 69 66 74 79 20 35 30 06
00 27 f5 ba 00 28 00 a5 66 f6 77 48 00 28 18 97 00 27 ed 77 00 28 0d 39 00 00 00 01 02 06 6e 73
65 5f 63 6d 08 4e 69 66 74 79 20 35 30 08 4e 69 66 74 79 20 35 30""")
SNAP_DP = bytes.fromhex("""
00 ab 06 00 00 00 03 00 01 53 03 00 0e 64 70 7c 6e 73 65 5f 63 6d 7c 33 30 34 35 1e 00 00 ec d1
00 00 ec cc 00 00 ec c7 00 00 ec c2 00 00 ec bd 00 00 ec d6 00 00 ec db 00 00 ec e0 00 00 ec e5
00 00 ec ea 00 00 00 14 00 00 03 86 00 00 00 6f 00 00 00 6e 00 00 03 d3 00 00 01 1a 00 00 02 38
00 00 0b 5e 00 00 06 8c 00 00 0b a5 00 00 00 01 00 00 00 03 00 00 00 02 00 00 00 02 00 00 00 09
00 00 00 04 00 00 00 02 00 00 00 0c 00 00 00 09 00 00 00 11 00 00 00 01 02 06 6e 73 65 5f 63 6d
04 33 30 34 35 07 53 42 49 4e 2d 45 51""")
UPDATE_SF = bytes.fromhex(
    "00 5f 06 00 00 00 04 00 01 55 01 00 15 00 00 ec ef 00 2e 77 b4 64 c9 e7 97 64 c9 e7 97" + "80 00 00 00" * 17
)
UPDATE_IF = bytes.fromhex(
    "00 23 06 00 00 00 05 00 01 55 02 00 06 00 27 f6 14 80 00 00 00 66 f6 77 49 80 00 00 00 80 00 00 00 80 00 00 00"
)
LITE = bytes.fromhex("00 0e 06 00 00 00 06 00 01 4c 01 00 00 00 ec f4")
GOLDEN = (AUTH_OK, SUBSCRIBE_OK, MODE_OK, LIMIT, SNAP_SF, SNAP_IF, SNAP_DP, UPDATE_SF, UPDATE_IF, LITE)
SECOND = 10**9


def feed() -> MarketFeed:
    made = MarketFeed(SESSION)
    made.subscribe([SBIN, NIFTY], FeedMode.DEPTH)
    return made


def one(content: FrameContent) -> TickBatch:
    (batch,) = content.ticks
    return batch


def values(batch: TickBatch) -> dict[str, float]:
    return {name: float(column[0]) for name, column in batch.columns.items()}


# What is sent -------------------------------------------------------------------------------------------------------


def test_frames_as_the_official_encoder_writes_them() -> None:
    assert list(MarketFeed(SESSION, b"PythonSDK-3.2.0").opened()) == [bytes.fromhex(AUTH)]
    # Their length fields are known to be wrong: ours are right, and all else is the same.
    keys = ["sf|nse_cm|3045", "if|nse_cm|Nifty 50"]
    for ours, theirs in (
        (feed().mode_frame(), FULL_MODE), (feed().keys_frame(keys, on=True), SUBSCRIBE),
        (feed().keys_frame(keys[:1], on=False), UNSUBSCRIBE),
    ):  # fmt: skip
        assert ours[2:] == bytes.fromhex(theirs)[2:]
        assert struct.unpack(">H", ours[:2]) == (len(ours) - 2,)


def test_the_conversation_begins_with_the_key_then_the_mode() -> None:
    made = MarketFeed(SESSION)
    assert MarketFeed.needs_ready
    assert list(made.opened()) == list(feed().opened())
    content = made.received(AUTH_OK)
    assert (content.ready, content.replies) == (True, (made.mode_frame(),))
    assert made.ping() == bytes.fromhex("00010b")
    for ok in (SUBSCRIBE_OK, MODE_OK):
        assert made.received(ok) == FrameContent()


def test_topics_by_mode() -> None:
    made = MarketFeed(SESSION)
    assert made.subscribe([SBIN, NIFTY], FeedMode.QUOTE) == (
        made.keys_frame(["sf|nse_cm|3045", "if|nse_cm|Nifty 50"], on=True),
    )
    assert made.subscribe([SBIN, NIFTY], FeedMode.DEPTH) == (made.keys_frame(["dp|nse_cm|3045"], on=True),)
    assert made.subscribe([SBIN], FeedMode.LTP) == ()
    assert made.unsubscribe([SBIN]) == (made.keys_frame(["sf|nse_cm|3045", "dp|nse_cm|3045"], on=False),)
    assert made.unsubscribe([SBIN]) == ()


def test_an_acknowledgement_after_every_so_many_frames() -> None:
    made = feed()
    made.received(AUTH_OK)
    for number in range(1, 51):
        frame = struct.pack(">HBIH", 0, 6, number, 0)
        assert (made.received(frame).replies != ()) == (number == 50)
    ack = made.received(struct.pack(">HBIH", 0, 6, 51, 0)).replies
    assert ack == ()
    short = feed()
    short.received(AUTH_OK[:-1] + b"\x01")
    assert short.received(struct.pack(">HBIH", 0, 6, 25, 0)).replies == (bytes.fromhex(ACK_25),)


# What is heard ------------------------------------------------------------------------------------------------------


def test_a_scrip() -> None:
    batch = one(feed().received(SNAP_SF))
    assert (batch.tokens.tolist(), batch.time_ns.tolist()) == ([SBIN.token], [1690953622 * SECOND])
    assert values(batch) == {
        "ltp": 606.4, "volume": 3045212, "bid_qty": 2081, "ask_qty": 903, "bid": 606.4, "ask": 606.45, "ltq": 5,
        "average": 608.2, "oi": 0, "low": 605.85, "high": 610.5, "open": 609.85, "prev_close": 620.2,
    }  # fmt: skip


def test_an_index() -> None:
    batch = one(feed().received(SNAP_IF))
    assert (batch.tokens.tolist(), batch.time_ns.tolist()) == ([NIFTY.token], [1727428424 * SECOND])
    assert values(batch) == {
        "ltp": 26188.1,
        "prev_close": 26216.05,
        "high": 26277.35,
        "low": 26166.95,
        "open": 26248.25,
    }


def test_depth_takes_the_time_of_its_quote() -> None:
    made = feed()
    assert one(made.received(SNAP_DP)).time_ns.tolist() == [0]
    made.received(SNAP_SF)
    batch = one(made.received(SNAP_DP))
    assert batch.time_ns.tolist() == [1690953622 * SECOND]
    assert batch.depth is not None
    assert batch.depth[0].tolist() == [
        [606.25, 606.2, 606.15, 606.1, 606.05],
        [20, 902, 111, 110, 979],
        [606.3, 606.35, 606.4, 606.45, 606.5],
        [282, 568, 2910, 1676, 2981],
    ]
    assert values(batch) == {"bid": 606.25, "bid_qty": 20, "ask": 606.3, "ask_qty": 282}


def test_updates_change_what_they_say_and_keep_the_rest() -> None:
    made = feed()
    for frame in (SNAP_SF, SNAP_IF):
        made.received(frame)
    share, index = one(made.received(UPDATE_SF)), one(made.received(UPDATE_IF))
    found = values(share)
    assert (found["ltp"], found["volume"], found["prev_close"], found["bid_qty"]) == (606.55, 3045300, 620.2, 2081)
    assert share.time_ns.tolist() == [1690953623 * SECOND]
    assert (values(index)["ltp"], values(index)["high"]) == (26189.0, 26277.35)
    assert values(one(made.received(LITE)))["ltp"] == 606.6


def test_several_records_in_a_frame_are_one_batch_a_kind() -> None:
    made = feed()
    records = [frame[9:] for frame in (SNAP_SF, SNAP_IF, SNAP_DP, UPDATE_SF, LITE)]
    content = made.received(struct.pack(">HBIH", 0, 6, 1, len(records)) + b"".join(records))
    assert [batch.tokens.tolist() for batch in content.ticks] == [[SBIN.token] * 3, [NIFTY.token], [SBIN.token]]
    assert content.ticks[0].columns["ltp"][-1] == 606.6


def test_an_update_of_an_unknown_topic_is_passed_over() -> None:
    made = feed()
    both = UPDATE_SF[9:] + SNAP_IF[9:]
    content = made.received(struct.pack(">HBIH", 0, 6, 1, 2) + both)
    assert [batch.tokens.tolist() for batch in content.ticks] == [[NIFTY.token]]


def test_a_dropped_symbol_is_silent() -> None:
    made = feed()
    made.received(SNAP_SF)
    made.unsubscribe([SBIN])
    assert made.received(UPDATE_SF).ticks == ()
    assert made.received(SNAP_SF).ticks == ()


def test_a_price_that_is_not_set_is_not_known() -> None:
    frame = SNAP_SF[:28] + bytes.fromhex("80000000") + SNAP_SF[32:]
    assert math.isnan(values(one(feed().received(frame)))["ltp"])


def test_currency_uses_the_records_own_scale() -> None:
    values_at = 9 + 3 + 1 + 14 + 1
    frame = bytearray(SNAP_SF)
    frame[values_at : values_at + 4] = struct.pack(">i", 851275)
    scale = values_at + 21 * 4 + 2
    frame[scale : scale + 3] = struct.pack(">HB", 1, 4)
    assert values(one(feed().received(bytes(frame))))["ltp"] == 85.1275


def test_what_the_server_says() -> None:
    assert feed().received(LIMIT).notice == "51001: Symbol limit exceeded"
    refused = feed().received(AUTH_OK[:7] + b"E" + AUTH_OK[8:]).refused
    assert isinstance(refused, SessionExpired)
    assert "refused a request" in feed().received(SUBSCRIBE_OK[:-1] + b"N").notice


@pytest.mark.parametrize(
    "frame",
    ["text", b"", b"\x00\x01", SNAP_SF[:-1], SNAP_SF[:40], UPDATE_SF[:8], SNAP_SF[:9] + b"\x01" + SNAP_SF[10:],
     SNAP_SF[:12] + b"\xff" + SNAP_SF[13:], SNAP_SF[:13] + b"xx" + SNAP_SF[15:]],
)  # fmt: skip
def test_what_does_not_fit_is_refused(frame: str | bytes) -> None:
    with pytest.raises(DecodeError):
        feed().received(frame)


# Orders -------------------------------------------------------------------------------------------------------------

ORDER: dict[str, Any] = msgspec.json.decode(
    b'{"client_id":"XY0001","exchange":10,"fy_token":"10100000001628","id":"23121800292158","id_fyers":'
    b'"df013f50-6925-4e2d-ba0f-0becf1229298","id_exchange":"1100000009596016","instrument":0,"lot_size":1,'
    b'"offline_flag":false,"oms_flag":"K:1","oms_msg":"","ord_source":"W","ord_status":20,"ord_type":2,"ordertag":'
    b'"2:Untagged","org_ord_status":4,"price_limit":0,"price_stop":0,"price_traded":0,"product_type":"CNC","qty":1,'
    b'"qty_filled":0,"qty_remaining":1,"report_type":"New Ack","segment":10,"status_msg":"New Ack","symbol":'
    b'"NSE:BECTORFOOD-EQ","symbol_desc":"MRS BECTORS FOOD SPE LTD","symbol_exch":"BECTORFOOD","tick_size":0.05,'
    b'"time_epoch_oms":1702887690,"time_exch":"NA","time_oms":"18-Dec-2023 13:51:30","tran_side":1,'
    b'"update_time_epoch_oms":1702887690,"update_time_exch":"01-Jan-1970 05:30:00","validity":"DAY"}'
)
TRADE: dict[str, Any] = msgspec.json.decode(
    b'{"client_id":"XY0001","id_fill":"23080400089344-21726639","id":"23080400089344","id_fyers":"1b30241e","id_exchange":'
    b'"1100000009596016","qty_traded":1,"price_traded":7.95,"traded_val":7.95,"product_type":"INTRADAY","ord_type":2,'
    b'"tran_side":-1,"symbol":"NSE:IDEA-EQ","fill_time":"04-08-2023 10:12:58","fy_token":"101000000014366",'
    b'"exchange":10,"segment":10,"ordertag":"2:Untagged"}'
)


def heard(**changes: Any) -> OrderReport:
    fields = {name: value for name, value in (ORDER | changes).items() if value is not ...}
    (report,) = OrderFeed().received(msgspec.json.encode({"orders": fields, "s": "ok"}).decode()).reports
    assert isinstance(report, OrderReport)
    return report


def test_the_documented_order() -> None:
    report = heard()
    assert (report.broker_order_id, report.order_id, report.status) == ("23121800292158", "", OrderStatus.ACCEPTED)
    assert (report.exchange, report.symbol, report.side) == (Exchange.NSE, "NSE:BECTORFOOD-EQ", Side.BUY)
    assert (report.product, report.price_type, report.quantity) == (Product.CNC, PriceType.MARKET, 1)
    assert from_ns(report.exchange_ns).isoformat() == "2023-12-18T13:51:30+05:30"


def test_absent_numbers_are_zero() -> None:
    report = heard(qty_filled=..., price_limit=..., price_stop=..., price_traded=..., oms_msg=..., org_ord_status=6)
    assert (report.filled_quantity, report.price, report.status) == (0, 0.0, OrderStatus.OPEN)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"org_ord_status": 1}, OrderStatus.CANCELLED), ({"org_ord_status": 2, "qty_filled": 1}, OrderStatus.COMPLETE),
        ({"org_ord_status": 5, "oms_msg": "RED:Margin Shortfall"}, OrderStatus.REJECTED),
        ({"org_ord_status": 6, "ord_type": 4}, OrderStatus.TRIGGER_PENDING),
        ({"org_ord_status": 6, "ord_type": 3, "qty": 5, "qty_filled": 2}, OrderStatus.PARTIALLY_FILLED),
        ({"org_ord_status": 7}, OrderStatus.EXPIRED),
    ],
)  # fmt: skip
def test_states(changes: dict[str, Any], status: OrderStatus) -> None:
    report = heard(**changes)
    assert report.status is status
    assert (report.reason != "") == (status is OrderStatus.REJECTED)


def test_our_own_tag_comes_back_behind_a_prefix() -> None:
    assert heard(ordertag="1:0123456789ABC").order_id == "0123456789ABC"
    assert heard(ordertag="1:Untagged").order_id == ""


def test_the_documented_trade() -> None:
    (fill,) = OrderFeed().received(msgspec.json.encode({"trades": TRADE, "s": "ok"}).decode()).reports
    assert isinstance(fill, FillReport)
    assert (fill.trade_id, fill.broker_order_id) == ("23080400089344-21726639", "23080400089344")
    assert (fill.side, fill.quantity, fill.price, fill.product) == (Side.SELL, 1, 7.95, Product.MIS)
    assert from_ns(fill.exchange_ns).isoformat() == "2023-08-04T10:12:58+05:30"


def test_other_messages_of_the_order_socket() -> None:
    made = SPEC.codec.open_feed(SESSION, SPEC.feeds[1])
    (asked,) = made.opened()
    assert msgspec.json.decode(str(asked)) == {"T": "SUB_ORD", "SLIST": ["orders", "trades"], "SUB_T": 1}
    assert made.received("pong") == FrameContent()
    assert made.received('{"code":1605,"message":"Successfully subscribed","s":"ok"}') == FrameContent()
    assert made.received('{"code":-99,"message":"no","s":"error"}').notice == "no"


# Damage -------------------------------------------------------------------------------------------------------------


@settings(max_examples=300)
@given(st.lists(st.sampled_from(GOLDEN), min_size=1, max_size=4), st.data())
def test_damaged_frames_give_a_value_or_a_typed_error(frames: list[bytes], data: st.DataObject) -> None:
    made = feed()
    made.received(SNAP_SF)
    for golden in frames:
        frame = bytearray(golden)
        for _ in range(data.draw(st.integers(0, 3))):
            frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
        try:
            content = made.received(bytes(frame[: data.draw(st.integers(len(frame) - 2, len(frame)))]))
        except DecodeError:
            continue
        for batch in content.ticks:
            assert np.isin(batch.tokens, [SBIN.token, NIFTY.token]).all()


@pytest.mark.parametrize("rounds", [2_000, pytest.param(600_000, marks=pytest.mark.long)])
def test_mutated_frames(rounds: int) -> None:
    made = feed()
    for frame in mutated(GOLDEN, rounds):
        try:
            content = made.received(frame)
        except DecodeError:
            continue
        for batch in content.ticks:
            assert all(len(column) == len(batch.tokens) == len(batch.time_ns) for column in batch.columns.values())


@given(st.binary(max_size=200) | st.text(max_size=60))
def test_any_frame_gives_a_value_or_a_typed_error(frame: bytes | str) -> None:
    for made in (feed(), OrderFeed()):
        with contextlib.suppress(DecodeError):
            made.received(frame)


@settings(max_examples=60)
@given(st.data())
def test_damaged_messages_give_a_value_or_a_typed_error(data: st.DataObject) -> None:
    junk: st.SearchStrategy[Any] = st.sampled_from(
        [None, "", "x", -1, 1e300, [], {}, True, 2**70, "31-Feb-2026 10:10:10"]
    )
    kind, source = data.draw(st.sampled_from([("orders", ORDER), ("trades", TRADE)]))
    row = {name: data.draw(junk) if data.draw(st.booleans()) else value for name, value in source.items()}
    with contextlib.suppress(DecodeError):
        OrderFeed().received(msgspec.json.encode({kind: row}))
