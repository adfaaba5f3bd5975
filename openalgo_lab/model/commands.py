"""Commands: everything anyone can ask of the engine, as typed requests with typed answers.

A command is intent. It is immutable, says nothing of who asks (that is the caller's principal) and is what travels
between kernels. ``Command[R]`` names the answer's type, so ``await engine.call(PlaceOrder(...))`` is typed.
Account "" always means the profile's default account.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from openalgo_lab.model.events import Books, EngineStatus
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.market import Depth, Quote
from openalgo_lab.model.orders import Fill, Order
from openalgo_lab.model.vocabulary import Exchange, FeedMode, PriceType, Product, Side, Validity

__all__ = [
    "AnyCommand",
    "BarsReply",
    "CancelAllOrders",
    "CancelOrder",
    "CancelReply",
    "ClosePosition",
    "Command",
    "ControlReplay",
    "Done",
    "EstimateMargin",
    "GetBooks",
    "GetDepth",
    "GetFills",
    "GetHistory",
    "GetInstrument",
    "GetOrder",
    "GetQuotes",
    "GetStatus",
    "KillSwitch",
    "MarginReply",
    "ModifyOrder",
    "PlaceOrder",
    "Reconcile",
    "SearchInstruments",
    "Subscribe",
    "Unsubscribe",
]

R = TypeVar("R")


class Command(msgspec.Struct, Generic[R], frozen=True):
    """Base of all commands; ``R`` is the answer."""


class Done(msgspec.Struct, frozen=True):
    """The answer of a command that has nothing to say but that it was done."""

    message: str = ""


class CancelReply(msgspec.Struct, frozen=True):
    """What became of a cancel-all or close-all: order ids done, and (id, sentence) of those that failed."""

    done: tuple[str, ...]
    failed: tuple[tuple[str, str], ...] = ()


class MarginReply(msgspec.Struct, frozen=True):
    """Estimate before the click, in paise: margin to be blocked, charges, and what would stay available."""

    margin_paise: int
    charges_paise: int
    available_paise: int
    basis: str
    """One sentence: which rule the estimate follows."""


class BarsReply(msgspec.Struct, frozen=True):
    """Candles as columns of plain bytes (little-endian int64 / float64), for the wire between kernels."""

    start_ns: bytes
    open: bytes
    high: bytes
    low: bytes
    close: bytes
    volume: bytes
    oi: bytes
    gaps: tuple[str, ...] = ()


class PlaceOrder(Command[Order], frozen=True, tag="place_order"):
    """Place one order; answers with it as soon as its outcome at the broker is known (accepted, refused, unknown).

    ``quantity`` in units (a multiple of the lot). ``client_key`` makes it idempotent: the same key, the same order.
    ``confirm_duplicate`` must be true to send an intent identical to one of the last 2 s from another key.
    """

    exchange: Exchange
    symbol: str
    side: Side
    quantity: int
    product: Product
    price_type: PriceType = PriceType.MARKET
    price: float = 0.0
    trigger_price: float = 0.0
    disclosed_quantity: int = 0
    validity: Validity = Validity.DAY
    strategy: str = ""
    account: str = ""
    client_key: str = ""
    confirm_duplicate: bool = False


class ModifyOrder(Command[Order], frozen=True, tag="modify_order"):
    """Change quantity, price, trigger or type of a working order; None leaves a value as it is.

    ``version``, if given, is the order version that the caller saw: an older one is refused with what changed.
    """

    order_id: str
    quantity: int | None = None
    price: float | None = None
    trigger_price: float | None = None
    price_type: PriceType | None = None
    version: int | None = None


class CancelOrder(Command[Order], frozen=True, tag="cancel_order"):
    """Cancel a working order. An order that has ended meanwhile is an answer, not an error."""

    order_id: str


class CancelAllOrders(Command[CancelReply], frozen=True, tag="cancel_all_orders"):
    """Cancel every working order of the account, narrowed by strategy or symbol where given."""

    account: str = ""
    strategy: str = ""
    exchange: Exchange | None = None
    symbol: str = ""


class ClosePosition(Command[CancelReply], frozen=True, tag="close_position"):
    """Close positions at market, sliced at the freeze quantity: all of the account, or those that match."""

    account: str = ""
    exchange: Exchange | None = None
    symbol: str = ""
    product: Product | None = None


class GetOrder(Command[Order], frozen=True, tag="get_order"):
    """One order by our id or the broker's."""

    order_id: str


class GetBooks(Command[Books], frozen=True, tag="get_books"):
    """Orders, trades, positions, holdings and funds of all accounts, as one consistent snapshot."""


class GetFills(Command[tuple[Fill, ...]], frozen=True, tag="get_fills"):
    """The trades of one order."""

    order_id: str


class GetQuotes(Command[tuple[Quote, ...]], frozen=True, tag="get_quotes"):
    """Quotes, from the board where the feed is live, else from the broker; same order as asked."""

    keys: tuple[InstrumentKey, ...]


class GetDepth(Command[Depth], frozen=True, tag="get_depth"):
    """Five levels of the book."""

    key: InstrumentKey


class GetHistory(Command[BarsReply], frozen=True, tag="get_history"):
    """Candles of ``interval`` (1m 3m 5m 15m 30m 1h D W M …) that start in [start_ns, end_ns), UTC ns."""

    key: InstrumentKey
    interval: str
    start_ns: int
    end_ns: int


class SearchInstruments(Command[tuple[Instrument, ...]], frozen=True, tag="search_instruments"):
    """Instruments by words: ``nifty 24000 ce``, ``bank fut``, ``relience``; best first."""

    query: str
    exchange: Exchange | None = None
    limit: int = 20


class GetInstrument(Command[Instrument], frozen=True, tag="get_instrument"):
    """One row of the master contract."""

    key: InstrumentKey


class Subscribe(Command[Done], frozen=True, tag="subscribe"):
    """Ask the feed for symbols; counted per caller, so that one page's leaving does not silence another."""

    keys: tuple[InstrumentKey, ...]
    feed_mode: FeedMode = FeedMode.QUOTE


class Unsubscribe(Command[Done], frozen=True, tag="unsubscribe"):
    """The caller no longer needs these symbols."""

    keys: tuple[InstrumentKey, ...]


class EstimateMargin(Command[MarginReply], frozen=True, tag="estimate_margin"):
    """Margin and charges of an order that has not been placed."""

    order: PlaceOrder


class KillSwitch(Command[CancelReply], frozen=True, tag="kill_switch"):
    """Engage: refuse new orders at once and cancel every working one (and close positions if asked). Or release."""

    engage: bool
    close_positions: bool = False


class Reconcile(Command[Done], frozen=True, tag="reconcile"):
    """Compare the ledger with the broker's books now."""

    account: str = ""


class GetStatus(Command[EngineStatus], frozen=True, tag="get_status"):
    """Health of the engine: host, mode, feed age, latencies, accounts."""


class ControlReplay(Command[EngineStatus], frozen=True, tag="control_replay"):
    """Steer a replay: pause, go on, change the speed, or jump to a moment (UTC ns) of the recording."""

    paused: bool | None = None
    speed: float | None = None
    seek_ns: int | None = None


AnyCommand = (
    PlaceOrder
    | ModifyOrder
    | CancelOrder
    | CancelAllOrders
    | ClosePosition
    | GetOrder
    | GetBooks
    | GetFills
    | GetQuotes
    | GetDepth
    | GetHistory
    | SearchInstruments
    | GetInstrument
    | Subscribe
    | Unsubscribe
    | EstimateMargin
    | KillSwitch
    | Reconcile
    | GetStatus
    | ControlReplay
)
"""Every command, as the tagged union in which it travels."""
