"""Order books deeper than five levels: brokers send them on feeds of their own, opened when somebody asks for one.

    book = await deep.depth(instrument, 20)

The first call of a symbol subscribes it and waits for its book; further ones are answered from what has come since. A
symbol that nobody has asked for in a minute is dropped, and with the last one its feed.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable, Iterable
from typing import Final

import numpy as np

from openalgo_lab.broker.feed import Feed
from openalgo_lab.broker.socket import FeedMeans
from openalgo_lab.broker.spec import BrokerSpec, DeepBook, FeedSpec
from openalgo_lab.model.errors import DecodeError, NotSupported, WireError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import DEPTH_LEVELS, Depth, DepthLevel
from openalgo_lab.model.vocabulary import FeedMode

__all__ = ["DeepBooks", "LevelTable", "book_side", "packed_levels"]

_PATIENCE_S: Final = 5.0
_KEPT_S: Final = 60.0
_DECIMALS: Final = 4
_MOST: Final = 1e12


class _Watched:
    """One symbol on one feed: its book as far as it has come."""

    def __init__(self, instrument: Instrument, asked: float) -> None:
        self.instrument = instrument
        self.asked = asked
        self.waiting = 0
        """How many calls wait for its first book."""
        self.book = DeepBook(instrument.token)
        self.whole = asyncio.Event()

    def take(self, book: DeepBook) -> None:
        bids = self.book.bids if book.bids is None else book.bids
        asks = self.book.asks if book.asks is None else book.asks
        self.book = DeepBook(book.token, book.time_ns or time.time_ns(), bids, asks)
        if bids is not None and asks is not None:
            self.whole.set()

    async def first(self) -> None:
        """Return when a whole book is there. Raises TimeoutError."""
        self.waiting += 1
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self.whole.wait()
        finally:
            self.waiting -= 1

    def depth(self, levels: int) -> Depth:
        book, named = self.book, self.instrument
        return Depth(named.exchange, named.symbol, (book.bids or ())[:levels], (book.asks or ())[:levels], book.time_ns)


class _BookFeed:
    """A broker's feed of deep books, open while somebody looks."""

    def __init__(self, spec: BrokerSpec, feed: FeedSpec, means: FeedMeans, now: Callable[[], float]) -> None:
        self.spec = feed
        self._feed = Feed(spec, feed, dataclasses.replace(means, books=self._heard))
        self._now = now
        self._watched: dict[int, _Watched] = {}
        self._turn = asyncio.Lock()
        self._open = False

    def _heard(self, book: DeepBook) -> None:
        watched = self._watched.get(book.token)
        if watched is not None:
            watched.take(book)

    async def watch(self, instrument: Instrument) -> _Watched:
        """The symbol, subscribed by now; where the broker's cap is reached, in place of the one least asked for."""
        async with self._turn:
            found = self._watched.get(instrument.token)
            if found is None:
                if not self._open:
                    await self._feed.start()
                    self._open = True
                await self._make_room()
                found = self._watched[instrument.token] = _Watched(instrument, self._now())
                await self._feed.subscribe([instrument], FeedMode.DEPTH)
            found.asked = self._now()
            return found

    async def _make_room(self) -> None:
        most = self.spec.symbols_per_socket * self.spec.sockets
        if most and len(self._watched) >= most:
            await self._drop(min(self._watched.values(), key=lambda one: (one.waiting > 0, one.asked)))

    async def tidy(self) -> bool:
        """Drop what nobody asks for any more; whether anything is left."""
        async with self._turn:
            for watched in list(self._watched.values()):
                if not watched.waiting and self._now() - watched.asked >= _KEPT_S:
                    await self._drop(watched)
            if not self._watched and self._open:
                self._open = False
                await self._feed.close()
            return self._open

    async def _drop(self, watched: _Watched) -> None:
        del self._watched[watched.instrument.token]
        await self._feed.unsubscribe([watched.instrument])

    async def close(self) -> None:
        self._watched.clear()
        await self._feed.close()


class DeepBooks:
    """The deep books of one account. Belongs to one event loop; ``now`` is a clock in seconds."""

    def __init__(self, spec: BrokerSpec, means: FeedMeans, now: Callable[[], float] = time.monotonic) -> None:
        self._name = spec.name
        self._feeds = [_BookFeed(spec, feed, means, now) for feed in sorted(spec.books, key=lambda feed: feed.levels)]
        self._tidying: asyncio.Task[None] | None = None

    async def depth(self, instrument: Instrument, levels: int) -> Depth:
        """A book of ``levels`` levels, or of as many as the broker has.

        Raises NotSupported where it shows no more than five, WireError when none comes in time, SessionExpired.
        """
        feed = self._best(instrument, levels)
        watched = await feed.watch(instrument)
        if self._tidying is None or self._tidying.done():
            self._tidying = asyncio.get_running_loop().create_task(self._tidy(), name="deep-books")
        try:
            await watched.first()
        except TimeoutError:
            raise WireError(
                f"No book of {instrument.symbol} came from {self._name} within {_PATIENCE_S:g} s; "
                "the market may be closed. Ask for 5 levels."
            ) from None
        return watched.depth(levels)

    def _best(self, instrument: Instrument, levels: int) -> _BookFeed:
        """The shallowest feed that has the levels, else the deepest there is."""
        fit = [f for f in self._feeds if not f.spec.exchanges or instrument.exchange in f.spec.exchanges]
        if not fit or not instrument.tradable:
            raise NotSupported(
                f"{self._name} shows no more than {DEPTH_LEVELS} levels of {instrument.key}; ask for {DEPTH_LEVELS}.",
                field="levels",
            )
        return next((feed for feed in fit if feed.spec.levels >= levels), fit[-1])

    async def _tidy(self) -> None:
        """Until no feed is open."""
        left = True
        while left:
            await asyncio.sleep(_KEPT_S / 4)
            left = any([await feed.tidy() for feed in self._feeds])

    async def close(self) -> None:
        """End all."""
        if self._tidying is not None:
            self._tidying.cancel()
            await asyncio.gather(self._tidying, return_exceptions=True)
        for feed in self._feeds:
            await feed.close()


class LevelTable:
    """A side that is told level by level: what a message leaves out stays as it was. Prices are counted in ``unit`` a
    rupee."""

    def __init__(self, levels: int, unit: float, broker: str) -> None:
        self._rows = [[0, 0, 0] for _ in range(levels)]
        self._unit = unit
        self._broker = broker

    def tell(self, level: int, *numbers: int | None) -> None:
        """Price, quantity and orders of a level, counted from 0; None: it has not changed. Raises DecodeError."""
        if not 0 <= level < len(self._rows) or any(number is not None and number < 0 for number in numbers):
            raise DecodeError(f"A book of {self._broker} holds a level or a number that is none.")
        self._rows[level] = [old if new is None else new for old, new in zip(self._rows[level], numbers, strict=True)]

    def levels(self) -> tuple[DepthLevel, ...]:
        """Those that are not empty."""
        return tuple(
            DepthLevel(price / self._unit, size, orders) for price, size, orders in self._rows if price and size
        )


def packed_levels(
    rows: bytes | memoryview, layout: list[tuple[str, str]], unit: float, broker: str
) -> tuple[DepthLevel, ...]:
    """Levels of packed rows whose ``layout`` names price, quantity and orders with NumPy types; prices are counted in
    ``unit`` a rupee. Rows without quantity are empty levels. Raises DecodeError for a number that is none."""
    table = np.frombuffer(rows, dtype=np.dtype(layout))
    prices = table["price"].astype(np.float64) / unit
    listed = zip(prices.tolist(), table["quantity"].tolist(), table["orders"].tolist(), strict=True)
    return book_side(listed, broker)


def book_side(levels: Iterable[tuple[float, int, int]], broker: str) -> tuple[DepthLevel, ...]:
    """Levels of (price, quantity, orders) without the empty ones. Raises DecodeError for a number that is none."""
    listed = list(levels)
    if not all(0 <= price < _MOST and quantity >= 0 for price, quantity, _ in listed):
        raise DecodeError(f"A book of {broker} holds a number that is none.")
    rounded = ((round(price, _DECIMALS), quantity, orders) for price, quantity, orders in listed)
    return tuple(DepthLevel(*level) for level in rounded if level[0] and level[1])
