"""One instrument in a run: its working orders and its protection against each bar."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import numpy.typing as npt

from openalgo_lab.backtest.account import EXPIRY, Account, Fill
from openalgo_lab.backtest.kernel import (
    Terms,
    exit_price,
    slipped,
    stop_level,
    target_level,
    to_tick,
    trail_level,
)
from openalgo_lab.backtest.market import Market
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.vocabulary import PriceType, Side
from openalgo_lab.strategy.orders import NO_PROTECTION, Protection, StrategyOrder
from openalgo_lab.strategy.series import BarData

__all__ = ["Desk", "Track", "order_price"]

SIGNAL, STOP, TARGET, TRAIL, SQUARE_OFF, RUIN = range(6)

_AT_THE_PRICE = (TARGET, RUIN, EXPIRY)
_WHOLE = (SQUARE_OFF, RUIN, EXPIRY)
_TAGS = {EXPIRY: "expiry", STOP: "stop", TARGET: "target", TRAIL: "trail", SQUARE_OFF: "square-off", RUIN: "ruin"}


class Desk(Protocol):
    """What a track asks of its run."""

    account: Account

    @property
    def step(self) -> int: ...

    def new_order(self, symbol: str, side: Side, quantity: int, price_type: PriceType, tag: str) -> StrategyOrder:
        """An order of the engine's own: a stop that is hit, a square-off."""
        ...

    def changed(self, order: StrategyOrder) -> None:
        """The strategy hears of it once the bar is through."""
        ...

    def booked(self) -> None:
        """A fill has changed the account."""
        ...

    def settlement(self, track: Track, row: int) -> float:
        """The price at which a contract that expires with this bar is settled."""
        ...

    def carries(self, track: Track, fill: Fill) -> bool:
        """Whether the account can open these units after closing those."""
        ...


def order_price(order: StrategyOrder, first: float, high: float, low: float) -> tuple[float, bool]:
    """(fill price, whether it takes the market) within a bar; NaN when it is not filled.

    A gap fills at the open. A stop with a limit that is triggered within the bar fills there only if its limit allows
    the trigger price; else it rests as a limit order from the next bar on (the path within a bar is not known).
    """
    sign = order.side.sign
    if order.price_type is PriceType.MARKET:
        return first, True
    if order.price_type is PriceType.SL_M:
        at = _triggered(sign, order.trigger, first, high, low)
        return at, True
    if order.price_type is PriceType.LIMIT or order.status is OrderStatus.OPEN:
        return _limited(sign, order.price, first, high, low), False
    at = _triggered(sign, order.trigger, first, high, low)
    if math.isnan(at):
        return at, False
    order.status = OrderStatus.OPEN
    if at == first:
        return _limited(sign, order.price, first, high, low), False
    return (at if sign * (order.price - at) >= 0 else math.nan), False


def _triggered(sign: int, trigger: float, first: float, high: float, low: float) -> float:
    if sign * (first - trigger) >= 0:
        return first
    reached = high >= trigger if sign > 0 else low <= trigger
    return trigger if reached else math.nan


def _limited(sign: int, limit: float, first: float, high: float, low: float) -> float:
    if sign * (limit - first) >= 0:
        return first
    reached = low <= limit if sign > 0 else high >= limit
    return limit if reached else math.nan


class Track:
    """Bars, orders and position of one instrument."""

    __slots__ = (
        "_best",
        "_close",
        "_desk",
        "_first",
        "_high",
        "_last_of_day",
        "_left",
        "_low",
        "_lower",
        "_market",
        "_restless",
        "_rows",
        "_share",
        "_stop",
        "_target",
        "_terms",
        "_trail_pct",
        "_trailed",
        "_upper",
        "_volume",
        "_zone",
        "data",
        "holding",
        "orders",
        "row",
        "symbol",
    )

    def __init__(
        self,
        desk: Desk,
        data: BarData,
        market: Market,
        terms: Terms,
        *,
        volume_share: float,
        times: npt.NDArray[np.int64],
    ) -> None:
        bars = market.bars
        self._desk = desk
        self._market = market
        self._terms = terms
        self._share = volume_share
        self._first, self._high = bars.open.data, bars.high.data
        self._low, self._close = bars.low.data, bars.close.data
        self._volume = bars.volume.data
        self._zone = market.zone.tolist() if market.zone.any() else None
        last = np.append(np.diff(market.day) != 0, True)
        self._last_of_day = last.tolist()
        self._rows = _rows_at(market, times)
        self.symbol = market.instrument.symbol
        self.data = data
        self.holding = desk.account.add(market, data.position)
        self.orders: list[StrategyOrder] = []
        self.row = -1
        self._clear()

    def _clear(self) -> None:
        self._stop = self._target = self._best = math.nan
        self._trail_pct = 0.0
        self._trailed = False
        self._arm()

    def _arm(self) -> None:
        """Note between which prices nothing happens to the position."""
        is_long = self.data.position.quantity > 0
        lower, upper = (self._stop, self._target) if is_long else (self._target, self._stop)
        self._lower = -math.inf if math.isnan(lower) else lower
        self._upper = math.inf if math.isnan(upper) else upper
        self._restless = bool(self._trail_pct) or self._zone is not None or self._market.expiry_row >= 0

    @property
    def market(self) -> Market:
        return self._market

    @property
    def tick(self) -> tuple[float, float]:
        """Parts of a rupee, and how many of them a tick has."""
        return self._terms.unit, self._terms.step

    def mark(self) -> float:
        """The last close that is known."""
        return self._close[max(self.data.count - 1, 0)]

    # ---- a bar

    def begin(self, step: int) -> bool:
        """Let the bar of this step, if there is one, act on orders and position."""
        row = self._rows[step]
        if row < 0:
            return False
        self.row = row
        if self.orders or (self.data.position.quantity and self.is_touched(row)):
            self.match(row)
        return True

    def is_touched(self, row: int) -> bool:
        """Whether a bar can change a position that has no orders."""
        return self._restless or self._low[row] <= self._lower or self._high[row] >= self._upper

    def match(self, row: int) -> None:
        """Let a bar act on the orders and the position."""
        first, high, low = self._first[row], self._high[row], self._low[row]
        zone = 0 if self._zone is None else self._zone[row]
        self._left = self._capacity(row)
        if zone == 1:
            self._refuse_all("Intraday orders are refused after the square-off time.")
            self._leave(row, first, SQUARE_OFF)
            return
        for order in tuple(self.orders):
            price, takes = order_price(order, first, high, low)
            if price == price:  # noqa: PLR0124 - not NaN; a call of isnan costs more than the comparison
                self._execute(row, order, price, takes)
        if self.data.position.quantity:
            self._guard(row, first, high, low)
            if zone == 2:
                self._leave(row, self._close[row], SQUARE_OFF)
            elif self._trail_pct:
                self._follow(high, low)
        if row == self._market.expiry_row:
            self._refuse_all("The contract has expired.")
            self._leave(row, self._desk.settlement(self, row), EXPIRY)
        elif self._last_of_day[row] and self.orders:
            self._expire()

    def _capacity(self, row: int) -> float:
        if not self._share:
            return math.inf
        lot = self._terms.lot
        return int(self._volume[row] * self._share) // lot * lot

    def _guard(self, row: int, first: float, high: float, low: float) -> None:
        sign = 1 if self.data.position.quantity > 0 else -1
        price, reason = exit_price(sign, self._stop, self._target, first, high, low)
        if reason:
            if reason == STOP and self._trailed:
                reason = TRAIL
            self._leave(row, price, reason)

    def _follow(self, high: float, low: float) -> None:
        """Draw the trailing stop behind the bar's best price; it holds from the next bar on."""
        if not self.data.position.quantity:
            return
        sign = 1 if self.data.position.quantity > 0 else -1
        self._best = max(self._best, high) if sign > 0 else min(self._best, low)
        self._tighten(sign)

    def _tighten(self, sign: int) -> None:
        level = trail_level(self._best, sign, self._trail_pct, self._terms.unit, self._terms.step)
        if not level * sign <= self._stop * sign:
            self._stop, self._trailed = level, True
            self._arm()

    def _expire(self) -> None:
        for order in tuple(self.orders):
            if not order.good_till_cancelled:
                self._end(order, OrderStatus.EXPIRED, "The trading day has ended.")

    # ---- orders

    def _execute(self, row: int, order: StrategyOrder, price: float, takes: bool, reason: int = SIGNAL) -> None:
        units = order.remaining if reason in _WHOLE else int(min(order.remaining, self._left))
        if units <= 0:
            return
        sign = order.side.sign
        terms = self._terms
        if takes:
            price = slipped(
                price,
                sign,
                units,
                self._volume[row],
                terms.slip_part,
                terms.slip_rupees,
                terms.impact,
                terms.unit,
                terms.step,
            )
        else:
            price = to_tick(price, terms.unit, terms.step, 0)
        held = self.data.position.quantity
        closed = min(units, abs(held)) if held * sign < 0 else 0
        fill = Fill(order, closed, units - closed, price, row, self._desk.step, reason)
        if fill.opened and (why := self._refusal(fill)):
            fill = fill._replace(opened=0)
            order.reason = why
            if closed == 0:
                self._end(order, OrderStatus.REJECTED, order.reason)
                return
        self._book(fill)
        if order.reason:
            self._end(order, OrderStatus.CANCELLED, order.reason)

    def _refusal(self, fill: Fill) -> str:
        """Why the fill may not open what it would; empty when it may."""
        order = fill.order
        if order.side is Side.SELL and not self._terms.shorts:
            return f"{self.symbol} is not held and delivery cannot be sold short: use product MIS."
        if not self._desk.carries(self, fill):
            return f"{order.side} {order.remaining} {self.symbol} at {fill.price:g} is more than the account carries."
        return ""

    def _book(self, fill: Fill) -> None:
        order, units = fill.order, fill.closed + fill.opened
        fresh = abs(self.data.position.quantity) == fill.closed
        self._desk.account.book(self.holding, fill)
        self._desk.booked()
        order.average = (order.average * order.filled + fill.price * units) / (order.filled + units)
        order.filled += units
        self._left -= units
        if order.remaining:
            order.status = OrderStatus.PARTIALLY_FILLED
        else:
            order.status = OrderStatus.COMPLETE
            if order in self.orders:
                self.orders.remove(order)
        self._desk.changed(order)
        if self.data.position.quantity == 0:
            self._clear()
        elif fill.opened and (fresh or order.protection is not NO_PROTECTION):
            self.protect(order.protection)

    def _leave(self, row: int, price: float, reason: int) -> None:
        """Close the position with an order of the engine's own."""
        held = self.data.position.quantity
        if held == 0:
            return
        side = Side.SELL if held > 0 else Side.BUY
        kind = PriceType.LIMIT if reason in _AT_THE_PRICE else PriceType.MARKET
        order = self._desk.new_order(self.symbol, side, abs(held), kind, _TAGS[reason])
        order.status = OrderStatus.OPEN
        if kind is PriceType.LIMIT:
            order.price = price
        self._execute(row, order, price, kind is PriceType.MARKET, reason)
        if order.remaining and not order.is_done:
            order.price_type, order.good_till_cancelled = PriceType.MARKET, True
            self.orders.append(order)

    def protect(self, levels: Protection) -> None:
        """Set what guards the position: prices as given, percentages from its average price."""
        self._clear()
        held = self.data.position.quantity
        if held == 0 or levels is NO_PROTECTION:
            return
        sign, entry, unit, step = 1 if held > 0 else -1, self.data.position.average, self._terms.unit, self._terms.step
        self._stop = levels.stop or stop_level(entry, sign, levels.stop_pct, unit, step)
        self._target = levels.target or target_level(entry, sign, levels.target_pct, unit, step)
        if levels.trail_pct:
            self._trail_pct, self._best = levels.trail_pct, entry
            self._tighten(sign)
        self._arm()

    def cancel(self, order: StrategyOrder) -> None:
        """Take an order of the strategy's back."""
        self._end(order, OrderStatus.CANCELLED, "Taken back by the strategy.")

    def ruin(self) -> None:
        """The account is lost: leave at this close, nothing is traded any more."""
        self._refuse_all("The account is used up.")
        row = max(self.data.count - 1, 0)
        self._leave(row, self._close[row], RUIN)

    def _refuse_all(self, why: str) -> None:
        for order in tuple(self.orders):
            self._end(order, OrderStatus.CANCELLED if order.filled else OrderStatus.REJECTED, why)

    def _end(self, order: StrategyOrder, status: OrderStatus, why: str) -> None:
        order.status, order.reason = status, why
        if order in self.orders:
            self.orders.remove(order)
        self._desk.changed(order)


def _rows_at(market: Market, times: npt.NDArray[np.int64]) -> list[int]:
    """The row of the bar that starts at each of the run's times, -1 where there is none."""
    start = market.bars.start_ns
    if len(start) == len(times) and np.array_equal(start, times):
        return list(range(len(times)))
    at = np.minimum(np.searchsorted(start, times), len(start) - 1)
    rows: list[int] = np.where(start[at] == times, at, -1).tolist()
    return rows
