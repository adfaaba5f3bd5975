"""What a run leaves behind, in columns: equity, trades, orders. The same from both engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from openalgo_lab.backtest.account import Account, Trade
from openalgo_lab.backtest.engine import EventEngine
from openalgo_lab.backtest.kernel import REASONS, Outcome, value_paise
from openalgo_lab.backtest.market import Market
from openalgo_lab.strategy.orders import StrategyOrder

__all__ = ["Orders", "Record", "Trades", "orders_of", "record_of_kernel", "record_of_run", "trades_of"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


class Trades(msgspec.Struct, frozen=True):
    """Closed trades in order of their exits. Sums in paise; ``units`` signed; times are the bars' first moments."""

    symbol: tuple[str, ...]
    units: IntArray
    entry_ns: IntArray
    exit_ns: IntArray
    entry_price: FloatArray
    exit_price: FloatArray
    gross: IntArray
    charges: IntArray
    reason: tuple[str, ...]
    bars: IntArray
    tag: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.symbol)

    @property
    def net(self) -> IntArray:
        """Paise after charges."""
        return self.gross - self.charges


class Orders(msgspec.Struct, frozen=True):
    """Orders as they ended; the kernel keeps none."""

    number: tuple[int, ...]
    time_ns: tuple[int, ...]
    symbol: tuple[str, ...]
    side: tuple[str, ...]
    price_type: tuple[str, ...]
    quantity: tuple[int, ...]
    price: tuple[float, ...]
    trigger: tuple[float, ...]
    status: tuple[str, ...]
    filled: tuple[int, ...]
    average: tuple[float, ...]
    charges: tuple[int, ...]
    tag: tuple[str, ...]
    reason: tuple[str, ...]


class Record(msgspec.Struct, frozen=True):
    """A run. ``equity``, ``exposed`` (gross value of positions) and ``start_cash`` in paise, by the run's bars.

    ``open_units`` and ``open_gross``, ``open_charges`` (paise): what was still held at the end, at the last prices. So
    to the paisa: last equity = start cash + gross of all trades - their charges + open gross - open charges.
    """

    start_ns: IntArray
    day: npt.NDArray[np.int32]
    equity: FloatArray
    exposed: FloatArray
    start_cash: int
    trades: Trades
    orders: Orders
    open_units: dict[str, int]
    open_gross: int
    open_charges: int
    refused: int


def record_of_run(engine: EventEngine) -> Record:
    """What an event-driven run left."""
    account, steps = engine.account, len(engine.times)
    equity = _steps_of(account.cash_at, account.start, steps)
    exposed = np.zeros(steps)
    for symbol, market in engine.markets.items():
        changes = account.units_at[symbol]
        if changes:
            value = _value_at(market, engine.times, _steps_of(changes, 0, steps))
            equity += value
            exposed += np.abs(value)
    local_day = (engine.times + 19_800_000_000_000) // 86_400_000_000_000
    day = np.concatenate(([0], np.cumsum(np.diff(local_day) != 0))).astype(np.int32)
    held = {symbol: holding.position.quantity for symbol, holding in account.holdings.items()}
    gross, charges = _open(account, engine)
    run = slice(engine.first, None)
    return Record(
        start_ns=engine.times[run],
        day=day[run] - day[engine.first],
        equity=equity[run],
        exposed=exposed[run],
        start_cash=account.start,
        trades=trades_of(account.trades, engine.times),
        orders=orders_of(engine.orders),
        open_units={symbol: units for symbol, units in held.items() if units},
        open_gross=gross,
        open_charges=charges,
        refused=sum(1 for order in engine.orders if order.status.value == "rejected"),
    )


def record_of_kernel(market: Market, outcome: Outcome, start_cash: int) -> Record:
    """What a run of the kernel left; it must have been asked for the equity."""
    start, rows = market.bars.start_ns, outcome.trades
    symbol = market.instrument.symbol
    trades = Trades(
        (symbol,) * len(rows),
        rows[:, 2],
        start[rows[:, 0]],
        start[rows[:, 1]],
        outcome.prices[:, 0],
        outcome.prices[:, 1],
        rows[:, 3],
        rows[:, 4],
        tuple(REASONS[number] for number in rows[:, 5].tolist()),
        rows[:, 1] - rows[:, 0],
        ("",) * len(rows),
    )
    units = np.zeros(len(market), dtype=np.int64)
    np.add.at(units, rows[:, 0], rows[:, 2])
    np.subtract.at(units, rows[:, 1], rows[:, 2])
    held, gross = outcome.position, 0
    if held:
        units[outcome.entry_bar] += held
        last = value_paise(market.bars.close[-1], abs(held), 1.0)
        gross = (1 if held > 0 else -1) * (last - value_paise(outcome.entry_price, abs(held), 1.0))
    exposed = np.abs(np.cumsum(units)) * market.bars.close * 100.0
    return Record(
        start,
        market.day,
        outcome.equity,
        exposed,
        start_cash,
        trades,
        orders_of(()),
        {symbol: held} if held else {},
        gross,
        outcome.open_charges,
        outcome.refused,
    )


def orders_of(orders: Sequence[StrategyOrder]) -> Orders:
    """Orders in columns."""
    return Orders(
        tuple(order.number for order in orders),
        tuple(order.placed_ns for order in orders),
        tuple(order.symbol for order in orders),
        tuple(order.side.value for order in orders),
        tuple(order.price_type.value for order in orders),
        tuple(order.quantity for order in orders),
        tuple(order.price for order in orders),
        tuple(order.trigger for order in orders),
        tuple(order.status.value for order in orders),
        tuple(order.filled for order in orders),
        tuple(order.average for order in orders),
        tuple(order.charges_paise for order in orders),
        tuple(order.tag for order in orders),
        tuple(order.reason for order in orders),
    )


def _steps_of(changes: Sequence[tuple[int, int]], before: int, steps: int) -> FloatArray:
    """A value for every step from its changes (the last one of a step holds)."""
    out = np.full(steps, float(before))
    if changes:
        last: Mapping[int, int] = dict(changes)
        at = np.fromiter(last, dtype=np.int64)
        values = np.fromiter(last.values(), dtype=np.float64)
        counts = np.diff(np.append(at, steps))
        out[at[0] :] = np.repeat(values, counts)
    return out


def _value_at(market: Market, times: IntArray, units: FloatArray) -> FloatArray:
    """Signed paise of the units at the last closes."""
    start = market.bars.start_ns
    rows = np.maximum(np.searchsorted(start, times, side="right") - 1, 0)
    close = market.bars.close[rows]
    return np.asarray(np.sign(units) * np.floor(close * np.abs(units) * 100.0 + 0.5), dtype=np.float64)


def _open(account: Account, engine: EventEngine) -> tuple[int, int]:
    gross, charges = 0, 0
    for holding in account.holdings.values():
        if not holding.lots:
            continue
        close = holding.market.bars.close
        last = min(int(np.searchsorted(holding.market.bars.start_ns, engine.times[-1], side="right")), len(close)) - 1
        gross += account.worth(holding, float(close[last]))
        gross -= sum((1 if lot.units > 0 else -1) * lot.value for lot in holding.lots)
        charges += sum(lot.charges for lot in holding.lots)
    return gross, charges


def trades_of(trades: Sequence[Trade], times: IntArray) -> Trades:
    """Trades in columns; ``times`` are the moments of the run's steps."""

    def column(name: str, kind: Any) -> Any:
        return np.array([getattr(trade, name) for trade in trades], dtype=kind)

    return Trades(
        tuple(trade.symbol for trade in trades),
        column("units", np.int64),
        times[column("entry_step", np.int64)],
        times[column("exit_step", np.int64)],
        column("entry_price", np.float64),
        column("exit_price", np.float64),
        column("gross", np.int64),
        column("charges", np.int64),
        tuple(REASONS[trade.reason] for trade in trades),
        column("exit_row", np.int64) - column("entry_row", np.int64),
        tuple(trade.tag for trade in trades),
    )
