"""Shares adjusted for corporate actions on reading; what is stored stays as it was traded.

A candle of a day before an ex-date is divided by the shares that one share became since; its volume is multiplied by
them. With dividends, it is also multiplied by (C - D) / C, C being the last close before the ex-date and D the dividend
(the proportional method of the adjusted closes that data vendors publish).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

from openalgo_lab.model.errors import InputError
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import day_bounds_ns
from openalgo_lab.store.history.actions import ActionKind, CorporateAction
from openalgo_lab.store.history.columns import merged, picked

__all__ = ["adjusted"]

_UNIT: Final = 10_000  # shares are quoted in paise; a ten-thousandth holds every quotation
_EXACT: Final = 2**53
_PRICES: Final = ("open", "high", "low", "close")

FloatArray = npt.NDArray[np.float64]


def adjusted(
    bars: Bars,
    actions: Sequence[CorporateAction],
    as_of: date,
    *,
    dividends: bool = False,
    closes: Bars | None = None,
) -> Bars:
    """Candles of one share as a holder at ``as_of`` sees them: its actions with an ex-date after that day do not count.

    Without dividends every price is the exact quotient, rounded once to a float. ``closes`` are raw candles that hold
    the close before each dividend; None takes ``bars``. Volume is rounded to whole shares. Raises InputError for a
    dividend whose close before is not there, or that is not less than it.
    """
    counted = sorted((one for one in actions if one.ex_date <= as_of), key=lambda one: one.ex_date)
    if not dividends:
        counted = [one for one in counted if one.kind is not ActionKind.DIVIDEND]
    if not counted or not len(bars):
        return bars
    parts: list[Bars] = []
    price, shares, end = Fraction(1), Fraction(1), len(bars)
    for day in sorted({one.ex_date for one in counted}, reverse=True):
        first = int(np.searchsorted(bars.start_ns, day_bounds_ns(day)[0]))
        parts.append(_scaled(picked(bars, slice(first, end)), price, shares))
        end = first
        if not first:
            return merged(parts[::-1])
        today = [one for one in counted if one.ex_date == day]
        for one in today:
            shares *= one.shares
            price /= one.shares
        price *= _left(today, bars if closes is None else closes, day)
    parts.append(_scaled(picked(bars, slice(0, end)), price, shares))
    return merged(parts[::-1])


def _left(today: Sequence[CorporateAction], closes: Bars, day: date) -> Fraction:
    """The part of the close before that the day's dividends left; both are rupees of one old share."""
    paid = sum((Fraction(one.amount) for one in today if one.kind is ActionKind.DIVIDEND), Fraction(0))
    if not paid:
        return Fraction(1)
    whose = today[0].key
    place = int(np.searchsorted(closes.start_ns, day_bounds_ns(day)[0])) - 1
    if place < 0:
        raise InputError(f"The dividend of {whose} on {day} needs the close before it: fetch the days before.", "start")
    close = Fraction(round(float(closes.close[place]) * _UNIT), _UNIT)
    if paid >= close:
        raise InputError(
            f"The dividend of {whose} on {day} (₹{float(paid):g}) is not less than the close before it "
            f"(₹{float(close):g}): correct the table of corporate actions.",
            "amount",
        )
    return (close - paid) / close


def _scaled(bars: Bars, price: Fraction, shares: Fraction) -> Bars:
    if price == 1 and shares == 1:
        return bars
    opened, high, low, close = (_product(getattr(bars, name), price) for name in _PRICES)
    return Bars(bars.start_ns, opened, high, low, close, np.rint(_product(bars.volume, shares)), bars.oi)


def _product(values: FloatArray, factor: Fraction) -> FloatArray:
    """values × factor; correctly rounded while the whole numbers fit into a float."""
    whole = np.rint(values * _UNIT)
    low = factor.denominator * _UNIT
    high = float(np.abs(whole).max(initial=0.0)) * factor.numerator
    if high < _EXACT and low < _EXACT:
        return np.asarray(whole * float(factor.numerator) / float(low), dtype=np.float64)
    return np.asarray(values * float(factor), dtype=np.float64)
