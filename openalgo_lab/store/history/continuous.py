"""Continuous futures: contracts of one underlying joined end to end, with the dates on which they were changed.

A roll is decided by what was known before it: by the expiry date, or by a day on which the next contract was traded
(or held) more than the present one. It takes effect with the following day. Back-adjusted prices of a contract are
shifted by the sum of all later rolls' differences, or multiplied by the product of their ratios, so that the newest
contract stands as it traded; volume and open interest stay as they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from typing import Final

import msgspec
import numpy as np

from openalgo_lab.model.errors import InputError, RuleError
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import day_bounds_ns, trade_date
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.store.history.columns import cut, merged, no_bars
from openalgo_lab.store.history.hours import Hours, IntArray, days_of, sessions_of

__all__ = ["Adjustment", "Continuous", "Leg", "Roll", "RollBy", "RollRule", "join_contracts"]

_PRICES: Final = ("open", "high", "low", "close")
_UNIT: Final = 10_000  # prices have at most four decimals: currency futures
_MOST_DAYS: Final = 30
_LONGEST_CLOSURE: Final = 15


class RollBy(StrEnum):
    """What decides when the next contract takes over."""

    EXPIRY = "expiry"
    VOLUME = "volume"
    OPEN_INTEREST = "oi"


class Adjustment(StrEnum):
    """What is done to prices before a roll."""

    NONE = "none"
    DIFFERENCE = "difference"
    RATIO = "ratio"


class RollRule(msgspec.Struct, frozen=True):
    """``days`` trading days before expiry are left out of a contract (by EXPIRY only): 0 keeps it to its last day.

    By VOLUME or OPEN_INTEREST the next contract takes over on the day after the first on which it had more; a contract
    that never lost its lead is kept to its last day.
    """

    by: RollBy = RollBy.EXPIRY
    days: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.days <= _MOST_DAYS or (self.days and self.by is not RollBy.EXPIRY):
            raise InputError(
                f"A roll {self.days} days before expiry cannot be: give 0 to {_MOST_DAYS}, and days only where the "
                "roll is by expiry.",
                "days",
            )


class Leg(msgspec.Struct, frozen=True):
    """One contract: the candles to be joined, and its daily volume and open interest where a roll needs them."""

    key: InstrumentKey
    expiry: date
    bars: Bars
    days: Bars


class Roll(msgspec.Struct, frozen=True):
    """``new`` takes over from ``old`` on ``day``. Both prices (rupees) are closes of the last candle that both have
    before it, which began at ``at_ns``; None where there is no such candle. ``why`` is what decided.
    """

    day: date
    old: InstrumentKey
    new: InstrumentKey
    why: RollBy
    at_ns: int | None
    old_price: float | None
    new_price: float | None

    @property
    def difference(self) -> float | None:
        """New less old, rupees; None where it is not known."""
        if self.old_price is None or self.new_price is None:
            return None
        return round(self.new_price - self.old_price, 4)


class Continuous(msgspec.Struct, frozen=True):
    """``bars`` of all contracts, ``contract`` the place in ``keys`` that each candle comes from, and the rolls."""

    bars: Bars
    contract: IntArray
    keys: tuple[InstrumentKey, ...]
    rolls: tuple[Roll, ...]


def join_contracts(legs: Sequence[Leg], rule: RollRule, adjustment: Adjustment, calendar: Hours) -> Continuous:
    """Join contracts of one underlying, given in any order.

    Raises InputError for two contracts of one expiry, or where prices are to be adjusted and the contracts of a roll
    have no candle in common; RuleError when trading days are to be counted in a year that the calendar does not know.
    """
    if not legs:
        return Continuous(no_bars(), np.empty(0, dtype=np.int64), (), ())
    ordered = sorted(legs, key=lambda leg: leg.expiry)
    for one, other in pairwise(ordered):
        if one.expiry == other.expiry:
            raise InputError(f"{one.key} and {other.key} expire on one day: give one contract an expiry.", "contracts")
    rolls: list[Roll] = []
    begins = -(2**62)
    for old, new in pairwise(ordered):
        roll = _roll(old, new, rule, calendar, begins)
        rolls.append(roll)
        begins = day_bounds_ns(roll.day)[0]
    parts = _parts(ordered, rolls)
    shifted = [_adjusted(part, later, adjustment) for part, later in zip(parts, _later(rolls), strict=True)]
    numbers = np.repeat(np.arange(len(parts), dtype=np.int64), [len(part) for part in parts])
    return Continuous(merged(shifted), numbers, tuple(leg.key for leg in ordered), tuple(rolls))


def _roll(old: Leg, new: Leg, rule: RollRule, calendar: Hours, begins_ns: int) -> Roll:
    day, why = _roll_day(old, new, rule, calendar, begins_ns)
    limit = day_bounds_ns(day)[0]
    common = np.intersect1d(old.bars.start_ns, new.bars.start_ns)
    common = common[common < limit]
    if not len(common):
        return Roll(day, old.key, new.key, why, None, None, None)
    at = int(common[-1])
    prices = [float(leg.bars.close[np.searchsorted(leg.bars.start_ns, at)]) for leg in (old, new)]
    return Roll(day, old.key, new.key, why, at, *prices)


def _roll_day(old: Leg, new: Leg, rule: RollRule, calendar: Hours, begins_ns: int) -> tuple[date, RollBy]:
    """The new contract's first day, and what decided."""
    last = old.expiry
    if rule.by is RollBy.EXPIRY:
        for _ in range(rule.days):
            last = _trading_day_before(last, old.key.exchange, calendar)
        return last + timedelta(days=1), RollBy.EXPIRY
    crossed = _crossing(old.days, new.days, rule.by, begins_ns)
    if crossed is not None and crossed < last:
        return crossed + timedelta(days=1), rule.by
    return last + timedelta(days=1), RollBy.EXPIRY


def _trading_day_before(day: date, exchange: Exchange, calendar: Hours) -> date:
    for back in range(1, _LONGEST_CLOSURE):
        if sessions_of(calendar, exchange, before := day - timedelta(days=back)):
            return before
    raise RuleError(f"{exchange} has no trading day in the {_LONGEST_CLOSURE} days before {day}: roll by volume or oi.")


def _crossing(old: Bars, new: Bars, by: RollBy, begins_ns: int) -> date | None:
    """The first day, while the old contract is the one that counts, on which the new one had more."""
    old_days, new_days = days_of(old.start_ns), days_of(new.start_ns)
    both = np.intersect1d(old_days, new_days)
    old_rows, new_rows = np.searchsorted(old_days, both), np.searchsorted(new_days, both)
    more = getattr(new, by.value)[new_rows] > getattr(old, by.value)[old_rows]
    found = old.start_ns[old_rows][more & (old.start_ns[old_rows] >= begins_ns)]
    return trade_date(int(found[0])) if len(found) else None


def _parts(legs: Sequence[Leg], rolls: Sequence[Roll]) -> list[Bars]:
    """Each contract's own stretch; nothing of it after its expiry day."""
    edges = [-(2**62), *(day_bounds_ns(roll.day)[0] for roll in rolls), 2**62]
    return [
        cut(leg.bars, first, max(first, min(end, day_bounds_ns(leg.expiry)[1])))
        for leg, first, end in zip(legs, edges, edges[1:], strict=False)
    ]


def _later(rolls: Sequence[Roll]) -> list[Sequence[Roll]]:
    return [rolls[place:] for place in range(len(rolls) + 1)]


def _adjusted(part: Bars, later: Sequence[Roll], adjustment: Adjustment) -> Bars:
    """Prices as if the newest contract had traded; to a ten-thousandth of a rupee where they are shifted."""
    if adjustment is Adjustment.NONE or not later or not len(part):
        return part
    pairs = [_prices(roll) for roll in later]
    if adjustment is Adjustment.DIFFERENCE:
        shift = sum(new - old for old, new in pairs)
        prices = [(np.rint(getattr(part, name) * _UNIT) + shift) / _UNIT for name in _PRICES]
    else:
        ratio = Fraction(1)
        for old, new in pairs:
            if old <= 0 or new <= 0:
                raise InputError("A price of 0 or less has no ratio: adjust by difference instead.", "adjustment")
            ratio *= Fraction(new, old)
        prices = [getattr(part, name) * float(ratio) for name in _PRICES]
    opened, high, low, close = prices
    return Bars(part.start_ns, opened, high, low, close, part.volume, part.oi)


def _prices(roll: Roll) -> tuple[int, int]:
    """Old and new price in ten-thousandths of a rupee."""
    if roll.old_price is None or roll.new_price is None:
        raise InputError(
            f"{roll.old} and {roll.new} have no candle in common before {roll.day}: fetch {roll.new} for the days "
            f"before, or join them unadjusted.",
            "adjustment",
        )
    return round(roll.old_price * _UNIT), round(roll.new_price * _UNIT)
