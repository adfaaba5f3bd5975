"""Longer candles out of the stored ones, exactly: anchored to the trading day's opening, to weeks, months and years.

Rules: minutes and hours count from the first moment of the day's continuous trading (09:15 for NSE, 09:00 for MCX, the
hour of a special session), so the last candle of a day may be short. A week begins on Monday; n weeks count by the ISO
week of the ISO year; n months, quarters and years align to the calendar year; n days count the exchange's trading
days of the year. Candles of a day and more start at Indian midnight of their period's first day.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

import msgspec
import numpy as np

from openalgo_lab.model.errors import InputError, NotSupported
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import NS_PER_DAY, NS_PER_SECOND
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.store.history.hours import IST_OFFSET_NS, Hours, IntArray, days_of, trading_opens
from openalgo_lab.store.history.series import Stored

__all__ = ["Interval", "parse_interval", "resample"]

_FORM: Final = re.compile(r"([1-9][0-9]{0,3})?([smhDWMQY])")
_MONTHS: Final = {"M": 1, "Q": 3, "Y": 12}
_EPOCH: Final = date(1970, 1, 1)


class Interval(msgspec.Struct, frozen=True):
    """A candle's length: ``count`` of ``unit`` (``m D W M Y``); hours are minutes, quarters months."""

    count: int
    unit: str

    @property
    def stored(self) -> Stored:
        """The stored interval that it is built from."""
        return Stored.MINUTE if self.unit == "m" else Stored.DAY

    @property
    def longest_ns(self) -> int:
        """No candle is longer."""
        days = {"m": 2, "D": 8 * self.count + 30, "W": 7 * self.count, "M": 31 * self.count, "Y": 366 * self.count}
        return days[self.unit] * NS_PER_DAY


def parse_interval(text: str) -> Interval:
    """``1m``, ``7m``, ``4h``, ``D``, ``2D``, ``W``, ``3M``, ``Q``, ``Y`` …: a number and one of ``m h D W M Q Y``.

    Raises NotSupported for seconds, which no stored candle holds, and InputError for anything else.
    """
    match = _FORM.fullmatch(text)
    if match is None or (match[1] is None and match[2] in "smh"):
        raise InputError(
            f"'{text}' is not an interval; use 1m, 5m, 15m, 1h, D, W, M … or any number of them.", "interval"
        )
    count, unit = int(match[1] or 1), match[2]
    if unit == "s":
        raise NotSupported(f"Candles of {text} are not kept; minutes are the shortest.", "interval")
    if unit in "mh":
        minutes = count * (60 if unit == "h" else 1)
        if minutes > 1440:
            raise InputError(f"{text} is longer than a day: use D, or a number of days such as 2D.", "interval")
        return Interval(minutes, "m")
    return Interval(count * 3, "M") if unit == "Q" else Interval(count, unit)


def resample(bars: Bars, interval: Interval, exchange: Exchange, calendar: Hours) -> Bars:
    """Candles of ``interval`` out of stored ones of ``interval.stored``; those of a period that is cut off by the ends
    of ``bars`` hold what is there. Open is the first, high the highest, low the lowest, close the last, volume the sum,
    open interest the last. Raises RuleError for hours that the calendar does not know.
    """
    if not len(bars) or (interval.count == 1 and interval.unit in "mD"):
        return bars
    starts = _starts(bars.start_ns, interval, exchange, calendar)
    edges = np.flatnonzero(np.diff(starts, prepend=starts[:1] - 1))
    lasts = np.append(edges[1:], len(starts)) - 1
    return Bars(
        start_ns=starts[edges],
        open=bars.open[edges],
        high=np.maximum.reduceat(bars.high, edges),
        low=np.minimum.reduceat(bars.low, edges),
        close=bars.close[lasts],
        volume=np.add.reduceat(bars.volume, edges),
        oi=bars.oi[lasts],
    )


def _starts(moments: IntArray, interval: Interval, exchange: Exchange, calendar: Hours) -> IntArray:
    if interval.unit == "m":
        length = interval.count * 60 * NS_PER_SECOND
        opens = trading_opens(calendar, exchange, moments)
        starts = opens + (moments - opens) // length * length
        # What traded before the opening stays in its own day.
        midnights = days_of(moments) * NS_PER_DAY - IST_OFFSET_NS
        return np.where(moments < opens, np.maximum(starts, midnights), starts).astype(np.int64)
    days = days_of(moments)
    if interval.unit == "D":
        first = _day_blocks(days, interval.count, exchange, calendar)
    elif interval.unit == "W":
        first = _week_blocks(days, interval.count)
    else:
        first = _month_blocks(days, interval.count * _MONTHS[interval.unit])
    return np.asarray(first * NS_PER_DAY - IST_OFFSET_NS, dtype=np.int64)


def _day_blocks(days: IntArray, count: int, exchange: Exchange, calendar: Hours) -> IntArray:
    """A day outside the calendar's trading days belongs to the block that runs."""
    first = np.empty(len(days), dtype=np.int64)
    years = days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
    for year in np.unique(years).tolist():
        trading = calendar.trading_days(exchange, date(year, 1, 1), date(year, 12, 31))
        numbers = np.array([(day - _EPOCH).days for day in trading], dtype=np.int64)
        here = years == year
        place = np.maximum(np.searchsorted(numbers, days[here], side="right") - 1, 0)
        first[here] = numbers[place // count * count]
    return first


def _week_blocks(days: IntArray, count: int) -> IntArray:
    monday = (days + 3) // 7 * 7 - 3
    iso_year = (monday + 3).astype("datetime64[D]").astype("datetime64[Y]")
    fourth = iso_year.astype("datetime64[D]").astype(np.int64) + 3  # 4 January lies in week 1
    first_monday = (fourth + 3) // 7 * 7 - 3
    return np.asarray(first_monday + (monday - first_monday) // (7 * count) * (7 * count), dtype=np.int64)


def _month_blocks(days: IntArray, count: int) -> IntArray:
    """Up to a year, blocks begin with January; longer ones count months since the year 0."""
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) + 1970 * 12
    year = months // 12 * 12
    first = year + (months - year) // count * count if count < 12 else months // count * count
    return np.asarray((first - 1970 * 12).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64))
