"""A small broker of the tests' own: its words are JSON, its wire is a script or a websocket on loopback."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, ClassVar

import msgspec
import numpy as np

from openalgo_lab.broker import (
    BrokerSpec,
    Call,
    Capability,
    FeedAddress,
    FeedKind,
    FeedMessage,
    FeedSpec,
    FrameContent,
    HttpRequest,
    HttpResponse,
    Lane,
    LoginField,
    LoginFlow,
    LoginKind,
    PlainCodec,
    Session,
)
from openalgo_lab.broker.feeding import PlainFeed
from openalgo_lab.model.errors import DecodeError, InputError, LabError, SessionExpired, Throttled, WireError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import TickBatch
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.portfolio import Account, Funds
from openalgo_lab.model.reports import Evidence, FillReport, OrderReport
from openalgo_lab.model.vocabulary import Exchange, FeedMode, InstrumentType, Mode, PriceType, Product, Side
from openalgo_lab.wire.transport import FeedConnection

ACCOUNT = Account("ME", "tiny", Mode.LIVE)


def share(number: int) -> Instrument:
    return Instrument(f"S{number}", Exchange.NSE, InstrumentType.EQ, f"SHARE {number}", number, 1, 0.05)


SHARES = [share(number) for number in range(1, 3001)]


class TinyFeed(PlainFeed):
    """Says hello, waits for welcome where ``needs_ready``, answers a ping."""

    needs_ready: ClassVar[bool] = False

    def opened(self) -> Sequence[str | bytes]:
        return ("hello",)

    def subscribe(self, instruments: Sequence[Instrument], mode: FeedMode) -> Sequence[FeedMessage]:
        return (f"sub {mode.value} " + " ".join(str(i.token) for i in instruments),)

    def unsubscribe(self, instruments: Sequence[Instrument]) -> Sequence[FeedMessage]:
        return ("unsub " + " ".join(str(i.token) for i in instruments),)

    def ping(self) -> str | bytes | None:
        return "ping"

    def received(self, frame: str | bytes) -> FrameContent:
        if isinstance(frame, bytes):
            tokens = np.frombuffer(frame, dtype="<i8")
            prices = np.full(len(tokens), 100.0)
            return FrameContent(ticks=(TickBatch(tokens.copy(), np.full(len(tokens), 1), {"ltp": prices}),))
        match frame:
            case "welcome":
                return FrameContent(ready=True)
            case "are you there":
                return FrameContent(replies=("yes",))
            case "token dead":
                return FrameContent(refused=SessionExpired("the token is dead"))
            case "go away":
                return FrameContent(refused=LabError("not now"))
            case "beat":
                return FrameContent()
        raise DecodeError(f"{frame!r}?")


class WaitingFeed(TinyFeed):
    needs_ready: ClassVar[bool] = True


class RestFeed(TinyFeed):
    """Subscribes by REST, as some do."""

    def subscribe(self, instruments: Sequence[Instrument], mode: FeedMode) -> Sequence[FeedMessage]:
        tokens = np.array([i.token for i in instruments], dtype=np.int64)

        def decode(_: HttpResponse) -> FrameContent:
            return FrameContent(ticks=(TickBatch(tokens, np.full(len(tokens), 1), {"ltp": np.full(len(tokens), 7.0)}),))

        return (Call(HttpRequest("POST", "/subscribe", body=tokens.tobytes()), decode),)


class TinyCodec(PlainCodec):
    """Funds, orders and a feed; the rest is not needed."""

    broker_name = "Tiny"
    feed_class: type[TinyFeed] = TinyFeed

    def login(self, credentials: Any) -> LoginFlow:
        if not credentials.get("pin"):
            raise InputError("The PIN is missing.", field="pin")
        first = yield Call(HttpRequest("POST", "/otp", body=str(credentials.get("totp", "")).encode()), _json)
        second = yield Call(HttpRequest("POST", "/session", body=str(first["ref"]).encode()), _json)
        return Session("ME", second["token"])

    def refusal(self, response: HttpResponse) -> LabError | None:
        if response.status == 403:
            return SessionExpired("log in")
        if response.status == 429:
            return Throttled("slow down", float(dict(response.headers).get("retry-after", "1")))
        return None

    def funds(self, session: Session, account: str) -> Call[Funds]:
        request = HttpRequest("GET", "/funds", (("x-token", session.token),))
        return Call(request, lambda response: Funds(account, int(response.body), 0))

    def order_book(self, session: Session) -> Call[tuple[OrderReport, ...]]:
        return Call(HttpRequest("GET", "/orders"), lambda r: msgspec.json.decode(r.body, type=tuple[OrderReport, ...]))

    def trade_book(self, session: Session) -> Call[tuple[FillReport, ...]]:
        return Call(HttpRequest("GET", "/trades"), lambda r: msgspec.json.decode(r.body, type=tuple[FillReport, ...]))

    def cancel(self, session: Session, order: Any) -> Call[None]:
        return Call(HttpRequest("DELETE", "/order", lane=Lane.ORDER, safe=False), lambda _: None)

    def feed_address(self, session: Session, feed: FeedSpec) -> FeedAddress:
        return FeedAddress(f"/{feed.name}", (("x-token", session.token),))

    def open_feed(self, session: Session, feed: FeedSpec) -> TinyFeed:
        return self.feed_class()


def _json(response: HttpResponse) -> Any:
    return msgspec.json.decode(response.body)


def codec(feed_class: type[TinyFeed]) -> TinyCodec:
    made = TinyCodec()
    made.feed_class = feed_class
    return made


MARKET = FeedSpec("prices", FeedKind.MARKET, silence_s=5.0)
SPEC = BrokerSpec(
    key="tiny",
    name="Tiny",
    exchanges=frozenset({Exchange.NSE}),
    capabilities=frozenset({Capability.ORDERS, Capability.FEED}),
    login=LoginKind.FORM,
    codec=TinyCodec(),  # type: ignore[arg-type]
    base_url="http://127.0.0.1:1",
    login_fields=(
        LoginField("pin", "PIN", secret=True),
        LoginField("totp_seed", "TOTP seed", secret=True, optional=True),
        LoginField("totp", "One-time code", secret=True),
    ),
    feeds=(MARKET,),
    order_poll_s=0.02,
)


def spec(**what: Any) -> BrokerSpec:
    return msgspec.structs.replace(SPEC, **what)


def feed_spec(feed_class: type[TinyFeed] = TinyFeed, **what: Any) -> BrokerSpec:
    feed = msgspec.structs.replace(MARKET, **what)
    return spec(feeds=(feed,), codec=codec(feed_class))


class Line(FeedConnection):
    """One scripted socket."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.sent: list[str] = []
        self.closed = False
        self._said: asyncio.Queue[str | bytes | Exception | None] = asyncio.Queue()

    def say(self, *messages: str | bytes | Exception | None) -> None:
        for message in messages:
            self._said.put_nowait(message)

    async def send(self, message: str | bytes) -> None:
        if self.closed:
            raise WireError("closed")
        self.sent.append(str(message))

    async def frames(self) -> AsyncIterator[str | bytes]:
        async for burst in self.bursts():
            for frame in burst:
                yield frame

    async def bursts(self) -> AsyncIterator[Sequence[str | bytes]]:
        """What was said at once comes at once."""
        while True:
            waiting = [await self._said.get()]
            while not self._said.empty():
                waiting.append(self._said.get_nowait())
            frames = list(itertools.takewhile(lambda one: isinstance(one, (str, bytes)), waiting))
            if frames:
                yield [frame for frame in frames if isinstance(frame, (str, bytes))]
            if len(frames) < len(waiting):
                last = waiting[len(frames)]
                if isinstance(last, Exception):
                    raise last
                return

    async def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._said.put_nowait(None)

    def subscribed(self) -> list[int]:
        return [int(word) for line in self.sent if line.startswith("sub ") for word in line.split()[2:]]


class Wire:
    """A transport that answers as scripted; ``answers`` by path, each a response or an error."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.refusals: list[Exception] = []
        self.asked: list[HttpRequest] = []
        self.answers: dict[str, Callable[[HttpRequest], HttpResponse]] = {
            "/otp": lambda _: answer({"ref": "r1"}),
            "/session": lambda _: answer({"token": f"token-{len(self.asked)}"}),
            "/funds": lambda _: answer(500),
            "/orders": lambda _: answer([]),
            "/trades": lambda _: answer([]),
            "/order": lambda _: answer({}),
            "/subscribe": lambda _: answer({}),
        }

    async def request(self, request: HttpRequest, *, timeout_s: float) -> HttpResponse:
        self.asked.append(request)
        await asyncio.sleep(0)
        return self.answers[request.path](request)

    async def open_feed(self, path: str, headers: tuple[tuple[str, str], ...] = (), *, url: str = "") -> Line:
        if self.refusals:
            raise self.refusals.pop(0)
        self.lines.append(Line(path))
        return self.lines[-1]

    async def close(self) -> None: ...

    def count(self, path: str) -> int:
        return sum(request.path == path for request in self.asked)


def answer(body: Any, status: int = 200, **headers: str) -> HttpResponse:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return HttpResponse(status, named, msgspec.json.encode(body))


def order(status: OrderStatus = OrderStatus.OPEN, filled: int = 0, number: str = "B1") -> OrderReport:
    return OrderReport(
        number, "TAG", status, Evidence.ORDER_BOOK, Exchange.NSE, "S1", Side.BUY, Product.MIS, PriceType.LIMIT, 10,
        filled_quantity=filled,
    )  # fmt: skip


def trade(quantity: int, number: str = "T1") -> FillReport:
    return FillReport(
        number, "B1", "TAG", Evidence.TRADE_BOOK, Exchange.NSE, "S1", Side.BUY, Product.MIS, quantity, 100.0, 1
    )
