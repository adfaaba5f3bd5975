"""The chart's intervals: how long a candle is, where one begins, and how far back a first look goes."""

from __future__ import annotations

from typing import Final

import msgspec

from openalgo_lab.model.errors import InputError
from openalgo_lab.model.times import NS_PER_DAY, NS_PER_SECOND, day_bounds_ns, trade_date

__all__ = ["INTERVALS", "Interval", "interval_named"]

_IST_NS: Final = 19_800 * NS_PER_SECOND


class Interval(msgspec.Struct, frozen=True):
    """``seconds`` 0: a candle is an Indian day. ``days``: calendar days that surely hold a screenful of candles."""

    name: str
    seconds: int
    days: int

    @property
    def length_ns(self) -> int:
        """Length of a candle; of a day candle 24 hours."""
        return self.seconds * NS_PER_SECOND or NS_PER_DAY

    def start_of(self, time_ns: int, anchor_ns: int | None = None) -> int:
        """First moment (UTC ns) of the candle that ``time_ns`` lies in.

        ``anchor_ns``: the start of any known candle. Sources anchor candles at the session's opening (hours at 9:15),
        and every length here divides a day, so one known start gives all others; without one Indian midnight is taken.
        """
        if not self.seconds:
            return day_bounds_ns(trade_date(time_ns))[0]
        anchor = -_IST_NS if anchor_ns is None else anchor_ns
        return anchor + (time_ns - anchor) // self.length_ns * self.length_ns


INTERVALS: Final = (
    Interval("1m", 60, 5),
    Interval("3m", 180, 6),
    Interval("5m", 300, 10),
    Interval("15m", 900, 24),
    Interval("1h", 3600, 75),
    Interval("D", 0, 460),
)


def interval_named(name: str) -> Interval:
    """The interval of that name. Raises InputError that lists them."""
    found = next((one for one in INTERVALS if one.name.lower() == name.strip().lower()), None)
    if found is None:
        raise InputError(
            f"{name!r} is no interval of the chart: take {', '.join(one.name for one in INTERVALS)}.", field="interval"
        )
    return found
