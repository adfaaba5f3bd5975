"""What is read out of the lake in another form than it is stored: adjusted shares, continuous futures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import msgspec

from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import NS_PER_DAY, day_bounds_ns
from openalgo_lab.model.vocabulary import Exchange, InstrumentType
from openalgo_lab.store.history.actions import ActionKind, CorporateAction
from openalgo_lab.store.history.adjusted import adjusted
from openalgo_lab.store.history.columns import cut
from openalgo_lab.store.history.continuous import Adjustment, Continuous, Leg, RollRule, join_contracts
from openalgo_lab.store.history.contracts import dated_contracts, pick_contracts
from openalgo_lab.store.history.gaps import gaps
from openalgo_lab.store.history.lake import Lake
from openalgo_lab.store.history.reading import Candles
from openalgo_lab.store.history.resample import Interval, parse_interval, resample
from openalgo_lab.store.history.series import Series, Stored, all_series

__all__ = ["read_adjusted", "read_continuous"]

_BEFORE_NS: Final = 30 * NS_PER_DAY
"""How far back the close before a dividend is looked for."""


def read_adjusted(
    lake: Lake,
    calendar: TradingCalendar,
    key: InstrumentKey,
    interval: str,
    span: tuple[int, int],
    *,
    actions: Sequence[CorporateAction],
    as_of: date,
    dividends: bool = False,
) -> Candles:
    """Candles of a share adjusted for ``actions`` and then built, as :func:`read_candles` does otherwise.

    Raises what :func:`read_candles` and :func:`adjusted` raise.
    """
    asked = parse_interval(interval)
    stored = lake.read(Series(key, asked.stored), span[0] - asked.longest_ns, span[1] + asked.longest_ns)
    own = [one for one in actions if one.key == key]
    closes = _closes(lake, key, own, as_of) if dividends else None
    whole = adjusted(stored, own, as_of, dividends=dividends, closes=closes)
    bars = cut(resample(whole, asked, key.exchange, calendar), *span)
    return Candles(bars, gaps(stored, asked.stored, key.exchange, calendar, span))


def _closes(lake: Lake, key: InstrumentKey, actions: Sequence[CorporateAction], as_of: date) -> Bars | None:
    """Stored candles that hold the close before every dividend: daily ones where they reach as far as minutes do."""
    days = [one.ex_date for one in actions if one.kind is ActionKind.DIVIDEND and one.ex_date <= as_of]
    if not days:
        return None
    span = day_bounds_ns(min(days))[0] - _BEFORE_NS, day_bounds_ns(max(days))[0]
    daily, minutes = (lake.read(Series(key, stored), *span) for stored in (Stored.DAY, Stored.MINUTE))
    return daily if _reaches(daily, days) >= _reaches(minutes, days) else minutes


def _reaches(bars: Bars, days: Sequence[date]) -> int:
    """For how many of the days there is a candle within the week before."""
    starts = (day_bounds_ns(day)[0] for day in days)
    return sum(bool(len(cut(bars, start - 7 * NS_PER_DAY, start))) for start in starts)


def read_continuous(
    lake: Lake,
    calendar: TradingCalendar,
    underlying: str,
    exchange: Exchange,
    *,
    interval: str,
    span: tuple[int, int],
    rule: RollRule,
    adjustment: Adjustment,
) -> Continuous:
    """The futures of an underlying that the lake holds, joined, in candles of ``interval`` that start in ``span``.

    Daily volume and open interest decide rolls by them: daily candles, or minutes added up where there are none.
    Raises InputError when the lake holds no future of that underlying in that interval, and what
    :func:`join_contracts` raises.
    """
    asked = parse_interval(interval)
    held = pick_contracts(
        dated_contracts(all_series(lake.root)),
        underlying,
        kind=InstrumentType.FUT,
        exchange=exchange,
        interval=asked.stored,
    )
    wide = span[0] - asked.longest_ns, span[1] + asked.longest_ns
    legs = [
        Leg(one.series.key, one.expiry, bars, _daily(lake, calendar, one.series.key, wide))
        for one in held
        if len(bars := _built(lake, calendar, one.series, asked, wide))
    ]
    if not legs:
        raise InputError(
            f"The lake holds no {asked.stored} candles of {underlying} futures on {exchange} in that span: "
            "download them first.",
            "underlying",
        )
    return _within(join_contracts(legs, rule, adjustment, calendar), span)


def _built(lake: Lake, calendar: TradingCalendar, series: Series, asked: Interval, span: tuple[int, int]) -> Bars:
    return resample(lake.read(series, *span), asked, series.key.exchange, calendar)


def _daily(lake: Lake, calendar: TradingCalendar, key: InstrumentKey, span: tuple[int, int]) -> Bars:
    days = lake.read(Series(key, Stored.DAY), *span)
    if len(days):
        return days
    return resample(lake.read(Series(key, Stored.MINUTE), *span), Interval(1440, "m"), key.exchange, calendar)


def _within(joined: Continuous, span: tuple[int, int]) -> Continuous:
    """The candles of the span; and the rolls of it."""
    first, last = joined.bars.start_ns.searchsorted(span)
    inside = tuple(roll for roll in joined.rolls if span[0] <= day_bounds_ns(roll.day)[0] < span[1])
    return msgspec.structs.replace(
        joined, bars=cut(joined.bars, *span), contract=joined.contract[int(first) : int(last)], rolls=inside
    )
