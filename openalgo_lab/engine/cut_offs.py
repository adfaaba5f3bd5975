"""When intraday (MIS) orders end on an exchange today, from the dated tables."""

from __future__ import annotations

from datetime import date, datetime

from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.errors import RuleError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.times import at_ist, trade_date
from openalgo_lab.model.vocabulary import Exchange

__all__ = ["IntradayCutOffs"]


class IntradayCutOffs:
    """Looks a cut-off up once a day and exchange."""

    def __init__(self, rules: RuleBook, calendar: TradingCalendar) -> None:
        self._rules = rules
        self._calendar = calendar
        self._known: dict[tuple[date, Exchange, bool], datetime | None] = {}
        self._auction: dict[date, frozenset[str]] = {}

    def __call__(self, instrument: Instrument, now_ns: int) -> datetime | None:
        """The moment from which no new MIS order is taken that day (aware, IST); None where no table knows one."""
        day = trade_date(now_ns)
        auction = instrument.exchange in (Exchange.NSE, Exchange.BSE) and instrument.symbol in self._with_auction(day)
        key = (day, instrument.exchange, auction)
        if key not in self._known:
            self._known[key] = self._look_up(*key)
        return self._known[key]

    def _look_up(self, day: date, exchange: Exchange, auction: bool) -> datetime | None:
        try:
            when = self._rules.square_off_time(exchange, day, calendar=self._calendar, closing_auction=auction)
        except RuleError:
            return None
        return at_ist(day, when)

    def _with_auction(self, day: date) -> frozenset[str]:
        found = self._auction.get(day)
        if found is None:
            found = self._auction[day] = frozenset(self._rules.derivative_stocks(day))
        return found
