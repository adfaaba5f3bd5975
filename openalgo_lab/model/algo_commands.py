"""Brackets and execution algorithms: orders that are looked after while they work. Values and commands."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from openalgo_lab.model.command_base import Command
from openalgo_lab.model.order_commands import PlaceOrder
from openalgo_lab.model.vocabulary import Exchange, Product, Side

__all__ = [
    "Algo",
    "AlgoAct",
    "AlgoKind",
    "AlgoStatus",
    "AlgoTerms",
    "AnyAlgoCommand",
    "Bracket",
    "BracketStatus",
    "ControlAlgo",
    "EndBracket",
    "GetAlgos",
    "GetBrackets",
    "PlaceBracket",
    "ProtectPosition",
    "StartAlgo",
]


class BracketStatus(StrEnum):
    """ENTERING: the entry works. GUARDED: the stop rests. LEAVING: the exit is on its way. The rest has ended."""

    ENTERING = "entering"
    GUARDED = "guarded"
    LEAVING = "leaving"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Bracket(msgspec.Struct, frozen=True):
    """A position with one exit order: it rests as a stop, and becomes a limit at the target. Rupees and units.

    ``stop`` is where the stop rests now, ``best`` the best price since the entry (for trailing); ``trail`` 0: fixed.
    """

    bracket_id: str
    account: str
    exchange: Exchange
    symbol: str
    product: Product
    side: Side
    quantity: int
    stop: float
    target: float
    trail: float
    status: BracketStatus
    best: float = 0.0
    filled: int = 0
    exited: int = 0
    entry_order: str = ""
    exit_order: str = ""
    strategy: str = ""
    reason: str = ""
    created_ns: int = 0
    updated_ns: int = 0
    tag: str = ""
    exited_before: int = 0
    """Units that left by exit orders before the present one."""


class PlaceBracket(Command[Bracket], frozen=True, tag="place_bracket"):
    """An entry with its stop, target and trailing distance, all rupees; target and trail 0 = none.

    The stop rests at the exchange as soon as something is filled, so it holds when this engine does not run. With
    ``trail`` it follows the best price at that distance, never back. Not above the freeze quantity.
    """

    order: PlaceOrder
    stop: float
    target: float = 0.0
    trail: float = 0.0


class ProtectPosition(Command[Bracket], frozen=True, tag="protect_position"):
    """The same for a position that is held already: its stop, target and trailing distance."""

    exchange: Exchange
    symbol: str
    product: Product
    stop: float
    target: float = 0.0
    trail: float = 0.0
    account: str = ""


class EndBracket(Command[Bracket], frozen=True, tag="end_bracket"):
    """Cancel what waits. ``close``: leave the position at market, else it stays as it is, unguarded."""

    bracket_id: str
    close: bool = False


class GetBrackets(Command[tuple[Bracket, ...]], frozen=True, tag="get_brackets"):
    """All of today and all that have not ended, oldest first."""

    account: str = ""


class AlgoKind(StrEnum):
    """CHASE follows the best price with one limit order. TWAP sends equal parts over a time. ICEBERG shows a part."""

    CHASE = "chase"
    TWAP = "twap"
    ICEBERG = "iceberg"


class AlgoStatus(StrEnum):
    """Where one stands. After a restart a running one is PAUSED until somebody says go on."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    DONE = "done"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Whether it will do nothing more."""
        return self in (AlgoStatus.STOPPED, AlgoStatus.DONE, AlgoStatus.FAILED)


class AlgoTerms(msgspec.Struct, frozen=True):
    """What an algorithm is to do.

    ``order.price`` is the worst price (0: none; LIMIT parts use it). TWAP: ``parts`` over ``duration_s``. ICEBERG:
    ``visible`` units at a time, price needed. CHASE: at the own side's best price, looked at every ``every_s``; after
    ``duration_s`` (0: never) the rest goes at market if ``finish_at_market``.
    """

    kind: AlgoKind
    order: PlaceOrder
    parts: int = 0
    duration_s: float = 0.0
    visible: int = 0
    every_s: float = 1.0
    finish_at_market: bool = False


class Algo(msgspec.Struct, frozen=True):
    """One algorithm at work. ``placed`` parts were sent; ``orders`` are their ids."""

    algo_id: str
    terms: AlgoTerms
    status: AlgoStatus
    filled: int = 0
    placed: int = 0
    orders: tuple[str, ...] = ()
    message: str = ""
    created_ns: int = 0
    updated_ns: int = 0

    @property
    def progress(self) -> float:
        """Share of the quantity that is filled."""
        return self.filled / self.terms.order.quantity if self.terms.order.quantity else 0.0


class StartAlgo(Command[Algo], frozen=True, tag="start_algo"):
    """Work an order off by an algorithm."""

    terms: AlgoTerms


class AlgoAct(StrEnum):
    """What can be said to one."""

    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"


class ControlAlgo(Command[Algo], frozen=True, tag="control_algo"):
    """Pause (its working order is cancelled), go on, or stop for good."""

    algo_id: str
    act: AlgoAct


class GetAlgos(Command[tuple[Algo, ...]], frozen=True, tag="get_algos"):
    """All of today and all that have not ended, oldest first."""


AnyAlgoCommand = PlaceBracket | ProtectPosition | EndBracket | GetBrackets | StartAlgo | ControlAlgo | GetAlgos
"""Every command of this module."""
