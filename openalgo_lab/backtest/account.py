"""The account of a run: cash, lots by first in first out, trades, orders; all sums in integer paise."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from openalgo_lab.backtest.kernel import REASONS, charge_paise, share, value_paise
from openalgo_lab.backtest.market import Market
from openalgo_lab.strategy.orders import Position, StrategyOrder

__all__ = ["Account", "Fill", "Holding", "Lot", "Rates", "Trade"]

EXPIRY: Final = REASONS.index("expiry")

Rates = tuple[float, float, float, float, float, float, float]


@dataclass(slots=True)
class Lot:
    """Units bought or sold together that are still held; value and charges belong to the units left."""

    units: int
    price: float
    value: int
    charges: int
    row: int
    step: int
    order: int
    tag: str


@dataclass(frozen=True, slots=True)
class Trade:
    """Units entered and left. ``gross``, ``charges`` in paise; rows number the instrument's bars, steps the run's."""

    symbol: str
    units: int
    entry_price: float
    exit_price: float
    gross: int
    charges: int
    reason: int
    entry_row: int
    exit_row: int
    entry_step: int
    exit_step: int
    entry_order: int
    tag: str = ""


class Fill(NamedTuple):
    """Units of an order at a price: first ``closed`` against what is held, then ``opened`` new ones."""

    order: StrategyOrder
    closed: int
    opened: int
    price: float
    row: int
    step: int
    reason: int


@dataclass(slots=True)
class Holding:
    """One instrument in the account."""

    market: Market
    position: Position
    rates: list[Rates]
    lots: list[Lot] = field(default_factory=list)
    debit_day: int = -1


class Account:
    """Books fills. ``changes`` holds (step, symbol, units after) and ``cash_at`` (step, cash after) of every fill."""

    def __init__(self, cash: int, multiplier: float = 1.0) -> None:
        self.start = cash
        self.cash = cash
        self.charges = 0
        self.trades: list[Trade] = []
        self.holdings: dict[str, Holding] = {}
        self.cash_at: list[tuple[int, int]] = []
        self.units_at: dict[str, list[tuple[int, int]]] = {}
        self._multiplier = multiplier

    def add(self, market: Market, position: Position) -> Holding:
        """Follow an instrument."""
        rows: list[Any] = [tuple(row) for row in market.rates.tolist()]
        holding = Holding(market, position, rows)
        self.holdings[market.instrument.symbol] = holding
        self.units_at[market.instrument.symbol] = []
        return holding

    def quote(self, holding: Holding, fill: Fill) -> int:
        """Charges that a fill would add, in paise. A fee is taken once an order, in however many parts it is filled."""
        order = fill.order
        if fill.reason == EXPIRY:  # nobody's order: the holder of an option is taxed, no one else pays
            return math.floor(self.value(fill.closed, fill.price) * self._exercise(holding) + 0.5)
        value = order.value_paise + self.value(fill.closed, fill.price) + self.value(fill.opened, fill.price)
        rate = holding.rates[holding.market.rate_row[fill.row]]
        buys = order.side.sign > 0
        return charge_paise(value, buys, rate[0], rate[1], rate[2], rate[3], rate[4], rate[5]) - order.charges_paise

    def book(self, holding: Holding, fill: Fill) -> None:
        """Apply a fill to lots, trades and cash."""
        order, sign = fill.order, fill.order.side.sign
        charges = self.quote(holding, fill) + self._debit(holding, fill)
        left_charges, left_units, value, closed = charges, fill.closed + fill.opened, 0, fill.closed
        while closed > 0:
            units = min(closed, abs(holding.lots[0].units))
            part = share(left_charges, units, left_units)
            value += self._close(holding, fill, units, part)
            left_charges -= part
            left_units -= units
            closed -= units
        if fill.opened:
            cost = self.value(fill.opened, fill.price)
            holding.lots.append(
                Lot(sign * fill.opened, fill.price, cost, left_charges, fill.row, fill.step, order.number, order.tag)
            )
            value += cost
        self.cash -= sign * value + charges
        self.charges += charges
        order.value_paise += value
        order.charges_paise += charges
        self._note(holding, fill.step)

    def _exercise(self, holding: Holding) -> float:
        return holding.market.exercise if holding.position.quantity > 0 else 0.0

    def _debit(self, holding: Holding, fill: Fill) -> int:
        """What leaving the demat account costs, on the first sale of a day."""
        debit = holding.rates[holding.market.rate_row[fill.row]][6]
        day = int(holding.market.day[fill.row])
        if fill.order.side.sign > 0 or debit <= 0 or holding.debit_day == day:
            return 0
        holding.debit_day = day
        return int(debit)

    def worth(self, holding: Holding, price: float) -> int:
        """Signed value of what is held at a price, in paise."""
        units = holding.position.quantity
        value = self.value(abs(units), price)
        return value if units > 0 else -value

    def _close(self, holding: Holding, fill: Fill, units: int, charges: int) -> int:
        lot = holding.lots[0]
        sign = 1 if lot.units > 0 else -1
        whole = abs(lot.units)
        value = self.value(units, fill.price)
        entry_value = lot.value if units == whole else share(lot.value, units, whole)
        entry_charges = lot.charges if units == whole else share(lot.charges, units, whole)
        self.trades.append(
            Trade(
                symbol=holding.market.instrument.symbol,
                units=sign * units,
                entry_price=lot.price,
                exit_price=fill.price,
                gross=sign * (value - entry_value),
                charges=entry_charges + charges,
                reason=fill.reason,
                entry_row=lot.row,
                exit_row=fill.row,
                entry_step=lot.step,
                exit_step=fill.step,
                entry_order=lot.order,
                tag=lot.tag,
            )
        )
        lot.units -= sign * units
        lot.value -= entry_value
        lot.charges -= entry_charges
        if lot.units == 0:
            holding.lots.pop(0)
        return value

    def _note(self, holding: Holding, step: int) -> None:
        position = holding.position
        position.quantity = sum(lot.units for lot in holding.lots)
        position.average = _average(holding.lots)
        self.cash_at.append((step, self.cash))
        self.units_at[position.symbol].append((step, position.quantity))

    def value(self, units: int, price: float) -> int:
        """Paise of units at a price."""
        return value_paise(price, units, self._multiplier)


def _average(lots: list[Lot]) -> float:
    if len(lots) < 2:  # the price itself: a weighted mean of one would differ in the last digit
        return lots[0].price if lots else 0.0
    return sum(lot.price * abs(lot.units) for lot in lots) / sum(abs(lot.units) for lot in lots)
