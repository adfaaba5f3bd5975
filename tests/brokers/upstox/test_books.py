"""Upstox's books of thirty levels: the published full message read as a book, and damage."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.upstox.feed import BookFeed, decode_books
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.market import DepthLevel
from openalgo_lab.model.vocabulary import FeedMode
from tests.brokers.upstox.golden import FULL, INDEX, LTPC, TOKENS, frames
from tests.brokers.upstox.test_feed import instrument
from tests.conformance.simulators.upstox_rows import _bytes, _double, _int
from tests.support.mutated import mutated


def test_a_book_from_the_published_message() -> None:
    (book,) = decode_books(FULL, TOKENS)
    assert book.token == TOKENS["NSE_EQ|INE062A01020"]
    assert book.bids == (DepthLevel(812.45, 100), DepthLevel(812.4, 101))
    assert book.asks == (DepthLevel(812.5, 200), DepthLevel(812.55, 201))


@pytest.mark.parametrize("frame", [LTPC, INDEX])
def test_other_messages_tell_no_book(frame: bytes) -> None:
    assert decode_books(frame, TOKENS) == ()


def test_what_is_asked_for_and_dropped() -> None:
    feed = BookFeed()
    (asked,) = feed.subscribe([instrument(7)], FeedMode.DEPTH)
    (dropped,) = feed.unsubscribe([instrument(7)])
    assert [json.loads(message)["data"] for message in (asked, dropped)] == [
        {"mode": "full_d30", "instrumentKeys": ["NSE_EQ|7"]},
        {"instrumentKeys": ["NSE_EQ|7"]},
    ]


@pytest.mark.parametrize(("price", "quantity"), [(math.nan, 1), (math.inf, 1), (-1.0, 1), (1.0, 2**64 - 1)])
def test_a_number_that_is_none(price: float, quantity: int) -> None:
    level = _bytes(1, _int(1, quantity) + _double(2, price))
    entry = _bytes(1, "NSE_FO|45450") + _bytes(2, _bytes(2, _bytes(1, _bytes(2, level))))
    with pytest.raises(DecodeError):
        decode_books(_bytes(2, entry), TOKENS)


@pytest.mark.parametrize("rounds", [2_000, pytest.param(600_000, marks=pytest.mark.long)])
def test_mutated_frames(rounds: int) -> None:
    for frame in mutated(frames(), rounds):
        try:
            found = decode_books(frame, TOKENS)
        except DecodeError:
            continue
        assert all(x.quantity > 0 < x.price for book in found for x in (*(book.bids or ()), *(book.asks or ())))


@given(st.binary(max_size=400) | st.text(max_size=60))
def test_any_frame_gives_a_value_or_a_typed_error(frame: bytes | str) -> None:
    try:
        BookFeed().received(frame)
    except DecodeError:
        return
