"""What became of an order, in a trader's words."""

from __future__ import annotations

from typing import Literal

import msgspec

from openalgo_lab.model.money import format_inr, format_qty
from openalgo_lab.model.orders import Order, OrderStatus, Pending

__all__ = ["Outcome", "Tone", "outcome_of"]

Tone = Literal["info", "good", "bad"]


class Outcome(msgspec.Struct, frozen=True):
    """One line under the button; ``working`` offers to cancel it, ``changes`` to modify it."""

    text: str
    tone: Tone
    working: bool
    order_id: str
    changes: bool = False


def outcome_of(order: Order, decimals: int) -> Outcome:
    """The line of ``order``; prices with ``decimals``."""
    text, tone = _words(order, decimals)
    if order.pending is not Pending.NONE:
        text += f" ({'change' if order.pending is Pending.MODIFY else 'cancel'} asked for)"
    free = order.working and order.pending is Pending.NONE
    return Outcome(text, tone, free, order.order_id, free)


_LEFT = frozenset({OrderStatus.CANCELLED, OrderStatus.EXPIRED})
_REFUSED = {OrderStatus.REJECTED: "rejected", OrderStatus.DENIED: "refused", OrderStatus.NOT_PLACED: "not placed"}


def _words(order: Order, decimals: int) -> tuple[str, Tone]:
    side, whole, filled = order.side.value, format_qty(order.quantity), format_qty(order.filled_quantity)
    average = format_inr(order.average_price, decimals)
    if order.status in _REFUSED:
        return f"{side}: {_REFUSED[order.status]}: {order.reason or 'no reason was given'}", "bad"
    if order.status in _LEFT:
        some = f"{filled} of {whole} filled @ {average}" if order.filled_quantity else "nothing filled"
        return f"{side}: {order.status.value}, {some}", "info"
    match order.status:
        case OrderStatus.COMPLETE:
            return f"{side}: filled {whole} @ {average}", "good"
        case OrderStatus.PARTIALLY_FILLED:
            return f"{side}: filled {filled} of {whole} @ {average}, the rest works", "good"
        case OrderStatus.UNKNOWN:
            return f"{side}: outcome unknown, the broker's books are being asked. Do not send it again.", "bad"
    return f"{side}: {_alive(order, decimals)}", "info"


def _alive(order: Order, decimals: int) -> str:
    if not order.working:
        return "sent, waiting for the broker…"
    if order.status is OrderStatus.TRIGGER_PENDING:
        return f"accepted, waits for the trigger {format_inr(order.trigger_price, decimals)}"
    at = f" @ {format_inr(order.price, decimals)}" if order.price_type.has_price else ""
    return f"accepted, {format_qty(order.quantity)}{at} works"
