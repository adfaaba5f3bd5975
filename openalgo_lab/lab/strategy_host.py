"""Runs a strategy on a market that moves: replay, sandbox, live, or the ticks of a recording. One host for all.

    host = LiveHost(gate, instruments, length_ns, settings, tables); host.start(SmaCross, {"fast": 5})
    host.bars_end(now)      # bars have become complete: on_bar, timers, groups
    host.tick(quotes)       # prices have changed: guards, on_tick
    host.settle()           # orders have news: on_order

Whoever drives it says when; it asks its :class:`Gate` for bars and gives it orders. The book is the strategy's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, time
from typing import Any, Final

from openalgo_lab.backtest.account import Trade
from openalgo_lab.backtest.kernel import REASONS, signal_size
from openalgo_lab.backtest.market import Tables, tick_parts
from openalgo_lab.backtest.options import in_place
from openalgo_lab.backtest.run import margin_rule
from openalgo_lab.backtest.settings import BacktestSettings
from openalgo_lab.lab.strategy_host_bars import LiveBars, settlement
from openalgo_lab.lab.strategy_host_book import StrategyBook
from openalgo_lab.lab.strategy_host_clock import Moments
from openalgo_lab.lab.strategy_host_gate import FillNews, Gate, OrderNews
from openalgo_lab.lab.strategy_host_guard import Guard, cannot_order, on_tick
from openalgo_lab.lab.strategy_host_state import Saved, made_lot, made_order
from openalgo_lab.model.errors import CallTimeout, EngineDead, InputError, LabError, OutcomeUnknown
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Quote
from openalgo_lab.model.orders import DONE, OrderStatus
from openalgo_lab.model.times import trade_date
from openalgo_lab.model.vocabulary import OptionType, PriceType, Product, Side
from openalgo_lab.strategy.host import Indicator
from openalgo_lab.strategy.legs import LegGroup
from openalgo_lab.strategy.orders import NO_PROTECTION, Protection, StrategyOrder
from openalgo_lab.strategy.series import Bar, BarData, Series
from openalgo_lab.strategy.strategy import Strategy

__all__ = ["LiveHost"]

_SQUARE_OFF: Final = REASONS.index("square-off")
_EXPIRY: Final = REASONS.index("expiry")
_MOST_ROUNDS: Final = 100
_UNSURE: Final = (OutcomeUnknown, CallTimeout, EngineDead)


class LiveHost:
    """A :class:`~openalgo_lab.strategy.host.StrategyHost`. Used on one thread; see the module.

    ``before_order`` is called before each order is given, so that it can be written down;
    ``changes`` grows with all that must be kept. ``max_orders`` a day, 0 = any.
    """

    def __init__(
        self,
        gate: Gate,
        instruments: Sequence[Instrument],
        length_ns: int,
        settings: BacktestSettings,
        tables: Tables,
        *,
        warm_up: int = 500,
        run_id: str = "run",
        max_orders: int = 0,
    ) -> None:
        if not instruments:
            raise InputError("A strategy needs at least one instrument to follow.", field="universe")
        self.settings = settings
        self.length_ns = length_ns
        self.orders: list[StrategyOrder] = []
        self.book = StrategyBook(settings, tables)
        self.moments = Moments(length_ns, gate.now_ns)
        self.run_id = run_id
        self.keys: dict[str, StrategyOrder] = {}
        self._gate = gate
        self._tables = tables
        self._margin = margin_rule(settings, tables)
        self.before_order: Callable[[], None] | None = None
        self._max_orders = max_orders
        self.changes = 0
        self._told: dict[str, int] = {}
        self._bars = LiveBars(gate, self.moments, length_ns, warm_up)
        self._data = self._bars.data
        self.guards: dict[str, Guard] = {}
        self._working: list[StrategyOrder] = []
        self._key_of: dict[int, str] = {}
        self._reasons: dict[int, int] = {}
        self._news: list[StrategyOrder] = []
        self.booked: set[tuple[str, str]] = set()
        self._now_ns = gate.now_ns
        self._day = trade_date(self._now_ns)
        self._closed_for_day: date | None = None
        self._strategy: Strategy | None = None
        self.started = False
        for instrument in instruments:
            self._follow(instrument)
        self._set_square_off()

    # ---- what drives it

    @property
    def strategy(self) -> Strategy:
        """The strategy that runs."""
        assert self._strategy is not None
        return self._strategy

    def start(
        self,
        strategy_class: type[Strategy],
        parameters: Mapping[str, Any] | None = None,
        *,
        state: Mapping[str, Any] | None = None,
    ) -> Strategy:
        """Make the strategy and let it begin; ``state`` is what an earlier run of it left."""
        strategy = self._strategy = strategy_class(self, parameters)
        self.started = True
        strategy.state.update(state or {})
        counts = {symbol: data.count for symbol, data in self._data.items()}
        for data in self._data.values():
            data.count = 0
        strategy.init()
        for symbol, data in self._data.items():
            data.count = counts.get(symbol, data.count)
        return strategy

    def bars_end(self, now_ns: int) -> None:
        """A moment of :attr:`moments` has come: bars that are complete are told, timers ring, groups look."""
        self._now_ns = now_ns
        self._turn_day()
        self.fetch(now_ns)
        moved = [symbol for symbol, data in self._data.items() if data.count > self._told.get(symbol, 0)]
        self._told.update((symbol, self._data[symbol].count) for symbol in moved)
        strategy = self.strategy
        for symbol in moved:
            data = self._data[symbol]
            self.guards[symbol].bar(data)
            if data.end_ns + self.length_ns > now_ns:  # an older one is history: to act on it now would be too late
                strategy.on_bar(Bar(data, data.row))
        self.changes += 1
        timers, squares = self.moments.due(now_ns)
        for name in timers:
            strategy.on_timer(name)
        if squares:
            self._square_off()
        if strategy.groups and moved:
            strategy.after_bars()
        self.settle()

    def fetch(self, now_ns: int) -> bool:
        """Take complete bars; whether every instrument has the one that ends now (a broker may be late)."""
        for data in tuple(self._data.values()):
            if not len(data) or data.end_ns < now_ns:
                self._bars.extend(data, now_ns)
        return all(len(data) and data.end_ns >= now_ns for data in self._data.values())

    def tick(self, quotes: Sequence[Quote], now_ns: int) -> None:
        """Prices have changed: what guards the positions looks first, then the strategy."""
        self._now_ns = now_ns
        self._turn_day()
        for quote in quotes:
            guard = self.guards.get(quote.symbol)
            reason = guard.reached(quote.ltp) if guard is not None else None
            if guard is not None and reason is not None:
                guard.exit = self._leave(quote.symbol, reason)
        self.settle()
        for quote in quotes:
            if quote.symbol in self._data:
                self.strategy.on_tick(quote)
        self.settle()

    def settle(self) -> None:
        """Take the news of the orders and tell them, until there are none. Those of one moment come together."""
        for _ in range(_MOST_ROUNDS):
            self._take_news()
            if not self._news:
                return
            news = self._news.copy()
            self._news.clear()
            self._working = [order for order in self._working if not order.is_done]
            for order in news:
                self.strategy.hear(order)
        raise InputError(f"{type(self.strategy).__name__} answers each order with another without end: end that.", "")

    def close_all(self) -> None:
        """Leave every position at market."""
        for symbol, data in self._data.items():
            if data.position.quantity:
                self._leave(symbol, 0)

    def settle_quietly(self, why: str) -> None:
        """Book what the orders have become without telling the strategy, which runs no more."""
        self._take_news()
        for order in self._news:
            order.reason = order.reason or why
        self._news.clear()
        self._working = [order for order in self._working if not order.is_done]

    def marks(self) -> dict[str, float]:
        """The last closes."""
        return {symbol: data.close[-1] for symbol, data in self._data.items() if len(data)}

    @property
    def busy(self) -> bool:
        """Whether orders may still be filled."""
        return bool(self._working)

    # ---- what outlives the process

    def key_of(self, order: StrategyOrder) -> str:
        """The key that an order was given with; "" for one that was not."""
        return self._key_of.get(order.number, "")

    def reason_of(self, order: StrategyOrder) -> int:
        """Why the host gave the order, a number of REASONS; 0 for the strategy's own."""
        return self._reasons.get(order.number, 0)

    def restore(self, saved: Saved, instrument: Callable[[str], Instrument]) -> None:
        """Take up what an earlier process of this run has left; before :meth:`start`, which takes ``saved.state``."""
        self.run_id = saved.run_id
        for symbol in (*saved.lots, *(order.symbol for order in saved.orders if order.status not in DONE)):
            if symbol not in self._data:
                self._follow(instrument(symbol))
        account = self.book.account
        account.start, account.cash, account.charges = saved.start_cash, saved.cash, saved.charges
        account.trades = [Trade(**trade) for trade in saved.trades]
        self.book.times = list(saved.times)
        for symbol, lots in saved.lots.items():
            self.book.put(symbol, [made_lot(lot) for lot in lots])
        for symbol, levels in saved.levels.items():
            if symbol in self.guards:
                self.guards[symbol].take(levels)
        self.booked = set(saved.booked)
        for kept in saved.orders:
            order = made_order(kept)
            self.orders.append(order)
            if kept.why:
                self._reasons[order.number] = kept.why
            if kept.key:
                self.keys[kept.key], self._key_of[order.number] = order, kept.key
                if not order.is_done:
                    self._working.append(order)

    def take_up_groups(self, saved: Saved) -> None:
        """The groups again; after :meth:`start`."""
        for kept in saved.groups:
            self.strategy.groups.append(LegGroup.remade(self.strategy, kept, self.orders))

    # ---- bars

    def _follow(self, instrument: Instrument) -> BarData:
        data = self._bars.follow(instrument, self._now_ns)
        unit, step = tick_parts(instrument.tick_size) if self.settings.tick_rounding else (0.0, 1.0)
        self.guards[instrument.symbol] = Guard(data.position, unit, step)
        self.book.follow(data, self._day)
        self._told[instrument.symbol] = data.count
        return data

    def _turn_day(self) -> None:
        today = trade_date(self._now_ns)
        if today == self._day:
            return
        self._settle_expired(today)
        self._day = today
        self.book.turn(today)
        self._set_square_off()

    # ---- orders

    def _take_news(self) -> None:
        if not self._working and not self._gate.pushes:
            return
        fills, states = self._gate.news(tuple(self.keys))
        for fill in fills:
            if (fill.key, fill.trade_id) not in self.booked:
                self.booked.add((fill.key, fill.trade_id))
                order = self.keys.get(fill.key) or self._outside(fill)
                if order is not None:
                    self._fill(order, fill)
        for state in states:
            self._note(self.keys[state.key], state)

    def _outside(self, fill: FillNews) -> StrategyOrder | None:
        """An order of somebody else under the strategy's name: what it trades is in the book all the same."""
        if fill.symbol not in self._data or fill.side is None:
            return None
        order = self._new_order(fill.symbol, fill.side, 0, PriceType.MARKET, "outside")
        self.keys[fill.key], self._key_of[order.number] = order, fill.key
        return order

    def _fill(self, order: StrategyOrder, fill: FillNews) -> None:
        self.changes += 1
        data = self._data[order.symbol]
        fresh = data.position.quantity == 0 or data.position.quantity * order.side.sign < 0
        reason = self._reasons.get(order.number, 0)
        order.quantity = max(order.quantity, order.filled + fill.quantity)  # an outside one grows with its fills
        opened = self.book.take(order, fill.quantity, fill.price, time_ns=fill.time_ns, row=data.count, reason=reason)
        if order.status not in DONE:
            order.status = OrderStatus.PARTIALLY_FILLED if order.remaining else OrderStatus.COMPLETE
        guard = self.guards[order.symbol]
        if data.position.quantity == 0:
            guard.clear()
        elif opened and (fresh or order.protection is not NO_PROTECTION):
            guard.set(order.protection)
        self._news.append(order)

    def _note(self, order: StrategyOrder, state: OrderNews) -> None:
        ended = state.status in DONE and state.status is not OrderStatus.COMPLETE
        if order.status in DONE or (not ended and order.filled):
            return
        self.changes += state.status is not order.status
        order.status = order.status if state.status is OrderStatus.COMPLETE else state.status
        if ended:
            order.reason = state.reason
            self._news.append(order)

    def _give(self, order: StrategyOrder) -> None:
        """Number an order and send it; one that is refused has that as its news."""
        self.changes += 1
        key = f"{self.run_id}-{order.number}"
        self.keys[key] = order
        self._key_of[order.number] = key
        order.status = OrderStatus.TRIGGER_PENDING if order.price_type.has_trigger else OrderStatus.OPEN
        if self.before_order is not None:
            self.before_order()
        try:
            self._gate.place(key, order, self._data[order.symbol].instrument)
        except _UNSURE as error:  # it may have arrived: the engine is asked by the key, nothing is sent again
            order.status, order.reason = OrderStatus.UNKNOWN, str(error)
        except LabError as error:
            order.status, order.reason = OrderStatus.REJECTED, str(error)
            self._news.append(order)
            return
        self._working.append(order)

    def _new_order(
        self, symbol: str, side: Side, quantity: int, price_type: PriceType, tag: str, **more: Any
    ) -> StrategyOrder:
        number = len(self.orders)
        order = StrategyOrder(number, symbol, side, quantity, price_type, tag=tag, placed_ns=self._now_ns, **more)
        self.orders.append(order)
        return order

    def _leave(self, symbol: str, reason: int) -> StrategyOrder:
        """Close a position at market, for a reason of the host's own."""
        held = self._data[symbol].position.quantity
        side = Side.SELL if held > 0 else Side.BUY
        order = self._new_order(symbol, side, abs(held), PriceType.MARKET, REASONS[reason])
        self._reasons[order.number] = reason
        self._give(order)
        return order

    def _set_square_off(self) -> None:
        """When intraday positions end today; a market without a rule for today has no such moment."""
        if self.settings.product is not Product.MIS:
            return
        instrument = next(iter(self._data.values())).instrument
        at = self.settings.square_off
        if at is None:
            at = self._gate.cut_off(instrument, self._day)
        self.moments.square_off(at)

    def _square_off(self) -> None:
        self._closed_for_day = self._day
        for order in tuple(self.working):
            self.cancel(order)
        self._take_news()
        for symbol, data in self._data.items():
            if data.position.quantity:
                self._leave(symbol, _SQUARE_OFF)

    def _settle_expired(self, today: date) -> None:
        """Contracts whose last day is over were settled by the exchange: at intrinsic value, as far as it is known."""
        for symbol, data in self._data.items():
            instrument, held = data.instrument, data.position.quantity
            if not held or instrument.expiry is None or instrument.expiry >= today:
                continue
            side = Side.SELL if held > 0 else Side.BUY
            order = self._new_order(symbol, side, abs(held), PriceType.LIMIT, REASONS[_EXPIRY])
            order.price = settlement(self._data, instrument)
            self.book.take(order, abs(held), order.price, time_ns=self._now_ns, row=data.count, reason=_EXPIRY)
            order.status = OrderStatus.COMPLETE
            self.guards[symbol].clear()
            self._news.append(order)

    # ---- the strategy's host

    @property
    def data(self) -> Mapping[str, BarData]:
        """The bars of all that is followed."""
        return self._data

    @property
    def now_ns(self) -> int:
        """The moment that is being told."""
        return self._now_ns

    @property
    def cash(self) -> float:
        """Rupees of the strategy's own book."""
        return self.book.account.cash / 100

    @property
    def equity(self) -> float:
        """Rupees of the strategy's own book, positions at the last closes."""
        return self.book.worth(self.marks()) / 100

    @property
    def working(self) -> Sequence[StrategyOrder]:
        """Orders that may still be filled."""
        return [order for order in self._working if not order.is_done]

    def units_for(self, symbol: str, exposure: float) -> int:
        """Units in whole lots for a share of the equity."""
        data = self._data[symbol]
        rate = self._margin.rate(data.instrument, self._day)
        worth = float(self.book.worth(self.marks()))
        return signal_size(0, exposure, worth, data.close[-1], 1.0, rate, data.instrument.lot_size)

    def submit(
        self,
        symbol: str,
        side: Side,
        quantity: int,
        price_type: PriceType,
        *,
        price: float,
        trigger: float,
        protection: Protection,
        good_till_cancelled: bool,
        tag: str,
    ) -> StrategyOrder:
        """Give an order now."""
        if quantity <= 0:
            raise InputError(f"An order for {quantity} {symbol} is none: give a positive quantity.", field="quantity")
        if good_till_cancelled:
            raise InputError(
                "An exchange takes orders for its day only: give the order anew each day, or use lab.place_gtt.",
                field="good_till_cancelled",
            )
        instrument = self._data[symbol].instrument
        order = self._new_order(
            symbol, side, quantity, price_type, tag,
            price=on_tick(instrument, price, -side.sign), trigger=on_tick(instrument, trigger, 0),
            protection=protection if protection != Protection() else NO_PROTECTION,
        )  # fmt: skip
        refusal = self._refusal(instrument, quantity)
        if refusal:
            order.status, order.reason = OrderStatus.REJECTED, refusal
            self._news.append(order)
            return order
        self._give(order)
        return order

    def _refusal(self, instrument: Instrument, quantity: int) -> str:
        if self._closed_for_day == self._day:
            return "Intraday orders are refused after the square-off time."
        if self._max_orders and sum(trade_date(one.placed_ns) == self._day for one in self.orders) > self._max_orders:
            return f"The strategy may give {self._max_orders} orders a day, and has: raise its limit."
        return cannot_order(instrument, quantity)

    def cancel(self, order: StrategyOrder) -> None:
        """Take an order back. One that cannot be reached now stays as it is: its news will tell."""
        if order.is_done:
            return
        try:
            self._gate.cancel(self._key_of[order.number])
        except LabError as error:
            order.reason = str(error)

    def protect(self, symbol: str, protection: Protection) -> None:
        """Replace what guards the position."""
        self.changes += 1
        self.guards[symbol].set(protection)

    def derive(self, function: Indicator, inputs: Sequence[Series]) -> tuple[Series, ...]:
        """Columns over all bars so far, computed anew with every bar, checked for looking ahead."""
        return self._bars.derive(function, inputs, guard=self.settings.guard)

    def shared(self, function: Indicator, inputs: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
        """Computed each time: a single run has nobody to share with."""
        return function(*inputs, **options)

    def call_daily(self, at: time, name: str) -> None:
        """Remember a timer."""
        self.moments.add(at, name)

    def option(self, underlying: str, kind: OptionType, offset: int, expiry: int) -> Instrument:
        """A contract of today's list; its bars are followed from now on."""
        spot = self._data.get(underlying)
        if spot is None or not len(spot):
            raise InputError(f"Add {underlying} to the universe: its price finds the strike.", field="underlying")
        listed = self._gate.options(underlying, kind)
        found = in_place(listed, underlying, kind, offset=offset, expiry=expiry, spot=spot.close[-1], today=self._day)
        if found.symbol not in self._data:
            self._follow(found)
        return found
