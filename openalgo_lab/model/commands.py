"""Commands: everything anyone can ask of the engine, as typed requests with typed answers.

A command is intent. It is immutable, says nothing of who asks (that is the caller's principal) and is what travels
between kernels. ``Command[R]`` names the answer's type, so ``await engine.call(PlaceOrder(...))`` is typed.
Account "" always means the profile's default account.
"""

from __future__ import annotations

from openalgo_lab.model.accounting import AnyAccountingCommand
from openalgo_lab.model.alerts import AnyAlertCommand
from openalgo_lab.model.algo_commands import AnyAlgoCommand
from openalgo_lab.model.approvals import AnyApprovalCommand
from openalgo_lab.model.broker_commands import AnyBrokerCommand
from openalgo_lab.model.command_base import Command, Done
from openalgo_lab.model.events import Books, EngineStatus
from openalgo_lab.model.gtt_commands import AnyGttCommand
from openalgo_lab.model.history_commands import AnyHistoryCommand, BarsReply, GetHistory
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.market import Depth, Quote
from openalgo_lab.model.option_commands import AnyOptionCommand
from openalgo_lab.model.order_commands import (
    CancelAllOrders,
    CancelOrder,
    CancelReply,
    ClosePosition,
    EstimateMargin,
    GetOrder,
    KillSwitch,
    MarginReply,
    ModifyOrder,
    PlaceOrder,
)
from openalgo_lab.model.orders import Fill
from openalgo_lab.model.risk import AnyRiskCommand
from openalgo_lab.model.sandbox import AnySandboxCommand
from openalgo_lab.model.security_commands import AnySecurityCommand
from openalgo_lab.model.strategy_commands import AnyStrategyCommand
from openalgo_lab.model.structure_commands import AnyStructureCommand, EstimateBasketMargin
from openalgo_lab.model.traffic import GetTraffic
from openalgo_lab.model.vocabulary import Exchange, FeedMode

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
    "EstimateBasketMargin",
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


class GetBooks(Command[Books], frozen=True, tag="get_books"):
    """Orders, trades, positions, holdings and funds of all accounts, as one consistent snapshot."""


class GetFills(Command[tuple[Fill, ...]], frozen=True, tag="get_fills"):
    """The trades of one order."""

    order_id: str


class GetQuotes(Command[tuple[Quote, ...]], frozen=True, tag="get_quotes"):
    """Quotes, from the board where the feed is live, else from the broker; same order as asked."""

    keys: tuple[InstrumentKey, ...]


class GetDepth(Command[Depth], frozen=True, tag="get_depth"):
    """Five levels of the book, or up to ``levels`` where the broker streams deeper ones."""

    key: InstrumentKey
    levels: int = 5


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
    | AnyHistoryCommand
    | SearchInstruments
    | GetInstrument
    | Subscribe
    | Unsubscribe
    | EstimateMargin
    | KillSwitch
    | Reconcile
    | GetStatus
    | ControlReplay
    | GetTraffic
    | AnyStructureCommand
    | AnySecurityCommand
    | AnyOptionCommand
    | AnyRiskCommand
    | AnyBrokerCommand
    | AnyAccountingCommand
    | AnySandboxCommand
    | AnyGttCommand
    | AnyAlgoCommand
    | AnyApprovalCommand
    | AnyAlertCommand
    | AnyStrategyCommand
)
"""Every command, as the tagged union in which it travels."""
