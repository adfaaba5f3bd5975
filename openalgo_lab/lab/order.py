"""A live order: the cell ends, the object lives on and tells the present."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from openalgo_lab.lab.shown import Cell, Shown, amount
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.events import AnyEvent, OrderUpdated
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.orders import Fill, Order, OrderStatus
from openalgo_lab.model.times import format_ist, from_ns
from openalgo_lab.model.vocabulary import PriceType, Side

if TYPE_CHECKING:
    from openalgo_lab.lab.trading import TradingCalls

__all__ = ["LiveOrder", "Step", "order_id_of"]


class Step(msgspec.Struct, frozen=True):
    """One step of an order's life; ``time_ns`` UTC."""

    what: str
    time_ns: int
    detail: str = ""

    @property
    def time(self) -> datetime:
        """The moment on the Indian clock."""
        return from_ns(self.time_ns)


class LiveOrder(Shown):
    """An order that follows the books by itself. Made by ``lab.place_order`` and found in ``lab.orders``."""

    __slots__ = ("_lab", "_last", "order_id")

    def __init__(self, lab: TradingCalls, order: Order) -> None:
        self._lab = lab
        self._last = order
        self.order_id = order.order_id

    @property
    def now(self) -> Order:
        """The order as the ledger knows it at this moment: one immutable value."""
        found = self._lab._find_order(self.order_id)
        # The answer of a command can be a moment ahead of an attached kernel's books.
        if found is not None and found.version >= self._last.version:
            self._last = found
        return self._last

    def see(self, order: Order) -> None:
        """Take note of a newer state (the answer of a command)."""
        if order.version >= self._last.version:
            self._last = order

    @property
    def status(self) -> OrderStatus:
        """What is known: sending, open, complete, rejected …"""
        return self.now.status

    @property
    def filled(self) -> int:
        """Units filled so far."""
        return self.now.filled_quantity

    @property
    def remaining(self) -> int:
        """Units still to be filled; 0 once the order has ended."""
        return self.now.remaining

    @property
    def average(self) -> float:
        """Average price of what is filled, in rupees; 0 while nothing is."""
        return self.now.average_price

    @property
    def reason(self) -> str:
        """Why it was refused, in the words of who refused it."""
        return self.now.reason

    @property
    def is_done(self) -> bool:
        """Whether it has ended."""
        return self.now.done

    @property
    def is_working(self) -> bool:
        """Whether it is alive at the broker."""
        return self.now.working

    @property
    def key(self) -> InstrumentKey:
        """Its instrument."""
        return InstrumentKey(self._last.exchange, self._last.symbol)

    @property
    def symbol(self) -> str:
        """The symbol."""
        return self._last.symbol

    @property
    def side(self) -> Side:
        """BUY or SELL."""
        return self._last.side

    @property
    def quantity(self) -> int:
        """Units ordered (after the last modification)."""
        return self.now.quantity

    @property
    def price(self) -> float:
        """The limit price in rupees; 0 where it has none."""
        return self.now.price

    @property
    def fills(self) -> tuple[Fill, ...]:
        """Its trades so far."""
        ids = {self.order_id, *(part.order_id for part in self.slices)}
        return tuple(fill for fill in self._lab._handle.books.fills if fill.order_id in ids)

    @property
    def slices(self) -> tuple[Order, ...]:
        """The orders it went to the exchange as, where it was above the freeze quantity; else none."""
        return tuple(self._lab._slices(self.order_id))

    @property
    def history(self) -> tuple[Step, ...]:
        """Its life in steps: asked, checked, sent, acknowledged, every fill, and how it ended."""
        return _steps(self.now, self.fills)

    def wait(self, timeout_s: float | None = 30.0) -> LiveOrder:
        """Block until the order has ended; None waits for ever. Raises CallTimeout: the order itself goes on."""
        self._lab._watch.until(lambda: self.is_done, timeout_s, self._ending())
        return self

    async def done(self, timeout_s: float | None = None) -> LiveOrder:
        """The same for ``await``."""
        await self._lab._watch.until_async(lambda: self.is_done, timeout_s, self._ending())
        return self

    def _ending(self) -> str:
        return f"the end of order {self.order_id}"

    def modify(
        self,
        *,
        quantity: int | None = None,
        price: float | None = None,
        trigger_price: float | None = None,
        price_type: PriceType | str | None = None,
    ) -> LiveOrder:
        """Change it; what is not given stays. Refused if it has changed since this object last saw it."""
        return self._lab.modify_order(
            self, quantity=quantity, price=price, trigger_price=trigger_price, price_type=price_type
        )

    async def modify_async(
        self,
        *,
        quantity: int | None = None,
        price: float | None = None,
        trigger_price: float | None = None,
        price_type: PriceType | str | None = None,
    ) -> LiveOrder:
        """The same for ``await``."""
        return await self._lab.modify_order_async(
            self, quantity=quantity, price=price, trigger_price=trigger_price, price_type=price_type
        )

    def cancel(self) -> LiveOrder:
        """Cancel what is left of it. An order that has ended meanwhile is an answer, not an error."""
        return self._lab.cancel_order(self)

    async def cancel_async(self) -> LiveOrder:
        """The same for ``await``."""
        return await self._lab.cancel_order_async(self)

    def on_update(self, callback: Callable[[LiveOrder], object]) -> Callable[[], None]:
        """Call ``callback(order)`` at every change, on the callbacks' thread. Answers with what ends it."""

        def pick(event: AnyEvent) -> None:
            if isinstance(event, OrderUpdated) and event.order.order_id == self.order_id:
                callback(self)

        return self._lab.on("order:update", pick)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LiveOrder) and other.order_id == self.order_id

    def __hash__(self) -> int:
        return hash(self.order_id)

    def __repr__(self) -> str:
        now = self.now
        price = f" @ {amount(now.price)}" if now.price_type.has_price else ""
        why = f": {now.reason}" if now.reason else ""
        filled = f", {now.filled_quantity} filled" if now.filled_quantity else ""
        at = f" at {amount(now.average_price)}" if now.filled_quantity else ""
        return (
            f"<Order {now.order_id} {now.side} {now.quantity} {self.key} {now.price_type}{price} {now.product}: "
            f"{now.status}{filled}{at}{why}>"
        )

    def _table(self) -> tuple[str, Sequence[str], Sequence[Sequence[Cell]]]:
        rows = [(step.what, format_ist(step.time_ns, millis=True), step.detail) for step in self.history]
        return repr(self).strip("<>"), ("step", "time (IST)", ""), rows


def order_id_of(order: LiveOrder | Order | str) -> str:
    """The id of an order in any of its forms."""
    if isinstance(order, str):
        if not order:
            raise InputError("The order id is empty: take it from lab.orders.", field="order_id")
        return order
    return order.order_id


def _steps(order: Order, fills: Sequence[Fill]) -> tuple[Step, ...]:
    price = f" @ {amount(order.price)}" if order.price_type.has_price else ""
    asked = f"{order.side} {order.quantity} {order.price_type}{price} {order.product}"
    steps = [Step("asked", order.created_ns, asked)]
    if order.status is OrderStatus.DENIED:
        return (*steps, Step("refused before sending", order.updated_ns, order.reason))
    if order.sent_ns:
        steps.append(Step("checked", order.sent_ns, "all checks passed, intent written down"))
        steps.append(Step("sent", order.sent_ns))
    if order.acked_ns:
        steps.append(Step("acknowledged", order.acked_ns, f"broker's number {order.broker_order_id}"))
    steps += [Step("filled", fill.time_ns, f"{fill.quantity} @ {amount(fill.price)}") for fill in fills]
    if order.done or order.status is OrderStatus.UNKNOWN:
        steps.append(Step(order.status.value.replace("_", " "), order.updated_ns, order.reason))
    return tuple(steps)
