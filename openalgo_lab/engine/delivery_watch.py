"""The warning before share contracts end: who holds one in its last days hears once a day what will be delivered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta

from openalgo_lab.engine.ledger import Ledger
from openalgo_lab.engine.shelf import PriceWatch, again_and_again
from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.errors import LabError
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.money import format_inr, format_qty
from openalgo_lab.model.portfolio import Position
from openalgo_lab.model.times import trade_date
from openalgo_lab.model.vocabulary import Exchange, InstrumentType, Side
from openalgo_lab.store.instruments import InstrumentStore

__all__ = ["DeliveryWatch"]

EVERY_S = 300.0
_HOMES = {Exchange.NFO: Exchange.NSE, Exchange.BFO: Exchange.BSE}
_WEEK = timedelta(days=14)
"""Further away than four trading days ever reach: the calendar is not even read."""


class DeliveryWatch:
    """Looks every five minutes at what all accounts hold. ``calendar`` is read when the first contract comes near."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        prices: PriceWatch,
        instruments: Callable[[], InstrumentStore],
        report: Callable[[str, str], None],
        now_ns: Callable[[], int],
        calendar: Callable[[], TradingCalendar] = TradingCalendar.load,
    ) -> None:
        self._ledger = ledger
        self._prices = prices
        self._instruments = instruments
        self._report = report
        self._now_ns = now_ns
        self._load = calendar
        self._calendar: TradingCalendar | None = None
        self._told: set[tuple[date, str, str]] = set()

    async def keep(self) -> None:
        """Until cancelled."""
        await again_and_again(self.look, EVERY_S)

    async def look(self) -> None:
        """Warn once a day of each position."""
        today = trade_date(self._now_ns())
        for position, contract in self._ending(today):
            told = (today, position.account, position.symbol)
            if told not in self._told and (sentence := self._warning(position, contract, today)):
                self._told = {one for one in self._told if one[0] == today} | {told}
                self._report("delivery", sentence)

    def _ending(self, today: date) -> Iterator[tuple[Position, Instrument]]:
        for position in self._ledger.books.positions:
            if not position.quantity or position.exchange not in _HOMES:
                continue
            found = self._find(InstrumentKey(position.exchange, position.symbol))
            if found is not None and found.expiry is not None and today <= found.expiry <= today + _WEEK:
                yield position, found

    def _warning(self, position: Position, contract: Instrument, today: date) -> str:
        from openalgo_lab.model.delivery import delivery_rules, obligation
        from openalgo_lab.model.symbols import parse_symbol

        home = InstrumentKey(_HOMES[position.exchange], contract.underlying)
        share = self._find(home)
        if share is None or share.kind is not InstrumentType.EQ or contract.expiry is None:
            return ""
        if self._days_left(position.exchange, today, contract.expiry) > max(delivery_rules(today).steps):
            return ""
        self._prices.begin(home, f"The delivery of {position.symbol}")
        last = self._prices.last(home)
        owed = obligation(parse_symbol(position.symbol, position.exchange), position.quantity, last) if last else None
        day = f"{contract.expiry:%d %b %Y}"
        if owed is None:
            why = "at today's price it would lapse" if last else "its share has no price yet"
            return f"{position.symbol} in {position.account} ends by delivery of shares on {day}; {why}."
        verb, way = ("take", "pay") if owed.side is Side.BUY else ("give", "receive")
        money = format_inr(owed.quantity * owed.price, symbol=True)
        return (
            f"{position.symbol} in {position.account} ends on {day} by delivery: you {verb} "
            f"{format_qty(owed.quantity)} {contract.underlying} and {way} about {money}. Close it before then if you "
            "do not want that."
        )

    def _days_left(self, exchange: Exchange, today: date, last: date) -> int:
        if self._calendar is None:
            self._calendar = self._load()
        days = (today + timedelta(days=n + 1) for n in range((last - today).days))
        return sum(self._calendar.is_trading_day(exchange, day) for day in days)

    def _find(self, key: InstrumentKey) -> Instrument | None:
        try:
            return self._instruments().find(key)
        except LabError:  # no instruments yet: looked at again later
            return None
