"""A websocket as a `FeedConnection`, over the websockets library. No compression: it costs more than it saves."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator, Sequence
from typing import Final
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK, InvalidStatus, WebSocketException

from openalgo_lab.model.errors import SessionExpired, WireError
from openalgo_lab.wire.proxy import proxy_for
from openalgo_lab.wire.tls import PinRefused
from openalgo_lab.wire.transport import FeedConnection

__all__ = ["open_websocket"]

_OPEN_TIMEOUT_S: Final = 5.0
_PING_INTERVAL_S: Final = 10.0
_MAX_MESSAGE: Final = 8 << 20
_MAX_QUEUE: Final = 64
_CLOSE_TIMEOUT_S: Final = 1.0
_MAX_BURST: Final = 256
"""Frames of one burst, so that a flood leaves the loop to others in between."""


async def open_websocket(
    url: str,
    headers: tuple[tuple[str, str], ...] = (),
    *,
    tls: ssl.SSLContext | None = None,
    max_message: int = _MAX_MESSAGE,
) -> FeedConnection:
    """Open one, through the system's proxy where there is one.

    Raises SessionExpired when the server answers 401 or 403, WireError for every other failure.
    """
    proxy = proxy_for(urlsplit(url).hostname or "") if tls is not None else None
    try:
        connection = await connect(
            url,
            additional_headers=list(headers),
            compression=None,
            ssl=tls,
            proxy=None if proxy is None else proxy.url.reveal(),
            open_timeout=_OPEN_TIMEOUT_S,
            ping_interval=_PING_INTERVAL_S,
            ping_timeout=_PING_INTERVAL_S,
            close_timeout=_CLOSE_TIMEOUT_S,
            max_size=max_message,
            max_queue=_MAX_QUEUE,
        )
    except InvalidStatus as error:
        status = error.response.status_code
        if status in (401, 403):
            raise SessionExpired("The feed no longer knows this session; log in again.") from error
        raise WireError(f"The feed answered with status {status}; try again in a moment.") from error
    except PinRefused as error:
        raise WireError(str(error)) from error
    except (OSError, TimeoutError, WebSocketException, EOFError) as error:
        raise WireError(
            f"The feed cannot be opened ({type(error).__name__}: {error}); check the connection."
        ) from error
    return _Socket(connection)


class _Socket(FeedConnection):
    """One open websocket."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send(self, message: str | bytes) -> None:
        """Send one message. Raises WireError when the socket is gone."""
        try:
            await self._connection.send(message)
        except ConnectionClosed as error:
            raise WireError(f"The feed is closed ({error}); connect again.") from error

    async def frames(self) -> AsyncIterator[str | bytes]:
        """Messages as they come; ends when the server closes, raises WireError when the socket was cut."""
        async for burst in self.bursts():
            for frame in burst:
                yield frame

    async def bursts(self) -> AsyncIterator[Sequence[str | bytes]]:
        """What one read of the socket brought, at a time: the library parses all of it before anybody is woken."""
        receive, queue = self._connection.recv, self._connection.recv_messages.frames.queue
        try:
            while True:
                burst = [await receive()]
                with contextlib.suppress(ConnectionClosed):  # an unreadable message: the next call says so again
                    while queue and queue[-1].fin and len(burst) < _MAX_BURST:
                        burst.append(await receive())
                yield burst
        except ConnectionClosedOK:
            return
        except ConnectionClosed as error:
            raise WireError(f"The feed was cut ({error}); connect again.") from error

    async def close(self) -> None:
        """Close it, within a second."""
        await self._connection.close()
