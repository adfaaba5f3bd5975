"""The strategy as its author writes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Final

from openalgo_lab.model.errors import InputError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Quote
from openalgo_lab.model.times import from_ns, parse_time
from openalgo_lab.model.vocabulary import OptionType, PriceType, Side
from openalgo_lab.strategy.host import Indicator, StrategyHost
from openalgo_lab.strategy.legs import Leg, LegGroup
from openalgo_lab.strategy.orders import HOST_CLOSES, Position, Protection, StrategyOrder
from openalgo_lab.strategy.series import Bar, BarData, Series

__all__ = ["Strategy"]

_MONEYNESS: Final = re.compile(r"(ATM)|(OTM|ITM)([1-9][0-9]?)")
_RESERVED: Final = frozenset({"universe"})


class Strategy:
    """Write one, give it to a backtest, a replay, the sandbox or live: the same object runs in all of them.

    Parameters are class attributes; whoever runs the strategy may give others by name::

        class Breakout(Strategy):
            length = 20

            def init(self):
                self.top = self.indicator(highest, self.data.high, self.length)

            def on_bar(self, bar):
                if not self.position and bar.close >= self.top[-2]:
                    self.buy(10, stop_pct=1.5)

    What is asked about now is answered with what was known now: bars end at the present one, orders are filled by what
    comes after. ``symbol=None`` means the first instrument of the universe everywhere. ``groups`` holds the groups of
    legs that were opened, in order. What stands in the dictionary ``state`` (texts, numbers, lists and dictionaries of
    them) outlives the process that runs the strategy; it is filled before ``init``.
    """

    universe: ClassVar[tuple[str, ...]] = ()
    """Symbols to follow, where the caller gives a span of time and no bars."""

    def __init__(self, host: StrategyHost, parameters: Mapping[str, Any] | None = None) -> None:
        self._host = host
        self.groups: list[LegGroup] = []
        self.state: dict[str, Any] = {}
        known = self.parameters() if parameters else {}
        for name, value in (parameters or {}).items():
            self._set_parameter(known, name, value)
        self._main = next(iter(host.data.values()))

    # ---- what its author fills in

    def init(self) -> None:
        """Called once before the first bar: declare indicators and timers here."""

    def on_bar(self, bar: Bar) -> None:
        """A bar of one instrument is complete (with several: one call each, in the universe's order)."""

    def on_tick(self, quote: Quote) -> None:
        """A quote of one instrument has changed; never called where only bars are known."""

    def on_order(self, order: StrategyOrder) -> None:
        """An order was filled (in part), refused, cancelled or has expired."""

    def on_timer(self, name: str) -> None:
        """A moment asked for with :meth:`every_day` has come."""

    # ---- what it may look at

    @property
    def data(self) -> BarData:
        """The bars of the first instrument: ``self.data.close[-1]``."""
        return self._main

    def bars_of(self, symbol: str | None = None) -> BarData:
        """The bars of one instrument. Raises InputError for one that is not followed."""
        if symbol is None:
            return self._main
        found = self._host.data.get(symbol)
        if found is None:
            known = ", ".join(list(self._host.data)[:6])
            raise InputError(f"{symbol} is not in the strategy's universe: choose from {known}.", field="symbol")
        return found

    @property
    def symbols(self) -> tuple[str, ...]:
        """What is followed, the universe's order first."""
        return tuple(self._host.data)

    @property
    def position(self) -> Position:
        """What is held of the first instrument; false when flat."""
        return self._main.position

    def position_of(self, symbol: str | None = None) -> Position:
        """What is held of an instrument."""
        return self.bars_of(symbol).position

    @property
    def working(self) -> tuple[StrategyOrder, ...]:
        """Orders that may still be filled."""
        return tuple(self._host.working)

    @property
    def equity(self) -> float:
        """Rupees: cash and positions at the last prices."""
        return self._host.equity

    @property
    def cash(self) -> float:
        """Rupees that are not in positions."""
        return self._host.cash

    @property
    def now(self) -> datetime:
        """The present, in IST."""
        return from_ns(self._host.now_ns)

    @classmethod
    def parameters(cls) -> dict[str, Any]:
        """Names and values that whoever runs it may change: the public class attributes."""
        found: dict[str, Any] = {}
        for kind in reversed(cls.__mro__[: cls.__mro__.index(Strategy)]):
            found |= {
                name: value
                for name, value in vars(kind).items()
                if not name.startswith("_") and name not in _RESERVED and not _is_code(value)
            }
        return found

    # ---- what it may ask for

    def indicator(self, function: Indicator, *inputs: Series | BarData | Any, **options: Any) -> Any:
        """A column computed by ``function(*inputs, **options)``, read like the bars: ``self.fast[-1]``.

        Inputs that are series come first and arrive as arrays; what follows is handed on as it is. A function that
        gives several arrays gives as many series.
        """
        series = [item for item in inputs if isinstance(item, Series)]
        rest = tuple(item for item in inputs if not isinstance(item, Series))
        if not series:
            raise InputError("An indicator needs at least one series, such as self.data.close.", field="inputs")
        made = self._host.derive(_bound(function, rest, options), series)
        return made[0] if len(made) == 1 else made

    def every_day(self, at: str, name: str = "") -> None:
        """Have ``on_timer(name)`` called each trading day at a time of day in India (``"15:10"``)."""
        self._host.call_daily(parse_time(at), name or at)

    def option(self, underlying: str, kind: OptionType | str, moneyness: str = "ATM", expiry: int = 0) -> Instrument:
        """A contract of that day's list by place: ``"ATM"``, ``"OTM2"``, ``"ITM1"``; ``expiry`` 0 is the nearest."""
        return self._host.option(underlying, OptionType(kind), _offset(moneyness), expiry)

    # ---- orders

    def buy(self, quantity: int, symbol: str | None = None, **terms: Any) -> StrategyOrder:
        """Buy units. See :meth:`order` for ``price``, ``trigger``, ``stop_loss``, ``stop_pct`` …"""
        return self.order(Side.BUY, quantity, symbol, **terms)

    def sell(self, quantity: int, symbol: str | None = None, **terms: Any) -> StrategyOrder:
        """Sell units. See :meth:`order`."""
        return self.order(Side.SELL, quantity, symbol, **terms)

    def order(
        self,
        side: Side,
        quantity: int,
        symbol: str | None = None,
        *,
        price: float = 0.0,
        trigger: float = 0.0,
        stop_loss: float = 0.0,
        take_profit: float = 0.0,
        stop_pct: float = 0.0,
        target_pct: float = 0.0,
        trail_pct: float = 0.0,
        good_till_cancelled: bool = False,
        tag: str = "",
    ) -> StrategyOrder:
        """An order: MARKET, or LIMIT by ``price``, SL-M by ``trigger``, SL by both.

        ``stop_loss`` and ``take_profit`` are prices, ``stop_pct``, ``target_pct`` and ``trail_pct`` per cent of the
        entry; they guard the position that comes of it. It lives to the end of the day unless
        ``good_till_cancelled``. Raises InputError for what cannot be an order.
        """
        if tag in HOST_CLOSES:
            raise InputError(f"The tag {tag!r} marks what the host closes by itself: choose another word.", field="tag")
        data = self.bars_of(symbol)
        kinds = {(False, False): PriceType.MARKET, (True, False): PriceType.LIMIT, (False, True): PriceType.SL_M}
        return self._host.submit(
            data.symbol,
            side,
            quantity,
            kinds.get((price > 0, trigger > 0), PriceType.SL),
            price=price,
            trigger=trigger,
            protection=Protection(stop_loss, take_profit, stop_pct, target_pct, trail_pct),
            good_till_cancelled=good_till_cancelled,
            tag=tag,
        )

    def close(self, symbol: str | None = None, **terms: Any) -> StrategyOrder | None:
        """Leave the position; None when there is none."""
        return self.target(0, symbol, **terms)

    def target(self, quantity: int, symbol: str | None = None, **terms: Any) -> StrategyOrder | None:
        """One order that makes the position ``quantity`` (signed units); None when it is that already.

        Orders of the instrument that are still working are taken back first.
        """
        data = self.bars_of(symbol)
        self.cancel_all(data.symbol)
        change = quantity - data.position.quantity
        if change == 0:
            return None
        return self.order(Side.BUY if change > 0 else Side.SELL, abs(change), data.symbol, **terms)

    def cancel(self, order: StrategyOrder) -> None:
        """Take an order back."""
        self._host.cancel(order)

    def cancel_all(self, symbol: str | None = None) -> None:
        """Take back all working orders, or those of one instrument."""
        for order in tuple(self._host.working):
            if symbol is None or order.symbol == symbol:
                self._host.cancel(order)

    def protect(
        self, symbol: str | None = None, *, stop_loss: float = 0.0, take_profit: float = 0.0, trail_pct: float = 0.0
    ) -> None:
        """Replace what guards the present position; nothing given means that nothing guards it."""
        levels = Protection(stop=stop_loss, target=take_profit, trail_pct=trail_pct)
        self._host.protect(self.bars_of(symbol).symbol, levels)

    def group(
        self, *legs: Leg, stop: float = 0.0, target: float = 0.0, trail: float = 0.0, re_entries: int = 0
    ) -> LegGroup:
        """Open several legs that live and end together; ``stop``, ``target``, ``trail`` in rupees of all legs' P&L."""
        made = LegGroup(self, legs, stop=stop, target=target, trail=trail, re_entries=re_entries)
        self.groups.append(made)
        made.enter()
        return made

    # ---- for the host

    def hear(self, order: StrategyOrder) -> None:
        """An order has news: the groups learn what the host closed by itself, then the strategy hears of it."""
        if order.tag in HOST_CLOSES and order.filled:
            for group in self.groups:
                group.closed_by_host(order)
        self.on_order(order)

    def after_bars(self) -> None:
        """All bars of one moment have been told: the groups look at their common P&L."""
        for group in self.groups:
            group.check()

    def _set_parameter(self, known: Mapping[str, Any], name: str, value: Any) -> None:
        if name not in known:
            names = ", ".join(known) or "none"
            raise InputError(f"{type(self).__name__} has no parameter {name!r}; it has: {names}.", field=name)
        setattr(self, name, value)


def _is_code(value: object) -> bool:
    return callable(value) or isinstance(value, property | classmethod | staticmethod)


def _bound(function: Indicator, rest: tuple[Any, ...], options: Mapping[str, Any]) -> Indicator:
    return function if not rest and not options else lambda *arrays: function(*arrays, *rest, **options)


def _offset(moneyness: str) -> int:
    match = _MONEYNESS.fullmatch(moneyness)
    if match is None:
        raise InputError(f"{moneyness!r} is no place in a chain: write ATM, OTM2 or ITM1.", field="moneyness")
    if match[1]:
        return 0
    return int(match[3]) if match[2] == "OTM" else -int(match[3])
