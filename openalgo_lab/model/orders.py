"""Orders: the intent, the live order, its states and the table of legal transitions.

A *status* is always evidence (what is known); what has been asked but not yet answered stands apart in
``Order.pending``. So a modify or cancel in flight never hides how much is filled.
"""

from __future__ import annotations

import secrets
from enum import StrEnum

import msgspec

from openalgo_lab.model.vocabulary import Exchange, Mode, PriceType, Product, Settlement, Side, Validity

__all__ = [
    "DONE",
    "ID_LENGTH",
    "LEGAL_TRANSITIONS",
    "WORKING",
    "Fill",
    "Order",
    "OrderIntent",
    "OrderStatus",
    "Pending",
    "is_legal",
    "new_order_id",
]


class OrderStatus(StrEnum):
    """What is known of an order.

    Before the wire: NEW, DENIED (a check refused it), SENDING (durable intent written, request on its way).
    Doubt: UNKNOWN (the request may have arrived), NOT_PLACED (proved absent from the broker's books).
    At the broker: ACCEPTED (the broker's API took it, nothing more), OPEN, TRIGGER_PENDING, PARTIALLY_FILLED.
    Ended: COMPLETE, CANCELLED, REJECTED, EXPIRED.
    """

    NEW = "new"
    DENIED = "denied"
    SENDING = "sending"
    UNKNOWN = "unknown"
    NOT_PLACED = "not_placed"
    ACCEPTED = "accepted"
    OPEN = "open"
    TRIGGER_PENDING = "trigger_pending"
    PARTIALLY_FILLED = "partially_filled"
    COMPLETE = "complete"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"


_S = OrderStatus

DONE = frozenset({_S.DENIED, _S.NOT_PLACED, _S.COMPLETE, _S.CANCELLED, _S.REJECTED, _S.EXPIRED})
"""Ended, as far as is known; only a late fill may still change one (see the table)."""

WORKING = frozenset({_S.ACCEPTED, _S.OPEN, _S.TRIGGER_PENDING, _S.PARTIALLY_FILLED})
"""Alive at the broker: can be modified and cancelled."""

_AT_BROKER = WORKING | {_S.COMPLETE, _S.CANCELLED, _S.REJECTED, _S.EXPIRED}

LEGAL_TRANSITIONS: dict[OrderStatus, frozenset[OrderStatus]] = {
    _S.NEW: frozenset({_S.DENIED, _S.SENDING}),
    _S.DENIED: frozenset(),
    # The stream can be faster than the HTTP answer, so anything at the broker may follow SENDING directly.
    _S.SENDING: frozenset({_S.UNKNOWN, _S.NOT_PLACED}) | _AT_BROKER,
    _S.UNKNOWN: frozenset({_S.NOT_PLACED}) | _AT_BROKER,
    # Proof of absence was wrong: the order turned up after all. Legal, and flagged by the ledger.
    _S.NOT_PLACED: _AT_BROKER,
    _S.ACCEPTED: (_AT_BROKER - {_S.ACCEPTED}),
    _S.OPEN: frozenset({_S.TRIGGER_PENDING, _S.PARTIALLY_FILLED, _S.COMPLETE, _S.CANCELLED, _S.REJECTED, _S.EXPIRED}),
    _S.TRIGGER_PENDING: frozenset({_S.OPEN, _S.PARTIALLY_FILLED, _S.COMPLETE, _S.CANCELLED, _S.REJECTED, _S.EXPIRED}),
    _S.PARTIALLY_FILLED: frozenset({_S.COMPLETE, _S.CANCELLED, _S.REJECTED, _S.EXPIRED}),
    _S.COMPLETE: frozenset(),
    # Late fills are legal after an end: the exchange matched before the cancel took effect.
    _S.CANCELLED: frozenset({_S.COMPLETE}),
    _S.REJECTED: frozenset({_S.PARTIALLY_FILLED, _S.COMPLETE}),
    _S.EXPIRED: frozenset({_S.COMPLETE}),
}
"""Every legal pair; anything else is an error of ours or of the broker and is reported, never applied silently."""


def is_legal(before: OrderStatus, after: OrderStatus) -> bool:
    """Whether an order may go from ``before`` to ``after``; staying is always legal."""
    return before is after or after in LEGAL_TRANSITIONS[before]


class Pending(StrEnum):
    """What has been asked of a working order and is not answered yet."""

    NONE = ""
    MODIFY = "modify"
    CANCEL = "cancel"


_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U to misread


ID_LENGTH = 13


def new_order_id() -> str:
    """A fresh order id: 64 random bits as 13 base-32 characters; it travels in the broker's tag field."""
    bits = secrets.randbits(64)
    return "".join(_ALPHABET[(bits >> shift) & 31] for shift in range(60, -1, -5))


class OrderIntent(msgspec.Struct, frozen=True):
    """What somebody wants: written to the journal before its first byte leaves. Quantity in units, prices in rupees.

    ``parent`` is the id of the larger order that this one is a slice of, "" for an order that stands alone. ``tag`` is
    a word of the trader's own; it stays with us.
    """

    order_id: str
    account: str
    exchange: Exchange
    symbol: str
    side: Side
    quantity: int
    product: Product
    price_type: PriceType
    price: float = 0.0
    trigger_price: float = 0.0
    disclosed_quantity: int = 0
    validity: Validity = Validity.DAY
    strategy: str = ""
    created_ns: int = 0
    parent: str = ""
    tag: str = ""


class Order(msgspec.Struct, frozen=True):
    """An order as the ledger knows it now. Times are UTC ns, 0 = not happened; prices in rupees, quantities in units.

    ``version`` grows by one with every change. ``alarms`` are sentences about evidence that contradicts itself
    (an overfill, a fill after a cancel): shown to the user, never hidden. ``parent``: see :class:`OrderIntent`.
    """

    order_id: str
    account: str
    mode: Mode
    exchange: Exchange
    symbol: str
    side: Side
    quantity: int
    product: Product
    price_type: PriceType
    price: float
    trigger_price: float
    disclosed_quantity: int
    validity: Validity
    strategy: str
    status: OrderStatus
    pending: Pending = Pending.NONE
    filled_quantity: int = 0
    average_price: float = 0.0
    broker_order_id: str = ""
    reason: str = ""
    created_ns: int = 0
    sent_ns: int = 0
    acked_ns: int = 0
    updated_ns: int = 0
    version: int = 0
    alarms: tuple[str, ...] = ()
    parent: str = ""
    tag: str = ""

    @property
    def remaining(self) -> int:
        """Units not filled yet; 0 once the order has ended."""
        return 0 if self.done else max(self.quantity - self.filled_quantity, 0)

    @property
    def done(self) -> bool:
        """Whether the order has ended."""
        return self.status in DONE

    @property
    def working(self) -> bool:
        """Whether it is alive at the broker."""
        return self.status in WORKING


class Fill(msgspec.Struct, frozen=True):
    """One trade of the exchange. ``trade_id`` is unique within the account's broker and day."""

    trade_id: str
    order_id: str
    broker_order_id: str
    account: str
    exchange: Exchange
    symbol: str
    side: Side
    product: Product
    quantity: int
    price: float
    time_ns: int
    strategy: str = ""
    tag: str = ""
    settlement: Settlement = Settlement.NONE
