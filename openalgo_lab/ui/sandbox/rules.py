"""The dated rules that hold in the sandbox, in words: they are the exchanges', and nobody's setting."""

from __future__ import annotations

from datetime import date
from typing import Final

from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.errors import RuleError
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.vocabulary import Exchange

__all__ = ["square_offs"]

_SHOWN: Final = ((Exchange.NSE, "shares"), (Exchange.NFO, "derivatives"), (Exchange.CDS, "currency"),
                 (Exchange.MCX, "commodities"))  # fmt: skip


def square_offs(rules: RuleBook, calendar: TradingCalendar, day: date) -> str:
    """When intraday positions are squared off that day, by market: ``shares 15:20, derivatives 15:25``; "" unknown."""
    found = []
    for exchange, word in _SHOWN:
        try:
            when = rules.square_off_time(exchange, day, calendar=calendar)
        except RuleError:  # no session that day, or a table that ends before it
            continue
        found.append(f"{word} {when:%H:%M}")
    return ", ".join(found)
