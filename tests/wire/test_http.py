"""The HTTP transport on real sockets: what definitely did not leave, and what may have arrived."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from openalgo_lab.model.errors import InputError, OutcomeUnknown, SessionExpired, WireError
from openalgo_lab.wire.http import HttpTransport
from openalgo_lab.wire.tls import tls_context
from openalgo_lab.wire.transport import HttpRequest, Lane

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
ORDER = HttpRequest("POST", "/orders?a=b", (("x-token", "t"),), b'{"qty":1}', Lane.ORDER, safe=False)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Name: Value\r\n\r\nok"


class Server:
    """Hands every connection to a handler and keeps what it read."""

    def __init__(self) -> None:
        self.handler: Handler = self.answer
        self.requests: list[bytes] = []
        self.connections = 0
        self.reply = OK

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self.handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has gone, as several tests mean it to
        finally:
            writer.close()

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        size = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0)
        request = head + await reader.readexactly(size)
        self.requests.append(request)
        return request

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await self.read(reader)
            writer.write(self.reply)
            await writer.drain()

    def close(self) -> None:
        self._server.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    server.url = await server.start()  # type: ignore[attr-defined]
    yield server
    server.close()


@pytest.fixture
async def wire(server: Server) -> AsyncIterator[HttpTransport]:
    wire = HttpTransport(server.url, max_body=1000)  # type: ignore[attr-defined]
    yield wire
    await wire.close()


async def test_a_request_goes_as_it_is_and_the_answer_comes_whole(server: Server, wire: HttpTransport) -> None:
    response = await wire.request(ORDER, timeout_s=5)
    assert (response.status, response.body) == (200, b"ok")
    assert ("x-name", "Value") in response.headers
    (request,) = server.requests
    assert request.startswith(b"POST /orders?a=b HTTP/1.1\r\n")
    assert request.endswith(b'\r\n\r\n{"qty":1}')
    for header in (b"x-token: t", b"content-length: 9", b"content-type: application/json", b"Host: 127.0.0.1"):
        assert header.lower() in request.lower()


async def test_connections_stay_warm_and_each_lane_has_its_own(server: Server, wire: HttpTransport) -> None:
    for _ in range(3):
        await wire.request(ORDER, timeout_s=5)
    assert server.connections == 1
    await wire.request(HttpRequest("GET", "/funds"), timeout_s=5)
    assert server.connections == 2


async def test_orders_never_queue_behind_data(server: Server, wire: HttpTransport) -> None:
    release = asyncio.Event()

    async def slow_data(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            if (await server.read(reader)).startswith(b"GET"):
                await release.wait()
            writer.write(OK)

    server.handler = slow_data
    data = [asyncio.create_task(wire.request(HttpRequest("GET", "/history"), timeout_s=20)) for _ in range(30)]
    await asyncio.sleep(0.05)
    assert (await wire.request(ORDER, timeout_s=5)).status == 200
    release.set()
    assert {response.status for response in await asyncio.gather(*data)} == {200}


@pytest.mark.parametrize("status", [201, 302, 400, 401, 429, 500, 502])
async def test_every_status_is_an_answer(server: Server, wire: HttpTransport, status: int) -> None:
    server.reply = f"HTTP/1.1 {status} X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n".encode()
    assert (await wire.request(ORDER, timeout_s=5)).status == status
    assert len(server.requests) == 1


async def test_nobody_there_means_it_did_not_leave() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        wire = HttpTransport(f"http://127.0.0.1:{unused.getsockname()[1]}")
    with pytest.raises(WireError, match="cannot be reached"):
        await wire.request(ORDER, timeout_s=5)
    await wire.close()


async def test_no_name_means_it_did_not_leave() -> None:
    wire = HttpTransport("http://no-such-host.invalid")
    with pytest.raises(WireError):
        await wire.request(ORDER, timeout_s=5)
    await wire.close()


async def test_a_handshake_that_fails_means_it_did_not_leave(server: Server) -> None:
    wire = HttpTransport(server.url.replace("http:", "https:"))  # type: ignore[attr-defined]
    with pytest.raises(WireError):
        await wire.request(ORDER, timeout_s=0.3)
    await wire.close()


async def test_a_time_out_before_a_connection_means_it_did_not_leave(server: Server, wire: HttpTransport) -> None:
    """All connections of the lane are busy: the waiting request has not left, the busy ones have."""

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read(reader)
        await reader.read()

    server.handler = never
    busy = [asyncio.create_task(wire.request(ORDER, timeout_s=0.6)) for _ in range(4)]
    await asyncio.sleep(0.1)
    with pytest.raises(WireError, match=r"no answer within 0\.1 s"):
        await wire.request(ORDER, timeout_s=0.1)
    outcomes = await asyncio.gather(*busy, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {OutcomeUnknown}


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nConte",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ],
)
async def test_an_answer_that_is_cut_leaves_the_outcome_unknown(
    server: Server, wire: HttpTransport, reply: bytes
) -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read(reader)
        writer.write(reply)
        await writer.drain()

    server.handler = cut
    with pytest.raises(OutcomeUnknown, match="look into the books"):
        await wire.request(ORDER, timeout_s=5)
    assert len(server.requests) == 1, "an order is never sent twice"


async def test_silence_after_sending_leaves_the_outcome_unknown(server: Server, wire: HttpTransport) -> None:
    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read(reader)
        await reader.read()

    server.handler = never
    with pytest.raises(OutcomeUnknown, match=r"no answer within 0\.1 s"):
        await wire.request(ORDER, timeout_s=0.1)


async def test_an_endless_answer_is_refused(server: Server, wire: HttpTransport) -> None:
    server.reply = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000
    with pytest.raises(OutcomeUnknown, match="larger than 1000 bytes"):
        await wire.request(ORDER, timeout_s=5)


async def test_after_a_failure_the_lane_works_again(server: Server, wire: HttpTransport) -> None:
    async def cut_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if server.connections == 1:
            await server.read(reader)
            return
        await server.answer(reader, writer)

    server.handler = cut_first
    with pytest.raises(OutcomeUnknown):
        await wire.request(ORDER, timeout_s=5)
    assert (await wire.request(ORDER, timeout_s=5)).status == 200


async def test_an_idle_connection_that_the_server_closed_is_not_used(server: Server, wire: HttpTransport) -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read(reader)
        writer.write(OK)

    server.handler = once
    for _ in range(3):
        assert (await wire.request(ORDER, timeout_s=5)).status == 200
        await asyncio.sleep(0.02)  # the server's goodbye arrives
    assert (server.connections, len(server.requests)) == (3, 3)


def test_tls_has_a_floor_and_checks_names() -> None:
    context = tls_context()
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


# Feeds --------------------------------------------------------------------------------------------------------------


async def test_a_feed_carries_text_and_bytes_and_ends_normally() -> None:
    from websockets.asyncio.server import ServerConnection, serve

    async def greet(socket: ServerConnection) -> None:
        await socket.send(f"{socket.request.path} {socket.request.headers['x-token']}")  # type: ignore[union-attr]
        await socket.send(b"\x01\x02")
        await socket.send(await socket.recv())

    async with serve(greet, "127.0.0.1", 0) as server:
        wire = HttpTransport(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        feed = await wire.open_feed("/feed?x=1", (("x-token", "t"),))
        await feed.send("hello")
        assert [frame async for frame in feed.frames()] == ["/feed?x=1 t", b"\x01\x02", "hello"]
        with pytest.raises(WireError):
            await feed.send("too late")
        await feed.close()
        await wire.close()


async def test_a_feed_that_is_cut_raises() -> None:
    from websockets.asyncio.server import ServerConnection, serve

    async def cut(socket: ServerConnection) -> None:
        await socket.send("one")
        socket.transport.abort()

    async with serve(cut, "127.0.0.1", 0) as server:
        wire = HttpTransport(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        feed = await wire.open_feed("/feed")
        heard: list[str | bytes] = []

        async def listen() -> None:
            async for frame in feed.frames():
                heard.append(frame)  # noqa: PERF401 - what came before the cut must stay

        with pytest.raises(WireError, match="cut"):
            await listen()
        assert heard == ["one"]
        await wire.close()


async def test_what_waited_in_the_socket_comes_together_and_a_part_of_a_message_holds_nothing_up() -> None:
    from websockets.asyncio.server import ServerConnection, serve

    sent, more = asyncio.Event(), asyncio.Event()

    async def say(socket: ServerConnection) -> None:
        for word in ("a", b"b", "c"):
            await socket.send(word)

        async def parts() -> AsyncIterator[str]:
            yield "d"
            sent.set()
            await more.wait()
            yield "e"

        await socket.send(parts())

    async with serve(say, "127.0.0.1", 0) as server:
        wire = HttpTransport(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        feed = await wire.open_feed("/feed")
        await asyncio.wait_for(sent.wait(), 10)
        bursts = feed.bursts()
        heard: list[str | bytes] = []
        while len(heard) < 3:
            heard += await asyncio.wait_for(anext(bursts), 10)
        assert heard == ["a", b"b", "c"]
        more.set()
        assert [frame async for burst in bursts for frame in burst] == ["de"]
        await wire.close()


async def test_a_flood_comes_in_order_and_in_bursts_that_leave_the_loop_to_others() -> None:
    from websockets.asyncio.server import ServerConnection, serve

    async def flood(socket: ServerConnection) -> None:
        for number in range(3_000):
            await socket.send(str(number))

    async with serve(flood, "127.0.0.1", 0) as server:
        wire = HttpTransport(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        feed = await wire.open_feed("/feed")
        bursts = [burst async for burst in feed.bursts()]
        assert [int(frame) for burst in bursts for frame in burst] == list(range(3_000))
        assert max(map(len, bursts)) <= 256
        await wire.close()


@pytest.mark.parametrize(("status", "error"), [(401, SessionExpired), (403, SessionExpired), (500, WireError)])
async def test_a_feed_that_is_refused(server: Server, wire: HttpTransport, status: int, error: type[Exception]) -> None:
    server.reply = f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode()
    with pytest.raises(error):
        await wire.open_feed("/feed")


async def test_a_feed_with_nobody_there() -> None:
    wire = HttpTransport("http://127.0.0.1:1")
    with pytest.raises(WireError, match="cannot be opened"):
        await wire.open_feed("/feed")
    await wire.close()


# Several hosts -----------------------------------------------------------------------------------------------------


async def test_a_request_goes_to_the_host_that_it_names(server: Server) -> None:
    nobody = "http://127.0.0.1:1"
    wire = HttpTransport(nobody, hosts={"files": f"{server.url}/static"})  # type: ignore[attr-defined]
    answer = await wire.request(HttpRequest("GET", "/master.csv", host="files"), timeout_s=5)
    assert answer.status == 200
    assert server.requests[-1].startswith(b"GET /static/master.csv HTTP/1.1")
    with pytest.raises(WireError):
        await wire.request(HttpRequest("GET", "/x"), timeout_s=5)
    with pytest.raises(InputError, match="No address is known for the host 'other'"):
        await wire.request(HttpRequest("GET", "/x", host="other"), timeout_s=5)
    await wire.close()


async def test_a_feed_has_an_address_of_its_own_unless_another_stands_in() -> None:
    from websockets.asyncio.server import ServerConnection, serve

    async def tell(socket: ServerConnection) -> None:
        await socket.send(socket.request.path)  # type: ignore[union-attr]

    async with serve(tell, "127.0.0.1", 0) as running:
        here = f"ws://127.0.0.1:{running.sockets[0].getsockname()[1]}"
        plain, stood_in = HttpTransport("http://127.0.0.1:1"), HttpTransport("http://127.0.0.1:1", f"{here}/sim")
        asked = [
            (plain, "/feed", f"{here}/prices", "/prices/feed"),
            (plain, f"{here}/given?code=1", "", "/given?code=1"),
            (stood_in, "/feed", "ws://127.0.0.1:1/real", "/sim/feed"),
        ]
        for wire, path, url, expected in asked:
            feed = await wire.open_feed(path, url=url)
            assert [frame async for frame in feed.frames()] == [expected]
            await feed.close()
