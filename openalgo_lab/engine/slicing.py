"""Orders above the freeze quantity: sent in slices, seen, changed and cancelled as one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from openalgo_lab.engine.ledger import Ledger
from openalgo_lab.engine.orders import OrderFlow
from openalgo_lab.engine.router import Router
from openalgo_lab.model.commands import ModifyOrder, PlaceOrder
from openalgo_lab.model.errors import InputError, LabError
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.order_groups import combine, find_order
from openalgo_lab.model.orders import Order, new_order_id
from openalgo_lab.store.instruments import InstrumentStore

__all__ = ["MOST_SLICES", "Slicer", "slices"]

MOST_SLICES = 100
"""More slices than this are a typing error."""


def slices(quantity: int, lot: int, freeze: int) -> list[int]:
    """``quantity`` in orders that the exchange takes: whole lots up to the freeze quantity; 0 = no limit."""
    if quantity <= 0:
        return []
    largest = freeze // lot * lot if freeze else quantity
    whole, rest = divmod(quantity, largest) if largest else (1, 0)
    return [largest or quantity] * whole + ([rest] if rest else [])


class Slicer:
    """The way to the order flow for everything that may be larger than one order."""

    def __init__(
        self, *, flow: OrderFlow, ledger: Ledger, router: Router, instruments: Callable[[], InstrumentStore]
    ) -> None:
        self._flow = flow
        self._ledger = ledger
        self._router = router
        self._instruments = instruments
        self._running: dict[tuple[str, str], asyncio.Task[Order]] = {}

    async def place(self, command: PlaceOrder, *, closing: bool = False) -> Order:
        """Place it, in slices where it must be, and answer with the whole once every slice was answered.

        Raises what the flow raises when nothing was placed. A slice that fails does not stop the others.
        """
        sizes = self.sizes(command)
        if len(sizes) < 2:
            return await self._flow.place(command, closing=closing)
        account = self._router.line(command.account).name
        command = msgspec.structs.replace(command, account=account)
        if not command.client_key:
            return await self._place_slices(command, sizes, closing)
        key = (account, command.client_key)
        running = self._running.get(key)
        if running is None:
            running = self._running[key] = asyncio.ensure_future(self._place_slices(command, sizes, closing))
            running.add_done_callback(lambda _: self._running.pop(key, None))
        return await asyncio.shield(running)

    def sizes(self, command: PlaceOrder, size: int = 0) -> list[int]:
        """The quantities that go out one by one: at most ``size`` (0 = no own limit) and the freeze quantity.

        Raises SymbolError, and InputError for a size below one lot or more than 100 children.
        """
        instrument = self._instruments().require(InstrumentKey(command.exchange, command.symbol))
        lot, freeze = instrument.lot_size, instrument.freeze_quantity
        if size and size < lot:
            raise InputError(f"Children of {size} are below one lot of {lot}: take a multiple of {lot}.", field="size")
        most = min(limit for limit in (size, freeze, command.quantity) if limit) if command.quantity > 0 else 0
        parts = slices(command.quantity, lot, most if most < command.quantity else 0)
        if len(parts) > MOST_SLICES:
            raise InputError(
                f"{command.quantity} units would make {len(parts)} orders, more than {MOST_SLICES}: order less, or in "
                "larger parts.",
                field="quantity",
            )
        return parts

    async def check_whole(self, command: PlaceOrder) -> None:
        """Judge an order by the user's limits as the whole that it is. Raises RiskDenied, SymbolError."""
        await self._flow.check_whole(command)

    def known(self, account: str, client_key: str) -> Order | None:
        """The order that a client key has become, whole or in slices; None while it is none. Account "" = default."""
        account = self._router.line(account).name
        order = self._flow.known(account, client_key) or self._flow.known(account, f"{client_key}/1")
        return self.find(order.parent) if order is not None and order.parent else order

    def children(self, order_id: str) -> list[Order]:
        """The slices of an order that went in slices; empty for any other."""
        return [order for order in self._ledger.orders() if order.parent == order_id]

    def find(self, order_id: str) -> Order:
        """An order, or the whole of one that went in slices. Raises InputError for an id that nobody knows."""
        found = self._ledger.find(order_id) or find_order(self._ledger.orders(), order_id)
        if found is None:
            raise InputError(f"There is no order {order_id!r}: take an id from lab.orders.", field="order_id")
        return found

    async def cancel(self, order_id: str, by: str) -> Order:
        """Cancel an order, or every slice of it. Raises the first error when a slice cannot be cancelled."""
        children = self.children(order_id)
        if not children:
            return await self._flow.cancel(order_id, by)
        results = await asyncio.gather(
            *(self._flow.cancel(child.order_id, by) for child in children if not child.done), return_exceptions=True
        )
        for failure in results:
            if isinstance(failure, BaseException):
                raise failure
        return combine(self.children(order_id))

    async def modify(self, command: ModifyOrder, by: str) -> Order:
        """Change an order, or price, trigger and type of every living slice of it."""
        children = self.children(command.order_id)
        if not children:
            return await self._flow.modify(command, by)
        if command.quantity is not None and command.quantity != sum(child.quantity for child in children):
            raise InputError(
                f"This order went in {len(children)} slices: change the quantity of a slice, or cancel and order anew.",
                field="quantity",
            )
        for child in children:
            if not child.done:
                change = msgspec.structs.replace(command, order_id=child.order_id, quantity=None, version=None)
                await self._flow.modify(change, by)
        return combine(self.children(command.order_id))

    async def _place_slices(self, command: PlaceOrder, sizes: list[int], closing: bool) -> Order:
        """Check the whole against the user's limits, then send the slices together."""
        known = self._flow.known(command.account, _key(command, 1))
        if known is None and not closing:
            await self._flow.check_whole(command)
        parent = known.parent if known is not None else new_order_id()
        results = await asyncio.gather(
            *(
                self._flow.place(
                    msgspec.structs.replace(
                        command, quantity=size, confirm_duplicate=True, client_key=_key(command, number)
                    ),
                    closing=closing,
                    parent=parent,
                )
                for number, size in enumerate(sizes, start=1)
            ),
            return_exceptions=True,
        )
        placed = [result for result in results if isinstance(result, Order)]
        errors = [result for result in results if isinstance(result, BaseException)]
        for error in errors:
            if not placed or not isinstance(error, LabError):
                raise error
        whole = combine(placed)
        if not errors:
            return whole
        missed = f"{len(errors)} of {len(sizes)} slices were not sent: {errors[0]}"
        return msgspec.structs.replace(whole, alarms=(*whole.alarms, missed))


def _key(command: PlaceOrder, number: int) -> str:
    return f"{command.client_key}/{number}" if command.client_key else ""
