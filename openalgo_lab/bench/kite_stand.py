"""A stand-in for Kite Connect's servers, as bare as it can be, in a process of its own: figures measure against it, and
the manual shows a login with it.

    with KiteStand() as stand:
        lab.connect("zerodha", base_url=stand.base_url, feed_url=stand.feed_url, url=stand.after_login, ...)

Any key and secret will do. Orders are taken and stay open; the books are empty. Its websocket answers a mode message
with a full packet of each symbol. ``GET /stand/flood?packets=100&frames=n`` sends n frames of a hundred packets (or of
one) to every socket, ``GET /stand/cut`` cuts them.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self
from urllib.parse import parse_qs

__all__ = ["SYMBOLS", "KiteStand", "frame", "token"]

SYMBOLS: Final = 3_000
_GUID: Final = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_PACKETS: Final = 100
_HEAD: Final = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,instrument_type,"
    "segment,exchange"
)
_NUMBERS: Final = dict.fromkeys(("debits", "m2m_realised", "m2m_unrealised", "exposure", "span", "payout"), 0)
_BOOKS: Final = {
    "/user/margins": {
        "equity": {"enabled": True, "net": 1e9, "utilised": _NUMBERS, "available": {"collateral": 0, "cash": 1e9}}
    },
    "/user/profile": {"user_id": "AB1234", "user_name": "Bench", "exchanges": ["NSE"], "products": ["CNC", "MIS"]},
    "/session/token": {"user_id": "AB1234", "access_token": "token", "login_time": "2026-01-05 08:15:14"},
    "/portfolio/positions": {"net": [], "day": []},
    "/portfolio/holdings": [],
    "/orders": [],
    "/trades": [],
}


class KiteStand:
    """The running servers. Raises RuntimeError when they do not start."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "openalgo_lab.bench.kite_stand"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            raise RuntimeError("The stand-in for the broker's servers did not start.")
        self.port = int(line)
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.feed_url = f"ws://127.0.0.1:{self.port}"
        self.after_login = f"{self.base_url}/?status=success&request_token=once"
        """What the browser would show after the login on the broker's page."""

    def close(self) -> None:
        """End them."""
        self._process.terminate()
        self._process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def token(number: int) -> int:
    """The instrument token of the n-th symbol, of the NSE segment."""
    return (1000 + number) * 256 + 1


def frame(tokens: Sequence[int]) -> bytes:
    """One binary message of full packets."""
    parts, now = [struct.pack(">H", len(tokens))], int(time.time())
    book = struct.pack(">" + "IIHxx" * 10, *((100, 80_000, 3) * 10))
    for each in tokens:
        words = (each, 80_000, 5, 80_010, 1000, 10, 20, 80_000, 80_100, 79_900, 80_000, now, 0, 0, 0, now)
        parts += [struct.pack(">H", 184), struct.pack(">16I", *words), book]
    return b"".join(parts)


def _server_frame(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    head = bytes([0x80 | opcode])
    if size < 126:
        return head + bytes([size]) + payload
    return (
        head
        + (bytes([126]) + struct.pack(">H", size) if size < 1 << 16 else bytes([127]) + struct.pack(">Q", size))
        + payload
    )


class _Stand:
    def __init__(self) -> None:
        self._sockets: set[asyncio.StreamWriter] = set()
        self._orders = 0
        every = [token(number) for number in range(SYMBOLS)]
        self._rounds = {
            size: [_server_frame(2, frame(every[start : start + size])) for start in range(0, SYMBOLS, size)]
            for size in (1, _PACKETS)
        }

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                line, *rest = head.split("\r\n")
                headers = {k.strip().lower(): v.strip() for k, _, v in (one.partition(":") for one in rest if one)}
                await reader.readexactly(int(headers.get("content-length", "0")))
                method, target, _ = line.split(" ", 2)
                if "upgrade" in headers.get("connection", "").lower():
                    await self._websocket(reader, writer, headers["sec-websocket-key"])
                    return
                writer.write(self._answer(method, target))
                if target.startswith("/stand/flood"):
                    asked = parse_qs(target.partition("?")[2])
                    await self._flood(int(asked["frames"][0]), self._rounds[int(asked["packets"][0])])
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._sockets.discard(writer)
            writer.close()

    def _answer(self, method: str, target: str) -> bytes:
        path = target.partition("?")[0]
        if path == "/stand/cut":
            for writer in list(self._sockets):
                writer.transport.abort()
        if path == "/instruments":
            rows = (f"{token(n)},{1000 + n},S{n},SHARE {n},0,,0,0.05,1,EQ,NSE,NSE" for n in range(SYMBOLS))
            return _http("text/csv", "\n".join([_HEAD, *rows]).encode())
        data: object = _quotes(target) if path == "/quote" else _BOOKS.get(path, {})
        if method != "GET" and path.startswith("/orders"):
            self._orders += 1
            data = {"order_id": f"{self._orders:015d}"}
        return _http("application/json", json.dumps({"status": "success", "data": data}).encode())

    async def _websocket(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: str) -> None:
        accept = base64.b64encode(hashlib.sha1((key + _GUID).encode(), usedforsecurity=False).digest()).decode()
        writer.write(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        )
        self._sockets.add(writer)
        writer.write(_server_frame(2, b"\0"))
        while True:
            opcode, payload = await _client_frame(reader)
            if opcode == 8:
                return
            if opcode == 9:
                writer.write(_server_frame(10, payload))
            if opcode == 1:
                self._hear(writer, json.loads(payload))

    def _hear(self, writer: asyncio.StreamWriter, message: dict[str, object]) -> None:
        value = message.get("v")
        if message.get("a") == "mode" and isinstance(value, list):
            tokens = value[1]
            for start in range(0, len(tokens), _PACKETS):
                writer.write(_server_frame(2, frame(tokens[start : start + _PACKETS])))

    async def _flood(self, frames: int, round_: Sequence[bytes]) -> None:
        """As fast as they are taken, 16 kB or a frame at a time: a busy sender's kernel gathers small ones too."""
        step = max(1, 16 * 1024 // len(round_[0]))
        for number in range(0, frames, step):
            data = b"".join(round_[n % len(round_)] for n in range(number, min(number + step, frames)))
            for writer in list(self._sockets):
                writer.write(data)
                await writer.drain()


def _quotes(target: str) -> dict[str, object]:
    day = {"open": 800.0, "high": 801.0, "low": 799.0, "close": 800.0}
    level = {"price": 800.0, "quantity": 100, "orders": 3}
    row = {
        "last_price": 800.0,
        "volume": 1000,
        "oi": 0,
        "last_quantity": 5,
        "average_price": 800.1,
        "timestamp": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + 19_800)),
        "ohlc": day,
        "depth": {"buy": [level] * 5, "sell": [level] * 5},
    }
    return dict.fromkeys(parse_qs(target.partition("?")[2]).get("i", []), row)


def _http(kind: str, body: bytes) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def _client_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    first, second = await reader.readexactly(2)
    size = second & 0x7F
    if size == 126:
        (size,) = struct.unpack(">H", await reader.readexactly(2))
    elif size == 127:
        (size,) = struct.unpack(">Q", await reader.readexactly(8))
    mask = await reader.readexactly(4)
    payload = await reader.readexactly(size)
    whole = (mask * (size // 4 + 1))[:size]
    return first & 0x0F, (int.from_bytes(payload, "big") ^ int.from_bytes(whole, "big")).to_bytes(size, "big")


async def _serve() -> None:
    server = await asyncio.start_server(_Stand().accept, "127.0.0.1", 0, limit=1 << 20)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - it is how the figure learns the port
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
