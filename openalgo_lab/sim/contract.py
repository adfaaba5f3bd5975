"""One instrument over many days: candles of its own out of candles of its underlying."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from openalgo_lab.model.market import Bars
from openalgo_lab.options.black import year_fraction
from openalgo_lab.sim.interest import Interest
from openalgo_lab.sim.listing import FUTURE, Listing
from openalgo_lab.sim.noise import IntArray
from openalgo_lab.sim.sessions import BLOCK_MINUTES, NS_PER_MINUTE, SimSession
from openalgo_lab.sim.surface import Surface, price_rows
from openalgo_lab.sim.walk import DailyWalk, Underlying

__all__ = ["ContractDays", "end_minutes", "years_left"]

_BLOCK_NS: Final = BLOCK_MINUTES * NS_PER_MINUTE

FloatArray = npt.NDArray[np.float64]


def years_left(open_ns: int | IntArray, block: IntArray, expiry_ns: IntArray) -> FloatArray:
    """Time to expiry in the middle of a block of a session; none in the block that ends at expiry."""
    end = open_ns + (block + 1) * _BLOCK_NS
    return np.where(end >= expiry_ns, 0.0, year_fraction(end - _BLOCK_NS // 2, expiry_ns))


def end_minutes(listing: Listing, session: SimSession) -> IntArray:
    """The minute at which each row stops on a session: its venue's close, or its expiry."""
    ends = np.array(session.ends, dtype=np.int64)[listing.venue]
    left = (listing.expiry_ns - session.open_ns) // NS_PER_MINUTE
    return np.where(listing.kind >= FUTURE, np.clip(np.minimum(ends, left), 1, None), ends)


class _Day(msgspec.Struct, frozen=True):
    """A contract's volatility at a day's opening and what it gains a block, and what trades."""

    opening: float
    slope: float
    interest: Interest


class ContractDays:
    """The only row of ``listing`` (NaN open interest counts as 0 in candles, as does an index's volume)."""

    def __init__(
        self,
        listing: Listing,
        underlyings: Sequence[Underlying],
        walk: DailyWalk,
        surface: Surface,
        first_day: date | None,
    ) -> None:
        self._listing = listing
        self._underlyings = underlyings
        self._walk = walk
        self._surface = surface
        self._first = first_day
        self._last = listing.instruments[0].expiry

    def lives_on(self, session: SimSession) -> bool:
        """Whether it is listed on that day."""
        day = session.day
        return (self._first is None or day >= self._first) and (self._last is None or day <= self._last)

    def end_minute(self, session: SimSession) -> int:
        """The minute at which it stops trading on that day."""
        return int(end_minutes(self._listing, session)[0])

    def candles(
        self,
        sessions: Sequence[SimSession],
        *,
        day: IntArray,
        minute: IntArray,
        spots: FloatArray,
        starts: IntArray,
        done: FloatArray,
        whole: FloatArray,
    ) -> Bars:
        """Candles of its own, one for each of n candles of the underlying.

        ``day`` (n,) indexes ``sessions``, ``minute`` (n,) is the minute it lies in, ``spots`` (4, n) the underlying's
        open, high, low, close, ``done`` (2, n) the activity at its start and end, ``whole`` that of each session.
        """
        days = [self._day(session) for session in sessions]
        rows = np.zeros(len(day), dtype=np.int64)
        block = minute // BLOCK_MINUTES
        opens = np.array([s.open_ns for s in sessions], dtype=np.int64)[day]
        volatility = _each(days, "opening")[day] + _each(days, "slope")[day] * (block + 0.5)
        years = years_left(opens, block, self._listing.expiry_ns[rows])
        prices = self._listing.snap(price_rows(self._listing, rows, spots, volatility, years), rows)
        volume, oi = self._amounts(days, day, done, whole)
        high, low = np.maximum(prices[1], prices[2]), np.minimum(prices[1], prices[2])
        return Bars(starts, prices[0], high, low, prices[3], volume, oi)

    def _amounts(
        self, days: list[_Day], day: IntArray, done: FloatArray, whole: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        volume, oi = np.zeros(len(day)), np.zeros(len(day))
        row = np.zeros(1, dtype=np.int64)
        edges = np.searchsorted(day, np.arange(len(days) + 1))
        for index, one in enumerate(days):
            part = slice(edges[index], edges[index + 1])
            traded = one.interest.volume(row, done[:, part])
            volume[part] = np.nan_to_num(traded[1] - traded[0])
            oi[part] = np.nan_to_num(one.interest.open_interest(row, done[1, part] / whole[index]))
        return volume, oi

    def _day(self, session: SimSession) -> _Day:
        row = np.zeros(1, dtype=np.int64)
        index, following = self._walk.index_of(session.ordinal), self._walk.next_ordinal(session.ordinal)
        opening = float(self._surface.volatility(self._listing, row, index, session.ordinal)[0])
        later = float(self._surface.volatility(self._listing, row, index + 1, following)[0])
        interest = Interest(
            self._listing,
            self._underlyings,
            self._surface,
            day_index=index,
            ordinal=session.ordinal,
            next_ordinal=following,
        )
        return _Day(opening, (later - opening) / session.blocks, interest)


def _each(days: list[_Day], name: str) -> FloatArray:
    return np.array([getattr(day, name) for day in days])
