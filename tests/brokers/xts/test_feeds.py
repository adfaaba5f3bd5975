"""The XTS sockets and the market data on them: JSON, partial texts, binary packets."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from brokers.xts import JAINAMXTS, RMONEY
from brokers.xts.market import packets, tick_ns
from openalgo_lab.broker import Call, FrameContent
from openalgo_lab.model.errors import (
    DecodeError,
    SessionExpired,
)
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.reports import FillReport, OrderReport
from openalgo_lab.model.times import from_ns
from openalgo_lab.model.vocabulary import FeedMode
from tests.brokers.xts.examples import (
    ASKS,
    BIDS,
    CODEC,
    FUTURE,
    M1501,
    M1502,
    M1510,
    M1512,
    ORDER_ROW,
    PACKED_1501,
    PACKED_1502,
    PLAIN_1501,
    PLAIN_1510,
    RELIANCE,
    SEEN,
    SESSION,
    TOUCHLINE,
    WHEN,
    answer,
    columns,
    event,
    failed,
    market_feed,
    order_feed,
)


def test_addresses() -> None:
    found = {f.name: urlsplit(str(JAINAMXTS.codec.feed_address(SESSION, f).url_or_path)) for f in JAINAMXTS.feeds}  # type: ignore[union-attr]
    assert found["market"].path == "/apibinarymarketdata/socket.io/"
    assert parse_qs(found["market"].query) == {
        "token": ["mtok"], "userID": ["AB1234"], "publishFormat": ["JSON"], "broadcastMode": ["Full"], "EIO": ["3"],
        "transport": ["websocket"],
    }  # fmt: skip
    assert found["orders"].path == "/interactive/socket.io/"
    assert parse_qs(found["orders"].query)["apiType"] == ["INTERACTIVE"]


def test_engine_io() -> None:
    feed = market_feed()
    assert feed.received('0{"sid":"Xy1","upgrades":[],"pingInterval":25000,"pingTimeout":60000}') == FrameContent()
    assert feed.received("40").ready
    assert feed.ping() == "2"
    assert feed.received("3") == FrameContent()
    assert feed.received('42["joined","hello"]') == FrameContent()
    assert feed.received("41").refused is not None
    assert isinstance(feed.received('42["error","Invalid Token"]').refused, SessionExpired)
    assert isinstance(feed.received(event("logout", "elsewhere")).refused, SessionExpired)
    assert isinstance(feed.received('44"Invalid Token"').refused, SessionExpired)
    assert feed.received('42["warning","slow"]').notice == "slow"
    for junk in ("", "9", "<html>", "42{}", "42[]", "42[1]", '42["unheard of","x"]', "{}"):
        with pytest.raises(DecodeError):
            feed.received(junk)


def test_subscriptions_go_by_rest() -> None:
    feed = market_feed()
    calls = [c for c in feed.subscribe([RELIANCE, FUTURE], FeedMode.QUOTE) if isinstance(c, Call)]
    assert [(c.request.method, json.loads(c.request.body)["xtsMessageCode"]) for c in calls] == [
        ("POST", 1501),
        ("POST", 1510),
    ]
    reply = answer(
        {"mdp": 1501, "quotesList": [], "listQuotes": [json.dumps(M1501)], "Remaining_Subscription_Count": 949}
    )
    (batch,) = calls[0].decode(reply).ticks
    assert columns(batch) == SEEN
    again = failed("e-session-0002", "Instrument Already Subscribed !")
    assert CODEC.refusal(again) is None
    (picture,) = calls[0].decode(again).replies
    assert isinstance(picture, Call)
    assert picture.request.path == "/apimarketdata/instruments/quotes"
    changed = [c for c in feed.subscribe([RELIANCE], FeedMode.DEPTH) if isinstance(c, Call)]
    assert [(c.request.method, json.loads(c.request.body)["xtsMessageCode"]) for c in changed] == [
        ("PUT", 1501),
        ("POST", 1502),
    ]
    assert changed[0].decode(answer({"mdp": 1501, "unsubList": []})) == FrameContent()
    ltp = [c for c in market_feed(RMONEY).subscribe([RELIANCE], FeedMode.LTP) if isinstance(c, Call)]
    assert json.loads(ltp[0].request.body)["xtsMessageCode"] == 1501


def test_json_messages() -> None:
    feed = market_feed()
    (quote,) = feed.received(event("1501-json-full", M1501)).ticks
    assert columns(quote) == SEEN
    assert (list(quote.tokens), list(quote.time_ns)) == ([RELIANCE.token], [WHEN])
    (deep,) = feed.received(event("1502-json-full", M1502)).ticks
    assert deep.depth is not None
    assert list(deep.depth[0, 0]) == [p for _, p, _ in BIDS]
    assert list(deep.depth[0, 3]) == [s for s, _, _ in ASKS]
    (interest,) = feed.received(event("1510-json-full", M1510)).ticks
    assert columns(interest) == {"oi": 12456750.0}
    assert list(interest.tokens) == [FUTURE.token]
    (last,) = feed.received(event("1512-json-full", M1512)).ticks
    assert columns(last) == {"ltp": 1310.45, "ltq": 25.0}
    for other in ("1105-json-full", "1504-json-full", "1505-json-full", "1507-json-full", "1105-json-partial"):
        assert feed.received(event(other, "t:12_1140025,110:2067.75,111:516.95")) == FrameContent()


def test_partial_messages() -> None:
    text = (
        "t:1_2885,ltp:1310.45,ltq:25,tb:451200,ts:512300,v:3125400,ap:1308.72,ltt:1455185729,lut:1455185730,pc:0.35,"
        "o:1306,h:1315.9,l:1301.1,c:1305.85,vp:,ai:0|75|1310.5|3,bi:0|120|1310.4|5"
    )
    feed = market_feed()
    (quote,) = feed.received(event("1501-json-partial", text)).ticks
    assert columns(quote) == SEEN
    assert list(quote.time_ns) == [WHEN]
    (deep,) = feed.received(event("1502-json-partial", "t:1_2885,ltp:,bi:0|130|1310.4|5|2|7|1310.3|1")).ticks
    assert deep.depth is not None
    assert (deep.depth[0, 1, 0], deep.depth[0, 0, 2], deep.depth[0, 3, 0]) == (130.0, 1310.3, 75.0)
    assert "ltp" not in deep.columns
    (interest,) = feed.received(event("1510-json-partial", "t:2_35001,o:500")).ticks
    assert columns(interest) == {"oi": 500.0}
    assert feed.received(event("1501-json-partial", "t:1_2885,ltp:")) == FrameContent()


@pytest.mark.parametrize("payload", [PLAIN_1501, PACKED_1501, PLAIN_1501 + PACKED_1501], ids=["plain", "packed", "two"])
def test_binary_touchlines_of_the_sheet(payload: bytes) -> None:
    feed = market_feed()
    assert feed.received('451-["xts-binary-packet",{"_placeholder":true,"num":0}]') == FrameContent()
    ticks = feed.received(b"\x04" + payload).ticks
    assert len(payload) in (195, 124, 319)
    for batch in ticks:
        assert columns(batch) == SEEN
        assert (list(batch.tokens), list(batch.time_ns)) == ([RELIANCE.token], [WHEN])


def test_binary_open_interest_and_depth_of_the_sheet() -> None:
    assert (len(PLAIN_1510), len(PACKED_1502)) == (76, 206)
    (interest,) = packets(PLAIN_1510)
    assert (columns(interest), list(interest.tokens)) == ({"oi": 12456750.0}, [FUTURE.token])
    (deep,) = packets(PACKED_1502)
    assert columns(deep) == SEEN
    assert deep.depth is not None
    assert list(deep.depth[0, 0]) == [p for _, p, _ in BIDS]
    assert list(deep.depth[0, 1]) == [s for s, _, _ in BIDS]
    assert list(deep.depth[0, 2]) == [p for _, p, _ in ASKS]
    assert list(deep.depth[0, 3]) == [s for s, _, _ in ASKS]


def test_wide_packets() -> None:
    from tests.brokers.xts.wide import wide_1501, wide_1502

    (quote,) = packets(wide_1501(TOUCHLINE, BIDS[0], ASKS[0]))
    assert columns(quote) == SEEN
    (deep,) = packets(wide_1502(TOUCHLINE, BIDS, ASKS))
    assert columns(deep) == SEEN
    assert deep.depth is not None
    assert list(deep.depth[0, 2]) == [p for _, p, _ in ASKS]


@pytest.mark.parametrize("cut", range(1, 180, 7))
def test_a_packet_of_another_length_is_refused(cut: int) -> None:
    with pytest.raises(DecodeError):
        list(packets(PLAIN_1501[:cut]))
    size = len(PLAIN_1501) - 15 - cut
    with pytest.raises(DecodeError):
        list(packets(PLAIN_1501[:13] + size.to_bytes(2, "little") + PLAIN_1501[15 : 15 + size]))


def test_clocks() -> None:
    assert from_ns(tick_ns(1, 1455185730)).strftime("%d-%m-%Y %H:%M:%S") == "10-02-2026 10:15:30"
    assert tick_ns(51, 1770718530) == WHEN
    assert tick_ns(11, 1770718530) == WHEN
    assert tick_ns(11, 1455185730) == WHEN, "some count BSE from 1980 as well"
    assert tick_ns(1, 0) == 0


def test_order_events() -> None:
    feed = order_feed()
    (told,) = feed.received(event("order", ORDER_ROW)).reports
    assert isinstance(told, OrderReport)
    assert (told.order_id, told.status) == ("tw000123", OrderStatus.COMPLETE)
    row = {**ORDER_ROW, "ExecutionID": "77", "LastTradedQuantity": 30, "LastTradedPrice": 104.3}
    (trade,) = feed.received(event("trade", row)).reports
    assert isinstance(trade, FillReport)
    assert (trade.trade_id, trade.quantity) == ("77", 30)
    assert feed.received(event("position", {})) == FrameContent()
    with pytest.raises(DecodeError, match="only text"):
        feed.received(b"\x04abc")
