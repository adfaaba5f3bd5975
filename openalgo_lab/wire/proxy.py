"""The system's proxy: brokers let orders in from registered addresses only, and some people reach one through it.

Taken from where the system says it (``HTTPS_PROXY``, ``NO_PROXY``, Windows' and macOS's own settings). Only a CONNECT
tunnel is used, so the proxy sees a host name and encrypted bytes; what is not encrypted goes directly or nowhere.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import ssl
import urllib.request
from collections.abc import Callable
from typing import Final, TypeVar, cast
from urllib.parse import quote, unquote, urlsplit

import msgspec

from openalgo_lab.model.errors import InputError
from openalgo_lab.model.secret import Secret

__all__ = ["Proxy", "ProxyRefused", "open_tunnel", "proxy_for"]

P = TypeVar("P", bound=asyncio.Protocol)

_LARGEST_ANSWER: Final = 16 << 10


class ProxyRefused(ConnectionError):
    """The proxy does not let us through; nothing has left."""


class Proxy(msgspec.Struct, frozen=True):
    """Where the tunnel begins. ``login`` is the value of Proxy-Authorization, where the address holds a login."""

    host: str
    port: int
    login: Secret | None = None

    @property
    def url(self) -> Secret:
        """Its address with the login, for libraries that want one."""
        if self.login is None:
            return Secret(f"http://{self.host}:{self.port}")
        pair = base64.b64decode(self.login.reveal().removeprefix("Basic ")).decode()
        user, _, password = pair.partition(":")
        quoted = quote(user, safe=""), quote(password, safe="")
        return Secret(f"http://{':'.join(quoted)}@{self.host}:{self.port}")


def proxy_for(host: str) -> Proxy | None:
    """The system's proxy for encrypted connections to ``host``; None for a direct one.

    Raises InputError for a kind of proxy that cannot carry orders (SOCKS, an encrypted one).
    """
    if _is_here(host):
        return None
    found = urllib.request.getproxies().get("https", "")
    if not found or urllib.request.proxy_bypass(host):
        return None
    parts = urlsplit(found if "://" in found else f"http://{found}")
    if parts.scheme != "http" or not parts.hostname:
        raise InputError(
            f"The system's proxy for {host} is of the kind {parts.scheme!r}, which cannot be used: name an http:// "
            "proxy in HTTPS_PROXY, or the host in NO_PROXY.",
            field="HTTPS_PROXY",
        )
    login = None
    if parts.username:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        login = Secret("Basic " + base64.b64encode(pair.encode()).decode())
    return Proxy(parts.hostname, parts.port or 3128, login)


async def open_tunnel(proxy: Proxy, host: str, port: int, tls: ssl.SSLContext, protocol: Callable[[], P]) -> P:
    """``protocol`` on a checked TLS connection to ``host`` through ``proxy``.

    Raises ProxyRefused (also when it cannot be reached) or another OSError; then nothing but the host's name has left.
    """
    loop = asyncio.get_running_loop()
    try:
        transport, asking = await loop.create_connection(lambda: _Asking(proxy, host, port), proxy.host, proxy.port)
    except OSError as error:
        raise ProxyRefused(f"the proxy {proxy.host}:{proxy.port} cannot be reached: {error}") from error
    try:
        await asking.through
        carried = protocol()
        secured = await loop.start_tls(transport, carried, tls, server_hostname=host)
    except BaseException:
        transport.abort()
        raise
    if secured is None:
        raise ProxyRefused(f"the proxy {proxy.host}:{proxy.port} ended the connection")
    carried.connection_made(secured)
    return carried


class _Asking(asyncio.Protocol):
    """Asks the proxy for a tunnel."""

    def __init__(self, proxy: Proxy, host: str, port: int) -> None:
        self._proxy = proxy
        self._target = f"{host}:{port}"
        self._answer = b""
        self.through: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        lines = [f"CONNECT {self._target} HTTP/1.1", f"Host: {self._target}"]
        if self._proxy.login is not None:
            lines.append(f"Proxy-Authorization: {self._proxy.login.reveal()}")
        cast("asyncio.Transport", transport).write("\r\n".join([*lines, "", ""]).encode())

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, end, rest = self._answer.partition(b"\r\n\r\n")
        if self.through.done():
            return
        if not end:
            if len(self._answer) > _LARGEST_ANSWER:
                self._refuse("its answer is no HTTP")
            return
        status = head.split(b"\r\n", 1)[0].split(b" ", 2)
        if len(status) < 2 or not status[0].startswith(b"HTTP/1.") or status[1] != b"200" or rest:
            said = status[1].decode("latin-1", "replace")[:3] if len(status) > 1 else "nothing"
            self._refuse("it asks for a login" if said == "407" else f"it answered {said}")
        else:
            self.through.set_result(None)

    def connection_lost(self, _: Exception | None) -> None:
        if not self.through.done():
            self._refuse("it ended the connection")

    def _refuse(self, why: str) -> None:
        place = f"{self._proxy.host}:{self._proxy.port}"
        self.through.set_exception(ProxyRefused(f"the proxy {place} lets nothing through to {self._target}: {why}"))


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
