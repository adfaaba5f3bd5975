"""One client's money and positions at the simulated broker. Pure book-keeping in integers.

Values are integers in ten-thousandths of a rupee times units (as prices in `matching`), so nothing is rounded
until it is shown in paise. ``cash`` changes only by realised profit and by deliveries; what positions and working
orders tie up is derived from them, so it can never drift.
"""

from __future__ import annotations

from datetime import date

import msgspec

from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.vocabulary import InstrumentType, Product, Side
from openalgo_lab.sim.rules import margin_rate

__all__ = ["Holding", "Money", "OpenNeed", "Position", "to_paise"]


def to_paise(value: int) -> int:
    """Paise of a value in ten-thousandths of a rupee, rounded half up."""
    return (value + 50) // 100


class Money(msgspec.Struct):
    """The cash of a client, and today's realised profit (both in ten-thousandths of a rupee)."""

    cash: int
    realised: int = 0


class Holding(msgspec.Struct):
    """Delivered shares and what they cost in all."""

    token: int
    quantity: int
    value: int


class OpenNeed(msgspec.Struct, frozen=True):
    """What opening a position in one instrument ties up; ``spot`` is the underlying's price (short options)."""

    instrument: Instrument
    product: Product
    spot: int
    day: date
    index_underlying: bool

    def of(self, side: Side, quantity: int, value: int) -> int:
        """For ``quantity`` units of ``value`` in all."""
        if self.instrument.kind is InstrumentType.EQ and self.product is Product.CNC and side is Side.SELL:
            return 0
        rate = margin_rate(self.instrument, self.product, side, self.day, index_underlying=self.index_underlying)
        if self.instrument.kind.is_option and side is Side.SELL:
            return round(quantity * self.spot * rate) + value
        return round(value * rate)


class Position(msgspec.Struct):
    """Net position of (token, product). ``value`` is the cost of the open quantity, never negative."""

    token: int
    exchange: str
    symbol: str
    product: Product
    quantity: int = 0
    value: int = 0
    realised: int = 0
    buy_quantity: int = 0
    buy_value: int = 0
    sell_quantity: int = 0
    sell_value: int = 0

    @property
    def average(self) -> int:
        """Average price of the open quantity, rounded; 0 when flat."""
        return round(self.value / abs(self.quantity)) if self.quantity else 0

    def book(self, side: Side, quantity: int, price: int) -> int:
        """Book a fill; answers with the profit it realised."""
        if side is Side.BUY:
            self.buy_quantity += quantity
            self.buy_value += quantity * price
        else:
            self.sell_quantity += quantity
            self.sell_value += quantity * price
        closing = min(quantity, max(0, -self.quantity * side.sign))
        profit = self._close(side, closing, price) if closing else 0
        self.quantity += side.sign * (quantity - closing)
        self.value += (quantity - closing) * price
        self.realised += profit
        return profit

    def _close(self, side: Side, quantity: int, price: int) -> int:
        cost = self.value * quantity // abs(self.quantity)
        self.value -= cost
        self.quantity += side.sign * quantity
        return side.sign * (cost - quantity * price)

    def new_day(self) -> None:
        """Forget the day's totals; what is open is carried."""
        self.realised = self.buy_quantity = self.buy_value = self.sell_quantity = self.sell_value = 0

    def margin(self, need: OpenNeed) -> int:
        """What the open quantity ties up. Shares sold out of the demat account free their proceeds (negative)."""
        if not self.quantity:
            return 0
        if self.quantity < 0 and self.product is Product.CNC:
            return -self.value
        return need.of(Side.BUY if self.quantity > 0 else Side.SELL, abs(self.quantity), self.value)
