"""Today's profit, realised and open, of accounts and of strategies, at the board's prices. Money in paise."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from openalgo_lab.engine.positions import PositionKey, fold
from openalgo_lab.model.events import Books
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.orders import Fill
from openalgo_lab.model.portfolio import Position

__all__ = ["Profit", "account_profits", "strategy_positions", "strategy_profits"]

PriceOf = Callable[[InstrumentKey], float]
"""Last price in rupees; NaN when it is not known."""


class Profit:
    """Sums of one account or strategy. ``unpriced`` contracts are open but have no price: their profit is missing."""

    __slots__ = ("open_paise", "realised_paise", "unpriced")

    def __init__(self) -> None:
        self.realised_paise = 0
        self.open_paise = 0
        self.unpriced = 0

    @property
    def total_paise(self) -> int:
        """Realised and open together."""
        return self.realised_paise + self.open_paise

    def add(self, position: Position, ltp: float) -> None:
        """Count one position."""
        self.realised_paise += position.realised_paise
        if not position.quantity:
            return
        if math.isfinite(ltp) and ltp > 0:
            self.open_paise += position.unrealised_paise(ltp)
        else:
            self.unpriced += 1


def account_profits(books: Books, price_of: PriceOf) -> dict[str, Profit]:
    """By account."""
    found: dict[str, Profit] = {}
    for position in books.positions:
        ltp = price_of(InstrumentKey(position.exchange, position.symbol))
        found.setdefault(position.account, Profit()).add(position, ltp)
    return found


def strategy_positions(fills: Iterable[Fill]) -> dict[tuple[str, str], dict[PositionKey, Position]]:
    """What the tagged trades of each (account, strategy) come to by themselves, whatever else the account holds."""
    books: dict[tuple[str, str], dict[PositionKey, Position]] = {}
    for fill in sorted(fills, key=lambda one: (one.time_ns, one.trade_id)):
        if not fill.strategy:
            continue
        key = PositionKey.of(fill)
        book = books.setdefault((fill.account, fill.strategy), {})
        flat = Position(key.account, key.exchange, key.symbol, key.product, quantity=0, average_price=0.0)
        book[key] = fold(book.get(key, flat), fill)
    return books


def strategy_profits(fills: Iterable[Fill], price_of: PriceOf) -> dict[tuple[str, str], Profit]:
    """By (account, strategy), from today's trades."""
    found: dict[tuple[str, str], Profit] = {}
    for owner, book in strategy_positions(fills).items():
        profit = found[owner] = Profit()
        for key, position in book.items():
            profit.add(position, price_of(InstrumentKey(key.exchange, key.symbol)))
    return found
