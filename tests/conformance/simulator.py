"""A broker's servers on loopback: real HTTP and websockets over tornado, on the test's own event loop.

How a broker adds its simulator (see `tests/conformance/simulators/zerodha.py`):

1. Subclass `Simulator` in `tests/conformance/simulators/<key>.py`, from the fact sheet's layouts alone: import nothing
   of `brokers` and none of the adapter's words.
2. `routes()` lists `Route(method, pattern, handler)`; a handler takes an `Asked` and gives an `Answer`, or raises
   `Refused` of the venue, which `refusal()` puts into the broker's error form. `expired()` and `throttled()` are its
   forms of a dead session and of too many requests. `open_routes` names the handlers that need no session.
3. `sockets()` lists the paths of its websockets. `admit()` looks at the handshake (an `Answer` refuses or redirects
   it), `greet()` and `heard()` are what a new socket gets and how a message is answered; `show()` writes one
   instrument in the mode that a socket asked for; `order_changed()` pushes an order update.
4. The venue holds the state; `fill`, `reject` and the like are done there by the test.

Faults: `cut_replies = 1` does what the next unsafe request asks and then closes the connection without an answer;
`throttle = n` and `broken = n` answer the next n requests with the broker's 429 and with an HTML page of status 502;
`alive = False` is a dead session (a login revives it); `stalled = True` keeps every socket open and silent;
`drop_sockets()` cuts them; `inject(frame)` sends bytes or text of the test's own. `log` holds all that was asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote

import msgspec
import tornado.httpserver
import tornado.httputil
import tornado.netutil
import tornado.web
import tornado.websocket

from tests.conformance.venue import Booked, Listing, Refused, Venue

__all__ = ["Answer", "Asked", "Route", "Simulator", "Socket", "json_answer"]

_LOOPBACK = "127.0.0.1"
_PAGE = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass(frozen=True)
class Answer:
    """What goes back; ``body`` is sent as it is."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


def json_answer(value: Any, status: int = 200) -> Answer:
    return Answer(status, msgspec.json.encode(value))


@dataclass(frozen=True)
class Asked:
    """One request as it came. ``parts`` are the groups of the route's pattern, percent-decoding done."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    parts: tuple[str, ...] = ()

    def one(self, name: str, default: str | None = None) -> str:
        """A query parameter. Raises Refused where it is missing and has no default."""
        return _single(self.query, name, default)

    def form(self) -> dict[str, str]:
        """The form body."""
        kind = self.headers.get("content-type", "")
        if not kind.startswith("application/x-www-form-urlencoded"):
            raise Refused("input", f"The body should be a form, not {kind!r}.")
        parsed = parse_qs(self.body.decode(), keep_blank_values=True, strict_parsing=bool(self.body))
        return {name: _single(parsed, name, None) for name in parsed}

    def json(self) -> Any:
        """The JSON body."""
        kind = self.headers.get("content-type", "")
        if not kind.startswith("application/json"):
            raise Refused("input", f"The body should be JSON, not {kind!r}.")
        return msgspec.json.decode(self.body)


def _single(values: dict[str, list[str]], name: str, default: str | None) -> str:
    found = values.get(name)
    if found is None and default is not None:
        return default
    if found is None or len(found) != 1:
        raise Refused("input", f"Missing or bad parameter: {name}.")
    return found[0]


Handler = Callable[[Asked], Answer]


@dataclass(frozen=True)
class Route:
    method: str
    pattern: str
    handler: Handler


class Socket:
    """One open websocket. ``modes``: what it asked for, instrument to the broker's own word of the mode."""

    def __init__(self, handler: _SocketHandler, path: str, asked: Asked) -> None:
        self._handler = handler
        self.path = path
        self.asked = asked
        self.modes: dict[Listing, str] = {}
        self.facts: dict[str, str] = {}

    def send(self, frame: str | bytes) -> None:
        """Send, unless the feed is stalled."""
        if not self._handler.simulator.stalled:
            self.force(frame)

    def force(self, frame: str | bytes) -> None:
        self._handler.write_message(frame, binary=isinstance(frame, bytes))

    def close(self) -> None:
        """Say farewell and end."""
        self._handler.close()

    def cut(self) -> None:
        """End without a word."""
        stream = self._handler.stream
        if stream is not None:
            stream.close()


class Simulator:
    """See the module."""

    open_routes: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, venue: Venue | None = None) -> None:
        self.venue = venue or Venue()
        self.venue.watchers.append(self.order_changed)
        self.alive = True
        self.stalled = False
        self.cut_replies = 0
        self.throttle = 0
        self.broken = 0
        self.log: list[Asked] = []
        self.open_sockets: list[Socket] = []
        self.logins = 0
        self.connections = 0
        self.port = 0
        self._routes = [(r.method, re.compile(r.pattern + r"\Z"), r.handler) for r in self.routes()]
        handlers: list[Any] = [(path, _SocketHandler, {"simulator": self}) for path in self.sockets()]
        application = tornado.web.Application(
            [*handlers, ("/.*", _ApiHandler, {"simulator": self})], log_function=lambda _: None
        )
        self._server = tornado.httpserver.HTTPServer(application)

    # What a broker says ----------------------------------------------------------------------------------------

    def routes(self) -> Sequence[Route]:
        """All REST endpoints."""
        raise NotImplementedError

    def sockets(self) -> Sequence[str]:
        """Paths of the websockets, as patterns."""
        raise NotImplementedError

    def authorise(self, asked: Asked) -> Answer | None:
        """The broker's answer to a request without a right token; None for a right one. ``alive`` is looked at too."""
        raise NotImplementedError

    def refusal(self, refused: Refused) -> Answer:
        """A definite no in the broker's form."""
        raise NotImplementedError

    def unknown_path(self, asked: Asked) -> Answer:
        """What a path that is not there is answered with."""
        raise NotImplementedError

    def throttled(self) -> Answer:
        """Too many requests, in the broker's form."""
        raise NotImplementedError

    def admit(self, asked: Asked) -> Answer | None:
        """Refuse (or redirect) a websocket's handshake; None lets it in."""
        raise NotImplementedError

    def greet(self, socket: Socket) -> None:
        """What a new socket is sent at once."""

    def heard(self, socket: Socket, message: str | bytes) -> None:
        """A message on a socket."""
        raise NotImplementedError

    def show(self, socket: Socket, listings: Sequence[Listing]) -> None:
        """Send these instruments' pictures in the socket's modes."""
        raise NotImplementedError

    def order_changed(self, order: Booked) -> None:
        """Push an order update."""
        raise NotImplementedError

    # What a test does ------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Listen on a free port of the loopback interface."""
        sockets = tornado.netutil.bind_sockets(0, _LOOPBACK)
        self._server.add_sockets(sockets)
        self.port = sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self.drop_sockets()
        self._server.stop()
        await self._server.close_all_connections()

    @property
    def url(self) -> str:
        return f"http://{_LOOPBACK}:{self.port}"

    @property
    def feed_url(self) -> str:
        return f"ws://{_LOOPBACK}:{self.port}"

    def publish(self, *listings: Listing) -> None:
        """Every socket that asked for one of these is sent its picture as it is now."""
        for socket in self.open_sockets:
            wanted = [listing for listing in listings if listing in socket.modes]
            if wanted:
                self.show(socket, wanted)

    def inject(self, frame: str | bytes) -> None:
        """The same frame to every socket, whatever it is."""
        for socket in self.open_sockets:
            socket.force(frame)

    def drop_sockets(self) -> None:
        """Cut every websocket without a farewell."""
        for socket in list(self.open_sockets):
            socket.cut()

    def asked_for(self, method: str, path: str) -> list[Asked]:
        """Requests of the log whose path begins so."""
        return [asked for asked in self.log if asked.method == method and asked.path.startswith(path)]

    # Serving ---------------------------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Answer | None:
        """The answer; None closes the connection without one."""
        self.log.append(asked)
        if self.throttle:
            self.throttle -= 1
            return self.throttled()
        if self.broken:
            self.broken -= 1
            return Answer(502, _PAGE, {"Content-Type": "text/html"})
        found = self._serve(asked)
        if self.cut_replies and asked.method != "GET":
            self.cut_replies -= 1
            return None
        return found

    def _serve(self, asked: Asked) -> Answer:
        for method, pattern, handler in self._routes:
            match = pattern.match(asked.path)
            if match is None or method != asked.method:
                continue
            refused = None if handler.__name__ in self.open_routes else self.authorise(asked)
            if refused is not None:
                return refused
            try:
                return handler(replace(asked, parts=match.groups()))
            except Refused as error:
                return self.refusal(error)
        return self.unknown_path(asked)


def _asked(request: tornado.httputil.HTTPServerRequest) -> Asked:
    return Asked(
        request.method or "",
        unquote(request.path),
        parse_qs(request.query, keep_blank_values=True),
        {name.lower(): value for name, value in request.headers.get_all()},
        request.body,
    )


class _ApiHandler(tornado.web.RequestHandler):
    def initialize(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def _answer(self) -> None:
        answer = self._simulator.answer(_asked(self.request))
        if answer is None:
            connection: Any = self.request.connection
            connection.stream.close()
            return
        self.set_status(answer.status)
        for name, value in answer.headers.items():
            self.set_header(name, value)
        self.finish(answer.body)

    get = post = put = delete = patch = head = options = _answer


class _SocketHandler(tornado.websocket.WebSocketHandler):
    def initialize(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self._socket: Socket | None = None

    @property
    def stream(self) -> Any:
        return self.ws_connection.stream if self.ws_connection is not None else None

    def check_origin(self, origin: str) -> bool:
        return True

    def prepare(self) -> None:
        self._asked = _asked(self.request)
        answer = self.simulator.admit(self._asked)
        if answer is None:
            return
        self.set_status(answer.status)
        for name, value in answer.headers.items():
            self.set_header(name, value)
        self.finish(answer.body)

    def open(self, *args: str, **kwargs: str) -> None:
        self.set_nodelay(True)
        self.simulator.connections += 1
        self._socket = Socket(self, self._asked.path, self._asked)
        self.simulator.open_sockets.append(self._socket)
        self.simulator.greet(self._socket)

    def on_message(self, message: str | bytes) -> None:
        assert self._socket is not None
        self.simulator.heard(self._socket, message)

    def on_close(self) -> None:
        if self._socket in self.simulator.open_sockets:
            self.simulator.open_sockets.remove(self._socket)
