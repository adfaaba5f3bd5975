"""Commands about single orders, and the bulk ones that cancel and close. See :mod:`openalgo_lab.model.commands`."""

from __future__ import annotations

import msgspec

from openalgo_lab.model.command_base import Command
from openalgo_lab.model.orders import Order
from openalgo_lab.model.vocabulary import Exchange, PriceType, Product, Side, Validity

__all__ = [
    "CancelAllOrders",
    "CancelOrder",
    "CancelReply",
    "ClosePosition",
    "EstimateMargin",
    "GetOrder",
    "KillSwitch",
    "MarginReply",
    "ModifyOrder",
    "PlaceOrder",
]


class CancelReply(msgspec.Struct, frozen=True):
    """What became of a cancel-all or close-all: order ids done, and (id, sentence) of those that failed."""

    done: tuple[str, ...]
    failed: tuple[tuple[str, str], ...] = ()


class MarginReply(msgspec.Struct, frozen=True):
    """Estimate before the click, in paise: margin to be blocked, charges, and what would stay available."""

    margin_paise: int
    charges_paise: int
    available_paise: int
    basis: str
    """One sentence: which rule the estimate follows."""


class PlaceOrder(Command[Order], frozen=True, tag="place_order"):
    """Place one order; answers with it as soon as its outcome at the broker is known (accepted, refused, unknown).

    ``quantity`` in units (a multiple of the lot); above the freeze quantity it goes in slices, and the answer is the
    whole as one order. ``client_key`` makes it idempotent: the same key, the same order.
    ``confirm_duplicate`` must be true to send an intent identical to one of the last 2 s from another key.
    ``tag`` is a word of the trader's own: it stays with the order and its trades, and results can be summed by it.
    """

    exchange: Exchange
    symbol: str
    side: Side
    quantity: int
    product: Product
    price_type: PriceType = PriceType.MARKET
    price: float = 0.0
    trigger_price: float = 0.0
    disclosed_quantity: int = 0
    validity: Validity = Validity.DAY
    strategy: str = ""
    account: str = ""
    client_key: str = ""
    confirm_duplicate: bool = False
    tag: str = ""


class ModifyOrder(Command[Order], frozen=True, tag="modify_order"):
    """Change quantity, price, trigger or type of a working order; None leaves a value as it is.

    ``version``, if given, is the order version that the caller saw: an older one is refused with what changed.
    """

    order_id: str
    quantity: int | None = None
    price: float | None = None
    trigger_price: float | None = None
    price_type: PriceType | None = None
    version: int | None = None


class CancelOrder(Command[Order], frozen=True, tag="cancel_order"):
    """Cancel a working order. An order that has ended meanwhile is an answer, not an error."""

    order_id: str


class CancelAllOrders(Command[CancelReply], frozen=True, tag="cancel_all_orders"):
    """Cancel every working order of the account, narrowed by strategy or symbol where given."""

    account: str = ""
    strategy: str = ""
    exchange: Exchange | None = None
    symbol: str = ""


class ClosePosition(Command[CancelReply], frozen=True, tag="close_position"):
    """Close positions at market, sliced at the freeze quantity: all of the account, or those that match.

    With ``strategy`` only what that strategy's own trades have left open.
    """

    account: str = ""
    exchange: Exchange | None = None
    symbol: str = ""
    product: Product | None = None
    strategy: str = ""


class GetOrder(Command[Order], frozen=True, tag="get_order"):
    """One order by our id or the broker's."""

    order_id: str


class EstimateMargin(Command[MarginReply], frozen=True, tag="estimate_margin"):
    """Margin and charges of an order that has not been placed."""

    order: PlaceOrder


class KillSwitch(Command[CancelReply], frozen=True, tag="kill_switch"):
    """Engage: refuse new orders at once and cancel every working one (and close positions if asked). Or release."""

    engage: bool
    close_positions: bool = False
