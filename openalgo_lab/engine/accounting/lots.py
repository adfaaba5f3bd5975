"""Entries matched with exits, exactly: prices are whole ten-thousandths of a rupee, nothing is rounded until the end.

For every run of trades: realised profit + cost of what is open = money that went out, to the last unit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

from openalgo_lab.engine.positions import PositionKey
from openalgo_lab.model.accounting import Matching
from openalgo_lab.model.orders import Fill
from openalgo_lab.model.vocabulary import Side

__all__ = ["SCALE", "Closed", "Lot", "Matched", "match", "to_paise", "to_units"]

SCALE = 10_000


def to_units(rupees: float) -> int:
    """A price in ten-thousandths of a rupee."""
    return round(rupees * SCALE)


def to_paise(units: int) -> int:
    """Paise of price units × quantity, rounded half away from zero."""
    sign = 1 if units >= 0 else -1
    return sign * ((abs(units) + 50) // 100)


class Lot(NamedTuple):
    """Units that are open: those of one entry (FIFO), or all of a position (average). ``value`` is their cost."""

    fill: Fill
    side: Side
    quantity: int
    value: int


class Closed(NamedTuple):
    """Units that were closed. ``cost`` and ``proceeds`` are values of entry and exit (units of price × quantity)."""

    entry: Fill
    exit: Fill
    quantity: int
    cost: int
    proceeds: int

    @property
    def gain(self) -> int:
        """Profit in price units × quantity."""
        return (self.proceeds - self.cost) * self.entry.side.sign


class Matched(msgspec.Struct):
    """All of one matching: closed in order of the exits, open lots by what they belong to."""

    closed: list[Closed]
    open: dict[tuple[PositionKey, str], list[Lot]]


Owner = Callable[[Fill], tuple[PositionKey, str]]


def match(fills: Iterable[Fill], matching: Matching = Matching.FIFO, *, within_strategies: bool = False) -> Matched:
    """Match trades in the exchange's order. ``within_strategies``: each strategy's trades only with its own."""
    books: dict[tuple[PositionKey, str], deque[Lot]] = {}
    closed: list[Closed] = []
    for fill in sorted(fills, key=lambda one: (one.time_ns, one.trade_id)):
        owner = (PositionKey.of(fill), fill.strategy if within_strategies else "")
        closed += _book(books.setdefault(owner, deque()), fill, matching)
    return Matched(closed, {owner: list(lots) for owner, lots in books.items() if lots})


def _book(lots: deque[Lot], fill: Fill, matching: Matching) -> list[Closed]:
    price, left = to_units(fill.price), fill.quantity
    closed: list[Closed] = []
    while left and lots and lots[0].side is not fill.side:
        lot = lots.popleft()
        taken = min(left, lot.quantity)
        # What is left of the lot keeps the remainder of the division: nothing is lost over many exits.
        cost = lot.value * taken // lot.quantity
        closed.append(Closed(lot.fill, fill, taken, cost, taken * price))
        left -= taken
        if taken < lot.quantity:
            lots.appendleft(Lot(lot.fill, lot.side, lot.quantity - taken, lot.value - cost))
    if left:
        lot = Lot(fill, fill.side, left, left * price)
        if matching is Matching.AVERAGE and lots:
            first = lots.popleft()
            lot = Lot(first.fill, first.side, first.quantity + left, first.value + left * price)
        lots.append(lot)
    return closed
