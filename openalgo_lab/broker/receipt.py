"""What a broker's answer to a new order amounts to."""

from __future__ import annotations

from openalgo_lab.model.orders import OrderIntent, OrderStatus
from openalgo_lab.model.reports import Evidence, OrderReport

__all__ = ["accepted"]


def accepted(intent: OrderIntent, broker_order_id: str, status: OrderStatus = OrderStatus.ACCEPTED) -> OrderReport:
    """The order as it was asked for, now with the broker's id: taken by its API, and no more than that."""
    return OrderReport(
        broker_order_id=broker_order_id,
        order_id=intent.order_id,
        status=status,
        source=Evidence.HTTP_REPLY,
        exchange=intent.exchange,
        symbol=intent.symbol,
        side=intent.side,
        product=intent.product,
        price_type=intent.price_type,
        quantity=intent.quantity,
        price=intent.price,
        trigger_price=intent.trigger_price,
    )
