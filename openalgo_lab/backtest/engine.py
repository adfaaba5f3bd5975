"""The event-driven engine: runs a strategy as written, bar by bar, with orders of every kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import time
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from openalgo_lab.backtest.account import Account, Fill
from openalgo_lab.backtest.guard import check_causal, computed
from openalgo_lab.backtest.kernel import signal_size, to_tick
from openalgo_lab.backtest.margin import Held, MarginRule
from openalgo_lab.backtest.market import Market, terms_of
from openalgo_lab.backtest.matching import Track
from openalgo_lab.backtest.settings import BacktestSettings
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.times import NS_PER_DAY, NS_PER_SECOND
from openalgo_lab.model.vocabulary import InstrumentType, OptionType, PriceType, Side
from openalgo_lab.strategy.host import Indicator
from openalgo_lab.strategy.orders import NO_PROTECTION, Protection, StrategyOrder
from openalgo_lab.strategy.series import Bar, BarData, Series
from openalgo_lab.strategy.strategy import Strategy

__all__ = ["EventEngine", "OptionList"]

_IST_NS: Final = (5 * 3600 + 1800) * NS_PER_SECOND


class OptionList(Protocol):
    """Where a run finds the options that were listed on a day, and their bars."""

    def find(
        self, underlying: str, kind: OptionType, *, offset: int, expiry: int, spot: float, now_ns: int
    ) -> Instrument:
        """The contract in that place of the day's list. Raises InputError when there is none."""
        ...

    def market(self, instrument: Instrument) -> Market:
        """Its bars, ready to run."""
        ...


class EventEngine:
    """One run of one strategy. It is the strategy's host: see :class:`~openalgo_lab.strategy.host.StrategyHost`."""

    def __init__(
        self,
        markets: Sequence[Market],
        settings: BacktestSettings,
        margin: MarginRule,
        options: OptionList | None = None,
        first: int = 0,
    ) -> None:
        if not markets:
            raise InputError("A backtest needs the bars of at least one instrument.", field="bars")
        if len({market.length_ns for market in markets}) > 1:
            raise InputError("All instruments of a run need bars of one interval; ask for the same.", field="bars")
        self.settings = settings
        self.times = _timeline(markets)
        self.ends = self.times + markets[0].length_ns
        self.account = Account(terms_of(markets[0], settings, 1.0).cash)
        self.orders: list[StrategyOrder] = []
        self._margin = margin
        self._options = options
        self._tracks: dict[str, Track] = {}
        self._data: dict[str, BarData] = {}
        self._working: list[StrategyOrder] = []
        self._news: list[StrategyOrder] = []
        self._timers: list[tuple[int, str]] = []
        self._step = -1
        self._at_risk = False
        self.first = first
        for market in markets:
            self._follow(market)

    @property
    def markets(self) -> dict[str, Market]:
        """All that was followed, by symbol."""
        return {symbol: track.market for symbol, track in self._tracks.items()}

    # ---- the run

    def run(self, strategy_class: type[Strategy], parameters: Mapping[str, Any] | None = None) -> Strategy:
        """Run the strategy over all bars; answers with the strategy as it is at the end."""
        strategy = strategy_class(self, parameters)
        strategy.init()
        for track in self._tracks.values():
            track.data.count = int(np.searchsorted(track.market.ends_ns, self.times[self.first], side="right"))
        if len(self._tracks) == 1 and self._options is None:
            self._run_one(strategy, next(iter(self._tracks.values())))
        else:
            self._run_many(strategy)
        return strategy

    def _run_many(self, strategy: Strategy) -> None:
        news = self._news
        for step in range(self.first, len(self.ends)):
            self._step = step
            moved = [track for track in self._tracks.values() if track.begin(step)]
            for track in moved:
                track.data.count = track.row + 1
            if news:
                self._tell(strategy)
            if self._at_risk and self._is_ruined():
                self._tell(strategy)
                break
            for track in moved:
                strategy.on_bar(Bar(track.data, track.row))
            if self._timers:
                self._ring(strategy, step)
            if strategy.groups:
                strategy.after_bars()
            if news:
                self._tell(strategy)

    def _run_one(self, strategy: Strategy, track: Track) -> None:
        """The same for one instrument, whose bars are the run's moments: a third of the work a bar."""
        on_bar, data, orders, position = strategy.on_bar, track.data, track.orders, track.data.position
        news, timers, groups = self._news, self._timers, strategy.groups
        for step in range(self.first, len(self.ends)):
            self._step = step
            if orders or (position.quantity and track.is_touched(step)):
                track.match(step)
            data.count = step + 1
            if news:
                self._tell(strategy)
            if self._at_risk and self._is_ruined():
                self._tell(strategy)
                break
            on_bar(Bar(data, step))
            if timers:
                self._ring(strategy, step)
            if groups:
                strategy.after_bars()
            if news:
                self._tell(strategy)

    def _tell(self, strategy: Strategy) -> None:
        news = self._news.copy()
        self._news.clear()
        self._working = [order for order in self._working if not order.is_done]
        for order in news:
            strategy.hear(order)

    def _ring(self, strategy: Strategy, step: int) -> None:
        """Timers that came due within this bar; what they order is filled after it."""
        before = int(self.ends[step - 1]) if step else int(self.times[0])
        midnight = (self.now_ns + _IST_NS) // NS_PER_DAY * NS_PER_DAY - _IST_NS
        for moment, name in self._timers:
            if before < midnight + moment <= self.now_ns:
                strategy.on_timer(name)

    def _is_ruined(self) -> bool:
        if not any(track.data.position.quantity for track in self._tracks.values()) or self.worth() > 0:
            return False
        for track in self._tracks.values():
            track.ruin()
        return True

    def _follow(self, market: Market) -> Track:
        data = BarData(market.instrument, market.bars, market.ends_ns)
        day = market.days[0]
        terms = terms_of(market, self.settings, self._margin.rate(market.instrument, day))
        track = Track(self, data, market, terms, volume_share=self.settings.volume_share, times=self.times)
        self._tracks[track.symbol] = track
        self._data[track.symbol] = data
        return track

    # ---- the desk of the tracks

    @property
    def step(self) -> int:
        """The number of the present moment in the run's times."""
        return self._step

    def worth(self) -> int:
        """Paise of cash and positions at the last known prices."""
        total = self.account.cash
        for track in self._tracks.values():
            if track.data.position.quantity:
                total += self.account.worth(track.holding, track.mark())
        return total

    def carries(self, track: Track, fill: Fill) -> bool:
        """Whether the equity after the fill, at the last prices and after charges, covers all positions' margin."""
        sign, price, filled = fill.order.side.sign, fill.price, fill.closed + fill.opened
        charges = self.account.quote(track.holding, fill)
        units = track.data.position.quantity + sign * filled
        worth = float(self.account.cash) - sign * self.account.value(filled, price)
        worth += (1 if units > 0 else -1) * self.account.value(abs(units), price)
        held = [Held(track.market.instrument, units, price)]
        for other in self._tracks.values():
            if other is not track and other.data.position.quantity:
                worth += self.account.worth(other.holding, other.mark())
                held.append(Held(other.market.instrument, other.data.position.quantity, other.mark()))
        return self._required(held, track, fill.row) + charges <= worth

    def _required(self, held: list[Held], track: Track, row: int) -> float:
        """Paise. The kernel's formula where one share is all there is, so that both engines agree to the paisa."""
        instrument, units, price = held[0]
        day = track.market.days[int(track.market.day[row])]
        if len(held) == 1 and not (self._margin.is_scanned(instrument) and instrument.kind.is_option):
            return self.account.value(abs(units), price) * self._margin.rate(instrument, day)
        spots = {symbol: other.mark() for symbol, other in self._tracks.items()}
        return self._margin.required(held, spots, day) * 100.0

    def settlement(self, track: Track, row: int) -> float:
        """Intrinsic value at the underlying's last close where it is followed, else the contract's own close."""
        instrument = track.market.instrument
        spot = self._tracks.get(instrument.underlying)
        if spot is None or not instrument.kind.is_option:
            return float(track.market.bars.close[row])
        start = spot.market.bars.start_ns
        at = int(np.searchsorted(start, track.market.bars.start_ns[row], side="right")) - 1
        sign = 1 if instrument.kind is InstrumentType.CE else -1
        return max(sign * (float(spot.market.bars.close[max(at, 0)]) - instrument.strike), 0.0)

    def new_order(self, symbol: str, side: Side, quantity: int, price_type: PriceType, tag: str) -> StrategyOrder:
        """An order of the engine's own."""
        order = StrategyOrder(len(self.orders), symbol, side, quantity, price_type, tag=tag, placed_ns=self.now_ns)
        self.orders.append(order)
        return order

    def changed(self, order: StrategyOrder) -> None:
        """An order has news for the strategy."""
        self._news.append(order)

    def booked(self) -> None:
        """Only borrowed money and short positions can use up an account: only then each bar must be looked at."""
        self._at_risk = self.account.cash <= 0 or any(one.position.quantity < 0 for one in self._data.values())

    # ---- the strategy's host

    @property
    def data(self) -> Mapping[str, BarData]:
        """The bars of all that is followed."""
        return self._data

    @property
    def now_ns(self) -> int:
        """The end of the present bar; before the first, its start."""
        return int(self.ends[self._step]) if self._step >= 0 else int(self.times[0])

    @property
    def cash(self) -> float:
        """Rupees."""
        return self.account.cash / 100

    @property
    def equity(self) -> float:
        """Rupees."""
        return self.worth() / 100

    @property
    def working(self) -> Sequence[StrategyOrder]:
        """Orders that may still be filled."""
        return [order for order in self._working if not order.is_done]

    def units_for(self, symbol: str, exposure: float) -> int:
        """Units in whole lots for a share of the equity."""
        track = self._tracks[symbol]
        market = track.market
        rate = self._margin.rate(market.instrument, market.days[int(market.day[max(track.data.count - 1, 0)])])
        return signal_size(0, exposure, float(self.worth()), track.mark(), 1.0, rate, market.instrument.lot_size)

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
        """Give an order: it acts from the next bar on."""
        track = self._tracks[symbol]
        if quantity <= 0:
            raise InputError(f"An order for {quantity} {symbol} is none: give a positive quantity.", field="quantity")
        instrument = track.market.instrument
        order = self.new_order(symbol, side, quantity, price_type, tag)
        order.price, order.trigger = self._on_tick(track, price, -side.sign), self._on_tick(track, trigger, 0)
        order.protection = protection if protection != Protection() else NO_PROTECTION
        order.good_till_cancelled = good_till_cancelled
        refusal = ""
        if 0 <= track.market.expiry_row <= track.data.row:
            refusal = f"{symbol} has expired."
        elif not instrument.tradable:
            refusal = f"{symbol} is an index and cannot be ordered."
        elif quantity % instrument.lot_size:
            refusal = f"{quantity} is not a whole number of lots: {symbol} trades in lots of {instrument.lot_size}."
        if refusal:
            order.status, order.reason = OrderStatus.REJECTED, refusal
            self.changed(order)
            return order
        order.status = OrderStatus.TRIGGER_PENDING if price_type.has_trigger else OrderStatus.OPEN
        track.orders.append(order)
        self._working.append(order)
        return order

    def cancel(self, order: StrategyOrder) -> None:
        """Take an order back."""
        if not order.is_done:
            self._tracks[order.symbol].cancel(order)

    def protect(self, symbol: str, protection: Protection) -> None:
        """Replace what guards the position."""
        self._tracks[symbol].protect(protection)

    def derive(self, function: Indicator, inputs: Sequence[Series]) -> tuple[Series, ...]:
        """Columns over all bars at once, checked for looking ahead."""
        data = inputs[0].data
        if any(series.data is not data for series in inputs):
            raise InputError("The inputs of an indicator must be of one instrument.", field="inputs")
        arrays = [series.whole() for series in inputs]
        columns = computed(function, arrays)
        if self.settings.guard:
            check_causal(function, arrays, columns)
        return tuple(Series(column, data) for column in columns)

    def shared(self, function: Indicator, inputs: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
        """Computed each time: a single run has nobody to share with."""
        return function(*inputs, **options)

    def call_daily(self, at: time, name: str) -> None:
        """Remember a timer."""
        self._timers.append(((at.hour * 3600 + at.minute * 60 + at.second) * NS_PER_SECOND, name))
        self._timers.sort()

    def option(self, underlying: str, kind: OptionType, offset: int, expiry: int) -> Instrument:
        """A contract of this day's list; its bars are followed from now on."""
        if self._options is None:
            raise InputError("This run has no options: give option bars with options=.", field="options")
        spot = self._tracks.get(underlying)
        if spot is None:
            raise InputError(f"Add {underlying} to the universe: its price finds the strike.", field="underlying")
        found = self._options.find(underlying, kind, offset=offset, expiry=expiry, spot=spot.mark(), now_ns=self.now_ns)
        if found.symbol not in self._tracks:
            track = self._follow(self._options.market(found))
            starts = track.market.ends_ns
            track.data.count = int(np.searchsorted(starts, self.now_ns, side="right"))
        return found

    def _on_tick(self, track: Track, price: float, toward: int) -> float:
        unit, step = track.tick
        return to_tick(price, unit, step, toward) if price > 0 else 0.0


def _timeline(markets: Sequence[Market]) -> npt.NDArray[np.int64]:
    """All starts of bars, ascending."""
    if len(markets) == 1:
        return markets[0].bars.start_ns
    return np.unique(np.concatenate([market.bars.start_ns for market in markets]))
