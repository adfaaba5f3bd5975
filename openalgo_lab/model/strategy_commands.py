"""Strategies that the engine hosts, each in a process of its own; and what a running one asks of the engine."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from openalgo_lab.model.command_base import Command, Done
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.market import Quote
from openalgo_lab.model.orders import Order
from openalgo_lab.model.vocabulary import Exchange

__all__ = [
    "AddStrategy",
    "AnyStrategyCommand",
    "GetOrderOfKey",
    "GetStrategies",
    "GetStrategyLog",
    "GetStrategyStarts",
    "HostedStrategy",
    "OrderOfKey",
    "Plain",
    "RemoveStrategy",
    "ReplayStep",
    "ScheduleStrategy",
    "StartStrategy",
    "StepReplay",
    "StopStrategy",
    "StrategyInfo",
    "StrategyLimits",
    "StrategyLog",
    "StrategyPnl",
    "StrategyRestarts",
    "StrategySchedule",
    "StrategyStart",
    "StrategyState",
]


class ReplayStep(msgspec.Struct, frozen=True):
    """Where a stepped replay stands: now, its next snapshot (0 = that was the last), its end (UTC ns).

    ``quotes``: of the instruments asked about, in that order; those that have not appeared yet are left out.
    """

    now_ns: int
    next_ns: int
    end_ns: int
    quotes: tuple[Quote, ...] = ()


class StepReplay(Command[ReplayStep], frozen=True, tag="step_replay"):
    """Hold the recording's clock and set it to a moment (0 = where it stands). Answers once all of that moment has
    been told: orders on their way have reached the market, and the prices of ``keys`` are on the board.
    """

    to_ns: int = 0
    keys: tuple[InstrumentKey, ...] = ()


class OrderOfKey(msgspec.Struct, frozen=True):
    """The order that a client key has become; None: no order came of it."""

    order: Order | None = None


class GetOrderOfKey(Command[OrderOfKey], frozen=True, tag="get_order_of_key"):
    """What has become of an order whose answer was lost, by the ``client_key`` that it was given with."""

    client_key: str
    account: str = ""


# Hosted strategies ----------------------------------------------------------------------------------------------------

Plain = bool | int | float | str


class StrategySchedule(msgspec.Struct, frozen=True):
    """When a strategy runs: from ``start`` to ``stop`` (HH:MM, India) on these weekdays (0 = Monday), on trading days
    of ``exchange`` only.
    """

    start: str = "09:10"
    stop: str = "15:30"
    days: tuple[int, ...] = (0, 1, 2, 3, 4)
    exchange: Exchange = Exchange.NSE


class StrategyLimits(msgspec.Struct, frozen=True):
    """0 = none. ``memory_mb`` and ``cpu_s`` (seconds of work since its start) end the process; orders beyond
    ``orders_per_day`` are refused; at a loss of ``max_loss`` rupees in a day the risk gate closes all and takes nothing
    new.
    """

    memory_mb: int = 0
    cpu_s: int = 0
    orders_per_day: int = 0
    max_loss: float = 0.0


class StrategyRestarts(msgspec.Struct, frozen=True):
    """After a crash it starts again up to ``most`` times in a row, after ``first_s`` seconds, then twice as many, up to
    ``longest_s``; a run of ten minutes counts as a new beginning.
    """

    most: int = 5
    first_s: float = 1.0
    longest_s: float = 60.0


class HostedStrategy(msgspec.Struct, frozen=True):
    """What is run: the class in a ``.py`` file or a notebook (of which the definitions count, nothing is executed).

    ``strategy`` "" is the only strategy class of the file, ``universe`` () what the class names, ``account`` "" the
    default one when it was added. ``terms`` are words of ``lab.backtest``: cash, product, square_off. ``python`` is the
    interpreter of another environment, "" this one's.
    """

    name: str
    path: str
    strategy: str = ""
    universe: tuple[str, ...] = ()
    interval: str = "1m"
    account: str = ""
    parameters: dict[str, Plain] = {}
    terms: dict[str, Plain] = {}
    warm_up: int = 500
    python: str = ""
    limits: StrategyLimits = StrategyLimits()
    restarts: StrategyRestarts = StrategyRestarts()
    schedule: StrategySchedule | None = None


class StrategyState(StrEnum):
    """How a hosted strategy stands."""

    STOPPED = "stopped"
    SCHEDULED = "scheduled"
    """It waits for its time."""
    RUNNING = "running"
    WAITING = "waiting"
    """It has crashed and starts again in a moment."""
    FAILED = "failed"
    """It has crashed too often, or could not start: ``message`` says why; start it again by hand."""


class StrategyPnl(msgspec.Struct, frozen=True):
    """A hosted strategy's own book, from its own fills. Rupees, charges taken off; ``saved_ns`` is how old it is."""

    saved_ns: int
    profit: float
    realised: float
    charges: float
    orders: int
    trades: int
    positions: dict[str, int]


class StrategyInfo(msgspec.Struct, frozen=True):
    """A hosted strategy. ``next_ns``: when its schedule starts it next, 0 = never. Times UTC ns."""

    strategy: HostedStrategy
    state: StrategyState
    message: str = ""
    pid: int = 0
    started_ns: int = 0
    next_ns: int = 0
    crashes: int = 0
    book: StrategyPnl | None = None


class StrategyStart(msgspec.Struct, frozen=True):
    """A start: who, why (by hand, schedule, crash), of which source (SHA-256) with which parameters."""

    time_ns: int
    by: str
    why: str
    sha256: str
    parameters: dict[str, Plain]


class StrategyLog(msgspec.Struct, frozen=True):
    """The last lines of what it has said, secrets masked."""

    lines: tuple[str, ...]


class AddStrategy(Command[StrategyInfo], frozen=True, tag="add_strategy"):
    """Have the engine host a strategy; it starts by command or schedule. ``source`` with a ``file_name`` is kept in the
    profile, else ``path`` is read at every start. ``replace`` changes one that is not running.
    """

    strategy: HostedStrategy
    source: bytes = b""
    file_name: str = ""
    replace: bool = False


class RemoveStrategy(Command[Done], frozen=True, tag="remove_strategy"):
    """Stop it and forget it; its orders and positions stay, its files too unless ``files``."""

    name: str
    files: bool = False


class StartStrategy(Command[StrategyInfo], frozen=True, tag="start_strategy"):
    """Start its process now. One that runs already is an answer, not an error."""

    name: str


class StopStrategy(Command[StrategyInfo], frozen=True, tag="stop_strategy"):
    """End its process: its working orders are taken back, its positions left, or closed with ``close_positions``.
    A schedule starts it again only after the next start by hand.
    """

    name: str
    close_positions: bool = False


class ScheduleStrategy(Command[StrategyInfo], frozen=True, tag="schedule_strategy"):
    """Run it by the clock; None: by hand only. Setting one arms it, whatever was stopped before."""

    name: str
    schedule: StrategySchedule | None = None


class GetStrategies(Command[tuple[StrategyInfo, ...]], frozen=True, tag="get_strategies"):
    """All hosted strategies, in the order of adding."""


class GetStrategyLog(Command[StrategyLog], frozen=True, tag="get_strategy_log"):
    """The last ``lines`` of its log."""

    name: str
    lines: int = 200


class GetStrategyStarts(Command[tuple[StrategyStart, ...]], frozen=True, tag="get_strategy_starts"):
    """Its last hundred starts, oldest first."""

    name: str


AnyStrategyCommand = (
    StepReplay
    | GetOrderOfKey
    | AddStrategy
    | RemoveStrategy
    | StartStrategy
    | StopStrategy
    | ScheduleStrategy
    | GetStrategies
    | GetStrategyLog
    | GetStrategyStarts
)
