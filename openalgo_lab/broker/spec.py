"""What a broker is to the workbench: a spec of plain facts and a codec of pure functions.

A codec has no socket, clock, global or retry. Each thing that can be asked is a `Call`: the request, and the function
that reads its answer. Maps between words are total: a word that is not in them is a `DecodeError` (inwards) or an
`InputError` (outwards), never a default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

import msgspec

from openalgo_lab.broker.adapter import OrderChange
from openalgo_lab.model.errors import LabError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Bars, Depth, Quote, TickBatch
from openalgo_lab.model.orders import Order, OrderIntent
from openalgo_lab.model.portfolio import Funds, Holding
from openalgo_lab.model.reports import FillReport, OrderReport, PositionReport, Report
from openalgo_lab.model.vocabulary import Exchange, FeedMode
from openalgo_lab.wire.transport import HttpRequest, HttpResponse

__all__ = [
    "BrokerSpec",
    "Call",
    "Capability",
    "Codec",
    "FrameContent",
    "Limits",
    "LoginKind",
    "Session",
]

T = TypeVar("T")


class Capability(StrEnum):
    """What a broker's API offers."""

    ORDERS = "orders"
    FEED = "feed"
    DEPTH_FEED = "depth_feed"
    ORDER_FEED = "order_feed"
    QUOTES = "quotes"
    DEPTH = "depth"
    HISTORY = "history"
    HOLDINGS = "holdings"
    MARGIN = "margin"
    INSTRUMENTS = "instruments"


class LoginKind(StrEnum):
    """How a session begins. NONE needs nobody: it is renewed without asking."""

    NONE = "none"
    REDIRECT = "redirect"
    FORM = "form"
    KEY = "key"
    TWO_TOKENS = "two_tokens"


class Limits(msgspec.Struct, frozen=True):
    """What the broker allows at once, and how long to wait. 0 = no limit is known."""

    subscribe_batch: int = 500
    quotes_batch: int = 500
    orders_per_s: float = 0.0
    order_timeout_s: float = 10.0
    data_timeout_s: float = 10.0


class Session(msgspec.Struct, frozen=True):
    """A logged-in session. Its token never shows in a ``repr``."""

    client: str
    token: str

    def __repr__(self) -> str:
        return f"Session(client={self.client!r}, token=***)"


class Call(msgspec.Struct, Generic[T], frozen=True):
    """One thing asked of a broker. ``decode`` sees successful answers only and raises `DecodeError` for a misfit."""

    request: HttpRequest
    decode: Callable[[HttpResponse], T]


class FrameContent(msgspec.Struct, frozen=True):
    """What one message of the feed says.

    ``sequence`` numbers the broker's order messages: one that carries reports is the next number, one without
    (a greeting, a heartbeat) repeats the last; -1 where the broker numbers nothing. ``notice`` is a sentence of the
    broker's for the log.
    """

    ticks: tuple[TickBatch, ...] = ()
    reports: tuple[Report, ...] = ()
    sequence: int = -1
    notice: str = ""


class Codec(Protocol):
    """A broker's protocol as pure functions. Every error is of `openalgo_lab.model.errors`."""

    def login(self, credentials: Mapping[str, str]) -> Call[Session]:
        """Begin a session. Raises InputError when a credential is missing."""

    def refusal(self, response: HttpResponse) -> LabError | None:
        """The error that an answer states in the broker's own form; None when it is a success or not understood."""

    def place(self, session: Session, intent: OrderIntent, instrument: Instrument) -> Call[OrderReport]:
        """Submit; ``intent.order_id`` travels as the tag."""

    def modify(self, session: Session, order: Order, change: OrderChange, instrument: Instrument) -> Call[None]:
        """New terms for a working order."""

    def cancel(self, session: Session, order: Order) -> Call[None]:
        """The end of a working order."""

    def order_book(self, session: Session) -> Call[tuple[OrderReport, ...]]:
        """All orders of the day."""

    def trade_book(self, session: Session) -> Call[tuple[FillReport, ...]]:
        """All fills of the day."""

    def positions(self, session: Session) -> Call[tuple[PositionReport, ...]]:
        """Net positions."""

    def holdings(self, session: Session, account: str) -> Call[tuple[Holding, ...]]:
        """Demat holdings of ``account``."""

    def funds(self, session: Session, account: str) -> Call[Funds]:
        """Money of ``account``."""

    def margin(self, session: Session, intent: OrderIntent, instrument: Instrument) -> Call[int]:
        """Paise that an order would block."""

    def quotes(self, session: Session, instruments: Sequence[Instrument]) -> Call[tuple[Quote, ...]]:
        """Quotes in the same order."""

    def depth(self, session: Session, instrument: Instrument) -> Call[Depth]:
        """Five levels."""

    def history(
        self, session: Session, instrument: Instrument, interval: str, start_ns: int, end_ns: int
    ) -> Call[Bars]:
        """Candles that start in [start_ns, end_ns)."""

    def instruments(self, session: Session) -> Call[tuple[Instrument, ...]]:
        """The master contract of the day."""

    def feed(self, session: Session) -> tuple[str, tuple[tuple[str, str], ...]]:
        """Path and headers of the feed's websocket."""

    def subscribe(self, instruments: Sequence[Instrument], mode: FeedMode) -> str | bytes:
        """The message that asks for one batch."""

    def unsubscribe(self, instruments: Sequence[Instrument]) -> str | bytes:
        """The message that drops one batch."""

    def decode_frame(self, frame: str | bytes) -> FrameContent:
        """What a message of the feed says. Raises DecodeError."""


class BrokerSpec(msgspec.Struct, frozen=True):
    """A broker's facts. ``heartbeat_s`` is how often its feed says something even when no price moves."""

    key: str
    name: str
    exchanges: frozenset[Exchange]
    capabilities: frozenset[Capability]
    login: LoginKind
    codec: Codec
    base_url: str = ""
    feed_url: str = ""
    family: str = ""
    heartbeat_s: float = 2.5
    limits: Limits = Limits()
