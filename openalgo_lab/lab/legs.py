"""What became of several orders given together: live orders where they were taken, sentences where they were not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from openalgo_lab.lab.frames import frame_of
from openalgo_lab.lab.order import LiveOrder
from openalgo_lab.lab.shown import Cell, Shown, amount, text_table
from openalgo_lab.model.orders import Order
from openalgo_lab.model.structure_commands import GroupReply, LegOutcome, SmartReply

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Leg", "Legs", "SmartOrder"]

Live = Callable[[Order], LiveOrder]


class Leg:
    """One leg: ``order`` (live; None when nothing was placed), ``error`` in one sentence, ``unwound``."""

    __slots__ = ("error", "number", "order", "quantity", "side", "symbol", "unwound")

    def __init__(self, outcome: LegOutcome, live: Live) -> None:
        self.number = outcome.leg
        self.symbol = f"{outcome.exchange}:{outcome.symbol}" if outcome.exchange else ""
        self.side = outcome.side
        self.quantity = outcome.quantity
        self.error = outcome.error
        self.order = live(outcome.order) if outcome.order is not None else None
        self.unwound = live(outcome.unwound) if outcome.unwound is not None else None

    @property
    def ok(self) -> bool:
        """Whether its order was taken."""
        return self.order is not None and not self.error

    @property
    def state(self) -> str:
        """How it stands at this moment, or why it does not."""
        if self.error or self.order is None:
            return self.error
        return f"{self.order.status}, {self.order.filled} filled"

    def __repr__(self) -> str:
        return f"<Leg {self.number} {self.side} {self.quantity} {self.symbol}: {self.state}>"


class Legs(Shown, Sequence[Leg]):
    """All legs in the order of the request. ``underlying_ltp`` (rupees) decided the strikes, where it did; else 0."""

    def __init__(self, live: Live, reply: GroupReply) -> None:
        self._legs = tuple(Leg(outcome, live) for outcome in reply.legs)
        self.underlying = reply.underlying
        self.underlying_ltp = reply.underlying_ltp

    def __len__(self) -> int:
        return len(self._legs)

    def __getitem__(self, index: int | slice) -> Leg:  # type: ignore[override]  # a slice gives a tuple
        return self._legs[index]  # type: ignore[return-value]

    def __iter__(self) -> Iterator[Leg]:
        return iter(self._legs)

    @property
    def ok(self) -> bool:
        """Whether every leg was taken."""
        return all(leg.ok for leg in self._legs)

    @property
    def orders(self) -> tuple[LiveOrder, ...]:
        """The live orders of the legs that were taken."""
        return tuple(leg.order for leg in self._legs if leg.order is not None)

    @property
    def frame(self) -> pd.DataFrame:
        """One row a leg: symbol, side, quantity, order_id, filled, average, state."""
        orders = [leg.order for leg in self._legs]
        return frame_of(
            {
                "leg": [leg.number for leg in self._legs],
                "symbol": [leg.symbol for leg in self._legs],
                "side": [leg.side.value for leg in self._legs],
                "quantity": [leg.quantity for leg in self._legs],
                "order_id": [order.order_id if order else "" for order in orders],
                "filled": [order.filled if order else 0 for order in orders],
                "average": [order.average if order else 0.0 for order in orders],
                "state": [leg.state for leg in self._legs],
            },
            "leg",
        )

    def __repr__(self) -> str:
        return text_table(_HEADERS, map(_cells, self._legs))

    def _table(self) -> tuple[str, Sequence[str], Sequence[Sequence[Cell]]]:
        at = f"{self.underlying} at {amount(self.underlying_ltp)}" if self.underlying else ""
        return at, _HEADERS, [_cells(leg) for leg in self._legs]


_HEADERS = ("leg", "side", "quantity", "symbol", "state")


def _cells(leg: Leg) -> Sequence[Cell]:
    return leg.number, leg.side.value, leg.quantity, leg.symbol, leg.state


class SmartOrder(Shown):
    """What a smart order did: ``order`` (live), or None with a ``message`` when the position was right already."""

    def __init__(self, live: Live, reply: SmartReply) -> None:
        self.order = live(reply.order) if reply.order is not None else None
        self.message = reply.message

    def __bool__(self) -> bool:
        return self.order is not None

    def __repr__(self) -> str:
        return repr(self.order) if self.order is not None else f"<{self.message}>"

    def _table(self) -> tuple[str, Sequence[str], Sequence[Sequence[Cell]]]:
        if self.order is None:
            return self.message, ("",), []
        return self.order._table()
