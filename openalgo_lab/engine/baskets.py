"""Several legs at once: buys before sells, and what happens to the others when one fails."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from openalgo_lab.engine.bus import Bus
from openalgo_lab.engine.ending import ended
from openalgo_lab.engine.slicing import Slicer
from openalgo_lab.model.commands import PlaceOrder
from openalgo_lab.model.errors import InputError, LabError
from openalgo_lab.model.orders import Order, OrderStatus
from openalgo_lab.model.structure_commands import GroupReply, LegOutcome, LegPolicy, PlaceBasket, SplitOrder
from openalgo_lab.model.vocabulary import PriceType, Side, Validity

__all__ = ["Baskets", "Leg"]

CANCEL_WAIT_S = 5.0
"""How long the end of a cancelled leg is waited for before the others are unwound."""


class Leg(msgspec.Struct, frozen=True):
    """One leg: its order, or why there is none. ``split_size``: children at most this large, 0 = as the exchange."""

    order: PlaceOrder | None
    error: str = ""
    split_size: int = 0
    side: Side = Side.BUY
    quantity: int = 0


class Baskets:
    """Runs legs by a policy. A basket whose caller goes away goes on to its end."""

    def __init__(self, *, slicer: Slicer, bus: Bus) -> None:
        self._slicer = slicer
        self._bus = bus

    async def run(self, command: PlaceBasket) -> GroupReply:
        """A basket of plain orders. Raises InputError for an empty one."""
        legs = [Leg(order, side=order.side, quantity=order.quantity) for order in command.orders]
        return await self.run_legs(legs, command.policy, command.leg_timeout_s)

    async def run_legs(self, legs: Sequence[Leg], policy: LegPolicy, timeout_s: float) -> GroupReply:
        """Outcomes in the order given. Raises InputError without legs."""
        if not legs:
            raise InputError("The basket is empty: give at least one order.", field="orders")
        work = self._independent(legs) if policy is LegPolicy.INDEPENDENT else self._one_by_one(legs, policy, timeout_s)
        return GroupReply(tuple(await asyncio.shield(asyncio.ensure_future(work))))

    async def split(self, command: SplitOrder) -> GroupReply:
        """Children of one order, together; each is an order of its own. Raises InputError for a size that cannot be."""
        order = command.order
        sizes = self._slicer.sizes(order, command.size)
        if len(sizes) > 1:
            await self._slicer.check_whole(order)
        children = [
            msgspec.structs.replace(
                order,
                quantity=size,
                confirm_duplicate=len(sizes) > 1 or order.confirm_duplicate,
                client_key=f"{order.client_key}/{number}" if order.client_key else "",
            )
            for number, size in enumerate(sizes, start=1)
        ]
        outcomes = await asyncio.gather(*(self._place(n, Leg(child)) for n, child in enumerate(children, start=1)))
        return GroupReply(tuple(outcomes))

    # All together -------------------------------------------------------------------------------------------------

    async def _independent(self, legs: Sequence[Leg]) -> list[LegOutcome]:
        outcomes: dict[int, LegOutcome] = {}
        for side in (Side.BUY, Side.SELL):
            numbers = [number for number, leg in enumerate(legs, start=1) if _side(leg) is side]
            found = await asyncio.gather(*(self._place(number, legs[number - 1]) for number in numbers))
            outcomes.update(zip(numbers, found, strict=True))
        return [outcomes[number] for number in sorted(outcomes)]

    async def _place(self, number: int, leg: Leg) -> LegOutcome:
        order = leg.order
        if order is None:
            return LegOutcome(number, None, "", leg.side, leg.quantity, error=leg.error)
        outcome = LegOutcome(number, order.exchange, order.symbol, order.side, order.quantity)
        try:
            if leg.split_size:
                return await self._place_split(outcome, order, leg.split_size)
            placed = await self._slicer.place(order)
        except LabError as error:
            return msgspec.structs.replace(outcome, error=str(error))
        return msgspec.structs.replace(outcome, order=placed, error=_fault(placed))

    async def _place_split(self, outcome: LegOutcome, order: PlaceOrder, size: int) -> LegOutcome:
        children = (await self.split(SplitOrder(order, size))).legs
        first = next((child for child in children if child.order is not None), None)
        errors = "; ".join(dict.fromkeys(child.error for child in children if child.error))
        return msgspec.structs.replace(outcome, order=first.order if first else None, error=errors)

    # Leg by leg ---------------------------------------------------------------------------------------------------

    async def _one_by_one(self, legs: Sequence[Leg], policy: LegPolicy, timeout_s: float) -> list[LegOutcome]:
        """Nothing is sent when a leg cannot even be named; else each leg must fill before the next is sent."""
        if any(leg.order is None for leg in legs):
            return [_not_sent(n, leg, "Not sent: another leg cannot be placed.") for n, leg in enumerate(legs, 1)]
        outcomes: dict[int, LegOutcome] = {}
        failed = False
        for number in _buys_first(legs):
            if failed:
                outcomes[number] = _not_sent(number, legs[number - 1], "Not sent: a leg before it was not filled.")
                continue
            outcomes[number] = await self._place_and_wait(number, legs[number - 1], timeout_s)
            failed = bool(outcomes[number].error)
        if failed and policy is LegPolicy.UNWIND:
            for number in _buys_first(legs)[::-1]:  # what was sold is bought back before its hedge goes
                outcomes[number] = await self._unwind(outcomes[number])
        return [outcomes[number] for number in sorted(outcomes)]

    async def _place_and_wait(self, number: int, leg: Leg, timeout_s: float) -> LegOutcome:
        outcome = await self._place(number, leg)
        if outcome.order is None or outcome.error:
            return outcome
        order = await ended(self._bus, self._slicer.find, outcome.order.order_id, timeout_s)
        if not order.done:
            order = await self._give_up(order)
        error = _fault(order)
        if not error and order.status is not OrderStatus.COMPLETE:
            error = f"Not filled within {timeout_s:g} s: {order.filled_quantity} of {order.quantity} are."
        return msgspec.structs.replace(outcome, order=order, error=error)

    async def _give_up(self, order: Order) -> Order:
        try:
            await self._slicer.cancel(order.order_id, "basket")
        except LabError:
            return self._slicer.find(order.order_id)
        return await ended(self._bus, self._slicer.find, order.order_id, CANCEL_WAIT_S)

    async def _unwind(self, outcome: LegOutcome) -> LegOutcome:
        order = outcome.order
        if order is None or not order.filled_quantity:
            return outcome
        command = PlaceOrder(
            exchange=order.exchange,
            symbol=order.symbol,
            side=order.side.opposite,
            quantity=order.filled_quantity,
            product=order.product,
            price_type=PriceType.MARKET,
            validity=Validity.DAY,
            strategy=order.strategy,
            account=order.account,
            confirm_duplicate=True,
            tag=order.tag,
        )
        try:
            placed = await self._slicer.place(command, closing=True)
        except LabError as error:
            return msgspec.structs.replace(outcome, error=f"{outcome.error} Not unwound: {error}".strip())
        return msgspec.structs.replace(outcome, unwound=placed, error=outcome.error or "Unwound: another leg failed.")


def _side(leg: Leg) -> Side:
    return leg.order.side if leg.order is not None else leg.side


def _buys_first(legs: Sequence[Leg]) -> list[int]:
    numbered = list(enumerate(legs, start=1))
    return [n for n, leg in numbered if _side(leg) is Side.BUY] + [n for n, leg in numbered if _side(leg) is Side.SELL]


def _not_sent(number: int, leg: Leg, sentence: str) -> LegOutcome:
    if leg.order is None:
        return LegOutcome(number, None, "", leg.side, leg.quantity, error=leg.error)
    return LegOutcome(number, leg.order.exchange, leg.order.symbol, leg.order.side, leg.order.quantity, error=sentence)


def _fault(order: Order) -> str:
    """Why an order did not do what it was for; "" while it works or once it is filled."""
    if order.status is OrderStatus.UNKNOWN:
        return "Whether it arrived is not known yet: the broker's books will tell."
    if order.done and order.status is not OrderStatus.COMPLETE:
        return order.reason or f"The order is {order.status.value}."
    return ""
