"""The venue's trading day, what positions are worth, and what becomes of them when the day turns."""

from __future__ import annotations

from datetime import date

from openalgo_lab.model.errors import SymbolError
from openalgo_lab.model.symbols import parse_symbol
from openalgo_lab.model.times import day_bounds_ns, trade_date
from openalgo_lab.model.vocabulary import Exchange, InstrumentType, Product, Side
from openalgo_lab.sim.account import Holding, Position
from openalgo_lab.sim.clients import Catalogue, Client, Key
from openalgo_lab.sim.market import MarketSource
from openalgo_lab.sim.matching import to_units
from openalgo_lab.sim.views import last_price, views

__all__ = ["Day", "carry_over", "deliver", "unrealised"]


class Day:
    """An Indian date and its bounds."""

    __slots__ = ("_end_ns", "_start_ns", "date")

    def __init__(self, day: date) -> None:
        self.date = day
        self._start_ns, self._end_ns = day_bounds_ns(day)

    @classmethod
    def at(cls, now_ns: int) -> Day:
        """The day of a moment."""
        return cls(trade_date(now_ns))

    @property
    def text(self) -> str:
        """As ISO text."""
        return self.date.isoformat()

    def holds(self, now_ns: int) -> bool:
        """Whether the moment lies in this day."""
        return self._start_ns <= now_ns < self._end_ns


def carry_over(client: Client, catalogue: Catalogue, market: MarketSource) -> None:
    """Settle what has expired, move bought shares into the demat account and sold ones out of it, carry the rest."""
    for key, position in list(client.positions.items()):
        if position.quantity and catalogue.get(position.token) is None:
            _settle(client, position, catalogue, market)
        if position.product is Product.CNC:
            deliver(client, position)
        position.new_day()
        if not position.quantity:
            del client.positions[key]


def _settle(client: Client, position: Position, catalogue: Catalogue, market: MarketSource) -> None:
    """An expired contract is closed at its worth: intrinsic value for options, the underlying's price for futures.

    Where the underlying is not listed either, the position stays as it is, visible, for somebody to judge.
    """
    exchange = Exchange(position.exchange)
    try:
        contract = parse_symbol(position.symbol, exchange)
    except SymbolError:
        return
    under = catalogue.spot(exchange, contract.underlying)
    spot = last_price(market, under) if under is not None else 0
    if not spot or contract.kind is InstrumentType.EQ:
        return
    worth = spot
    if contract.is_option and contract.strike is not None:
        sign = 1 if contract.kind is InstrumentType.CE else -1
        worth = max(0, sign * (spot - to_units(contract.strike)))
    side = Side.SELL if position.quantity > 0 else Side.BUY
    client.money.cash += position.book(side, abs(position.quantity), worth)


def deliver(client: Client, position: Position) -> None:
    """Move bought shares into the demat account, and sold ones out of it; the position is flat then."""
    quantity, value = position.quantity, position.value
    position.quantity = position.value = 0
    if quantity > 0:
        held = client.holdings.setdefault(position.token, Holding(position.token, 0, 0))
        held.quantity += quantity
        held.value += value
        client.money.cash -= value
    elif quantity < 0:
        held = client.holdings[position.token]
        held.value -= held.value * -quantity // held.quantity
        held.quantity += quantity
        client.money.cash += value
        if not held.quantity:
            del client.holdings[position.token]


def unrealised(client: Client, catalogue: Catalogue, market: MarketSource) -> dict[Key, int]:
    """Profit of each open, listed position at the last price (ten-thousandths of a rupee)."""
    held = [p for p in client.positions.values() if p.quantity and catalogue.get(p.token) is not None]
    if not held:
        return {}
    prices = views(market, [p.token for p in held], market.now_ns())
    return {
        (p.token, p.product): p.quantity * view.ltp - (p.value if p.quantity > 0 else -p.value)
        for p, view in zip(held, prices, strict=True)
        if view.ltp
    }
