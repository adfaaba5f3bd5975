"""The fault proxy itself, on a server that echoes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from openalgo_lab.sim.faults import Act, Fault, FaultProxy, Flow, random_fault

TO_SERVER, TO_CLIENT = Flow.TO_SERVER, Flow.TO_CLIENT


class Echo:
    """Answers every chunk with itself in capitals, and remembers what came."""

    def __init__(self) -> None:
        self.heard = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            self.heard += data
            writer.write(data.upper())
            await writer.drain()
        writer.close()


@pytest.fixture
async def echo() -> AsyncIterator[tuple[Echo, FaultProxy]]:
    echo = Echo()
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    proxy = FaultProxy("127.0.0.1", server.sockets[0].getsockname()[1], seed=5)
    await proxy.start()
    yield echo, proxy
    await proxy.stop()
    server.close()


async def talk(proxy: FaultProxy, text: bytes, wait: float = 0.25) -> bytes:
    """Send, and read until the end or until nothing comes any more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(text)
    got = b""
    try:
        async with asyncio.timeout(wait):
            while data := await reader.read(1000):
                got += data
    except TimeoutError:
        pass
    writer.close()
    return got


async def test_without_faults_everything_passes(echo: tuple[Echo, FaultProxy]) -> None:
    assert await talk(echo[1], b"hello") == b"HELLO"
    assert echo[1].connections == 1


@pytest.mark.parametrize(
    ("fault", "heard", "got"),
    [
        (Fault(Act.CUT, TO_SERVER, 3), b"hel", b""),
        (Fault(Act.CUT, TO_CLIENT, 3), b"hello", b"HEL"),
        (Fault(Act.CUT, TO_SERVER, 1, trigger=b"ll"), b"hel", b""),
        (Fault(Act.CUT, TO_SERVER, 0, trigger=b"absent"), b"hello", b"HELLO"),
        (Fault(Act.DROP, TO_SERVER, 1, count=2), b"hlo", b"HLO"),
        (Fault(Act.DROP, TO_CLIENT, 1, count=2), b"hello", b"HLO"),
        (Fault(Act.DUPLICATE, TO_CLIENT, 2), b"hello", b"HELLOHELLO"),
        (Fault(Act.STALL, TO_CLIENT, 2), b"hello", b"HE"),
        (Fault(Act.STALL, TO_SERVER, 2), b"he", b"HE"),
        (Fault(Act.DELAY, TO_CLIENT, 2, ms=5), b"hello", b"HELLO"),
        (Fault(Act.DRIP, TO_CLIENT, 1, count=3, ms=1), b"hello", b"HELLO"),
    ],
)
async def test_a_fault_strikes_where_it_should(
    echo: tuple[Echo, FaultProxy], fault: Fault, heard: bytes, got: bytes
) -> None:
    server, proxy = echo
    proxy.schedule(fault)
    assert (await talk(proxy, b"hello"), server.heard) == (got, heard)
    assert proxy.struck == ([] if fault.trigger == b"absent" else [fault])


async def test_garbled_bytes_are_others_and_come_from_the_seed(echo: tuple[Echo, FaultProxy]) -> None:
    _, proxy = echo
    proxy.schedule(Fault(Act.GARBLE, TO_CLIENT, 1, count=3))
    got = await talk(proxy, b"hello")
    assert (got[:1], got[4:]) == (b"H", b"O")
    assert all(a != b for a, b in zip(got[1:4], b"ELL", strict=True))
    assert FaultProxy("", 0, seed=5).garbled(b"ELL") == got[1:4]


async def test_a_page_stands_in_for_the_answer(echo: tuple[Echo, FaultProxy]) -> None:
    _, proxy = echo
    proxy.schedule(Fault(Act.STATUS, TO_CLIENT, status=503))
    got = await talk(proxy, b"hello")
    assert got.startswith(b"HTTP/1.1 503 ")
    assert b"HELLO" not in got


async def test_a_fault_is_used_once(echo: tuple[Echo, FaultProxy]) -> None:
    _, proxy = echo
    proxy.schedule(Fault(Act.CUT, TO_CLIENT, 0))
    assert await talk(proxy, b"one") == b""
    assert await talk(proxy, b"two") == b"TWO"


async def test_a_server_that_is_not_there_ends_the_connection() -> None:
    proxy = FaultProxy("127.0.0.1", 1)
    await proxy.start()
    assert await talk(proxy, b"hello") == b""
    await proxy.stop()


def test_random_faults_follow_their_source() -> None:
    first = [random_fault(random.Random(3)) for _ in range(3)]
    assert first == [random_fault(random.Random(3)) for _ in range(3)]
    many = {random_fault(source).act for source in map(random.Random, range(200))}
    assert many == set(Act)
