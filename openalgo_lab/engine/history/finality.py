"""Which candles are final: only those are kept."""

from __future__ import annotations

from typing import Final

import numpy as np

from openalgo_lab.model.calendar import Phase
from openalgo_lab.model.errors import RuleError
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import NS_PER_DAY, day_bounds_ns, to_ns, trade_date
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.store.history.hours import Hours, day_of, days_of, sessions_of

__all__ = ["SETTLE_NS", "answered", "final_until"]

SETTLE_NS: Final = 3_600 * 1_000_000_000
"""So long after the close the day's candles still change: closing prices, late corrections."""

_LATE_DAYS: Final = 5


def final_until(hours: Hours, exchange: Exchange, now_ns: int) -> int:
    """Candles that start before this moment (an Indian midnight, UTC ns) no longer change: today's only when its last
    session has been over for an hour.
    """
    today = trade_date(now_ns)
    midnight, tomorrow = day_bounds_ns(today)
    try:
        ends = [to_ns(one.end) for one in hours.sessions(exchange, today) if one.phase is not Phase.CLOSED]
    except RuleError:
        return midnight
    return tomorrow if ends and max(ends) + SETTLE_NS <= now_ns else midnight


def answered(bars: Bars, hours: Hours, exchange: Exchange, span: tuple[int, int], now_ns: int) -> list[tuple[int, int]]:
    """The parts of ``span`` that a source's answer settles. A trading day of the last five days without any candle is
    left out, for sources are sometimes late: it is asked for again.
    """
    start_ns, end_ns = span
    recent = max(start_ns, day_bounds_ns(trade_date(now_ns - _LATE_DAYS * NS_PER_DAY))[0])
    settled = [(start_ns, min(recent, end_ns))]
    there = set(np.unique(days_of(bars.start_ns)).tolist())
    for number in range(int(days_of(np.array([recent]))[0]), int(days_of(np.array([end_ns - 1]))[0]) + 1):
        first, last = day_bounds_ns(day_of(number))
        if number in there or not _trades(hours, exchange, number):
            settled.append((max(first, recent), min(last, end_ns)))
    return [(first, last) for first, last in settled if first < last]


def _trades(hours: Hours, exchange: Exchange, number: int) -> bool:
    try:
        return bool(sessions_of(hours, exchange, day_of(number)))
    except RuleError:
        return False
