"""Orders that become several: smart, split, baskets, options by their moneyness. Each with its ``_async`` twin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from functools import partial
from typing import Any

from openalgo_lab.lab.legs import Legs, SmartOrder
from openalgo_lab.lab.order import LiveOrder, order_id_of
from openalgo_lab.lab.outcome import Margin
from openalgo_lab.lab.pairs import CALL_S, Ask, awaited, blocking
from openalgo_lab.lab.trading import TradingCalls
from openalgo_lab.lab.words import SymbolLike, infer_price_type, plain_underlying, rupee_price, whole_number, word
from openalgo_lab.model.commands import EstimateBasketMargin, MarginReply, PlaceOrder
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.orders import Order
from openalgo_lab.model.structure_commands import (
    GetOpenPosition,
    GetOptionSymbol,
    GetOrderStatus,
    GroupReply,
    LegPolicy,
    OpenPosition,
    OptionLeg,
    OptionSymbol,
    OrderState,
    PlaceBasket,
    PlaceOptionsMultiOrder,
    PlaceOptionsOrder,
    PlaceSmartOrder,
    SmartReply,
    SplitOrder,
)
from openalgo_lab.model.symbols import parse_expiry
from openalgo_lab.model.vocabulary import Exchange, OptionType, PriceType, Product, Side

__all__ = ["StructureCalls"]

_MANY_S = 60.0
"""Many orders take longer than one, at a broker's rate."""


class StructureCalls(TradingCalls):
    """The part of :class:`~openalgo_lab.lab.Lab` whose orders are several."""

    def _place_smart_order(
        self,
        symbol: SymbolLike,
        position_size: int,
        *,
        side: Side | str = Side.BUY,
        quantity: int = 0,
        price: float | None = None,
        trigger_price: float | None = None,
        price_type: PriceType | str | None = None,
        product: Product | str = Product.MIS,
        exchange: Exchange | str | None = None,
        strategy: str = "",
        account: str = "",
        client_key: str = "",
        tag: str = "",
    ) -> Ask[SmartReply, SmartOrder]:
        """Bring the net position to ``position_size`` (signed units) with one order; nothing when it is there already.

        ``side`` and ``quantity`` matter only where target and position are both 0: then they are a plain order.
        The other arguments are those of ``place_order``. What is still to be filled counts.
        """
        order = self._terms(
            symbol, side, 1, price=price, trigger_price=trigger_price, price_type=price_type, product=product,
            exchange=exchange, strategy=strategy, account=account,
        )  # fmt: skip
        command = PlaceSmartOrder(
            exchange=order.exchange,
            symbol=order.symbol,
            side=order.side,
            quantity=whole_number(quantity),
            product=order.product,
            position_size=whole_number(position_size, "position_size"),
            price_type=order.price_type,
            price=order.price,
            trigger_price=order.trigger_price,
            strategy=strategy,
            account=account,
            client_key=client_key,
            tag=tag,
        )
        return Ask(command, partial(SmartOrder, self._live), _MANY_S)

    def _split_order(
        self, /, symbol: SymbolLike, side: Side | str, quantity: int, split_size: int = 0, **terms: Any
    ) -> Ask[GroupReply, Legs]:
        """One order as children of at most ``split_size`` units (0: as large as the exchange takes), at most 100.

        A child that fails does not stop the others. ``terms`` are those of ``place_order``.
        """
        order = self._terms(symbol, side, quantity, **terms)
        command = SplitOrder(order, whole_number(split_size, "split_size"))
        return Ask(command, partial(Legs, self._live), _MANY_S)

    def _place_basket(
        self,
        orders: Iterable[Mapping[str, Any] | PlaceOrder],
        *,
        policy: LegPolicy | str = LegPolicy.INDEPENDENT,
        leg_timeout_s: float = 10.0,
    ) -> Ask[GroupReply, Legs]:
        """Several orders: buys first, then sells.

        Args:
            orders: dicts of ``place_order``'s arguments (``symbol``, ``side``, ``quantity``, ...), or commands.
            policy: ``"independent"`` sends all; ``"hold"`` goes leg by leg and stops at the first that does not fill;
                ``"unwind"`` also closes again what was filled before it.
            leg_timeout_s: how long the last two wait for a leg to fill.
        """
        commands = tuple(self._basket_order(order) for order in orders)
        command = PlaceBasket(commands, word(LegPolicy, policy, "policy"), leg_timeout_s)
        return Ask(command, partial(Legs, self._live), _MANY_S + leg_timeout_s * len(commands))

    def _place_options_order(
        self,
        /,
        underlying: str,
        offset: str,
        option_type: OptionType | str,
        side: Side | str,
        quantity: int,
        *,
        expiry: date | str | None = None,
        exchange: Exchange | str = Exchange.NFO,
        split_size: int = 0,
        strategy: str = "",
        account: str = "",
        client_key: str = "",
        tag: str = "",
        **terms: Any,
    ) -> Ask[GroupReply, Legs]:
        """One option by its moneyness: ``lab.place_options_order("NIFTY", "OTM2", "CE", "BUY", 65, expiry="29DEC26")``.

        Args:
            underlying: ``"NIFTY"``, with the expiry inside ``"NIFTY29DEC26"``, or a future that decides the price.
            offset: ``"ATM"``, ``"ITM1"`` …, ``"OTM1"`` …, counted in listed strikes.
            terms: product, price_type, price, trigger_price, disclosed_quantity, as for ``place_order``.
        """
        leg = _option_leg(offset, option_type, side, quantity, expiry, split_size=split_size, **terms)
        command = PlaceOptionsOrder(
            plain_underlying(underlying), word(Exchange, exchange, "exchange"), leg, strategy, account, client_key, tag
        )
        return Ask(command, partial(Legs, self._live), _MANY_S)

    def _place_options_multiorder(
        self,
        underlying: str,
        legs: Iterable[Mapping[str, Any]],
        *,
        expiry: date | str | None = None,
        exchange: Exchange | str = Exchange.NFO,
        policy: LegPolicy | str = LegPolicy.INDEPENDENT,
        leg_timeout_s: float = 10.0,
        strategy: str = "",
        account: str = "",
        client_key: str = "",
        tag: str = "",
    ) -> Ask[GroupReply, Legs]:
        """Up to 20 options of one underlying, strikes chosen by one price; buys first.

        ``legs`` are dicts of offset, option_type, side, quantity and, where wanted, expiry, product, price_type,
        price, trigger_price, split_size. ``policy`` as for ``place_basket``.
        """
        chosen = tuple(_option_leg(**leg) for leg in legs)
        command = PlaceOptionsMultiOrder(
            plain_underlying(underlying),
            word(Exchange, exchange, "exchange"),
            chosen,
            _expiry(expiry),
            strategy,
            account,
            client_key,
            word(LegPolicy, policy, "policy"),
            leg_timeout_s,
            tag,
        )
        return Ask(command, partial(Legs, self._live), _MANY_S + leg_timeout_s * len(chosen))

    def _option_symbol(
        self,
        underlying: str,
        offset: str,
        option_type: OptionType | str,
        *,
        expiry: date | str | None = None,
        exchange: Exchange | str = Exchange.NFO,
    ) -> Ask[OptionSymbol, OptionSymbol]:
        """Which contract an offset means now: its instrument and the underlying's price that decided it."""
        command = GetOptionSymbol(
            plain_underlying(underlying),
            word(Exchange, exchange, "exchange"),
            offset,
            word(OptionType, option_type, "option_type"),
            _expiry(expiry),
        )
        return Ask(command, _as_it_is)

    def _order_status(self, order: LiveOrder | Order | str, *, strategy: str = "") -> Ask[OrderState, OrderState]:
        """An order's state in the public contract's words, with its average price over all fills."""
        return Ask(GetOrderStatus(order_id_of(order), strategy), _as_it_is)

    def _open_position(
        self,
        symbol: SymbolLike,
        product: Product | str = Product.MIS,
        *,
        exchange: Exchange | str | None = None,
        strategy: str = "",
        account: str = "",
    ) -> Ask[OpenPosition, int]:
        """Net units of the symbol, signed, 0 when flat; with ``strategy`` what that strategy's own trades left open."""
        instrument = self.instrument(symbol, exchange)
        command = GetOpenPosition(
            instrument.exchange, instrument.symbol, word(Product, product, "product"), account, strategy
        )
        return Ask(command, lambda position: position.quantity)

    def _basket_margin(self, orders: Iterable[Mapping[str, Any] | PlaceOrder]) -> Ask[MarginReply, Margin]:
        """What several orders together would block and cost; nothing is sent. ``orders`` as for ``place_basket``."""
        return Ask(EstimateBasketMargin(tuple(self._basket_order(order) for order in orders)), Margin, CALL_S)

    place_smart_order, place_smart_order_async = blocking(_place_smart_order), awaited(_place_smart_order)
    split_order, split_order_async = blocking(_split_order), awaited(_split_order)
    place_basket, place_basket_async = blocking(_place_basket), awaited(_place_basket)
    place_options_order, place_options_order_async = blocking(_place_options_order), awaited(_place_options_order)
    place_options_multiorder = blocking(_place_options_multiorder)
    place_options_multiorder_async = awaited(_place_options_multiorder)
    option_symbol, option_symbol_async = blocking(_option_symbol), awaited(_option_symbol)
    order_status, order_status_async = blocking(_order_status), awaited(_order_status)
    open_position, open_position_async = blocking(_open_position), awaited(_open_position)
    basket_margin, basket_margin_async = blocking(_basket_margin), awaited(_basket_margin)

    def _terms(self, symbol: SymbolLike, side: Side | str, quantity: int, **terms: Any) -> PlaceOrder:
        command = self._place_order(symbol, side, quantity, **terms).command
        assert isinstance(command, PlaceOrder)
        return command

    def _basket_order(self, order: Mapping[str, Any] | PlaceOrder) -> PlaceOrder:
        if isinstance(order, PlaceOrder):
            return order
        missing = [name for name in ("symbol", "side", "quantity") if name not in order]
        if missing:
            raise InputError(f"An order of the basket lacks {', '.join(missing)}: give them all.", field=missing[0])
        return self._terms(**order)


def _option_leg(
    offset: str,
    option_type: OptionType | str,
    side: Side | str,
    quantity: int,
    expiry: date | str | None = None,
    *,
    product: Product | str = Product.MIS,
    price_type: PriceType | str | None = None,
    price: float | None = None,
    trigger_price: float | None = None,
    disclosed_quantity: int = 0,
    split_size: int = 0,
) -> OptionLeg:
    inferred = infer_price_type(price, trigger_price)
    return OptionLeg(
        offset=offset,
        option_type=word(OptionType, option_type, "option_type"),
        side=word(Side, side, "side"),
        quantity=whole_number(quantity),
        product=word(Product, product, "product"),
        price_type=inferred if price_type is None else word(PriceType, price_type, "price_type"),
        price=rupee_price(price, "price"),
        trigger_price=rupee_price(trigger_price, "trigger_price"),
        disclosed_quantity=whole_number(disclosed_quantity, "disclosed_quantity"),
        expiry=_expiry(expiry),
        split_size=whole_number(split_size, "split_size"),
    )


def _expiry(expiry: date | str | None) -> date | None:
    return parse_expiry(expiry) if isinstance(expiry, str) else expiry


def _as_it_is(answer: Any) -> Any:
    return answer
