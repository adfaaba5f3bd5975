"""One order that went to the exchange in slices, seen as one again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from openalgo_lab.model.errors import InputError
from openalgo_lab.model.orders import Order, OrderStatus, Pending

__all__ = ["combine", "find_order"]

_S = OrderStatus

_ALIVE = (_S.UNKNOWN, _S.SENDING, _S.NEW, _S.OPEN, _S.TRIGGER_PENDING, _S.ACCEPTED)
"""Which state of a living slice speaks for the whole while nothing is filled: doubt first."""


def combine(slices: Sequence[Order]) -> Order:
    """The order that ``slices`` (all of one ``parent``) are parts of; its id is the parent's.

    Quantities are sums, the average is weighted by quantity, the status is that of the whole: COMPLETE only when
    everything is filled, alive while one slice is. Raises InputError without a slice.
    """
    if not slices:
        raise InputError("There is no order to put together: give at least one slice.")
    first = slices[0]
    filled = sum(one.filled_quantity for one in slices)
    quantity = sum(one.quantity for one in slices)
    value = sum(one.average_price * one.filled_quantity for one in slices)
    return msgspec.structs.replace(
        first,
        order_id=first.parent or first.order_id,
        quantity=quantity,
        status=_status(slices, filled, quantity),
        pending=next((one.pending for one in slices if one.pending), Pending.NONE),
        filled_quantity=filled,
        average_price=value / filled if filled else 0.0,
        broker_order_id=", ".join(one.broker_order_id for one in slices if one.broker_order_id),
        reason="; ".join(dict.fromkeys(one.reason for one in slices if one.reason)),
        created_ns=min(one.created_ns for one in slices),
        sent_ns=min(one.sent_ns for one in slices),
        acked_ns=max(one.acked_ns for one in slices),
        updated_ns=max(one.updated_ns for one in slices),
        version=sum(one.version for one in slices),
        alarms=tuple(dict.fromkeys(alarm for one in slices for alarm in one.alarms)),
        parent="",
    )


def find_order(orders: Iterable[Order], order_id: str) -> Order | None:
    """An order by our id, the broker's, or the id of one that went in slices; None when nobody knows it."""
    slices: list[Order] = []
    for order in orders:
        if order_id in (order.order_id, order.broker_order_id):
            return order
        if order.parent == order_id:
            slices.append(order)
    return combine(slices) if slices else None


def _status(slices: Sequence[Order], filled: int, quantity: int) -> OrderStatus:
    living = [one.status for one in slices if not one.done]
    if living:
        doubt = next((status for status in (_S.UNKNOWN, _S.SENDING) if status in living), None)
        if doubt is not None:
            return doubt
        return _S.PARTIALLY_FILLED if filled else next((s for s in _ALIVE if s in living), living[0])
    if filled >= quantity:
        return _S.COMPLETE
    ended = {one.status for one in slices} - {_S.COMPLETE}
    if len(ended) == 1 and not filled:
        return ended.pop()
    return _S.CANCELLED if filled or _S.CANCELLED in ended else _S.REJECTED
