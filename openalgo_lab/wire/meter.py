"""Counts what passes between us and one broker: calls, messages, bytes, errors, and how long answers take.

A count costs a few microseconds, so that it may stand in the way of an order.
"""

from __future__ import annotations

import math
import re
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from typing import Final

from openalgo_lab.wire.transport import FeedConnection, HttpRequest, HttpResponse, Transport

__all__ = ["CallEnd", "Endpoint", "MeteredFeeds", "TrafficMeter"]

_KEPT: Final = 1024
"""Durations kept of each endpoint."""

_MOST_NAMES: Final = 100
_MOST_PATHS: Final = 2000
_ID: Final = re.compile(r"/(?=[^/]*\d)[A-Za-z0-9_.:-]{6,}(?=/|$)|/\d+(?=/|$)")
"""A part of a path that is an id and no word: an order's number, a token."""


class CallEnd(StrEnum):
    """How a call ended."""

    ANSWERED = "answered"
    REFUSED = "refused"
    FAILED = "failed"
    THROTTLED = "throttled"


class Endpoint:
    """The counts of one endpoint. Milliseconds of its last calls in ``ms``."""

    __slots__ = (
        "answers", "failed", "feed", "last_ns", "ms", "received_bytes", "refused", "requests", "sent_bytes",
        "throttled", "waited_ms",
    )  # fmt: skip

    def __init__(self, *, feed: bool = False) -> None:
        self.feed = feed
        self.requests = self.answers = self.refused = self.failed = self.throttled = 0
        self.sent_bytes = self.received_bytes = 0
        self.waited_ms = 0.0
        self.last_ns = 0
        self.ms: deque[float] = deque(maxlen=_KEPT)

    def percentiles(self, shares: Sequence[float]) -> tuple[float, ...]:
        """Of the durations kept, by nearest rank; NaN without one."""
        values = sorted(self.ms.copy())
        if not values:
            return (math.nan,) * len(shares)
        return tuple(values[min(math.ceil(share * len(values)), len(values)) - 1] for share in shares)


class TrafficMeter:
    """One login's. Written on the engine's loop, read from any thread."""

    def __init__(self) -> None:
        self.endpoints: dict[str, Endpoint] = {}
        self._names: dict[tuple[str, str], str] = {}

    def call(
        self, request: HttpRequest, end: CallEnd, *, ms: float = math.nan, waited_ms: float = 0.0,
        response: HttpResponse | None = None,
    ) -> None:  # fmt: skip
        """One call has ended; without ``ms`` it never left."""
        point = self._endpoint(self._name(request.method, request.path))
        point.last_ns = time.time_ns()
        point.waited_ms = max(point.waited_ms, waited_ms)
        if end is CallEnd.THROTTLED:
            point.throttled += 1
        if math.isnan(ms):
            return
        point.requests += 1
        point.sent_bytes += len(request.body) + len(request.path)
        point.ms.append(ms)
        if response is not None:
            point.answers += 1
            point.received_bytes += len(response.body)
        point.refused += end is CallEnd.REFUSED
        point.failed += end is CallEnd.FAILED

    def sent(self, name: str, size: int) -> None:
        """One message to a feed."""
        point = self._endpoint(name, feed=True)
        point.last_ns = time.time_ns()
        point.requests += 1
        point.sent_bytes += size

    def heard(self, name: str, frames: Sequence[str | bytes]) -> None:
        """Messages of a feed that came together."""
        point = self._endpoint(name, feed=True)
        point.last_ns = time.time_ns()
        point.answers += len(frames)
        point.received_bytes += sum(map(len, frames))

    def _endpoint(self, name: str, *, feed: bool = False) -> Endpoint:
        found = self.endpoints.get(name)
        if found is None:
            if len(self.endpoints) >= _MOST_NAMES:
                name = "other"
            found = self.endpoints.setdefault(name, Endpoint(feed=feed))
        return found

    def _name(self, method: str, path: str) -> str:
        """An endpoint's name: its path without the query, and with a star for ids."""
        found = self._names.get((method, path))
        if found is None:
            if len(self._names) >= _MOST_PATHS:
                self._names.clear()
            found = self._names[method, path] = f"{method} {_ID.sub('/*', path.partition('?')[0])}"
        return found


class MeteredFeeds:
    """A transport whose feeds are counted; its requests are counted by who makes them and knows how they ended."""

    def __init__(self, inner: Transport, meter: TrafficMeter) -> None:
        self._inner = inner
        self._meter = meter

    async def request(self, request: HttpRequest, *, timeout_s: float) -> HttpResponse:
        """As the transport does."""
        return await self._inner.request(request, timeout_s=timeout_s)

    async def open_feed(self, path: str, headers: tuple[tuple[str, str], ...] = (), *, url: str = "") -> FeedConnection:
        """The same connection, counted."""
        connection = await self._inner.open_feed(path, headers, url=url)
        # The address may hold a token: its host and path are the name, never the query.
        name = (path if "://" in path else url + path).partition("?")[0].partition("://")[2] or path.partition("?")[0]
        return _Counted(connection, f"feed {name}", self._meter)

    async def close(self) -> None:
        """As the transport does."""
        await self._inner.close()


class _Counted(FeedConnection):
    """A connection that counts its messages."""

    def __init__(self, inner: FeedConnection, name: str, meter: TrafficMeter) -> None:
        self._inner = inner
        self._name = name
        self._meter = meter

    async def send(self, message: str | bytes) -> None:
        await self._inner.send(message)
        self._meter.sent(self._name, len(message))

    async def frames(self) -> AsyncIterator[str | bytes]:
        async for frame in self._inner.frames():
            self._meter.heard(self._name, (frame,))
            yield frame

    async def bursts(self) -> AsyncIterator[Sequence[str | bytes]]:
        async for burst in self._inner.bursts():
            self._meter.heard(self._name, burst)
            yield burst

    async def close(self) -> None:
        await self._inner.close()
