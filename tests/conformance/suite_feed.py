"""The suite's part on the feed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import ClassVar

import pytest

from openalgo_lab.broker import Capability
from openalgo_lab.model.errors import NotSupported
from openalgo_lab.model.market import Depth
from openalgo_lab.model.vocabulary import FeedMode
from tests.conformance.rig import Rig, rig, until
from tests.conformance.suite_base import SuiteBase
from tests.conformance.venue import (
    MM,
    SBIN,
    Level,
    Listing,
    Picture,
    Venue,
)

__all__ = ["FeedSuite"]


class FeedSuite(SuiteBase):
    """See the module."""

    counts_orders: ClassVar[bool] = True
    """Whether deep books tell how many orders a level has."""

    # Feed ------------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("mode", list(FeedMode))
    async def test_the_feed_in_every_mode(self, made: Rig, mode: FeedMode) -> None:
        self.need(Capability.FEED)
        if not any(mode in feed.modes for feed in self.spec.feeds):
            pytest.skip(f"The feed of {self.spec.name} has no mode {mode}.")
        instruments = await made.all(self.listings)
        await made.adapter.subscribe(instruments, mode)
        await until(lambda: all(made.sink.latest(i.token) for i in instruments))
        made.simulator.publish(*self.listings)
        await until(lambda: all(_complete(made.sink.latest(i.token), mode) for i in instruments if i.tradable))
        for listing, instrument in zip(self.listings, instruments, strict=True):
            seen = made.sink.latest(instrument.token)
            expected = _shown(made.simulator.venue.pictures[listing], listing, mode)
            assert seen["ltp"] == pytest.approx(expected["ltp"], abs=1e-9)
            assert seen["time_ns"] > 0
            for name, value in expected.items():
                if name in seen:
                    assert seen[name] == pytest.approx(value, rel=1e-12, abs=1e-9), f"{listing.symbol} {name}"
        state = made.adapter.feed_state()
        assert (state.connected, state.symbols, state.gaps) == (True, len(instruments), 0)

    async def test_books_deeper_than_five_levels(self, made: Rig) -> None:
        """Of every feed of them: as it is when first asked for, and as it is after a change."""
        instrument, venue = await made.instrument(SBIN), made.simulator.venue
        if not self.spec.books:
            with pytest.raises(NotSupported):
                await made.adapter.depth(instrument, 20)
            return
        for feed in self.spec.books:
            assert _levels(await made.adapter.depth(instrument, feed.levels)) == self._deep(venue, feed.levels)
            picture = venue.pictures[SBIN]
            best = replace(picture.bids[0], quantity=picture.bids[0].quantity + 77)
            venue.pictures[SBIN] = replace(picture, bids=(best, *picture.bids[1:]))
            made.simulator.publish(SBIN)
            async with asyncio.timeout(10):
                while _levels(await made.adapter.depth(instrument, feed.levels)) != self._deep(venue, feed.levels):
                    await asyncio.sleep(0.005)
        index = next(i for i in await made.all(self.listings) if not i.tradable)
        with pytest.raises(NotSupported):
            await made.adapter.depth(index, 20)

    def _deep(self, venue: Venue, levels: int) -> tuple[tuple[Level, ...], ...]:
        sides = venue.deep(SBIN, levels)
        return sides if self.counts_orders else tuple(tuple(replace(x, orders=0) for x in side) for side in sides)

    async def test_what_is_not_wanted_any_more_is_silent(self, made: Rig) -> None:
        self.need(Capability.FEED)
        instrument = await made.instrument(SBIN)
        await made.adapter.subscribe([instrument], FeedMode.QUOTE)
        await until(lambda: made.sink.latest(instrument.token))
        await made.adapter.unsubscribe([instrument])
        await until(lambda: all(SBIN not in s.modes for s in made.simulator.open_sockets))
        made.sink.batches.clear()
        made.simulator.publish(SBIN)
        await asyncio.sleep(0.05)
        assert made.sink.latest(instrument.token) == {}

    async def test_a_cut_feed_comes_back_with_everything(self, made: Rig) -> None:
        self.need(Capability.FEED)
        instruments = await made.all((SBIN, MM))
        await made.adapter.subscribe(instruments, FeedMode.DEPTH)
        await until(lambda: all(made.sink.latest(i.token) for i in instruments))
        made.simulator.drop_sockets()
        made.sink.batches.clear()
        await until(lambda: all(made.sink.latest(i.token) for i in instruments))
        assert [state.connected for state in made.sink.feeds if not state.connected] != []
        assert made.adapter.feed_state().gaps >= 1

    async def test_a_stalled_feed_is_noticed(self) -> None:
        self.need(Capability.FEED)
        if not self.spec.feeds[0].silence_s:
            pytest.skip(f"Silence proves nothing on the feed of {self.spec.name}.")
        server = self.simulator()
        async with rig(self.spec, server, server.credentials(), silence_s=0.2) as made:
            instrument = await made.instrument(SBIN)
            await made.adapter.subscribe([instrument], FeedMode.QUOTE)
            await until(lambda: made.sink.latest(instrument.token))
            server.stalled, before = True, server.connections
            await until(lambda: server.connections > before)
            assert any("Nothing was heard" in state.detail for state in made.sink.feeds)
            server.stalled = False
            made.sink.batches.clear()
            await until(lambda: made.sink.latest(instrument.token))

    async def test_garbage_on_the_feed(self, made: Rig) -> None:
        self.need(Capability.FEED)
        instrument = await made.instrument(SBIN)
        await made.adapter.subscribe([instrument], FeedMode.QUOTE)
        await until(lambda: made.sink.latest(instrument.token))
        for junk in (b"\xff" * 64, b"\x00\x05\x00\xb8\x00", "<html>", "{}", '{"type":"order","data":{}}'):
            made.simulator.inject(junk)
        made.sink.batches.clear()
        connections = made.simulator.connections
        made.simulator.publish(SBIN)
        await until(lambda: made.sink.latest(instrument.token))
        assert made.simulator.connections == connections
        assert made.adapter.feed_state().gaps >= 1

    async def test_a_dead_session_ends_the_feed(self, made: Rig) -> None:
        self.need(Capability.FEED)
        made.simulator.alive = False
        made.simulator.drop_sockets()
        await until(lambda: any("session" in state.detail.lower() for state in made.sink.feeds))
        await asyncio.sleep(0.4)  # each of the broker's feeds meets the refusal once
        tries = len(made.simulator.log), made.simulator.connections
        await asyncio.sleep(0.4)
        assert (len(made.simulator.log), made.simulator.connections) == tries
        assert not made.adapter.feed_state().connected


def _levels(depth: Depth) -> tuple[tuple[Level, ...], ...]:
    return tuple(tuple(Level(x.price, x.quantity, x.orders) for x in side) for side in (depth.bids, depth.asks))


def _complete(seen: dict[str, float], mode: FeedMode) -> bool:
    """Whether all that a mode promises of a tradable instrument has come."""
    needed = {
        FeedMode.LTP: ("ltp",),
        FeedMode.QUOTE: ("ltp", "volume"),
        FeedMode.DEPTH: ("ltp", "bid_px_4", "ask_px_4"),
    }
    return all(name in seen for name in needed[mode])


def _shown(picture: Picture, listing: Listing, mode: FeedMode) -> dict[str, float]:
    """Every value that a feed may carry."""
    values: dict[str, float] = {
        "ltp": picture.ltp, "open": picture.open, "high": picture.high, "low": picture.low,
        "prev_close": picture.close,
    }  # fmt: skip
    if listing.kind == "INDEX":
        return values
    values |= {"volume": picture.volume, "ltq": picture.ltq, "average": picture.average, "oi": picture.oi}
    values |= {"bid": picture.bids[0].price, "bid_qty": picture.bids[0].quantity}
    values |= {"ask": picture.asks[0].price, "ask_qty": picture.asks[0].quantity}
    for side, levels in (("bid", picture.bids), ("ask", picture.asks)):
        values |= {f"{side}_px_{i}": level.price for i, level in enumerate(levels)}
        values |= {f"{side}_sz_{i}": level.quantity for i, level in enumerate(levels)}
    return values
