"""A TCP proxy that breaks connections on schedule, between real client code and a real server. For tests.

    proxy = FaultProxy("127.0.0.1", server.port, seed=1)
    await proxy.start()
    proxy.schedule(Fault(Act.CUT, Flow.TO_SERVER, after_bytes=17, trigger=b"POST /orders"))

A fault is used once. It is armed on the connection where the client sends ``trigger`` (or on the next connection,
without one) and strikes ``after_bytes`` later in its direction: counted from the trigger's first byte on the way to
the server, from the first byte of what the server answers on the way back. Random bytes come from the seed.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from enum import StrEnum
from typing import Final

import msgspec

__all__ = ["Act", "Fault", "FaultProxy", "Flow", "random_fault"]

_CHUNK: Final = 65_536
_PAGE: Final = b"<html><body><h1>Something is wrong</h1></body></html>"


class Flow(StrEnum):
    """The direction in which a fault strikes."""

    TO_SERVER = "to_server"
    TO_CLIENT = "to_client"


class Act(StrEnum):
    """What happens to the bytes from the fault's place on."""

    CUT = "cut"  # what lies before is delivered, then both sides are closed
    DELAY = "delay"  # the rest waits `ms`
    STALL = "stall"  # nothing more passes in this direction; the connection stays open
    DROP = "drop"  # `count` bytes vanish
    GARBLE = "garble"  # `count` bytes become others
    DUPLICATE = "duplicate"  # what came with that chunk is delivered twice
    DRIP = "drip"  # `count` bytes pass one by one, `ms` apart
    STATUS = "status"  # an HTTP page with `status` stands in for the answer, then the connection ends


class Fault(msgspec.Struct, frozen=True):
    """One fault; see the module."""

    act: Act
    flow: Flow
    after_bytes: int = 0
    trigger: bytes = b""
    count: int = 1
    ms: float = 0.0
    status: int = 502


def random_fault(source: random.Random, trigger: bytes = b"", *, reach: int = 600) -> Fault:
    """Any fault, somewhere in the first ``reach`` bytes; the same source gives the same fault."""
    act = source.choice(list(Act))
    return Fault(
        act=act,
        flow=Flow.TO_CLIENT if act is Act.STATUS else source.choice(list(Flow)),
        after_bytes=source.randrange(reach),
        trigger=trigger,
        count=source.randrange(1, 40),
        ms=source.uniform(0.0, 3.0),
        status=source.choice([429, 500, 502, 503]),
    )


class FaultProxy:
    """Listens on a free port of the loopback interface and forwards to one server."""

    def __init__(self, host: str, port: int, *, seed: int = 0) -> None:
        self.target = (host, port)
        self.port = 0
        self.connections = 0
        self.struck: list[Fault] = []
        """Faults that have happened, in order."""
        self._random = random.Random(seed)
        self._waiting: list[Fault] = []
        self._server: asyncio.Server | None = None
        self._lines: set[_Line] = set()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> int:
        """Listen; answers with the port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self.port

    def schedule(self, *faults: Fault) -> None:
        """Add faults; each waits for its trigger."""
        self._waiting.extend(faults)

    def clear(self) -> None:
        """Forget the faults that have not struck."""
        self._waiting.clear()
        for line in self._lines:
            line.armed = None

    async def stop(self) -> None:
        """Close everything."""
        if self._server is not None:
            self._server.close()
        for line in list(self._lines):
            line.close()
        await asyncio.sleep(0)

    def arm(self, sent: bytes) -> tuple[Fault, int] | None:
        """The waiting fault whose trigger lies in ``sent``, and where; it waits no more."""
        for fault in self._waiting:
            place = sent.find(fault.trigger)
            if place >= 0:
                self._waiting.remove(fault)
                return fault, place
        return None

    def garbled(self, data: bytes) -> bytes:
        """Other bytes than these, by the seed."""
        return bytes(byte ^ self._random.randrange(1, 256) for byte in data)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.target)
        except OSError:
            writer.close()
            return
        line = _Line(self, writer, far_writer)
        self._lines.add(line)
        try:
            await asyncio.gather(
                line.pump(reader, far_writer, Flow.TO_SERVER), line.pump(far_reader, writer, Flow.TO_CLIENT)
            )
        finally:
            self._lines.discard(line)
            line.close()


class _Line:
    """One connection through the proxy."""

    def __init__(self, proxy: FaultProxy, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._writers = (near, far)
        self.armed: Fault | None = None
        self._room = 0  # bytes that pass before the armed fault strikes
        self._ended = asyncio.Event()

    def close(self) -> None:
        """Close both sides; what was written is still delivered."""
        self._ended.set()
        for writer in self._writers:
            writer.close()

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flow: Flow) -> None:
        """Forward one direction until either side ends."""
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                if flow is Flow.TO_SERVER and self.armed is None:
                    self._arm(data)
                await self._pass(data, writer, flow)
                if self._ended.is_set():
                    return
        self.close()

    def _arm(self, data: bytes) -> None:
        found = self._proxy.arm(data)
        if found is not None:
            self.armed, place = found
            self._room = self.armed.after_bytes + (place if self.armed.flow is Flow.TO_SERVER else 0)

    async def _pass(self, data: bytes, writer: asyncio.StreamWriter, flow: Flow) -> None:
        fault = self.armed
        if fault is None or fault.flow is not flow:
            await _deliver(writer, data)
            return
        if len(data) <= self._room:
            self._room -= len(data)
            await _deliver(writer, data)
            return
        before, after = data[: self._room], data[self._room :]
        self.armed = None
        self._proxy.struck.append(fault)
        if fault.act is not Act.STATUS:
            await _deliver(writer, before)
        await self._strike(fault, before, after, writer)

    async def _strike(self, fault: Fault, before: bytes, after: bytes, writer: asyncio.StreamWriter) -> None:
        match fault.act:
            case Act.CUT:
                self.close()
            case Act.DELAY:
                await asyncio.sleep(fault.ms / 1000)
                await _deliver(writer, after)
            case Act.STALL:
                await self._ended.wait()
            case Act.DROP:
                await _deliver(writer, after[fault.count :])
            case Act.GARBLE:
                await _deliver(writer, self._proxy.garbled(after[: fault.count]) + after[fault.count :])
            case Act.DUPLICATE:
                await _deliver(writer, after + before + after)
            case Act.DRIP:
                for place in range(min(fault.count, len(after))):
                    await _deliver(writer, after[place : place + 1])
                    await asyncio.sleep(fault.ms / 1000)
                await _deliver(writer, after[fault.count :])
            case Act.STATUS:
                await _deliver(writer, _page(fault.status))
                self.close()


async def _deliver(writer: asyncio.StreamWriter, data: bytes) -> None:
    if data:
        writer.write(data)
        await writer.drain()


def _page(status: int) -> bytes:
    lines = (
        f"HTTP/1.1 {status} Fault",
        "Content-Type: text/html",
        f"Content-Length: {len(_PAGE)}",
        "Connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode() + _PAGE
