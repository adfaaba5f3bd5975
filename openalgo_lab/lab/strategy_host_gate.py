"""What a running strategy's host asks of its market: bars, quotes, contracts, and orders that become fills."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time
from typing import Final, Protocol

import msgspec

from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Bars, Quote
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.vocabulary import OptionType, Side
from openalgo_lab.strategy.orders import StrategyOrder

__all__ = ["OUTSIDE", "FillNews", "Gate", "OrderNews", "Stepper"]


OUTSIDE: Final = "outside:"


class FillNews(msgspec.Struct, frozen=True):
    """A trade of one of the strategy's orders. ``trade_id`` is unique for its account and day.

    With ``symbol`` and ``side``: of an order that carries the strategy's name but is somebody else's (a position closed
    by hand, the risk gate's stop); its key begins with :data:`OUTSIDE`.
    """

    key: str
    trade_id: str
    quantity: int
    price: float
    time_ns: int
    symbol: str = ""
    side: Side | None = None


class OrderNews(msgspec.Struct, frozen=True):
    """How one of the strategy's orders stands."""

    key: str
    status: OrderStatus
    reason: str = ""


class Gate(Protocol):
    """Orders are named by keys of the host's own, which are never used twice."""

    @property
    def now_ns(self) -> int:
        """The market's present."""
        ...

    @property
    def pushes(self) -> bool:
        """Whether there may be news without orders of the strategy's own, and looking costs nothing."""
        ...

    def bars(self, instrument: Instrument, since_ns: int, until_ns: int) -> Bars:
        """Bars of the run's interval that start in [since, until)."""
        ...

    def follow(self, instruments: Sequence[Instrument]) -> None:
        """Prices of these are wanted."""
        ...

    def options(self, underlying: str, kind: OptionType) -> Sequence[Instrument]:
        """All listed options of a kind that have not expired."""
        ...

    def cut_off(self, instrument: Instrument, day: date) -> time | None:
        """When intraday positions are closed on a day; None where no rule says."""
        ...

    def place(self, key: str, order: StrategyOrder, instrument: Instrument) -> None:
        """Give an order. Raises LabError when it was refused."""
        ...

    def cancel(self, key: str) -> None:
        """Take an order back. One that has ended is no error; raises LabError when it could not be asked."""
        ...

    def news(self, keys: Sequence[str]) -> tuple[Sequence[FillNews], Sequence[OrderNews]]:
        """All fills of these orders so far, and how they stand."""
        ...


class Stepper(Protocol):
    """A market whose clock is moved by whoever runs the strategy."""

    @property
    def next_ns(self) -> int:
        """When the next prices come; 0 when none do."""
        ...

    @property
    def end_ns(self) -> int:
        """The last moment."""
        ...

    def step(self, to_ns: int) -> Sequence[Quote]:
        """Move the clock (0: let the present come to rest). Answers with the quotes of what is followed."""
        ...
