"""One feed of an account, over as many sockets as its symbols need and the broker allows."""

from __future__ import annotations

import time
from collections.abc import Sequence

from openalgo_lab.broker.socket import FeedMeans, FeedSocket
from openalgo_lab.broker.spec import BrokerSpec, FeedKind, FeedSpec
from openalgo_lab.model.events import FeedState
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.vocabulary import FeedMode

__all__ = ["Feed", "FeedMeans", "merged_state"]


class Feed:
    """Symbols are spread over sockets as they come: the first socket with room takes them.

    What is beyond the broker's cap waits, is named in the feed's state, and takes the place of what is dropped.
    All methods belong to the engine's loop.
    """

    def __init__(self, spec: BrokerSpec, feed: FeedSpec, means: FeedMeans) -> None:
        self._spec = spec
        self.feed = feed
        self._means = means
        self.sockets = [FeedSocket(spec, feed, means)]
        self._carrier: dict[int, FeedSocket] = {}
        self._load: dict[FeedSocket, int] = dict.fromkeys(self.sockets, 0)
        self._left_out: dict[int, tuple[Instrument, FeedMode]] = {}

    async def start(self) -> None:
        """Connect; returns when the first connection stands. Raises WireError or SessionExpired."""
        await self.sockets[0].start()

    async def close(self) -> None:
        """End it for good."""
        for socket in self.sockets:
            await socket.close()

    async def subscribe(self, instruments: Sequence[Instrument], mode: FeedMode) -> None:
        """Add to what is wanted or raise the mode."""
        shares: dict[FeedSocket, list[Instrument]] = {}
        for instrument in instruments:
            socket = self._carrier.get(instrument.token) or self._room(instrument.token)
            if socket is None:
                self._left_out[instrument.token] = (instrument, mode)
                continue
            shares.setdefault(socket, []).append(instrument)
        for socket, share in shares.items():
            await socket.subscribe(share, mode)
        if self._left_out:
            self._means.changed()

    async def unsubscribe(self, instruments: Sequence[Instrument]) -> None:
        """Drop from what is wanted; who waited for room moves up."""
        shares: dict[FeedSocket, list[Instrument]] = {}
        for instrument in instruments:
            self._left_out.pop(instrument.token, None)
            socket = self._carrier.pop(instrument.token, None)
            if socket is not None:
                self._load[socket] -= 1
                shares.setdefault(socket, []).append(instrument)
        for socket, share in shares.items():
            await socket.unsubscribe(share)
        waiting, self._left_out = self._left_out, {}
        for mode in FeedMode:
            await self.subscribe([i for i, m in waiting.values() if m is mode], mode)

    def state(self) -> FeedState:
        """How fresh the feed is now: as old as its oldest socket."""
        now = time.monotonic()
        details = [socket.detail for socket in self.sockets if socket.detail]
        if self._left_out:
            details.append(
                f"{len(self._left_out)} symbols are not live: {self._spec.name} carries {self._most()} at once. "
                "Drop some from your watch lists."
            )
        return FeedState(
            broker=self._spec.key,
            connected=all(socket.connected for socket in self.sockets),
            age_ms=max(socket.age_ms for socket in self.sockets),
            ticks_per_s=sum(socket.rate.per_second(now) for socket in self.sockets),
            symbols=sum(len(socket.wanted) for socket in self.sockets),
            gaps=sum(socket.gaps for socket in self.sockets),
            detail=" ".join(details),
        )

    def _most(self) -> int:
        return self.feed.symbols_per_socket * self.feed.sockets

    def _room(self, token: int) -> FeedSocket | None:
        """The socket that carries one more, from now on; a new one where the broker allows it."""
        cap = self.feed.symbols_per_socket
        socket = next((s for s, load in self._load.items() if not cap or load < cap), None)
        if socket is None and len(self.sockets) < self.feed.sockets:
            socket = FeedSocket(self._spec, self.feed, self._means)
            self.sockets.append(socket)
            self._load[socket] = 0
            socket.begin()
        if socket is not None:
            self._carrier[token] = socket
            self._load[socket] += 1
        return socket


def merged_state(broker: str, feeds: Sequence[Feed]) -> FeedState:
    """All feeds of an account as one: connected when each is, as old as the oldest of market data."""
    if not feeds:
        return FeedState(broker=broker, connected=False, detail="Not connected.")
    states = [feed.state() for feed in feeds]
    ages = [state.age_ms for feed, state in zip(feeds, states, strict=True) if feed.feed.kind is not FeedKind.ORDERS]
    return FeedState(
        broker=broker,
        connected=all(state.connected for state in states),
        age_ms=max(ages or [state.age_ms for state in states]),
        ticks_per_s=sum(state.ticks_per_s for state in states),
        symbols=sum(state.symbols for state in states),
        gaps=sum(state.gaps for state in states),
        detail=" ".join(state.detail for state in states if state.detail),
    )
