"""What an account will hold once what is under way has happened: positions, and orders about to fill."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from openalgo_lab.engine.ledger import Ledger
from openalgo_lab.engine.positions import PositionKey
from openalgo_lab.model.orders import Fill, Order

__all__ = ["key_of", "net_by_strategy", "under_way", "units_held"]


def key_of(order: Order) -> PositionKey:
    """The position that an order changes."""
    return PositionKey(order.account, order.exchange, order.symbol, order.product)


def units_held(ledger: Ledger, key: PositionKey) -> int:
    """Net units, signed; 0 when flat."""
    position = ledger.position(key)
    return position.quantity if position is not None else 0


def under_way(ledger: Ledger, key: PositionKey, counts: Callable[[Order], bool]) -> int:
    """Signed units that the orders for which ``counts`` holds will still bring, filled ones without trades included."""
    return sum(
        order.side.sign * _coming(ledger, order)
        for order in ledger.orders(key.account)
        if key_of(order) == key and counts(order)
    )


def _coming(ledger: Ledger, order: Order) -> int:
    if not order.filled_quantity:
        return order.remaining
    booked = sum(fill.quantity for fill in ledger.fills_of(order.order_id))
    return order.remaining + max(order.filled_quantity - booked, 0)


def net_by_strategy(fills: Iterable[Fill], key: PositionKey) -> dict[str, int]:
    """What each strategy's own trades have left open, signed units; trades without a strategy are left out."""
    nets: dict[str, int] = {}
    for fill in fills:
        if fill.strategy and PositionKey.of(fill) == key:
            nets[fill.strategy] = nets.get(fill.strategy, 0) + fill.quantity * fill.side.sign
    return {strategy: net for strategy, net in nets.items() if net}
