"""Smart orders: the order that brings a net position to where it should be.

Rules of the public contract. A target of 0 with nothing open is a plain order of the given side and quantity (so an
exit sent twice does nothing when its quantity is 0); in every other case side and quantity follow from the positions.
"""

from __future__ import annotations

import asyncio

from openalgo_lab.engine.exposure import under_way, units_held
from openalgo_lab.engine.ledger import Ledger
from openalgo_lab.engine.positions import PositionKey
from openalgo_lab.engine.router import Router
from openalgo_lab.engine.slicing import Slicer
from openalgo_lab.model.commands import PlaceOrder
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.orders import Order
from openalgo_lab.model.structure_commands import PlaceSmartOrder, SmartReply
from openalgo_lab.model.vocabulary import PriceType, Side

__all__ = ["MATCHED", "NOTHING_OPEN", "SmartOrders", "smart_units"]

MATCHED = "Positions Already Matched. No Action needed."
NOTHING_OPEN = "No OpenPosition Found. Not placing Exit order."


def smart_units(side: Side, quantity: int, target: int, current: int) -> int:
    """Signed units to trade: + buys, - sells, 0 does nothing. All four in units, ``target`` and ``current`` signed."""
    if not target and not current:
        return side.sign * quantity
    return target - current


class SmartOrders:
    """Makes smart orders of one position one after the other."""

    def __init__(self, *, slicer: Slicer, ledger: Ledger, router: Router) -> None:
        self._slicer = slicer
        self._ledger = ledger
        self._router = router
        self._locks: dict[PositionKey, asyncio.Lock] = {}
        self._ours: set[str] = set()

    async def place(self, command: PlaceSmartOrder) -> SmartReply:
        """Place what is missing. Raises what placing raises, InputError for a negative quantity."""
        if command.quantity < 0:
            raise InputError("The quantity of a smart order cannot be negative: give 0 or more.", field="quantity")
        account = self._router.line(command.account).name
        key = PositionKey(account, command.exchange, command.symbol, command.product)
        async with self._locks.setdefault(key, asyncio.Lock()):
            return await self._place(key, command)

    async def _place(self, key: PositionKey, command: PlaceSmartOrder) -> SmartReply:
        if command.client_key and (known := self._slicer.known(key.account, command.client_key)) is not None:
            return SmartReply(known)
        held = units_held(self._ledger, key)
        current = held + under_way(self._ledger, key, self._about_to_fill)
        units = smart_units(command.side, command.quantity, command.position_size, current)
        if not units:
            idle = not command.position_size and not current
            return SmartReply(None, NOTHING_OPEN if idle else MATCHED)
        reduces = command.price_type is PriceType.MARKET and held * units < 0 and abs(units) <= abs(held)
        order = await self._slicer.place(_order_of(key, command, units), closing=reduces)
        self._ours.add(order.order_id)
        return SmartReply(order)

    def _about_to_fill(self, order: Order) -> bool:
        """A market order, or one of ours; a resting stop or target guards the position and does not count."""
        ours = order.order_id in self._ours or order.parent in self._ours
        return order.price_type is PriceType.MARKET or ours


def _order_of(key: PositionKey, command: PlaceSmartOrder, units: int) -> PlaceOrder:
    return PlaceOrder(
        exchange=key.exchange,
        symbol=key.symbol,
        side=Side.BUY if units > 0 else Side.SELL,
        quantity=abs(units),
        product=key.product,
        price_type=command.price_type,
        price=command.price,
        trigger_price=command.trigger_price,
        disclosed_quantity=command.disclosed_quantity,
        strategy=command.strategy,
        account=key.account,
        client_key=command.client_key,
        confirm_duplicate=True,
        tag=command.tag,
    )
