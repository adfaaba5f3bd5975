"""The Noren socket."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from brokers.noren import TRADESMART
from openalgo_lab.broker import FrameContent
from openalgo_lab.model.errors import (
    DecodeError,
    SessionExpired,
)
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.vocabulary import FeedMode
from tests.brokers.noren.examples import (
    DF,
    DK,
    MM,
    OM,
    RELIANCE,
    TF,
    TK,
    a_feed,
)


def test_login_on_the_socket() -> None:
    feed = a_feed()
    assert [msgspec.json.decode(m) for m in feed.opened()] == [
        {"t": "a", "uid": "FA12345", "actid": "FA12345", "source": "API", "accesstoken": "5f0c"}
    ]
    content = feed.received('{"t":"ak","uid":"FA12345","s":"OK"}')
    assert content.ready
    assert [msgspec.json.decode(m) for m in content.replies] == [{"t": "o", "actid": "FA12345"}]
    assert a_feed(TRADESMART).received('{"t":"ak","s":"Ok"}').replies == ()
    assert isinstance(feed.received('{"t":"ck","s":"Not_Ok"}').refused, SessionExpired)


def test_subscriptions_by_mode() -> None:
    feed = a_feed()
    texts = [*feed.subscribe([RELIANCE, MM], FeedMode.QUOTE), *feed.subscribe([RELIANCE], FeedMode.DEPTH)]
    texts += feed.unsubscribe([RELIANCE, MM])
    assert [msgspec.json.decode(str(m)) for m in texts] == [
        {"t": "t", "k": "NSE|2885#NSE|2031"},
        {"t": "u", "k": "NSE|2885"},
        {"t": "d", "k": "NSE|2885"},
        {"t": "u", "k": "NSE|2031"},
        {"t": "ud", "k": "NSE|2885"},
    ]


def test_touchline_and_its_changes() -> None:
    feed = a_feed()
    (whole,) = feed.received(TK).ticks
    assert list(whole.tokens) == [RELIANCE.token]
    assert list(whole.time_ns) == [1770698731 * 10**9]
    assert {k: v[0] for k, v in whole.columns.items()} == {
        "ltp": 1310.45, "bid": 1310.4, "ask": 1310.5, "open": 1306.0, "high": 1315.9, "low": 1301.1,
        "prev_close": 1305.85, "average": 1308.72, "bid_qty": 120.0, "ask_qty": 75.0, "volume": 3125400.0,
    }  # fmt: skip
    (change,) = feed.received(TF).ticks
    assert {k: v[0] for k, v in change.columns.items()} == {"ltp": 1310.55, "volume": 3125460.0}
    (quiet,) = feed.received('{"t":"tf","e":"NSE","tk":"2885","bp1":"1310.45"}').ticks
    assert "ltp" not in quiet.columns
    assert list(quiet.time_ns) == [1770698732 * 10**9]


def test_depth_and_its_changes() -> None:
    feed = a_feed()
    (whole,) = feed.received(DK).ticks
    assert whole.depth is not None
    assert list(whole.depth[0, 0]) == [1310.4, 1310.35, 1310.3, 1310.25, 1310.2]
    assert list(whole.depth[0, 3]) == [75.0, 180.0, 260.0, 410.0, 55.0]
    (change,) = feed.received(DF).ticks
    assert change.depth is not None
    assert (change.depth[0, 1, 0], change.depth[0, 3, 2], change.depth[0, 0, 0]) == (145.0, 250.0, 1310.4)
    assert whole.depth[0, 1, 0] == 120.0, "what was handed out stays as it was"


def test_at_the_open_is_no_price() -> None:
    (batch,) = a_feed().received('{"t":"dk","e":"NSE","tk":"2885","ft":"1","lp":"0.00","bp1":"42949672.95"}').ticks
    assert np.isnan(batch.columns["bid"][0])
    assert np.isnan(batch.columns["ltp"][0])


def test_order_update_of_the_sheet() -> None:
    state, trade = a_feed().received(OM).reports
    assert state.order_id == trade.order_id == "tw000123"
    assert state.status is OrderStatus.COMPLETE  # type: ignore[union-attr]
    assert (trade.trade_id, trade.quantity, trade.price) == ("12345", 10, 1310.4)  # type: ignore[union-attr]
    (only,) = a_feed().received(OM.replace('"Fill"', '"New"').replace("COMPLETE", "Open")).reports
    assert only.status is OrderStatus.COMPLETE or only.filled_quantity == 10  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", ["hk", "uk", "udk", "ok", "pk", "pm", "am", "ms"])
def test_what_is_passed_over(kind: str) -> None:
    assert a_feed().received(f'{{"t":"{kind}","hk":"1770698731"}}') == FrameContent()


def test_an_unknown_message_is_said() -> None:
    with pytest.raises(DecodeError, match="unknown message"):
        a_feed().received('{"t":"zz"}')
