"""Margin and charges before the click: asked a moment after the last change, answered whenever, never waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from openalgo_lab.model.command_base import Command
from openalgo_lab.model.commands import EstimateBasketMargin, EstimateMargin, MarginReply, PlaceOrder
from openalgo_lab.model.errors import LabError
from openalgo_lab.ui.live import KernelLoop
from openalgo_lab.ui.ticket.shown import Cost, cost_of

if TYPE_CHECKING:
    from openalgo_lab.engine.handle import EngineHandle

__all__ = ["MarginEstimate"]

QUIET_S: Final = 0.2
"""How long the fields must rest before an estimate is asked for."""

MOST_SLICES: Final = 100
"""More slices than this no order may have."""

RENEW_S: Final = 5.0
"""A market moves under an estimate: this old, it is asked for again."""


class MarginEstimate:
    """The cost of the order in the ticket. :attr:`due` from any thread, the rest on the kernel's loop."""

    def __init__(self, handle: EngineHandle, loop: KernelLoop, changed: Callable[[], None]) -> None:
        self._handle = handle
        self._loop = loop
        self._changed = changed
        self._wanted: PlaceOrder | None = None
        self._freeze = 0
        self._ask_at = float("inf")
        self.cost = Cost()

    def want(self, order: PlaceOrder | None, freeze: int = 0) -> None:
        """The order as it stands in the ticket; None when it is not complete. Above ``freeze`` it goes in slices."""
        self._freeze = freeze
        if order == self._wanted:
            return
        self._wanted = order
        if order is None:
            self.cost, self._ask_at = Cost(), float("inf")
        else:
            # The figures of the order before stay, marked as old, so that nothing jumps while a price is typed.
            self.cost = msgspec.structs.replace(self.cost, note="…")
            self._ask_at = time.monotonic() + QUIET_S

    @property
    def due(self) -> bool:
        """Whether :meth:`ask` should be called now."""
        return time.monotonic() >= self._ask_at

    def ask(self) -> None:
        """Ask the engine; returns at once."""
        order = self._wanted
        if order is None or not self.due:
            return
        self._ask_at = time.monotonic() + RENEW_S
        request = self._handle.call(_question(order, self._freeze))
        self._loop.ask(self._handle, request, partial(self._answered, order), partial(self._refused, order))

    def _answered(self, order: PlaceOrder, reply: MarginReply) -> None:
        self._show(order, cost_of(reply))

    def _refused(self, order: PlaceOrder, error: LabError) -> None:
        self._show(order, Cost(note=str(error)))

    def _show(self, order: PlaceOrder, cost: Cost) -> None:
        if order == self._wanted and cost != self.cost:
            self.cost = cost
            self._changed()


def _question(order: PlaceOrder, freeze: int) -> Command[MarginReply]:
    if not freeze or order.quantity <= freeze:
        return EstimateMargin(order)
    whole, rest = divmod(order.quantity, freeze)
    sizes = [freeze] * whole + ([rest] if rest else [])
    return EstimateBasketMargin(tuple(msgspec.structs.replace(order, quantity=size) for size in sizes[:MOST_SLICES]))
