"""Angel One's books of twenty levels: a packet by its published layout, damaged ones, and what is asked."""

from __future__ import annotations

import struct

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.angel.feed import BookFeed
from openalgo_lab.broker import FrameContent
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import DepthLevel
from openalgo_lab.model.vocabulary import Exchange, FeedMode, InstrumentType
from tests.support.mutated import mutated

SBIN = Instrument("SBIN", Exchange.NSE, InstrumentType.EQ, "SBI", 1 << 40 | 3045, 1, 0.05, broker_token="3045")
LEVELS = [(100 + n, 80_110 - 5 * n, n + 1) for n in range(20)], [(200 + n, 80_115 + 5 * n, n + 2) for n in range(18)]
PACKET = struct.pack("<BB25sqq", 4, 1, b"3045", 1767584730123, 0) + b"".join(
    struct.pack("<iih", *level) for side in LEVELS for level in [*side, *[(0, 0, 0)] * (20 - len(side))]
)


def test_a_book() -> None:
    assert len(PACKET) == 443
    (book,) = BookFeed().received(PACKET).books
    assert (book.token, book.time_ns) == (SBIN.token, 1767584730123 * 10**6)
    assert (book.bids, book.asks) == tuple(
        tuple(DepthLevel(price / 100, quantity, orders) for quantity, price, orders in side) for side in LEVELS
    )


def test_the_mode_is_the_fourth() -> None:
    feed = BookFeed()
    for words, action in ((feed.subscribe([SBIN], FeedMode.DEPTH), 1), (feed.unsubscribe([SBIN]), 0)):
        (asked,) = [msgspec.json.decode(str(word)) for word in words]
        assert asked["action"] == action
        assert asked["params"] == {"mode": 4, "tokenList": [{"exchangeType": 1, "tokens": ["3045"]}]}


def test_text_is_as_on_the_market_feed() -> None:
    assert BookFeed().received("pong") == FrameContent()
    assert BookFeed().received('{"errorCode":"E1002","errorMessage":"Limit"}').notice == "E1002: Limit"


@pytest.mark.parametrize("frame", [b"", PACKET[:-1], PACKET + b"\0", b"\x03" + PACKET[1:], b"\x04\x09" + PACKET[2:]])
def test_what_does_not_fit(frame: bytes) -> None:
    with pytest.raises(DecodeError):
        BookFeed().received(frame)


@pytest.mark.parametrize("rounds", [2_000, pytest.param(600_000, marks=pytest.mark.long)])
def test_mutated_frames(rounds: int) -> None:
    for frame in mutated((PACKET,), rounds):
        try:
            (book,) = BookFeed().received(frame).books
        except DecodeError:
            continue
        assert all(level.quantity > 0 < level.price for level in (*(book.bids or ()), *(book.asks or ())))


@given(st.binary(min_size=443, max_size=443) | st.text(max_size=60))
def test_any_frame_gives_a_value_or_a_typed_error(frame: bytes | str) -> None:
    try:
        BookFeed().received(frame)
    except DecodeError:
        return
