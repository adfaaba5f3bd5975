"""HTTP for brokers: warm connections, a lane of its own for orders, and an exact answer to "did it leave?".

What fails before the first byte is handed to the socket (name, connection, TLS, no connection of the lane free in
time) is a `WireError`: nothing has left. What fails after it is `OutcomeUnknown`, even a time-out whose bytes may still
sit in a buffer. Nothing is ever sent twice.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from openalgo_lab.model.errors import InputError, OutcomeUnknown, WireError
from openalgo_lab.wire.h1 import H1Connection
from openalgo_lab.wire.tls import PinRefused, tls_context
from openalgo_lab.wire.transport import FeedConnection, HttpRequest, HttpResponse, Lane

__all__ = ["HttpTransport"]

_MAX_BODY: Final = 256 << 20  # the largest master contract is some 60 MB
_LANE_CONNECTIONS: Final = {Lane.ORDER: 4, Lane.DATA: 8}
_KEEP_ALIVE_S: Final = 55.0
_HAS_BODY: Final = frozenset({"POST", "PUT", "PATCH"})


class HttpTransport:
    """A `Transport` to one broker: ``base_url`` and further ``hosts`` by name for requests, feeds by their own address.

    Belongs to one event loop. Redirects are not followed, cookies are not kept: an order goes where the spec says, by
    way of the system's proxy where there is one, or nowhere. ``feed_url`` stands in for every feed's own address, and
    ``hosts`` may map a name to the same address (a simulator). Raises InputError for an address that is none.
    """

    def __init__(
        self,
        base_url: str,
        feed_url: str = "",
        *,
        hosts: Mapping[str, str] | None = None,
        max_body: int = _MAX_BODY,
    ) -> None:
        self._max_body = max_body
        self._tls: ssl.SSLContext | None = None
        self._hosts = {"": self._host(base_url), **{name: self._host(url) for name, url in (hosts or {}).items()}}
        self._feed_url = feed_url.rstrip("/")
        base = urlsplit(base_url.rstrip("/"))
        self._base_feed = f"{'wss' if base.scheme == 'https' else 'ws'}://{base.netloc}{base.path}"

    async def request(self, request: HttpRequest, *, timeout_s: float) -> HttpResponse:
        """Send and wait for the whole answer, whatever its status. Raises WireError or OutcomeUnknown."""
        host = self._hosts.get(request.host)
        if host is None:
            raise InputError(f"No address is known for the host {request.host!r} of this broker.", field="host")
        left = False
        try:
            async with asyncio.timeout(timeout_s), host.lanes[request.lane].connection() as connection:
                left = True
                headers, target = _headers(request, host.netloc), host.prefix + request.path
                return await connection.exchange(request.method, target, headers, request.body, self._max_body)
        except (OSError, TimeoutError) as error:
            raise self._failure(host.netloc, error, left=left, timeout_s=timeout_s) from error

    async def open_feed(self, path: str, headers: tuple[tuple[str, str], ...] = (), *, url: str = "") -> FeedConnection:
        """Open a websocket. Raises WireError, or SessionExpired when the token is refused."""
        from openalgo_lab.wire.websocket import open_websocket

        whole = path.startswith(("ws://", "wss://"))
        address = path if whole else (self._feed_url or url.rstrip("/") or self._base_feed) + path
        return await open_websocket(address, headers, tls=self._context() if address.startswith("wss:") else None)

    async def close(self) -> None:
        """Close all connections."""
        for host in self._hosts.values():
            for pool in host.lanes.values():
                pool.close()

    def _host(self, url: str) -> _Host:
        base = urlsplit(url.rstrip("/"))
        if base.scheme not in ("http", "https") or not base.hostname:
            raise InputError(f"{url!r} is no address of a broker; it begins with https:// and a host.", "base_url")
        tls = self._context() if base.scheme == "https" else None
        return _Host(base.netloc, base.path, base.hostname, base.port or (443 if tls else 80), tls)

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = tls_context()
        return self._tls

    def _failure(self, netloc: str, error: OSError, *, left: bool, timeout_s: float) -> WireError | OutcomeUnknown:
        # A time-out of the operating system's own while connecting has a text; ours has none.
        late = isinstance(error, TimeoutError) and not str(error)
        what = f"no answer within {timeout_s:g} s" if late else str(error) or type(error).__name__
        if left:
            return OutcomeUnknown(f"The answer of {netloc} never came whole ({what}); look into the books.")
        if isinstance(error, PinRefused):
            return WireError(str(error))
        return WireError(f"{netloc} cannot be reached ({what}); check the connection and try again.")


def _headers(request: HttpRequest, netloc: str) -> list[tuple[str, str]]:
    headers = [("host", netloc), ("accept", "*/*"), *request.headers]
    if request.body or request.method in _HAS_BODY:
        headers.append(("content-length", str(len(request.body))))
        if not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(("content-type", "application/json"))
    return headers


class _Host:
    """One address of a broker and its lanes."""

    __slots__ = ("lanes", "netloc", "prefix")

    def __init__(self, netloc: str, prefix: str, name: str, port: int, tls: ssl.SSLContext | None) -> None:
        self.netloc = netloc
        self.prefix = prefix
        self.lanes = {lane: _Pool(name, port, tls, size) for lane, size in _LANE_CONNECTIONS.items()}


class _Pool:
    """The connections of one lane: at most ``size``, the last used first."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None, size: int) -> None:
        self._address = (host, port, tls)
        self._slots = asyncio.Semaphore(size)
        self._idle: list[H1Connection] = []

    def connection(self) -> _Lease:
        """A connection for one request, as a context."""
        return _Lease(self)

    async def take(self) -> H1Connection:
        """One that is open and silent, or a new one. Raises OSError."""
        await self._slots.acquire()
        try:
            while self._idle:
                connection = self._idle.pop()
                if connection.usable and time.monotonic() - connection.idle_since < _KEEP_ALIVE_S:
                    return connection
                connection.close()
            return await H1Connection.open(*self._address)
        except BaseException:
            self._slots.release()
            raise

    def give(self, connection: H1Connection) -> None:
        """Back after a request."""
        self._slots.release()
        if connection.usable:
            connection.idle_since = time.monotonic()
            self._idle.append(connection)

    def close(self) -> None:
        """Close what is idle; what is in use ends with its request."""
        while self._idle:
            self._idle.pop().close()


class _Lease:
    """A connection that goes back by itself."""

    __slots__ = ("_connection", "_pool")

    def __init__(self, pool: _Pool) -> None:
        self._pool = pool
        self._connection: H1Connection | None = None

    async def __aenter__(self) -> H1Connection:
        self._connection = await self._pool.take()
        return self._connection

    async def __aexit__(self, *_: object) -> None:
        if self._connection is not None:
            self._pool.give(self._connection)
