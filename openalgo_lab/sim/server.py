"""The simulated exchange on real sockets: HTTP/1.1 and a websocket on loopback, over tornado.

    server = ExchangeServer(venue); port = await server.start(); ...; await server.stop()

    python -m openalgo_lab.sim.server --port 0 --profile-dir DIR [--seed N] [--market MODULE:FACTORY]

The command prints ``http://127.0.0.1:PORT`` when it listens, and ends by SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import tornado.httpserver
import tornado.httputil
import tornado.netutil
import tornado.web
import tornado.websocket

from openalgo_lab.model.errors import InputError, LabError, WireError
from openalgo_lab.sim.endpoint import Unauthorised
from openalgo_lab.sim.market import MarketSource
from openalgo_lab.sim.records import FILE_NAME, Records
from openalgo_lab.sim.transport import STEP_MS, ExchangeDriver, ReaderFeed
from openalgo_lab.sim.venue import Venue, VenueSettings
from openalgo_lab.wire.transport import HttpRequest

__all__ = ["ExchangeServer", "main"]

_LOOPBACK: Final = "127.0.0.1"
_MAX_BODY: Final = 1 << 20


class ExchangeServer:
    """One venue behind a port of the loopback interface, on the running event loop."""

    def __init__(self, venue: Venue, *, step_ms: int = STEP_MS) -> None:
        self.driver = ExchangeDriver(venue, step_ms=step_ms)
        self.port = 0
        options = {"driver": self.driver}
        application = tornado.web.Application(
            [("/feed", _FeedHandler, options), ("/.*", _ApiHandler, options)], log_function=_silent
        )
        self._server = tornado.httpserver.HTTPServer(application, max_body_size=_MAX_BODY)

    async def start(self, port: int = 0) -> int:
        """Listen; answers with the port. Raises InputError when it is taken."""
        try:
            sockets = tornado.netutil.bind_sockets(port, _LOOPBACK)
        except OSError as error:
            raise InputError(
                f"Port {port} cannot be used ({error.strerror}); take another one.", field="port"
            ) from error
        self._server.add_sockets(sockets)
        self.port = sockets[0].getsockname()[1]
        self.driver.start()
        return self.port

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{_LOOPBACK}:{self.port}"

    async def stop(self) -> None:
        """Close every connection, then the venue and its records."""
        self._server.stop()
        await self.driver.stop()
        await self._server.close_all_connections()


class _ApiHandler(tornado.web.RequestHandler):
    """Hands every request to the endpoint."""

    def initialize(self, driver: ExchangeDriver) -> None:
        self._driver = driver

    async def _answer(self) -> None:
        asked = self.request
        response = await self._driver.respond(
            HttpRequest(asked.method or "", asked.uri or "/", _pairs(asked), asked.body)
        )
        self.set_status(response.status)
        for name, value in response.headers:
            self.set_header(name, value)
        self.finish(response.body)

    get = post = put = delete = patch = head = options = _answer


class _FeedHandler(tornado.websocket.WebSocketHandler):
    """Copies between a socket and a reader of the feed."""

    def initialize(self, driver: ExchangeDriver) -> None:
        self._driver = driver
        self._feed: ReaderFeed | None = None
        self._copy: asyncio.Task[None] | None = None

    def check_origin(self, origin: str) -> bool:
        """No browser page may listen."""
        return not origin

    def prepare(self) -> None:
        """Refuse the handshake without a live token."""
        try:
            self._driver.endpoint.authorise(_pairs(self.request))
        except Unauthorised as error:
            self.set_status(error.status)
            self.finish({"err": {"code": error.code, "text": error.text}})

    def open(self) -> None:
        """The handshake is done: join and start copying."""
        self.set_nodelay(True)
        self._feed = self._driver.open_feed(_pairs(self.request))
        self._copy = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        assert self._feed is not None
        with contextlib.suppress(tornado.websocket.WebSocketClosedError):
            async for frame in self._feed.frames():
                # Waiting for the socket is what makes a slow reader miss prices instead of piling them up.
                await self.write_message(frame, binary=isinstance(frame, bytes))
        self.close()

    async def on_message(self, message: str | bytes) -> None:
        """Subscribe or unsubscribe."""
        if self._feed is not None:
            with contextlib.suppress(WireError):  # the feed was closed a moment ago, and the socket follows
                await self._feed.send(message)

    def on_close(self) -> None:
        """The reader is gone; its feed ends, and with it the copying."""
        if self._feed is not None:
            self._feed.leave()


def _pairs(request: tornado.httputil.HTTPServerRequest) -> tuple[tuple[str, str], ...]:
    return tuple((name.lower(), value) for name, value in request.headers.get_all())


def _silent(handler: tornado.web.RequestHandler) -> None:
    """Requests are not logged: their bodies are orders."""


# Command ------------------------------------------------------------------------------------------------------------


def _market(name: str, seed: int) -> MarketSource:
    """``MODULE:FACTORY``; the factory takes ``seed`` and gives a market."""
    module, _, factory = name.partition(":")
    try:
        make: Callable[..., MarketSource] = getattr(importlib.import_module(module), factory)
    except (ImportError, AttributeError) as error:
        raise InputError(f"{name!r} is no market: give MODULE:FACTORY ({error}).", field="market") from error
    return make(seed=seed)


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="openalgo_lab.sim.server", description="The simulated exchange on loopback.")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--profile-dir", type=Path, required=True, help="where the exchange's records lie")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--step-ms", type=int, default=STEP_MS)
    parser.add_argument("--market", default="openalgo_lab.sim.simulated:SimulatedMarket", help="MODULE:FACTORY")
    return parser.parse_args(argv)


async def _serve(asked: argparse.Namespace) -> None:
    market = _market(asked.market, asked.seed)
    venue = Venue(market, Records(asked.profile_dir / FILE_NAME), VenueSettings(seed=asked.seed))
    server = ExchangeServer(venue, step_ms=asked.step_ms)
    await server.start(asked.port)
    print(server.url, flush=True)  # noqa: T201 - the caller reads it
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows: the process is simply ended
            loop.add_signal_handler(number, ended.set)
    await ended.wait()
    await server.stop()


def main(argv: list[str] | None = None) -> int:
    """Run until told to end; 1 and one sentence when it cannot start."""
    asked: Any = _arguments(argv)
    try:
        asyncio.run(_serve(asked))
    except LabError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
