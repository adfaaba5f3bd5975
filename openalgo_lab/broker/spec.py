"""What a broker is to the workbench: a spec of plain facts and a codec of pure functions.

A codec has no socket, clock, global or retry. Each thing that can be asked is a `Call`: the request, and the function
that reads its answer. A feed's protocol state lives in a `FeedSession`, which has no socket either. Maps between words
are total: a word that is not in them is a `DecodeError` (inwards) or an `InputError` (outwards), never a default.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import msgspec

from openalgo_lab.broker.adapter import OrderChange
from openalgo_lab.model.errors import LabError
from openalgo_lab.model.gtt import GttIntent, GttReport
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import DEPTH_LEVELS, Bars, Depth, DepthLevel, Quote, TickBatch
from openalgo_lab.model.orders import Order, OrderIntent
from openalgo_lab.model.portfolio import Funds, Holding, Profile
from openalgo_lab.model.reports import FillReport, OrderReport, PositionReport, Report
from openalgo_lab.model.vocabulary import Exchange, FeedMode
from openalgo_lab.wire.limits import Rate
from openalgo_lab.wire.transport import HttpRequest, HttpResponse

__all__ = [
    "BrokerSpec",
    "Call",
    "Capability",
    "Codec",
    "DeepBook",
    "FeedAddress",
    "FeedKind",
    "FeedMessage",
    "FeedSession",
    "FeedSpec",
    "FrameContent",
    "HistoryLimits",
    "Limits",
    "LoginField",
    "LoginFlow",
    "LoginKind",
    "Rate",
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
    PROFILE = "profile"
    GTT = "gtt"


# Login --------------------------------------------------------------------------------------------------------------


class LoginKind(StrEnum):
    """How a session begins. NONE needs nobody: it is renewed without asking. REDIRECT: the user logs in on a page of
    the broker, which calls back. FORM: user id, password or PIN, one-time code. KEY: an API key and its secret, or a
    token made by hand. TWO_TOKENS: keys for orders and for market data."""

    NONE = "none"
    REDIRECT = "redirect"
    FORM = "form"
    KEY = "key"
    TWO_TOKENS = "two_tokens"


class LoginField(msgspec.Struct, frozen=True):
    """One thing that a login asks for: the credential's name, its label on a form, a sentence where to find it."""

    name: str
    label: str
    secret: bool
    optional: bool = False
    hint: str = ""


class Session(msgspec.Struct, frozen=True):
    """A logged-in session. Its tokens never show in a ``repr``.

    ``extra`` holds what else the broker's calls need (a market-data token, a feed token, a user id for the feed).
    ``expires_ns`` is UTC ns, 0 where the codec does not know it: the layer then takes the spec's ``token_expiry``.
    """

    client: str
    token: str
    extra: Mapping[str, str] = {}
    expires_ns: int = 0

    def __repr__(self) -> str:
        return f"Session(client={self.client!r}, token=***)"


class Call(msgspec.Struct, Generic[T], frozen=True):
    """One thing asked of a broker. ``decode`` sees successful answers only and raises `DecodeError` for a misfit."""

    request: HttpRequest
    decode: Callable[[HttpResponse], T]
    accepts: frozenset[int] = frozenset()
    """Statuses besides 2xx that ``decode`` reads where `Codec.refusal` finds no error in the answer (an empty book that
    comes as a 400)."""


LoginFlow = Generator[Call[Any], Any, Session]
"""A login as a conversation: yields calls, is sent each decoded answer, returns the session."""


# Limits -------------------------------------------------------------------------------------------------------------


class Limits(msgspec.Struct, frozen=True):
    """What the broker allows at once, and how long to wait for it.

    A request counts in its pool ("order" on the order lane, "data" else, or the one that it names) and in "all".
    """

    rates: tuple[Rate, ...] = ()
    quotes_batch: int = 500
    order_timeout_s: float = 10.0
    data_timeout_s: float = 10.0


class HistoryLimits(msgspec.Struct, frozen=True):
    """Which candles there are: ``intervals`` maps our word (1m, 5m, 1h, D …) to the most days of one call.

    ``oldest_days`` is how far back intraday candles go at all; 0 = not known. ``today_apart``: today's candles come by
    a call of their own, so a page ends at the midnight before today.
    """

    intervals: Mapping[str, int] = {}
    oldest_days: int = 0
    today_apart: bool = False


# Feeds --------------------------------------------------------------------------------------------------------------


class FeedKind(StrEnum):
    """What a feed carries. BOOKS: order books deeper than five levels, and nothing else."""

    MARKET = "market"
    ORDERS = "orders"
    BOTH = "both"
    BOOKS = "books"


class FeedSpec(msgspec.Struct, frozen=True):
    """One kind of websocket of a broker.

    ``url`` is what a relative `FeedAddress` is added to ("" = the base URL with ws for http). ``silence_s``: when
    nothing, not even a heartbeat, was heard for so long, it has stalled; 0 = silence proves nothing. ``ping_s``: how
    often `FeedSession.ping` is sent; 0 = never. ``symbols_per_socket`` 0 = no cap is known; ``sockets`` is how many
    may be open at once; ``batch`` is the most symbols of one subscription. ``levels`` is how deep its books are, and
    ``exchanges`` whose books a BOOKS feed has, none named = all.
    """

    name: str
    kind: FeedKind
    url: str = ""
    silence_s: float = 5.0
    ping_s: float = 0.0
    symbols_per_socket: int = 0
    sockets: int = 1
    batch: int = 500
    modes: frozenset[FeedMode] = frozenset(FeedMode)
    levels: int = DEPTH_LEVELS
    exchanges: frozenset[Exchange] = frozenset()


class FeedAddress(msgspec.Struct, frozen=True):
    """Where to open a feed: a path added to the feed's ``url``, or a whole ws:// or wss:// address that the broker
    gave. It may hold a token, so it never shows in a ``repr``."""

    url_or_path: str
    headers: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return "FeedAddress(***)"


class DeepBook(msgspec.Struct, frozen=True):
    """What a message tells of a deep book: levels best first, without empty ones; None for a side it does not hold.

    ``time_ns`` is UTC, 0 where the broker tells none.
    """

    token: int
    time_ns: int = 0
    bids: tuple[DepthLevel, ...] | None = None
    asks: tuple[DepthLevel, ...] | None = None


class FrameContent(msgspec.Struct, frozen=True):
    """What one message of a feed says.

    ``sequence`` numbers the broker's order messages: one that carries reports is the next number, one without
    (a greeting, a heartbeat) repeats the last; -1 where the broker numbers nothing. ``notice`` is a sentence of the
    broker's for the log. ``replies`` are sent back at once. ``ready`` True: the login on the socket was accepted.
    ``refused`` ends the socket: a SessionExpired for good, another error until the next try. ``books`` come from BOOKS
    feeds only.
    """

    ticks: tuple[TickBatch, ...] = ()
    reports: tuple[Report, ...] = ()
    sequence: int = -1
    notice: str = ""
    replies: tuple[FeedMessage, ...] = ()
    ready: bool | None = None
    refused: LabError | None = None
    books: tuple[DeepBook, ...] = ()


FeedMessage = str | bytes | Call[FrameContent]
"""What a feed session wants sent: on its socket, or, where subscriptions go by REST, as a call whose answer may hold
ticks already."""


class FeedSession(Protocol):
    """The protocol state of one socket, made anew for each connection. No socket, clock or loop of its own."""

    needs_ready: ClassVar[bool]
    """Whether subscriptions wait for a message that says ``ready=True``; put False or True on the class."""

    def opened(self) -> Sequence[str | bytes]:
        """Messages to send as soon as the socket stands."""

    def subscribe(self, instruments: Sequence[Instrument], mode: FeedMode) -> Sequence[FeedMessage]:
        """Messages that ask for one batch, or raise its mode."""

    def unsubscribe(self, instruments: Sequence[Instrument]) -> Sequence[FeedMessage]:
        """Messages that drop one batch."""

    def ping(self) -> str | bytes | None:
        """What is sent every ``ping_s``; None = nothing."""

    def received(self, frame: str | bytes) -> FrameContent:
        """What a message says. Raises DecodeError; the socket goes on after it."""

    def together(self, frames: Sequence[str | bytes]) -> FrameContent | None:
        """What several messages say that came together, where one reading of all is quicker and says the same.

        None, or a DecodeError, leaves them to :meth:`received` one by one: so only a session that keeps no state of
        what it hears may offer it.
        """


# The codec ----------------------------------------------------------------------------------------------------------


class Codec(Protocol):
    """A broker's protocol as pure functions. Every error is of `openalgo_lab.model.errors`.

    A method for something that the API lacks raises `NotSupported` (see `openalgo_lab.broker.absent.PlainCodec`).
    """

    def login(self, credentials: Mapping[str, str]) -> LoginFlow:
        """Begin a session. Raises InputError when a credential is missing (``field`` is its name).

        A form's one-time code is ``credentials["totp"]``; after a redirect the callback's query parameters are in.
        """

    def login_url(self, credentials: Mapping[str, str], redirect_uri: str, state: str) -> str:
        """Where the user's browser logs in, for a REDIRECT broker."""

    def logout(self, session: Session) -> Call[None] | None:
        """End the session; None where the API has no such call."""

    def refusal(self, response: HttpResponse) -> LabError | None:
        """The error that an answer states in the broker's own form; None when it is a success or not understood."""

    def profile(self, session: Session) -> Call[Profile]:
        """Who is logged in."""

    def place(self, session: Session, intent: OrderIntent, instrument: Instrument) -> Call[OrderReport]:
        """Submit; ``intent.order_id`` (its first ``tag_length`` characters) travels as the tag."""

    def modify(self, session: Session, order: Order, change: OrderChange, instrument: Instrument) -> Call[None]:
        """New terms for a working order."""

    def cancel(self, session: Session, order: Order) -> Call[None]:
        """The end of a working order."""

    def order(self, session: Session, order: Order) -> Call[OrderReport] | None:
        """One order as it stands; None where only the whole book can be had."""

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

    def margin(self, session: Session, legs: Sequence[tuple[OrderIntent, Instrument]]) -> Call[int]:
        """Paise that a basket of orders would block together."""

    def quotes(self, session: Session, instruments: Sequence[Instrument]) -> Call[tuple[Quote, ...]]:
        """Quotes in the same order, of at most ``quotes_batch`` instruments."""

    def depth(self, session: Session, instrument: Instrument) -> Call[Depth]:
        """Five levels."""

    def history(
        self, session: Session, instrument: Instrument, interval: str, start_ns: int, end_ns: int
    ) -> Call[Bars]:
        """One page of candles that start in [start_ns, end_ns); the span is at most what `HistoryLimits` allows."""

    def instrument_files(self, session: Session) -> tuple[Call[tuple[Instrument, ...]], ...]:
        """The master contract of the day, a call a file. ``decode`` runs on another thread: pure, unzips itself."""

    def place_gtt(self, session: Session, gtt: GttIntent, instrument: Instrument) -> Call[str]:
        """Rest a GTT; gives the broker's id of it."""

    def modify_gtt(self, session: Session, gtt_id: str, gtt: GttIntent, instrument: Instrument) -> Call[None]:
        """New terms; ``gtt_id`` is the broker's id."""

    def cancel_gtt(self, session: Session, gtt_id: str) -> Call[None]:
        """End one; ``gtt_id`` is the broker's id."""

    def gtt_book(self, session: Session) -> Call[tuple[GttReport, ...]]:
        """All that the broker lists."""

    def feed_address(self, session: Session, feed: FeedSpec) -> Call[FeedAddress] | FeedAddress:
        """Where to open a socket of ``feed``; a Call where a REST authorisation gives it."""

    def open_feed(self, session: Session, feed: FeedSpec) -> FeedSession:
        """The protocol state for one new socket of ``feed``."""


class BrokerSpec(msgspec.Struct, frozen=True):
    """A broker's facts.

    ``hosts`` names further base URLs for `HttpRequest.host`. ``token_expiry`` is the IST time of day at which every
    session ends ("" = never). ``tag_length`` says how many characters of our 13-character order id the broker's tag
    carries back (0 = no tag). ``order_poll_s`` is how often the books are read where no feed carries orders.
    ``books`` are its feeds of deeper order books: each is opened when somebody asks for such a book.
    ``protects_market``: the broker takes no market orders by API, so the adapter sends limit orders at a price that
    will be met (see `openalgo_lab.broker.protection`). ``lots_on``: exchanges whose quantities its reports count in
    lots; they are made units where a report gets our name. Its codec takes units, as everywhere.
    """

    key: str
    name: str
    exchanges: frozenset[Exchange]
    capabilities: frozenset[Capability]
    login: LoginKind
    codec: Codec
    base_url: str = ""
    hosts: Mapping[str, str] = {}
    family: str = ""
    login_fields: tuple[LoginField, ...] = ()
    feeds: tuple[FeedSpec, ...] = ()
    books: tuple[FeedSpec, ...] = ()
    history: HistoryLimits = HistoryLimits()
    limits: Limits = Limits()
    token_expiry: str = "06:00"  # noqa: S105 - a time of day
    tag_length: int = 13
    order_poll_s: float = 1.0
    protects_market: bool = False
    lots_on: frozenset[Exchange] = frozenset()
    verified: tuple[str, ...] = ()
    """What its adapter was proved against: "simulator" (of the fact sheet, on the wire), "official_client"."""
