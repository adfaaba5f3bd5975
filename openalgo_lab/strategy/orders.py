"""A strategy's own view of its orders and positions; the host keeps them up to date."""

from __future__ import annotations

from typing import Final

import msgspec

from openalgo_lab.model.orders import DONE, OrderStatus
from openalgo_lab.model.vocabulary import PriceType, Side

__all__ = ["HOST_CLOSES", "NO_PROTECTION", "Position", "Protection", "StrategyOrder"]


HOST_CLOSES: Final = frozenset({"expiry", "square-off", "ruin"})
"""Tags of orders by which a host closes whatever is held of an instrument, without being asked."""


class Protection(msgspec.Struct, frozen=True):
    """What guards the position that an order opens; 0 = none.

    ``stop`` and ``target`` are prices in rupees; the others are per cent of the entry price (``trail_pct`` of the best
    price since). Where both are given the price counts.
    """

    stop: float = 0.0
    target: float = 0.0
    stop_pct: float = 0.0
    target_pct: float = 0.0
    trail_pct: float = 0.0


NO_PROTECTION: Final = Protection()


class StrategyOrder:
    """An order of the strategy; it changes by itself as the market fills it.

    ``filled`` and ``quantity`` in units, ``average`` in rupees, value and charges of what is filled in paise;
    ``reason`` says why it was refused or cancelled.
    """

    __slots__ = (
        "average",
        "charges_paise",
        "filled",
        "good_till_cancelled",
        "number",
        "placed_ns",
        "price",
        "price_type",
        "protection",
        "quantity",
        "reason",
        "side",
        "status",
        "symbol",
        "tag",
        "trigger",
        "value_paise",
    )

    def __init__(
        self,
        number: int,
        symbol: str,
        side: Side,
        quantity: int,
        price_type: PriceType,
        *,
        price: float = 0.0,
        trigger: float = 0.0,
        protection: Protection = NO_PROTECTION,
        good_till_cancelled: bool = False,
        tag: str = "",
        placed_ns: int = 0,
    ) -> None:
        self.number = number
        self.symbol = symbol
        self.side = side
        self.quantity = quantity
        self.price_type = price_type
        self.price = price
        self.trigger = trigger
        self.protection = protection
        self.good_till_cancelled = good_till_cancelled
        self.tag = tag
        self.placed_ns = placed_ns
        self.status = OrderStatus.NEW
        self.filled = 0
        self.average = 0.0
        self.value_paise = 0
        self.charges_paise = 0
        self.reason = ""

    @property
    def remaining(self) -> int:
        """Units that are not filled yet."""
        return self.quantity - self.filled

    @property
    def is_done(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in DONE

    def __repr__(self) -> str:
        at = f" @ {self.price:g}" if self.price else ""
        trigger = f" trigger {self.trigger:g}" if self.trigger else ""
        return (
            f"<Order {self.number}: {self.side} {self.quantity} {self.symbol} {self.price_type}{at}{trigger}, "
            f"{self.status.value}, {self.filled} filled>"
        )


class Position:
    """What the strategy holds of an instrument: signed units (0 = flat), average entry price in rupees."""

    __slots__ = ("average", "quantity", "symbol")

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.quantity = 0
        self.average = 0.0

    @property
    def is_long(self) -> bool:
        return self.quantity > 0

    @property
    def is_short(self) -> bool:
        return self.quantity < 0

    def __bool__(self) -> bool:
        return self.quantity != 0

    def __repr__(self) -> str:
        return (
            f"<Position {self.symbol}: {self.quantity:+d} @ {self.average:.2f}>" if self.quantity else "<Position flat>"
        )
