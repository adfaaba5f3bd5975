"""The handlers of commands that become several orders, or none. One method a command."""

from __future__ import annotations

from openalgo_lab.engine.baskets import Baskets, Leg
from openalgo_lab.engine.exposure import net_by_strategy, units_held
from openalgo_lab.engine.ledger import Ledger
from openalgo_lab.engine.option_symbols import OptionFinder, Underlying
from openalgo_lab.engine.positions import PositionKey
from openalgo_lab.engine.principal import Principal
from openalgo_lab.engine.router import Router
from openalgo_lab.engine.slicing import Slicer
from openalgo_lab.engine.smart import SmartOrders
from openalgo_lab.engine.strategy_fills import StrategyFills
from openalgo_lab.engine.table import places, reads
from openalgo_lab.model import structure_commands as c
from openalgo_lab.model.commands import PlaceOrder
from openalgo_lab.model.errors import InputError, LabError
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.vocabulary import Exchange

__all__ = ["STATUS_WORDS", "StructureDesk"]

MOST_LEGS = 20

_S = OrderStatus

STATUS_WORDS = {
    _S.NEW: "open",
    _S.DENIED: "rejected",
    _S.SENDING: "open",
    _S.UNKNOWN: "unknown",
    _S.NOT_PLACED: "rejected",
    _S.ACCEPTED: "open",
    _S.OPEN: "open",
    _S.TRIGGER_PENDING: "trigger pending",
    _S.PARTIALLY_FILLED: "open",
    _S.COMPLETE: "complete",
    _S.CANCELLED: "cancelled",
    _S.REJECTED: "rejected",
    _S.EXPIRED: "expired",
}
"""Our states in the public contract's words; a test keeps the map total."""


class StructureDesk:
    """Smart orders, splits, baskets, options by moneyness, and the questions about orders and positions."""

    def __init__(
        self,
        *,
        slicer: Slicer,
        smart: SmartOrders,
        baskets: Baskets,
        finder: OptionFinder,
        ledger: Ledger,
        router: Router,
        strategies: StrategyFills,
    ) -> None:
        self._strategies = strategies
        self._slicer = slicer
        self._smart = smart
        self._baskets = baskets
        self._finder = finder
        self._ledger = ledger
        self._router = router

    @places(c.PlaceSmartOrder)
    async def place_smart_order(self, command: c.PlaceSmartOrder, _: Principal) -> c.SmartReply:
        """What is missing to the target."""
        return await self._smart.place(command)

    @places(c.SplitOrder)
    async def split_order(self, command: c.SplitOrder, _: Principal) -> c.GroupReply:
        """Children, each an order of its own."""
        return await self._baskets.split(command)

    @places(c.PlaceBasket)
    async def place_basket(self, command: c.PlaceBasket, _: Principal) -> c.GroupReply:
        """Buys first, by the policy."""
        return await self._baskets.run(command)

    @places(c.PlaceOptionsOrder)
    async def place_options_order(self, command: c.PlaceOptionsOrder, _: Principal) -> c.GroupReply:
        """One option by its moneyness."""
        under = await self._finder.underlying(command.underlying, command.exchange, command.leg.expiry)
        found = under.option(command.leg.offset, command.leg.option_type, command.leg.expiry).instrument
        order = _order_of(command.leg, found.exchange, found.symbol, command)
        if command.leg.split_size:
            reply = await self._baskets.split(c.SplitOrder(order, command.leg.split_size))
        else:
            placed = await self._slicer.place(order)
            leg = c.LegOutcome(1, order.exchange, order.symbol, order.side, order.quantity, placed)
            reply = c.GroupReply((leg,))
        return c.GroupReply(reply.legs, under.name, under.ltp)

    @places(c.PlaceOptionsMultiOrder)
    async def place_options_multi_order(self, command: c.PlaceOptionsMultiOrder, _: Principal) -> c.GroupReply:
        """All strikes by one price."""
        if not 1 <= len(command.legs) <= MOST_LEGS:
            raise InputError(f"Give 1 to {MOST_LEGS} legs, not {len(command.legs)}.", field="legs")
        expiry = command.expiry or next((leg.expiry for leg in command.legs if leg.expiry), None)
        under = await self._finder.underlying(command.underlying, command.exchange, expiry)
        legs = [_leg_of(under, leg, command, number) for number, leg in enumerate(command.legs, start=1)]
        reply = await self._baskets.run_legs(legs, command.policy, command.leg_timeout_s)
        return c.GroupReply(reply.legs, under.name, under.ltp, reply.message)

    @reads(c.GetOptionSymbol)
    async def get_option_symbol(self, command: c.GetOptionSymbol, _: Principal) -> c.OptionSymbol:
        """Which contract it would be."""
        under = await self._finder.underlying(command.underlying, command.exchange, command.expiry)
        return under.option(command.offset, command.option_type, command.expiry)

    @reads(c.GetOrderStatus)
    async def get_order_status(self, command: c.GetOrderStatus, _: Principal) -> c.OrderState:
        """In the public contract's words."""
        order = self._slicer.find(command.order_id)
        if command.strategy and command.strategy != order.strategy:
            raise InputError(
                f"Order {command.order_id} belongs to the strategy {order.strategy or '(none)'}, not to "
                f"{command.strategy}: ask without a strategy.",
                field="strategy",
            )
        return c.OrderState(order, STATUS_WORDS[order.status], order.average_price)

    @reads(c.GetOpenPosition)
    async def get_open_position(self, command: c.GetOpenPosition, _: Principal) -> c.OpenPosition:
        """Signed units."""
        account = self._router.line(command.account).name
        key = PositionKey(account, command.exchange, command.symbol, command.product)
        position = self._ledger.position(key)
        if command.strategy:
            return c.OpenPosition(net_by_strategy(self._strategies.all(), key).get(command.strategy, 0))
        return c.OpenPosition(units_held(self._ledger, key), position.average_price if position is not None else 0.0)


def _leg_of(under: Underlying, leg: c.OptionLeg, command: c.PlaceOptionsMultiOrder, number: int) -> Leg:
    try:
        found = under.option(leg.offset, leg.option_type, leg.expiry or command.expiry).instrument
    except LabError as error:
        return Leg(None, str(error), side=leg.side, quantity=leg.quantity)
    order = _order_of(leg, found.exchange, found.symbol, command, number)
    return Leg(order, split_size=leg.split_size, side=leg.side, quantity=leg.quantity)


def _order_of(
    leg: c.OptionLeg,
    exchange: Exchange,
    symbol: str,
    command: c.PlaceOptionsOrder | c.PlaceOptionsMultiOrder,
    number: int = 0,
) -> PlaceOrder:
    key = f"{command.client_key}-{number}" if command.client_key and number else command.client_key
    return PlaceOrder(
        exchange=exchange,
        symbol=symbol,
        side=leg.side,
        quantity=leg.quantity,
        product=leg.product,
        price_type=leg.price_type,
        price=leg.price,
        trigger_price=leg.trigger_price,
        disclosed_quantity=leg.disclosed_quantity,
        validity=leg.validity,
        strategy=command.strategy,
        account=command.account,
        client_key=key,
        confirm_duplicate=bool(number),
        tag=command.tag,
    )
