"""The system's proxy: which connections use it, and a tunnel through a real one on loopback."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from openalgo_lab.model.errors import InputError, WireError
from openalgo_lab.wire.http import HttpTransport
from openalgo_lab.wire.proxy import Proxy, proxy_for
from openalgo_lab.wire.transport import HttpRequest
from tests.wire.certificates import Authority, serve_tls

PASSWORD = "p@ss word-canary"
NAMES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("host", "https", "no", "expected"),
    [
        ("api.example.in", "", "", None),
        ("api.example.in", "http://proxy:8080", "", ("proxy", 8080)),
        ("api.example.in", "proxy:8080", "", ("proxy", 8080)),
        ("api.example.in", "http://proxy", "", ("proxy", 3128)),
        ("api.example.in", "http://proxy:8080", "example.in", None),
        ("api.example.com", "http://proxy:8080", "example.in", ("proxy", 8080)),
        ("localhost", "http://proxy:8080", "", None),
        ("127.0.0.1", "http://proxy:8080", "", None),
        ("::1", "http://proxy:8080", "", None),
    ],
)
def test_which_connections_use_it(
    host: str, https: str, no: str, expected: tuple[str, int] | None, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("HTTPS_PROXY", https)
    environment.setenv("NO_PROXY", no)
    found = proxy_for(host)
    assert (None if found is None else (found.host, found.port)) == expected


def test_a_proxy_for_plain_addresses_is_none_for_orders(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HTTP_PROXY", "http://proxy:8080")
    assert proxy_for("api.example.in") is None


@pytest.mark.parametrize("address", ["socks5://proxy:1080", "https://proxy:443", "http://"])
def test_a_kind_that_cannot_carry_orders_is_said(address: str, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HTTPS_PROXY", address)
    with pytest.raises(InputError, match="proxy"):
        proxy_for("api.example.in")


def test_its_login_is_a_secret(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HTTPS_PROXY", "http://trader:p%40ss%20word-canary@proxy:8080")
    found = proxy_for("api.example.in")
    assert found is not None
    assert found.login is not None
    assert "canary" not in repr(found)
    assert found.url.reveal() == "http://trader:p%40ss%20word-canary@proxy:8080"


class TunnelProxy:
    """A proxy that carries every target to one port, or answers otherwise."""

    def __init__(self, port: int) -> None:
        self.heads: list[bytes] = []
        self.answer = b"HTTP/1.1 200 Connection established\r\n\r\n"
        self._port = port

    async def start(self) -> int:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self.server.sockets[0].getsockname()[1]
        return port

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(self.answer)
        if b" 200 " not in self.answer:
            writer.close()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        await asyncio.gather(_carry(reader, far_writer), _carry(far_reader, writer))


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await source.read(4096):
            target.write(data)
            await target.drain()
    target.close()


@pytest.fixture
async def tunnel(tmp_path: Path, environment: pytest.MonkeyPatch) -> AsyncIterator[tuple[TunnelProxy, list[bytes]]]:
    """A certified broker that can be reached through the proxy only: its name is nowhere."""
    authority = Authority(tmp_path)
    environment.setenv("SSL_CERT_FILE", str(authority.path))
    heard: list[bytes] = []
    server = await serve_tls(authority.server("broker.invalid")[0], heard)
    proxy = TunnelProxy(server.sockets[0].getsockname()[1])
    port = await proxy.start()
    environment.setenv("HTTPS_PROXY", f"http://trader:p%40ss%20word-canary@127.0.0.1:{port}")
    yield proxy, heard
    proxy.server.close()
    server.close()


async def ask() -> bytes:
    wire = HttpTransport("https://broker.invalid")
    try:
        return (await wire.request(HttpRequest("GET", "/x", (("authorization", "token-canary"),)), timeout_s=5)).body
    finally:
        await wire.close()


async def test_requests_go_through_the_tunnel_and_the_proxy_reads_none(
    tunnel: tuple[TunnelProxy, list[bytes]], lab_home: Path
) -> None:
    proxy, heard = tunnel
    assert await ask() == b"ok"
    (head,) = proxy.heads
    assert head.startswith(b"CONNECT broker.invalid:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic " in head
    assert b"token-canary" not in head
    assert b"token-canary" in heard[0]
    assert b"roxy" not in heard[0]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 407 Login\r\n\r\n", "asks for a login"),
        (b"HTTP/1.1 502 Bad\r\n\r\n", "answered 502"),
        (b"SSH-2.0-what\r\n\r\n", "answered"),
        (b"", "ended the connection"),
    ],
)
async def test_a_proxy_that_refuses_is_a_request_that_did_not_leave(
    tunnel: tuple[TunnelProxy, list[bytes]], lab_home: Path, answer: bytes, why: str
) -> None:
    proxy, heard = tunnel
    proxy.answer = answer
    with pytest.raises(WireError, match=why) as refused:
        await ask()
    assert "canary" not in str(refused.value)
    assert not heard


async def test_a_proxy_that_is_not_there_is_said(lab_home: Path, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with pytest.raises(WireError, match="proxy 127.0.0.1:1 cannot be reached"):
        await ask()


async def test_a_feed_takes_the_same_way(tunnel: tuple[TunnelProxy, list[bytes]], lab_home: Path) -> None:
    proxy, heard = tunnel
    wire = HttpTransport("https://broker.invalid")
    with pytest.raises(WireError):  # the server speaks no websocket: it has heard the request all the same
        await wire.open_feed("/feed")
    await wire.close()
    assert proxy.heads[0].startswith(b"CONNECT broker.invalid:443")
    assert heard[0].startswith(b"GET /feed HTTP/1.1")


def test_an_address_without_a_login_has_none() -> None:
    assert Proxy("proxy", 8080).url.reveal() == "http://proxy:8080"
