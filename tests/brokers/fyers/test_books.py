"""Fyers' books of fifty levels: the published message, what a difference leaves unsaid, and damage."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.fyers.books import BookFeed
from openalgo_lab.broker import FrameContent
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import DepthLevel
from openalgo_lab.model.vocabulary import Exchange, FeedMode, InstrumentType
from tests.support.mutated import mutated

FUTURE = Instrument(
    "NIFTY27MAR25FUT", Exchange.NFO, InstrumentType.FUT, "NIFTY", 7, 75, 0.05, broker_symbol="NSE:NIFTY25MARFUT"
)
SNAPSHOT = bytes.fromhex(
    "08 06 12 80 01 0a 11 4e 53 45 3a 4e 49 46 54 59 32 35 4d 41 52 46 55 54 12 6b 2a 31 0a 03 08 98"
    "75 12 03 08 e0 5d 1a 12 0a 05 08 b4 f2 86 01 12 03 08 96 01 1a 02 08 03 22 00 22 11 0a 05 08 82"
    "f2 86 01 12 02 08 4b 1a 02 08 02 22 00 32 06 08 de d9 85 be 06 3a 06 08 de d9 85 be 06 42 0f 31"
    "30 31 31 32 35 30 33 32 37 33 35 30 30 30 48 01 50 01 5a 11 4e 53 45 3a 4e 49 46 54 59 32 35 4d"
    "41 52 46 55 54 18 01"
)
BID, ASK = DepthLevel(22100.5, 75, 2), DepthLevel(22101.0, 150, 3)


def message(bids: list[bytes], *, snapshot: bool = False) -> bytes:
    """A message of the same symbol, of levels that are messages themselves."""
    depth = b"".join(b"\x22" + bytes([len(level)]) + level for level in bids)
    feed = b"\x2a" + bytes([len(depth)]) + depth
    entry = b"\x0a\x11" + FUTURE.broker_symbol.encode() + b"\x12" + bytes([len(feed)]) + feed
    return b"\x08\x06\x12" + bytes([len(entry)]) + entry + (b"\x18\x01" if snapshot else b"")


def feed() -> BookFeed:
    made = BookFeed()
    made.subscribe([FUTURE], FeedMode.DEPTH)
    return made


def test_the_published_message() -> None:
    assert len(SNAPSHOT) == 135
    (book,) = feed().received(SNAPSHOT).books
    assert (book.token, book.bids, book.asks) == (7, (BID,), (ASK,))
    assert book.time_ns == 1740729566 * 10**9


def test_a_difference_changes_what_it_names_and_nothing_else() -> None:
    made = feed()
    made.received(SNAPSHOT)
    second = b"\x0a\x04\x08\x80\x89\x7a\x12\x02\x08\x0a\x1a\x02\x08\x01\x22\x02\x08\x01"
    (book,) = made.received(message([b"\x12\x02\x08\x32", second])).books
    assert book.bids == (DepthLevel(22100.5, 50, 2), DepthLevel(20000.0, 10, 1))
    assert book.asks == (ASK,)
    (book,) = made.received(message([b"\x12\x00"])).books
    assert book.bids == (DepthLevel(20000.0, 10, 1),), "a wrapper that is there and empty is a zero"


def test_a_snapshot_begins_anew_and_so_does_a_subscription() -> None:
    made = feed()
    made.received(SNAPSHOT)
    (book,) = made.received(message([], snapshot=True)).books
    assert (book.bids, book.asks) == ((), ())


def test_what_is_said_to_the_server() -> None:
    made = BookFeed()
    (resumed,) = made.opened()
    assert msgspec.json.decode(resumed) == {"type": 2, "data": {"resumeChannels": ["1"], "pauseChannels": []}}
    for said, subs in ((made.subscribe([FUTURE], FeedMode.DEPTH), 1), (made.unsubscribe([FUTURE]), -1)):
        data = {"subs": subs, "symbols": ["NSE:NIFTY25MARFUT"], "mode": "depth", "channel": "1"}
        assert [msgspec.json.decode(text) for text in said] == [{"type": 1, "data": data}]
    assert made.received(SNAPSHOT).books == (), "of what was dropped nothing is told"


def test_an_error_is_told_and_a_pong_is_not() -> None:
    assert feed().received("pong") == FrameContent()
    assert feed().received(b"\x22\x02no\x28\x01").notice == "no"


@pytest.mark.parametrize("level", [b"\x22\x02\x08\x32", b"\x22\x0b\x08" + b"\xff" * 9 + b"\x01"])
def test_a_level_that_cannot_be(level: bytes) -> None:
    with pytest.raises(DecodeError):
        feed().received(message([level]))


@pytest.mark.parametrize("rounds", [2_000, pytest.param(600_000, marks=pytest.mark.long)])
def test_mutated_frames(rounds: int) -> None:
    made = feed()
    for frame in mutated((SNAPSHOT,), rounds):
        try:
            found = made.received(frame).books
        except DecodeError:
            continue
        assert all(level.quantity > 0 < level.price for book in found for level in (*book.bids, *book.asks))


@given(st.binary(max_size=200) | st.text(max_size=60))
def test_any_frame_gives_a_value_or_a_typed_error(frame: bytes | str) -> None:
    try:
        feed().received(frame)
    except DecodeError:
        return
