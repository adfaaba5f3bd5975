"""One HTTP/1.1 connection over asyncio, with h11 as its grammar wherever a message is not of the plainest form.

An answer is only ever taken for the request that was sent last: bytes that come when nothing was asked, or behind
the end of an answer, end the connection. A pooled client that keeps them would hand an old answer, and with it another
order's id, to the next request.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Final, cast

import h11

from openalgo_lab.model.errors import InputError
from openalgo_lab.wire.plain import PlainHead, plain_head, written_request
from openalgo_lab.wire.proxy import open_tunnel, proxy_for
from openalgo_lab.wire.transport import HttpResponse

__all__ = ["ConnectionLost", "H1Connection", "Headers"]

Headers = list[tuple[str, str]]

_MAX_HEAD: Final = 64 << 10


class ConnectionLost(OSError):
    """The connection ended, or what came over it is no HTTP."""


class H1Connection(asyncio.Protocol):
    """A connection that carries one request at a time."""

    def __init__(self) -> None:
        self._grammar: h11.Connection | None = None  # of the present answer, if it needs one
        self._received = bytearray()
        self._ended = False
        self._transport: asyncio.Transport | None = None
        self._arrived: asyncio.Future[None] | None = None
        self._busy = False
        self._lost: Exception | None = None
        self.idle_since = 0.0

    @classmethod
    async def open(cls, host: str, port: int, tls: ssl.SSLContext | None) -> H1Connection:
        """Connect, through the system's proxy where there is one. Raises OSError (ssl.SSLError is one)."""
        if tls is not None and (proxy := proxy_for(host)) is not None:
            return await open_tunnel(proxy, host, port, tls, cls)
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(cls, host, port, ssl=tls, happy_eyeballs_delay=0.25)
        return connection

    @property
    def usable(self) -> bool:
        """Whether it is open and silent."""
        return self._lost is None and not self._busy and self._transport is not None

    def close(self) -> None:
        """End it at once."""
        if self._transport is not None:
            self._transport.abort()
        self._end(ConnectionLost("closed"))

    async def exchange(self, method: str, target: str, headers: Headers, body: bytes, max_body: int) -> HttpResponse:
        """Send one request and wait for its answer. Whatever fails ends the connection.

        Raises ConnectionLost; when it does, the request may have arrived. Raises InputError; then nothing has left.
        """
        assert self._transport is not None
        self._busy, self._grammar = True, None
        done = False
        try:
            written = written_request(method, target, headers, body)
            if written is None:
                raise InputError("A header or address holds a sign that cannot be sent; check the credentials.")
            self._transport.write(written)
            head = await self._plain_head()
            if head is None:
                response, done = await self._by_grammar(method, target, headers, body, max_body)
            else:
                response, done = await self._plain_answer(head, max_body)
            return response
        except h11.ProtocolError as error:
            raise ConnectionLost(f"the answer is no HTTP: {error}") from error
        finally:
            self._busy = False
            if not done:
                self.close()

    async def _plain_head(self) -> PlainHead | None:
        """The answer's head, where it is plain; None when it is not, or the connection ended before it was whole."""
        while (head := plain_head(self._received)) is None and b"\r\n\r\n" not in self._received:
            if self._ended or self._lost is not None or len(self._received) > _MAX_HEAD:
                break
            await self._wait()
        return head

    async def _plain_answer(self, head: PlainHead, max_body: int) -> tuple[HttpResponse, bool]:
        """The answer, and whether the connection may carry another."""
        if head.size > max_body:
            raise ConnectionLost(f"the answer is larger than {max_body} bytes")
        whole = head.start + head.size
        while len(self._received) < whole:
            if self._ended:
                raise ConnectionLost("the connection ended in the middle of an answer")
            await self._wait()
        response = head.answer(self._received)
        spotless = len(self._received) == whole and self._lost is None and not self._ended
        self._received.clear()
        return response, spotless

    async def _by_grammar(
        self, method: str, target: str, headers: Headers, body: bytes, max_body: int
    ) -> tuple[HttpResponse, bool]:
        """The same for an answer of any other form; h11 must know what it answers."""
        grammar = self._grammar = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD)
        request = h11.Request(method=method, target=target, headers=headers)
        for event in (request, h11.Data(data=body), h11.EndOfMessage()):
            grammar.send(event)
        if self._received:
            grammar.receive_data(bytes(self._received))
            self._received.clear()
        if self._ended:
            grammar.receive_data(b"")
        response = await self._answer(grammar, max_body)
        both_done = grammar.our_state is h11.DONE and grammar.their_state is h11.DONE
        return response, both_done and not grammar.trailing_data[0] and self._lost is None

    async def _answer(self, grammar: h11.Connection, max_body: int) -> HttpResponse:
        head: h11.Response | None = None
        chunks: list[bytes] = []
        size = 0
        while True:
            event = grammar.next_event()
            if event is h11.NEED_DATA:
                await self._wait()
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                size += len(event.data)
                if size > max_body:
                    raise ConnectionLost(f"the answer is larger than {max_body} bytes")
                chunks.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                names = tuple((name.decode("ascii"), value.decode("latin-1")) for name, value in head.headers)
                return HttpResponse(head.status_code, names, b"".join(chunks))
            elif isinstance(event, h11.ConnectionClosed) or event is h11.PAUSED:
                raise ConnectionLost("the connection ended without an answer")

    async def _wait(self) -> None:
        if self._lost is not None:
            raise ConnectionLost(str(self._lost)) from self._lost
        self._arrived = asyncio.get_running_loop().create_future()
        await self._arrived

    # Called by the loop ----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Bytes of an answer; of none, when nothing was asked."""
        if not self._busy:
            self.close()
            return
        if self._grammar is None:
            self._received += data
        else:
            self._grammar.receive_data(data)
        self._wake()

    def eof_received(self) -> bool:
        """The other side says no more: an answer without a length may be complete by this."""
        if self._busy:
            self._ended = True
            if self._grammar is not None:
                self._grammar.receive_data(b"")
            self._wake()
        else:
            self._end(ConnectionLost("the server closed it"))
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The end."""
        self._end(exc or ConnectionLost("the server closed it"))

    def _end(self, error: Exception) -> None:
        if self._lost is None:
            self._lost = error
        self._wake()

    def _wake(self) -> None:
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)
