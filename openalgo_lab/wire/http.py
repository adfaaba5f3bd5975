"""HTTP over httpcore: warm connections, a lane of its own for orders, and an exact answer to "did it leave?".

httpcore tells when it begins to write a request. Whatever fails before that moment (name, connection, TLS, a
connection of the pool that never came free) is a `WireError`: nothing has left. Whatever fails after it is
`OutcomeUnknown`, even a time-out whose bytes may still sit in a buffer.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, Final
from urllib.parse import urlsplit

import certifi
import httpcore

from openalgo_lab.model.errors import OutcomeUnknown, WireError
from openalgo_lab.wire.transport import FeedConnection, HttpRequest, HttpResponse, Lane
from openalgo_lab.wire.websocket import open_websocket

__all__ = ["HttpTransport", "tls_context"]

_MAX_BODY: Final = 64 << 20  # a master contract of 200,000 rows is some 20 MB
_LANE_CONNECTIONS: Final = {Lane.ORDER: 4, Lane.DATA: 8}
_KEEP_ALIVE_S: Final = 60.0


def tls_context() -> ssl.SSLContext:
    """Certificates and host names are checked, TLS 1.2 is the floor."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class HttpTransport:
    """A `Transport` to one broker. ``base_url`` for requests, ``feed_url`` (ws:// or wss://) for feeds.

    Belongs to one event loop. Redirects are not followed, cookies are not kept, proxies of the environment are not
    used: an order goes where the spec says or nowhere.
    """

    def __init__(self, base_url: str, feed_url: str = "", *, max_body: int = _MAX_BODY) -> None:
        self._base = base_url.rstrip("/")
        self._feed = (feed_url or _websocket_url(base_url)).rstrip("/")
        self._max_body = max_body
        secure = urlsplit(self._base).scheme == "https" or urlsplit(self._feed).scheme == "wss"
        self._tls = tls_context() if secure else None
        self._pools = {
            lane: httpcore.AsyncConnectionPool(
                ssl_context=self._tls,
                max_connections=size,
                max_keepalive_connections=size,
                keepalive_expiry=_KEEP_ALIVE_S,
            )
            for lane, size in _LANE_CONNECTIONS.items()
        }
        self._host = urlsplit(self._base).netloc

    async def request(self, request: HttpRequest, *, timeout_s: float) -> HttpResponse:
        """Send and wait for the whole answer, whatever its status. Raises WireError or OutcomeUnknown."""
        left = _Left()
        try:
            async with asyncio.timeout(timeout_s):
                return await self._exchange(request, left)
        except (OSError, TimeoutError, *_HTTPCORE_ERRORS) as error:
            raise self._failure(error, left=bool(left), timeout_s=timeout_s) from error

    async def open_feed(self, path: str, headers: tuple[tuple[str, str], ...] = ()) -> FeedConnection:
        """Open a websocket. Raises WireError, or SessionExpired when the token is refused."""
        return await open_websocket(self._feed + path, headers, tls=self._tls)

    async def close(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            await pool.aclose()

    async def _exchange(self, request: HttpRequest, left: _Left) -> HttpResponse:
        headers = [("host", self._host), ("accept", "*/*"), *request.headers]
        if request.body or request.method in ("POST", "PUT", "PATCH"):
            headers.append(("content-length", str(len(request.body))))
            if not any(name.lower() == "content-type" for name, _ in headers):
                headers.append(("content-type", "application/json"))
        async with self._pools[request.lane].stream(
            request.method,
            self._base + request.path,
            headers=headers,
            content=request.body,
            extensions={"trace": left.trace},
        ) as response:
            body = await self._body(response)
            names = tuple((name.decode("ascii").lower(), value.decode("latin-1")) for name, value in response.headers)
            return HttpResponse(response.status, names, body)

    async def _body(self, response: httpcore.Response) -> bytes:
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.aiter_stream():
            size += len(chunk)
            if size > self._max_body:
                raise httpcore.RemoteProtocolError(f"the answer is larger than {self._max_body} bytes")
            chunks.append(chunk)
        return b"".join(chunks)

    def _failure(self, error: BaseException, *, left: bool, timeout_s: float) -> WireError | OutcomeUnknown:
        late = isinstance(error, TimeoutError | httpcore.TimeoutException)
        what = f"no answer within {timeout_s:g} s" if late else f"{type(error).__name__}: {error}".rstrip(": ")
        if left:
            return OutcomeUnknown(f"The answer of {self._host} never came whole ({what}); look into the books.")
        return WireError(f"{self._host} cannot be reached ({what}); check the connection and try again.")


class _Left:
    """Whether a request has begun to leave this machine; httpcore calls `trace` at each of its steps."""

    __slots__ = ("_began",)

    def __init__(self) -> None:
        self._began = False

    def __bool__(self) -> bool:
        return self._began

    async def trace(self, event: str, info: dict[str, Any]) -> None:
        del info
        if event.endswith("send_request_headers.started"):
            self._began = True


_HTTPCORE_ERRORS: Final = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)


def _websocket_url(base_url: str) -> str:
    scheme, _, rest = base_url.partition("://")
    return f"{'wss' if scheme == 'https' else 'ws'}://{rest}"
