"""Good-till-triggered orders: a condition that rests at the broker and places an order when a price is reached."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from openalgo_lab.model.vocabulary import Exchange, PriceType, Product, Side

__all__ = ["GttIntent", "GttKind", "GttLeg", "GttReport", "GttStatus"]


class GttKind(StrEnum):
    """SINGLE: one trigger. OCO: a stop-loss and a target of which the first that triggers ends the other."""

    SINGLE = "single"
    OCO = "oco"


class GttStatus(StrEnum):
    """What is known of one at the broker. TRIGGERED says that its order was sent, not that it filled."""

    ACTIVE = "active"
    TRIGGERED = "triggered"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    DISABLED = "disabled"


class GttLeg(msgspec.Struct, frozen=True):
    """A trigger and the order that it places. Rupees and units; ``price`` 0 for a market order."""

    trigger_price: float
    price: float
    quantity: int
    price_type: PriceType = PriceType.LIMIT


class GttIntent(msgspec.Struct, frozen=True):
    """What somebody wants. One leg, or two for OCO: the lower trigger first.

    ``last_price`` is the market's price now, in rupees: several brokers need it to know the trigger's direction.
    ``gtt_id`` is our own 13-character id; it travels in the tag where the broker has one.
    """

    gtt_id: str
    account: str
    exchange: Exchange
    symbol: str
    side: Side
    product: Product
    legs: tuple[GttLeg, ...]
    last_price: float

    @property
    def kind(self) -> GttKind:
        """Single or OCO, by the number of legs."""
        return GttKind.OCO if len(self.legs) > 1 else GttKind.SINGLE


class GttReport(msgspec.Struct, frozen=True):
    """The broker's view of one. ``broker_gtt_id`` is its own id; times are UTC ns, 0 where it tells none."""

    broker_gtt_id: str
    status: GttStatus
    exchange: Exchange
    symbol: str
    side: Side
    product: Product
    legs: tuple[GttLeg, ...]
    created_ns: int = 0
    updated_ns: int = 0
    expires_ns: int = 0
    reason: str = ""
