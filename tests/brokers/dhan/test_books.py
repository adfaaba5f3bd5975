"""Dhan's books of 20 and 200 levels: the published packets, stacked ones, damaged ones, and what is asked."""

from __future__ import annotations

import struct

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.dhan import DHAN
from brokers.dhan.feed import BookFeed
from openalgo_lab.broker import FeedAddress, Session
from openalgo_lab.broker.spec import DeepBook
from openalgo_lab.model.errors import BrokerError, DecodeError, SessionExpired
from openalgo_lab.model.market import DepthLevel
from openalgo_lab.model.vocabulary import FeedMode
from tests.brokers.dhan.test_feed import SBIN
from tests.support.mutated import mutated

BIDS = bytes.fromhex(
    "4c01 29 01 e50b0000 07000000 cdcccccccc088940 64000000 01000000 6766666666088940 65000000 02000000"
) + bytes(288)
ASKS = bytes.fromhex(
    "4c01 33 01 e50b0000 07000000 3333333333098940 64000000 01000000 9999999999098940 65000000 02000000"
) + bytes(288)
DEEP = bytes.fromhex(
    "2c00 29 01 e50b0000 02000000 cdcccccccc088940 64000000 03000000 6666666666088940 fa000000 04000000"
)
GOLDEN = (BIDS, ASKS, DEEP)


def books(frame: bytes) -> tuple[DeepBook, ...]:
    return BookFeed(20).received(frame).books


def test_both_sides_in_one_frame() -> None:
    bids, asks = books(BIDS + ASKS)
    assert bids == DeepBook(1 << 40 | 3045, bids=(DepthLevel(801.1, 100, 1), DepthLevel(801.05, 101, 2)))
    assert asks == DeepBook(1 << 40 | 3045, asks=(DepthLevel(801.15, 100, 1), DepthLevel(801.2, 101, 2)))


def test_as_many_rows_as_the_packet_is_long() -> None:
    (book,) = books(DEEP)
    assert book.bids == (DepthLevel(801.1, 100, 3), DepthLevel(801.05, 250, 4))
    assert book.asks is None


@pytest.mark.parametrize("place", [8, 12])
@pytest.mark.parametrize(("reason", "error"), [(805, BrokerError), (807, SessionExpired)])
def test_a_farewell_wherever_its_reason_stands(place: int, reason: int, error: type[Exception]) -> None:
    packet = struct.pack("<hBBi", 14, 50, 0, 0).ljust(place, b"\0") + struct.pack("<h", reason)
    assert isinstance(BookFeed(20).received(packet).refused, error)


@pytest.mark.parametrize("size", [0, 11, 13, 0xFFFF])
def test_a_length_that_cannot_be(size: int) -> None:
    with pytest.raises(DecodeError):
        books(struct.pack("<H", size) + DEEP[2:])


@pytest.mark.parametrize("price", [float("nan"), float("inf"), -1.0])
def test_a_price_that_is_none(price: float) -> None:
    with pytest.raises(DecodeError):
        books(DEEP[:12] + struct.pack("<d", price) + DEEP[20:])


def test_twenty_levels_are_asked_for_in_lists_and_two_hundred_one_by_one() -> None:
    one = {"ExchangeSegment": "NSE_EQ", "SecurityId": "3045"}
    (listed,) = BookFeed(20).subscribe([SBIN], FeedMode.DEPTH)
    assert msgspec.json.decode(listed) == {"RequestCode": 23, "InstrumentCount": 1, "InstrumentList": [one]}
    (flat,) = BookFeed(200).unsubscribe([SBIN])
    assert msgspec.json.decode(flat) == {"RequestCode": 24, **one}


def test_where_they_are() -> None:
    found = [DHAN.codec.feed_address(Session("11", "t.o"), feed) for feed in DHAN.books]
    paths = [address.url_or_path for address in found if isinstance(address, FeedAddress)]
    assert paths == [f"/{name}?token=t.o&clientId=11&authType=2" for name in ("twentydepth", "twohundreddepth")]


@pytest.mark.parametrize("rounds", [2_000, pytest.param(600_000, marks=pytest.mark.long)])
def test_mutated_frames(rounds: int) -> None:
    for frame in mutated(GOLDEN, rounds):
        try:
            found = books(frame)
        except DecodeError:
            continue
        assert all(level.quantity > 0 < level.price for book in found for level in (book.bids or book.asks or ()))


@given(st.binary(max_size=400) | st.text(max_size=60))
def test_any_frame_gives_a_value_or_a_typed_error(frame: bytes | str) -> None:
    try:
        BookFeed(200).received(frame)
    except DecodeError:
        return
