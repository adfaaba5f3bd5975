"""Orders: placing, changing, cancelling, and the books. Each blocking method has a twin that ends in ``_async``."""

from __future__ import annotations

import secrets
from functools import partial

from openalgo_lab.lab.books import FundsBook, HoldingsBook, OrdersBook, PositionsBook, TradesBook
from openalgo_lab.lab.core import LabCore
from openalgo_lab.lab.order import LiveOrder, order_id_of
from openalgo_lab.lab.outcome import Margin, Outcome
from openalgo_lab.lab.pairs import Ask, awaited, blocking
from openalgo_lab.lab.words import SymbolLike, infer_price_type, rupee_price, whole_number, word
from openalgo_lab.model.commands import (
    CancelAllOrders,
    CancelOrder,
    CancelReply,
    ClosePosition,
    EstimateMargin,
    GetOrder,
    KillSwitch,
    MarginReply,
    ModifyOrder,
    PlaceOrder,
)
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.orders import Order
from openalgo_lab.model.vocabulary import Exchange, FeedMode, PriceType, Product, Side, Validity

__all__ = ["TradingCalls"]


class TradingCalls(LabCore):
    """The part of :class:`~openalgo_lab.lab.Lab` that trades."""

    def _place_order(
        self,
        symbol: SymbolLike,
        side: Side | str,
        quantity: int,
        *,
        price: float | None = None,
        trigger_price: float | None = None,
        price_type: PriceType | str | None = None,
        product: Product | str = Product.MIS,
        exchange: Exchange | str | None = None,
        validity: Validity | str = Validity.DAY,
        disclosed_quantity: int = 0,
        strategy: str = "",
        account: str = "",
        client_key: str = "",
        confirm_duplicate: bool = False,
        tag: str = "",
    ) -> Ask[Order, LiveOrder]:
        """Place an order and answer with it, live, as soon as the broker has answered.

        Args:
            symbol: ``"SBIN"`` (on NSE, where it is listed there), or ``"BSE:SBIN"``, or with ``exchange``.
            side: ``"BUY"`` or ``"SELL"``.
            quantity: units (shares, not lots); a multiple of the lot size. Above the freeze quantity it goes in slices
                that are shown, changed and cancelled as one.
            price: the limit, rupees. Alone it makes a LIMIT order.
            trigger_price: the stop, rupees. Alone it makes an SL-M order, with ``price`` an SL order.
            price_type: says the type outright; without it none of the two prices makes a MARKET order.
            product: ``"MIS"`` intraday (the default of the public contract), ``"CNC"`` delivery, ``"NRML"`` overnight.
            client_key: the same key again is the same order, never a second one.
            confirm_duplicate: needed to repeat an identical order within two seconds.
            tag: a word of yours, such as "breakout": ``lab.journal.results("tag")`` sums what its trades earned.

        Raises:
            SymbolError, InputError: the request is wrong; nothing was sent.
            RiskDenied: a check refused it; ``rule`` and ``field`` say which and where. Nothing was sent.
            Rejected: the broker refused it. OutcomeUnknown: nobody knows yet; the books will tell.
        """
        instrument = self.instrument(symbol, exchange)
        inferred = infer_price_type(price, trigger_price)
        command = PlaceOrder(
            exchange=instrument.exchange,
            symbol=instrument.symbol,
            side=word(Side, side, "side"),
            quantity=whole_number(quantity),
            product=word(Product, product, "product"),
            price_type=inferred if price_type is None else word(PriceType, price_type, "price_type"),
            price=rupee_price(price, "price"),
            trigger_price=rupee_price(trigger_price, "trigger_price"),
            disclosed_quantity=whole_number(disclosed_quantity, "disclosed_quantity"),
            validity=word(Validity, validity, "validity"),
            strategy=strategy,
            account=account,
            client_key=client_key or secrets.token_hex(8),
            confirm_duplicate=confirm_duplicate,
            tag=tag,
        )
        return Ask(command, self._live)

    def _margin(
        self,
        symbol: SymbolLike,
        side: Side | str,
        quantity: int,
        *,
        price: float | None = None,
        trigger_price: float | None = None,
        price_type: PriceType | str | None = None,
        product: Product | str = Product.MIS,
        exchange: Exchange | str | None = None,
        account: str = "",
    ) -> Ask[MarginReply, Margin]:
        """What such an order would block and cost; nothing is sent. Arguments as for ``place_order``."""
        order = self._place_order(
            symbol, side, quantity, price=price, trigger_price=trigger_price, price_type=price_type, product=product,
            exchange=exchange, account=account,
        )  # fmt: skip
        assert isinstance(order.command, PlaceOrder)
        return Ask(EstimateMargin(order.command), Margin)

    def _modify_order(
        self,
        order: LiveOrder | Order | str,
        *,
        quantity: int | None = None,
        price: float | None = None,
        trigger_price: float | None = None,
        price_type: PriceType | str | None = None,
    ) -> Ask[Order, LiveOrder]:
        """Change a working order (or its id); what is not given stays.

        Given an :class:`Order` value, a change that it has not seen yet (a fill, another modify) refuses the request.
        """
        if quantity is None and price is None and trigger_price is None and price_type is None:
            raise InputError("Nothing to modify: give a quantity, a price, a trigger price or a price type.")
        command = ModifyOrder(
            order_id_of(order),
            None if quantity is None else whole_number(quantity),
            None if price is None else rupee_price(price, "price"),
            None if trigger_price is None else rupee_price(trigger_price, "trigger_price"),
            None if price_type is None else word(PriceType, price_type, "price_type"),
            order.version if isinstance(order, Order) else None,
        )
        return Ask(command, partial(self._live_again, order))

    def _cancel_order(self, order: LiveOrder | Order | str) -> Ask[Order, LiveOrder]:
        """Cancel a working order (or its id). One that has ended meanwhile is an answer, not an error."""
        return Ask(CancelOrder(order_id_of(order)), partial(self._live_again, order))

    def _cancel_all_orders(
        self,
        symbol: SymbolLike | None = None,
        *,
        exchange: Exchange | str | None = None,
        strategy: str = "",
        account: str = "",
    ) -> Ask[CancelReply, Outcome]:
        """Cancel every working order, or those of a symbol or strategy; says which failed and why."""
        where, text = self._narrow(symbol, exchange)
        return Ask(CancelAllOrders(account, strategy, where, text), partial(Outcome, "cancelled"))

    def _close_position(
        self,
        symbol: SymbolLike | None = None,
        *,
        exchange: Exchange | str | None = None,
        product: Product | str | None = None,
        strategy: str = "",
        account: str = "",
    ) -> Ask[CancelReply, Outcome]:
        """Close a position at market, or all of the account; large ones are sliced at the freeze quantity.

        With ``strategy`` only what that strategy's own trades have left open.
        """
        where, text = self._narrow(symbol, exchange)
        only = None if product is None else word(Product, product, "product")
        return Ask(ClosePosition(account, where, text, only, strategy), partial(Outcome, "closed"))

    def _kill_switch(self, engage: bool = True, *, close_positions: bool = False) -> Ask[CancelReply, Outcome]:
        """Refuse new orders at once and cancel every working one, and close positions if asked; False releases it."""
        return Ask(KillSwitch(engage, close_positions), partial(Outcome, "cancelled" if engage else "released"))

    def _order(self, order_id: str) -> Ask[Order, LiveOrder]:
        """One order by our id or the broker's, live. Raises InputError when there is none."""
        return Ask(GetOrder(order_id), self._live)

    place_order, place_order_async = blocking(_place_order), awaited(_place_order)
    modify_order, modify_order_async = blocking(_modify_order), awaited(_modify_order)
    cancel_order, cancel_order_async = blocking(_cancel_order), awaited(_cancel_order)
    cancel_all_orders, cancel_all_orders_async = blocking(_cancel_all_orders), awaited(_cancel_all_orders)
    close_position, close_position_async = blocking(_close_position), awaited(_close_position)
    margin, margin_async = blocking(_margin), awaited(_margin)
    kill_switch, kill_switch_async = blocking(_kill_switch), awaited(_kill_switch)
    order, order_async = blocking(_order), awaited(_order)

    # ---- the books: live, no waiting

    @property
    def orders(self) -> OrdersBook:
        """Orders of the day."""
        return OrdersBook(self)

    @property
    def trades(self) -> TradesBook:
        """Fills of the day."""
        return TradesBook(self)

    @property
    def positions(self) -> PositionsBook:
        """Net positions."""
        return PositionsBook(self)

    @property
    def holdings(self) -> HoldingsBook:
        """Shares in the demat account."""
        return HoldingsBook(self)

    @property
    def funds(self) -> FundsBook:
        """Money."""
        return FundsBook(self)

    def _narrow(self, symbol: SymbolLike | None, exchange: Exchange | str | None) -> tuple[Exchange | None, str]:
        if symbol is None:
            return (None if exchange is None else word(Exchange, exchange, "exchange")), ""
        instrument = self.instrument(symbol, exchange)
        return instrument.exchange, instrument.symbol

    def _live(self, order: Order) -> LiveOrder:
        return LiveOrder(self, order)

    def _live_again(self, known: LiveOrder | Order | str, order: Order) -> LiveOrder:
        """The object that was handed in, brought up to date: its owner may hold it in a list."""
        if isinstance(known, LiveOrder):
            known.see(order)
            return known
        return LiveOrder(self, order)

    def _want_prices(self, keys: set[InstrumentKey]) -> None:
        """Positions are valued at live prices: want those that are not wanted for that yet."""
        new = keys - self._priced
        if new:
            self._priced |= new
            self.handle.subscribe(tuple(new), FeedMode.LTP, f"positions-{id(self):x}")
