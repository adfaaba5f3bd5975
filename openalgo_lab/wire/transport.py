"""The seam between codecs and the network: requests and frames as values, transports as protocols.

A real HTTP pool, the in-process simulated exchange and a test double are interchangeable behind it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

__all__ = ["FeedConnection", "HttpRequest", "HttpResponse", "Lane", "Transport"]


class Lane(StrEnum):
    """Orders never queue behind data."""

    ORDER = "order"
    DATA = "data"


class HttpRequest(msgspec.Struct, frozen=True):
    """One request as a value; ``path`` starts with "/" and is relative to the host's URL."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    lane: Lane = Lane.DATA
    safe: bool = True
    """Whether sending it twice does no harm: true for reads, false for orders."""
    host: str = ""
    """A key of the spec's ``hosts``; "" is its ``base_url``."""
    pool: str = ""
    """The limiter's pool that it counts in; "" is "order" on the order lane, else "data"."""

    def __repr__(self) -> str:
        """Without headers and body: they may hold secrets, and a repr ends up in logs."""
        return f"HttpRequest({self.method} {self.path}, lane={self.lane})"


class HttpResponse(msgspec.Struct, frozen=True):
    """What came back. Header names are lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class FeedConnection(Protocol):
    """One open market-data (or order-update) socket. Derive from it: only ``bursts`` has a body."""

    async def send(self, message: str | bytes) -> None:
        """Send one message. Raises WireError when the socket is gone."""

    def frames(self) -> AsyncIterator[str | bytes]:
        """Frames as they come; ends normally when the socket is closed, raises WireError when it was cut."""

    async def bursts(self) -> AsyncIterator[Sequence[str | bytes]]:
        """The same, with all that have come by now at a time: at least one, in their order. Nothing is waited for."""
        async for frame in self.frames():
            yield (frame,)

    async def close(self) -> None:
        """Close it; never raises."""


class Transport(Protocol):
    """How an adapter reaches its broker."""

    async def request(self, request: HttpRequest, *, timeout_s: float) -> HttpResponse:
        """Send and wait for the answer, whatever its status.

        Raises WireError when the request definitely did not leave, OutcomeUnknown when it may have arrived
        but no complete answer came back.
        """

    async def open_feed(self, path: str, headers: tuple[tuple[str, str], ...] = (), *, url: str = "") -> FeedConnection:
        """Open a websocket: a whole ws:// or wss:// address, or a path after ``url`` ("" = the base URL's).

        Raises WireError when it cannot be opened, SessionExpired when the token is refused.
        """

    async def close(self) -> None:
        """Close all connections; never raises."""
