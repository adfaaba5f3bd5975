"""Deep books: one feed for all who ask, the broker's cap, what nobody asks for any more, a book that never comes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from openalgo_lab.broker import BrokerSpec, FeedKind, FeedMessage, FeedSpec, FrameContent
from openalgo_lab.broker import deep as deep_module
from openalgo_lab.broker.spec import DeepBook
from openalgo_lab.model.errors import NotSupported, WireError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import DepthLevel
from openalgo_lab.model.vocabulary import Exchange, FeedMode
from tests.broker.test_sockets import connected
from tests.broker.tiny import SHARES, TinyFeed, feed_spec
from tests.brokers.simulated.exchange import until


class BookFeed(TinyFeed):
    """Messages are ``bids 1 3`` or ``asks 1 3``: three levels of a side of the first share."""

    def opened(self) -> Sequence[str]:
        return ()

    def received(self, frame: str | bytes) -> FrameContent:
        side, token, count = str(frame).split()
        levels = tuple(DepthLevel(100.0 + n, n + 1) for n in range(int(count)))
        return FrameContent(books=(msgspec.structs.replace(DeepBook(int(token)), **{side: levels}),))

    def subscribe(self, instruments: Sequence[Instrument], mode: FeedMode) -> Sequence[FeedMessage]:
        return [f"sub deep {i.token}" for i in instruments]

    def unsubscribe(self, instruments: Sequence[Instrument]) -> Sequence[FeedMessage]:
        return [f"unsub {i.token}" for i in instruments]


def books(name: str, levels: int, cap: int = 2) -> FeedSpec:
    exchanges = frozenset({Exchange.NSE})
    return FeedSpec(name, FeedKind.BOOKS, silence_s=0.0, symbols_per_socket=cap, levels=levels, exchanges=exchanges)


SPEC: BrokerSpec = msgspec.structs.replace(feed_spec(BookFeed), feeds=(), books=(books("b20", 20), books("b200", 200)))


async def test_two_sides_make_a_book_and_the_next_call_is_answered_at_once() -> None:
    async with connected(msgspec.structs.replace(SPEC, feeds=feed_spec().feeds)) as (adapter, wire, _):
        first = asyncio.create_task(adapter.depth(SHARES[0], 20))
        second = asyncio.create_task(adapter.depth(SHARES[0], 7))
        await until(lambda: len(wire.lines) == 2 and wire.lines[1].subscribed() == [1])
        assert wire.lines[1].path == "/b20", "the shallowest that suffices"
        wire.lines[1].say("bids 1 20", "asks 1 9")
        found, fewer = await first, await second
        assert (len(found.bids), len(found.asks), len(fewer.bids)) == (20, 9, 7)
        assert found.time_ns > 0
        assert wire.lines[1].sent == ["sub deep 1"]


async def test_the_cap_takes_the_place_of_the_one_least_asked_for() -> None:
    async with connected(msgspec.structs.replace(SPEC, feeds=feed_spec().feeds)) as (adapter, wire, _):
        for share in (*SHARES[:2], SHARES[0], SHARES[2]):
            asked = asyncio.create_task(adapter.depth(share, 20))
            await until(lambda: len(wire.lines) == 2 and f"sub deep {share.token}" in wire.lines[1].sent)  # noqa: B023
            wire.lines[1].say(f"bids {share.token} 9", f"asks {share.token} 9")
            await asked
        assert wire.lines[1].sent == ["sub deep 1", "sub deep 2", "unsub 2", "sub deep 3"]


async def test_what_nobody_asks_for_is_dropped_and_its_feed_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deep_module, "_KEPT_S", 0.05)
    async with connected(msgspec.structs.replace(SPEC, feeds=feed_spec().feeds)) as (adapter, wire, _):
        for opened in (1, 2):
            asked = asyncio.create_task(adapter.depth(SHARES[0], 20))
            await until(lambda: len(wire.lines) == opened + 1 and bool(wire.lines[-1].sent))  # noqa: B023
            wire.lines[-1].say("bids 1 9", "asks 1 9")
            await asked
            await until(lambda: wire.lines[-1].closed)
            assert wire.lines[-1].sent == ["sub deep 1", "unsub 1"]


async def test_a_book_that_does_not_come_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deep_module, "_PATIENCE_S", 0.05)
    async with connected(msgspec.structs.replace(SPEC, feeds=feed_spec().feeds)) as (adapter, _, _):
        with pytest.raises(WireError, match="No book of S1 came from Tiny"):
            await adapter.depth(SHARES[0], 20)


async def test_where_there_are_none_it_says_so() -> None:
    async with connected(msgspec.structs.replace(SPEC, feeds=feed_spec().feeds)) as (adapter, _, _):
        elsewhere = msgspec.structs.replace(SHARES[0], exchange=Exchange.BSE)
        with pytest.raises(NotSupported, match="no more than 5 levels"):
            await adapter.depth(elsewhere, 20)
