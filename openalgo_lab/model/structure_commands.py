"""Commands that become several orders, or none: smart orders, splits, baskets, options by their moneyness."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

import msgspec

from openalgo_lab.model.command_base import Command
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.order_commands import MarginReply, PlaceOrder
from openalgo_lab.model.orders import Order
from openalgo_lab.model.vocabulary import Exchange, OptionType, PriceType, Product, Side, Validity

__all__ = [
    "EstimateBasketMargin",
    "GetOpenPosition",
    "GetOptionSymbol",
    "GetOrderStatus",
    "GroupReply",
    "LegOutcome",
    "LegPolicy",
    "OpenPosition",
    "OptionLeg",
    "OptionSymbol",
    "OrderState",
    "PlaceBasket",
    "PlaceOptionsMultiOrder",
    "PlaceOptionsOrder",
    "PlaceSmartOrder",
    "SmartReply",
    "SplitOrder",
]


class LegPolicy(StrEnum):
    """What happens to the other legs when one fails.

    INDEPENDENT sends every leg, buys first, whatever becomes of each. HOLD goes leg by leg, waits until each is
    filled, and stops at the first that is not: what was filled is kept. UNWIND does the same and closes again, at
    market, what was filled before the failure.
    """

    INDEPENDENT = "independent"
    HOLD = "hold"
    UNWIND = "unwind"


class LegOutcome(msgspec.Struct, frozen=True):
    """What became of one leg. ``leg`` counts from 1 in the order of the request; ``order`` None: nothing was placed.

    ``error`` is one sentence, "" when the leg was taken. ``unwound`` is the order that closed it again.
    """

    leg: int
    exchange: Exchange | None
    symbol: str
    side: Side
    quantity: int
    order: Order | None = None
    error: str = ""
    unwound: Order | None = None

    @property
    def ok(self) -> bool:
        """Whether an order stands for this leg."""
        return self.order is not None and not self.error


class GroupReply(msgspec.Struct, frozen=True):
    """Outcomes in the order of the request. ``underlying_ltp`` (rupees) where strikes were chosen by it, else 0."""

    legs: tuple[LegOutcome, ...]
    underlying: str = ""
    underlying_ltp: float = 0.0
    message: str = ""

    @property
    def ok(self) -> bool:
        """Whether every leg was taken."""
        return all(leg.ok for leg in self.legs)


class SmartReply(msgspec.Struct, frozen=True):
    """``order`` None: the position was right already, and ``message`` says so."""

    order: Order | None
    message: str = ""


class PlaceSmartOrder(Command[SmartReply], frozen=True, tag="place_smart_order"):
    """Bring the net position of (account, exchange, symbol, product) to ``position_size`` (signed units).

    ``side`` and ``quantity`` matter only when target and position are both 0: then it is a plain order, and nothing at
    all with quantity 0. Orders of the same kind are made one after the other, and what is still to be filled counts,
    so two alerts in the same second do not double the position.
    """

    exchange: Exchange
    symbol: str
    side: Side
    quantity: int
    product: Product
    position_size: int
    price_type: PriceType = PriceType.MARKET
    price: float = 0.0
    trigger_price: float = 0.0
    disclosed_quantity: int = 0
    strategy: str = ""
    account: str = ""
    client_key: str = ""
    tag: str = ""


class SplitOrder(Command[GroupReply], frozen=True, tag="split_order"):
    """One order as children of at most ``size`` units, and never above the freeze quantity; at most 100 children.

    A child that fails does not stop the others. ``size`` 0: as large as the exchange takes.
    """

    order: PlaceOrder
    size: int = 0


class PlaceBasket(Command[GroupReply], frozen=True, tag="place_basket"):
    """Several orders: buys first, then sells, each in the order given (bought hedges free margin for sold legs).

    ``leg_timeout_s``: how long HOLD and UNWIND wait for a leg to fill before they call it failed and cancel it.
    """

    orders: tuple[PlaceOrder, ...]
    policy: LegPolicy = LegPolicy.INDEPENDENT
    leg_timeout_s: float = 10.0


class OptionLeg(msgspec.Struct, frozen=True):
    """An option by its moneyness. ``offset``: ATM, ITM1…, OTM1… counted in listed strikes; ``expiry`` overrides."""

    offset: str
    option_type: OptionType
    side: Side
    quantity: int
    product: Product = Product.MIS
    price_type: PriceType = PriceType.MARKET
    price: float = 0.0
    trigger_price: float = 0.0
    disclosed_quantity: int = 0
    validity: Validity = Validity.DAY
    expiry: date | None = None
    split_size: int = 0


class PlaceOptionsOrder(Command[GroupReply], frozen=True, tag="place_options_order"):
    """One option chosen by its moneyness. ``underlying``: NIFTY, NIFTY01DEC26 or NIFTY01DEC26FUT (then its price).

    ``exchange`` is the underlying's or the option's. The outcome has one leg, or one a child when it is split.
    """

    underlying: str
    exchange: Exchange
    leg: OptionLeg
    strategy: str = ""
    account: str = ""
    client_key: str = ""
    tag: str = ""


class PlaceOptionsMultiOrder(Command[GroupReply], frozen=True, tag="place_options_multi_order"):
    """Up to 20 options of one underlying, all strikes chosen by one price; sent as :class:`PlaceBasket` sends."""

    underlying: str
    exchange: Exchange
    legs: tuple[OptionLeg, ...]
    expiry: date | None = None
    strategy: str = ""
    account: str = ""
    client_key: str = ""
    policy: LegPolicy = LegPolicy.INDEPENDENT
    leg_timeout_s: float = 10.0
    tag: str = ""


class OptionSymbol(msgspec.Struct, frozen=True):
    """An option found by its moneyness, and the price that decided it (rupees)."""

    instrument: Instrument
    underlying: str
    underlying_ltp: float
    offset: str


class GetOptionSymbol(Command[OptionSymbol], frozen=True, tag="get_option_symbol"):
    """Which contract an offset means now; nothing is placed."""

    underlying: str
    exchange: Exchange
    offset: str
    option_type: OptionType
    expiry: date | None = None


class OrderState(msgspec.Struct, frozen=True):
    """An order with its state in the public contract's words.

    ``status``: ``open``, ``trigger pending``, ``complete``, ``cancelled``, ``rejected``, ``expired``, or ``unknown``
    while nobody knows. ``average_price`` (rupees) is weighted over all fills.
    """

    order: Order
    status: str
    average_price: float


class GetOrderStatus(Command[OrderState], frozen=True, tag="get_order_status"):
    """One order's state by our id, the broker's, or the id of an order that went in slices."""

    order_id: str
    strategy: str = ""


class OpenPosition(msgspec.Struct, frozen=True):
    """Net units (signed, 0 when flat) and their average price in rupees."""

    quantity: int
    average_price: float = 0.0


class GetOpenPosition(Command[OpenPosition], frozen=True, tag="get_open_position"):
    """The net position of (exchange, symbol, product), of the account or of one strategy's own trades."""

    exchange: Exchange
    symbol: str
    product: Product
    account: str = ""
    strategy: str = ""


class EstimateBasketMargin(Command[MarginReply], frozen=True, tag="estimate_basket_margin"):
    """Margin and charges of several orders together, hedges counted where the account's rules count them."""

    orders: tuple[PlaceOrder, ...]


AnyStructureCommand = (
    PlaceSmartOrder
    | SplitOrder
    | PlaceBasket
    | PlaceOptionsOrder
    | PlaceOptionsMultiOrder
    | GetOptionSymbol
    | GetOrderStatus
    | GetOpenPosition
    | EstimateBasketMargin
)
"""Every command of this module, as a tagged union."""
