"""A one-shot server on this machine that takes what a broker's login page sends the browser back with.

    with CallbackServer("http://127.0.0.1:5010/", state) as server:
        webbrowser.open(login_url)
        parameters = server.wait(180)

Where the browser is on another machine the callback cannot come; then the user pastes the address that the browser
shows, and `parameters_of` reads it.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import TracebackType
from typing import Final, Self
from urllib.parse import parse_qsl, urlsplit

from openalgo_lab.model.errors import InputError

__all__ = ["DEFAULT_REDIRECT", "CallbackServer", "parameters_of"]

DEFAULT_REDIRECT: Final = "http://127.0.0.1:5010/"
"""What the user registers as redirect URL at the broker, unless another is given."""

_LONGEST: Final = 8192
_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_NOT_OURS: Final = frozenset({"/favicon.ico"})
_PAGE: Final = (
    b"<!doctype html><meta charset=utf-8><title>OpenAlgo Lab</title><body style='font:16px system-ui;margin:4rem'>"
    b"<h1>Logged in</h1><p>You may close this page and go back to your notebook.</p>"
)


def parameters_of(address: str, state: str = "") -> dict[str, str]:
    """The query parameters of the address that the browser was sent to. Raises InputError when it has none, when the
    broker's page says that the login failed, or when ``state`` is not the one that we sent."""
    query = urlsplit(address.strip()).query
    found = dict(parse_qsl(query)) if len(address) <= _LONGEST else {}
    if not found:
        raise InputError("This is not the address after the login: copy the whole line that the browser shows.", "url")
    if state and "state" in found and not hmac.compare_digest(found["state"].encode(), state.encode()):
        raise InputError("This address belongs to another login; begin again with lab.connect().", field="url")
    return found


class CallbackServer:
    """Listens on the loopback address of ``redirect_uri`` only, for one callback with our ``state``.

    Raises InputError when the address is not this machine's, or its port is taken.
    """

    def __init__(self, redirect_uri: str, state: str, *, echoes_state: bool = True) -> None:
        parts = urlsplit(redirect_uri)
        if parts.scheme != "http" or parts.hostname not in _HOSTS:
            raise InputError(
                f"{redirect_uri} is not on this machine, so its callback cannot be taken here: log in and paste the "
                "address that the browser shows.",
                field="redirect_uri",
            )
        self._path = parts.path or "/"
        self._state = state
        self._echoes_state = echoes_state
        self._found: dict[str, str] = {}
        try:
            self._server = HTTPServer(("127.0.0.1", parts.port or 80), self._handler())
        except OSError as error:
            raise InputError(
                f"The port of {redirect_uri} is taken ({error.strerror}): log in and paste the address instead.",
                field="redirect_uri",
            ) from error

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_port

    def wait(self, timeout_s: float, given_up: Callable[[], bool] = lambda: False) -> dict[str, str]:
        """The parameters of the callback. Raises InputError when none came in time, or ``given_up()`` said so; that is
        asked after each visit and each half second."""
        until = time.monotonic() + timeout_s
        while not (self._found or given_up()) and (left := until - time.monotonic()) > 0:
            self._server.timeout = min(left, 0.5)
            self._server.handle_request()
        if not self._found:
            raise InputError(
                "The broker's page did not come back in time: log in and paste the address that the browser shows.",
                field="url",
            )
        return self._found

    def close(self) -> None:
        """Listen no more."""
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take(self, target: str) -> bool:
        """Whether a request is the callback that is waited for."""
        if urlsplit(target).path != self._path or urlsplit(target).path in _NOT_OURS:
            return False
        try:
            found = parameters_of(target, self._state)
        except InputError:
            return False
        if self._echoes_state and found.get("state") != self._state:
            return False
        self._found = found
        return True

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 5.0

            def do_GET(self) -> None:
                self._answer(server._take(self.path))

            def do_POST(self) -> None:
                """Some pages send their parameters as a form."""
                text = self.headers.get("Content-Length", "")
                length = int(text) if text.isdecimal() and len(text) < 6 else 0
                form = self.rfile.read(min(length, _LONGEST)).decode("ascii", "replace")
                self._answer(server._take(f"{urlsplit(self.path).path}?{form}"))

            def _answer(self, ours: bool) -> None:
                self.send_response(200 if ours else 404)
                self.send_header("Content-Type", "text/html")
                self.send_header("Cache-Control", "no-store")
                self.send_header("Referrer-Policy", "no-referrer")
                self.end_headers()
                self.wfile.write(_PAGE if ours else b"")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """The address holds a token: nothing is logged."""

        return Handler
