"""Whose market is shown: the simulated one or the real one; hours, cut-offs and margins follow it.

Prices of one market never judge orders of the other: while real prices are shown the simulated exchange takes no
orders, and while simulated prices are shown no account with money does.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from openalgo_lab.engine.charges import statutory_charges_paise
from openalgo_lab.engine.composition import Composition
from openalgo_lab.engine.cut_offs import IntradayCutOffs
from openalgo_lab.engine.risk import MarketHours
from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.commands import PlaceOrder
from openalgo_lab.model.errors import NotSupported, RuleError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.times import from_ns, trade_date

__all__ = ["MarketSwitch"]

BASIS: Final = "The broker's own margin for this order, and the statutory charges of today."

BrokerMargin = Callable[[PlaceOrder, Instrument], Awaitable[int | None]]
"""Paise by the broker's own count; None for an account that is no broker's."""


class _CalendarHours:
    """The exchanges' own hours."""

    def __init__(self, calendar: TradingCalendar) -> None:
        self._calendar = calendar

    def takes_orders(self, instrument: Instrument, now_ns: int) -> bool:
        """Whether continuous trading runs."""
        try:
            return self._calendar.is_open(instrument.exchange, from_ns(now_ns))
        except RuleError:
            return False

    def next_open(self, instrument: Instrument, now_ns: int) -> datetime | None:
        """The next session's first moment; None where the calendar does not know."""
        try:
            return self._calendar.next_open(instrument.exchange, from_ns(now_ns))
        except RuleError:
            return None


class MarketSwitch:
    """``elsewhere`` says that a broker's market data is shown instead of the market that the engine began with.

    It is the `MarketHours` of whichever it is.
    """

    def __init__(self, parts: Composition) -> None:
        self.elsewhere = False
        self._first = parts
        self._hours: MarketHours | None = None
        self._rules: RuleBook | None = None
        self._cut_offs: IntradayCutOffs | None = None

    def around(self, parts: Composition, by_broker: BrokerMargin) -> Composition:
        """The composition with hours, cut-offs and margins that follow the switch."""
        own = parts.margin

        async def margin(order: PlaceOrder, instrument: Instrument, price: float) -> tuple[int, int, str]:
            need = await by_broker(order, instrument)
            if need is None and own is not None:
                return await own(order, instrument, price)
            if need is None:
                raise NotSupported("The broker of this account tells no margins before an order.", field="account")
            return need, self._charges(order, instrument, price), BASIS

        return dataclasses.replace(parts, hours=self, cut_off=self.cut_off, margin=margin)

    def cut_off(self, instrument: Instrument, now_ns: int) -> datetime | None:
        """When new intraday orders end; None where no rule says."""
        if self.elsewhere:
            if self._cut_offs is None:
                self._cut_offs = IntradayCutOffs(self._book(), TradingCalendar.load())
            return self._cut_offs(instrument, now_ns)
        return None if self._first.cut_off is None else self._first.cut_off(instrument, now_ns)

    def _charges(self, order: PlaceOrder, instrument: Instrument, price: float) -> int:
        on, value = trade_date(self._first.now_ns()), price * order.quantity
        return statutory_charges_paise(
            self._book(), instrument, product=order.product, side=order.side, value=value, on=on
        )

    def _book(self) -> RuleBook:
        if self._rules is None:
            self._rules = RuleBook.load()
        return self._rules

    def takes_orders(self, instrument: Instrument, now_ns: int) -> bool:
        """Whether an order may be sent at that moment."""
        return self._now().takes_orders(instrument, now_ns)

    def next_open(self, instrument: Instrument, now_ns: int) -> datetime | None:
        """When the next session begins."""
        return self._now().next_open(instrument, now_ns)

    def _now(self) -> MarketHours:
        if not self.elsewhere:
            return self._first.hours
        if self._hours is None:
            self._hours = _CalendarHours(TradingCalendar.load())
        return self._hours
