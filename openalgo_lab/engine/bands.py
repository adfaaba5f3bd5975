"""The price range that an exchange takes, from the dated tables."""

from __future__ import annotations

import math
from datetime import date
from typing import Protocol

from openalgo_lab.model.errors import RuleError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Quote
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.vocabulary import Exchange, InstrumentType

__all__ = ["PriceBands", "RuleBookBands"]

_CASH = (Exchange.NSE, Exchange.BSE)


class PriceBands(Protocol):
    """Where a limit price may lie."""

    def limits(self, instrument: Instrument, quote: Quote, day: date) -> tuple[float, float] | None:
        """(lowest, highest) price in rupees; None where no table knows a band for it."""


class RuleBookBands:
    """Limit-price protection of derivatives round the last price, else the daily band round the previous close.

    Where a band flexes in the course of a day its widest step counts: a local check must not refuse what the exchange
    would take. A share's own fixed band stands in no table; the widest one of its group counts.
    """

    def __init__(self, rules: RuleBook) -> None:
        self._rules = rules
        self._with_derivatives: dict[date, frozenset[str]] = {}

    def limits(self, instrument: Instrument, quote: Quote, day: date) -> tuple[float, float] | None:
        protected = self._protection(instrument, quote, day)
        daily = self._daily_band(instrument, quote, day)
        ranges = [one for one in (protected, daily) if one is not None]
        if not ranges:
            return None
        return max(low for low, _ in ranges), min(high for _, high in ranges)

    def _protection(self, instrument: Instrument, quote: Quote, day: date) -> tuple[float, float] | None:
        if instrument.exchange in _CASH or not _known(quote.ltp):
            return None
        try:
            row = self._rules.limit_price_protection(instrument.exchange, instrument.underlying, instrument.kind, day)
        except RuleError:
            return None
        return row.limits(quote.ltp, instrument.tick_size)

    def _daily_band(self, instrument: Instrument, quote: Quote, day: date) -> tuple[float, float] | None:
        group = self._group(instrument, day)
        if group is None or not _known(quote.prev_close):
            return None
        try:
            row = self._rules.price_band(group, day)
        except RuleError:
            return None
        return row.limits(quote.prev_close, instrument.tick_size, len(row.steps) - 1)

    def _group(self, instrument: Instrument, day: date) -> str | None:
        if instrument.exchange in _CASH:
            return "cash_derivative" if instrument.symbol in self._derivative_stocks(day) else "cash_20"
        if instrument.kind is InstrumentType.FUT and instrument.exchange in (Exchange.NFO, Exchange.BFO):
            return "index_future" if self._rules.is_index(instrument.underlying) else "stock_future"
        return None

    def _derivative_stocks(self, day: date) -> frozenset[str]:
        found = self._with_derivatives.get(day)
        if found is None:
            found = self._with_derivatives[day] = frozenset(self._rules.derivative_stocks(day))
        return found


def _known(price: float) -> bool:
    return math.isfinite(price) and price > 0
