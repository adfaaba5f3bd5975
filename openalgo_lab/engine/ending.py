"""Waiting for the end of an order, on the engine's loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from openalgo_lab.engine.bus import Bus
from openalgo_lab.model.events import AnyEvent, OrderUpdated
from openalgo_lab.model.orders import Order

__all__ = ["ended"]


async def ended(bus: Bus, find: Callable[[str], Order], order_id: str, timeout_s: float) -> Order:
    """The order once it has ended, or as it stands after ``timeout_s`` seconds."""
    changed = asyncio.Event()

    def hear(event: AnyEvent) -> None:
        if isinstance(event, OrderUpdated) and order_id in (event.order.order_id, event.order.parent):
            changed.set()

    leave = bus.listen(hear)
    try:
        async with asyncio.timeout(timeout_s):
            while not (order := find(order_id)).done:
                await changed.wait()
                changed.clear()
            return order
    except TimeoutError:
        return find(order_id)
    finally:
        leave()
