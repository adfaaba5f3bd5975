"""A running strategy's record, as a backtest leaves one: equity bar by bar, trades, orders."""

from __future__ import annotations

import numpy as np

from openalgo_lab.backtest.record import Record, orders_of, trades_of
from openalgo_lab.lab.strategy_host import LiveHost
from openalgo_lab.lab.strategy_host_clock import IST_NS
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.times import NS_PER_DAY

__all__ = ["EquityTrack"]


class EquityTrack:
    """Notes what the strategy is worth after each bar."""

    def __init__(self, host: LiveHost) -> None:
        self._host = host
        self._start_ns: list[int] = []
        self._equity: list[int] = []
        self._exposed: list[int] = []

    def note(self) -> None:
        """A bar's end has been told."""
        host = self._host
        main = next(iter(host.data.values()))
        if not len(main):
            return
        start, marks = int(main.start[-1]), host.marks()
        worth, exposed = host.book.worth(marks), host.book.exposed(marks)
        if self._start_ns and self._start_ns[-1] == start:
            self._equity[-1], self._exposed[-1] = worth, exposed
            return
        self._start_ns.append(start)
        self._equity.append(worth)
        self._exposed.append(exposed)

    def record(self) -> Record:
        """The run so far. The last bar's equity is that of now, so that it adds up to the paisa with the trades."""
        host, account = self._host, self._host.book.account
        marks = host.marks()
        gross, charges = host.book.open_result(marks)
        equity = np.array(self._equity, dtype=np.float64)
        if len(equity):
            equity[-1] = host.book.worth(marks)
        start = np.array(self._start_ns, dtype=np.int64)
        local_day = (start + IST_NS) // NS_PER_DAY
        day = np.concatenate(([0], np.cumsum(np.diff(local_day) != 0))) if len(start) else start
        held = {symbol: one.position.quantity for symbol, one in account.holdings.items()}
        return Record(
            start_ns=start,
            day=day.astype(np.int32),
            equity=equity,
            exposed=np.array(self._exposed, dtype=np.float64),
            start_cash=account.start,
            trades=trades_of(account.trades, np.array(host.book.times, dtype=np.int64)),
            orders=orders_of(host.orders),
            open_units={symbol: units for symbol, units in held.items() if units},
            open_gross=gross,
            open_charges=charges,
            refused=sum(order.status is OrderStatus.REJECTED for order in host.orders),
        )
