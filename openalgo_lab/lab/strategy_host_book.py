"""A running strategy's own book: what its fills have made of its money, by the backtest's arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt

from openalgo_lab.backtest.account import Account, Fill, Lot
from openalgo_lab.backtest.charges import charge_rows, exercise_rate
from openalgo_lab.backtest.kernel import REASONS
from openalgo_lab.backtest.market import Market, Tables
from openalgo_lab.backtest.settings import BacktestSettings
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Bars
from openalgo_lab.model.money import to_paise
from openalgo_lab.strategy.orders import StrategyOrder
from openalgo_lab.strategy.series import BarData

__all__ = ["StrategyBook", "no_bars"]

_FOREVER: Final = 2**31
_SIGNAL: Final = REASONS.index("signal")


def no_bars() -> Bars:
    """No candles yet."""
    return Bars(np.empty(0, dtype=np.int64), *(np.empty(0) for _ in range(6)))


class StrategyBook:
    """Cash, lots, trades and charges of one strategy, from its fills only. ``times`` are the moments of the fills."""

    def __init__(self, settings: BacktestSettings, tables: Tables, *, cash_paise: int | None = None) -> None:
        self._settings = settings
        self._tables = tables
        self.account = Account(to_paise(settings.cash) if cash_paise is None else cash_paise)
        self.times: list[int] = []

    def follow(self, data: BarData, day: date) -> None:
        """An instrument may be held from now on."""
        self.account.add(self._market(data.instrument, day), data.position)

    def turn(self, day: date) -> None:
        """Another trading day: its charges hold."""
        for holding in self.account.holdings.values():
            holding.market = self._market(holding.market.instrument, day)
            holding.rates = [tuple(row) for row in holding.market.rates.tolist()]

    def take(self, order: StrategyOrder, quantity: int, price: float, *, time_ns: int, row: int, reason: int) -> int:
        """Book a fill. Answers how many units it has opened (the others closed what was held)."""
        holding = self.account.holdings[order.symbol]
        held, sign = holding.position.quantity, order.side.sign
        closed = min(quantity, abs(held)) if held * sign < 0 else 0
        self.times.append(time_ns)
        fill = Fill(order, closed, quantity - closed, price, row, len(self.times) - 1, reason)
        self.account.book(holding, fill)
        order.average = (order.average * order.filled + price * quantity) / (order.filled + quantity)
        order.filled += quantity
        return fill.opened

    def put(self, symbol: str, lots: list[Lot]) -> None:
        """What an earlier process has left of an instrument."""
        holding = self.account.holdings[symbol]
        holding.lots = lots
        holding.position.quantity = sum(lot.units for lot in lots)
        units = sum(abs(lot.units) for lot in lots)
        holding.position.average = sum(lot.price * abs(lot.units) for lot in lots) / units if units else 0.0

    def worth(self, marks: Mapping[str, float]) -> int:
        """Paise of cash and positions at these prices."""
        total = self.account.cash
        for symbol, holding in self.account.holdings.items():
            if holding.position.quantity:
                total += self.account.worth(holding, marks[symbol])
        return total

    def exposed(self, marks: Mapping[str, float]) -> int:
        """Paise of the positions' gross value."""
        held = self.account.holdings.items()
        return sum(abs(self.account.worth(one, marks[symbol])) for symbol, one in held if one.position.quantity)

    def open_result(self, marks: Mapping[str, float]) -> tuple[int, int]:
        """(result before charges, charges) of what is still held, paise."""
        gross = charges = 0
        for symbol, holding in self.account.holdings.items():
            if holding.lots:
                gross += self.account.worth(holding, marks[symbol])
                gross -= sum((1 if lot.units > 0 else -1) * lot.value for lot in holding.lots)
                charges += sum(lot.charges for lot in holding.lots)
        return gross, charges

    def _market(self, instrument: Instrument, day: date) -> Market:
        """What the account must know of an instrument on one day: its charges."""
        rules, charges = self._tables.rules, self._settings.charges
        rates, _ = charge_rows(charges, instrument, self._settings.product, (day,), rules)
        nothing = np.empty(0, dtype=np.int64)
        return Market(
            instrument, no_bars(), 0, nothing, _always(day.toordinal()), (day,), np.empty(0, dtype=np.int8), rates,
            _always(0), -1, exercise_rate(charges, instrument, rules),
        )  # fmt: skip


def _always(number: int) -> npt.NDArray[np.int32]:
    """The same number for every bar that may come; takes no room."""
    return np.broadcast_to(np.int32(number), (_FOREVER,))
