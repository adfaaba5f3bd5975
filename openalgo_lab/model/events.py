"""Events: facts of the engine, published on one bus. Order events are never dropped; quotes are conflated.

Topics: ``order:update``, ``trade:update``, ``position:update``, ``funds:update``, ``broker:status``,
``engine:status``, ``history:update``, ``error:global``, and the conflated ``quote:{exchange}:{symbol}``,
``depth:{exchange}:{symbol}``.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from openalgo_lab.model.orders import Fill, Order
from openalgo_lab.model.portfolio import Account, Funds, Holding, Position
from openalgo_lab.model.vocabulary import Mode

__all__ = [
    "AlertFired",
    "AnyEvent",
    "Books",
    "EngineStatus",
    "ErrorRaised",
    "Event",
    "FeedState",
    "FeedStatusChanged",
    "FundsUpdated",
    "HistoryProgress",
    "KillSwitchChanged",
    "Latency",
    "OrderUpdated",
    "PositionUpdated",
    "ReplayStatus",
    "TradeHappened",
    "WorksChanged",
]


class Books(msgspec.Struct, frozen=True):
    """One consistent, immutable snapshot of all books. ``version`` grows with every change; oldest order first."""

    version: int
    orders: tuple[Order, ...] = ()
    fills: tuple[Fill, ...] = ()
    positions: tuple[Position, ...] = ()
    holdings: tuple[Holding, ...] = ()
    funds: tuple[Funds, ...] = ()


class Latency(msgspec.Struct, frozen=True):
    """A distribution of the last minute, in milliseconds; ``count`` 0 = nothing measured."""

    p50_ms: float = 0.0
    p99_ms: float = 0.0
    count: int = 0


class FeedState(msgspec.Struct, frozen=True):
    """How fresh a broker's market data is. ``age_ms`` since the last frame (-1 = none yet)."""

    broker: str
    connected: bool
    age_ms: float = -1.0
    ticks_per_s: float = 0.0
    symbols: int = 0
    gaps: int = 0
    detail: str = ""


class ReplayStatus(msgspec.Struct, frozen=True):
    """Where a replay stands: recording's name, its span and the present moment (UTC ns), speed, paused, ended."""

    name: str
    start_ns: int
    end_ns: int
    now_ns: int
    speed: float
    paused: bool
    ended: bool


class EngineStatus(msgspec.Struct, frozen=True):
    """The engine's health sheet."""

    engine_id: str
    pid: int
    profile: str
    started_ns: int
    accounts: tuple[Account, ...]
    default_account: str
    mode: Mode
    feeds: tuple[FeedState, ...]
    kill_switch: bool
    market_ns: int
    """The market's present moment (UTC ns): the wall clock, or the recording's in a replay."""
    loop_lag: Latency = Latency()
    order_ack: Latency = Latency()
    journal_sync: Latency = Latency()
    unknown_orders: int = 0
    attached: int = 0
    replay: ReplayStatus | None = None
    instruments_path: str = ""
    """The SQLite file of today's instruments, for readers in other processes."""
    armed: tuple[str, ...] = ()
    """Live accounts that take new orders in this session of the engine."""


class Event(msgspec.Struct, frozen=True):
    """Base of all events."""

    topic: ClassVar[str] = ""


class OrderUpdated(Event, frozen=True, tag="order"):
    """An order changed (or came to be)."""

    topic: ClassVar[str] = "order:update"
    order: Order


class TradeHappened(Event, frozen=True, tag="trade"):
    """A fill was booked."""

    topic: ClassVar[str] = "trade:update"
    fill: Fill


class PositionUpdated(Event, frozen=True, tag="position"):
    """A net position changed."""

    topic: ClassVar[str] = "position:update"
    position: Position


class FundsUpdated(Event, frozen=True, tag="funds"):
    """An account's money changed."""

    topic: ClassVar[str] = "funds:update"
    funds: Funds


class FeedStatusChanged(Event, frozen=True, tag="feed"):
    """A feed connected, stalled, or was lost."""

    topic: ClassVar[str] = "broker:status"
    feed: FeedState


class KillSwitchChanged(Event, frozen=True, tag="kill_switch"):
    """The kill switch was engaged or released."""

    topic: ClassVar[str] = "engine:status"
    engaged: bool


class WorksChanged(Event, frozen=True, tag="works"):
    """Something that the engine looks after has changed: a GTT, bracket, algorithm, approval or alert, by its key."""

    topic: ClassVar[str] = "works:update"
    kind: str
    key: str


class AlertFired(Event, frozen=True, tag="alert"):
    """An alert's condition was met. ``channels``: how pages should tell it (``toast``, ``sound``, ``desktop``)."""

    topic: ClassVar[str] = "alert:fired"
    alert_id: str
    name: str
    message: str
    channels: tuple[str, ...]
    time_ns: int


class HistoryProgress(Event, frozen=True, tag="history"):
    """A download of candles went on: ``done`` of 1 (told a few times a second at most), or its state changed."""

    topic: ClassVar[str] = "history:update"
    job_id: str
    state: str
    done: float
    symbol: str = ""
    message: str = ""


class ErrorRaised(Event, frozen=True, tag="error"):
    """Something went wrong that no caller is waiting for; ``message`` is one sentence for people."""

    topic: ClassVar[str] = "error:global"
    where: str
    message: str


class SecurityChanged(Event, frozen=True, tag="security"):
    """The vault was opened or locked, or somebody signed in or out. ``required``: there are users, so one must be.

    ``user`` is who is signed in, "" nobody; ``expires_ns`` (UTC) is when that ends.
    """

    topic: ClassVar[str] = "security:status"
    vault_open: bool
    required: bool
    user: str = ""
    expires_ns: int = 0


AnyEvent = (
    OrderUpdated
    | TradeHappened
    | PositionUpdated
    | FundsUpdated
    | FeedStatusChanged
    | KillSwitchChanged
    | ErrorRaised
    | SecurityChanged
    | WorksChanged
    | AlertFired
    | HistoryProgress
)
"""Every event, as the tagged union in which it travels between processes."""
