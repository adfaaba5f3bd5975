"""How much trades and how much stays open: volume and open interest by contract and day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from openalgo_lab.sim.listing import CALL, FUTURE, PUT, SHARE, Listing
from openalgo_lab.sim.noise import IntArray, bits, uniform
from openalgo_lab.sim.surface import Surface
from openalgo_lab.sim.walk import Underlying

__all__ = ["Interest"]

_NS_PER_DAY: Final = 86_400 * 10**9
_NEAREST_DAYS: Final = 7.0
_TERM_DAYS: Final = 18.0
_OPEN_TO_TRADED: Final = 0.35  # open interest at the peak strike against a near contract's daily volume
_PEAK: Final = 0.8  # standard deviations out of the money at which open interest is highest

FloatArray = npt.NDArray[np.float64]


class Interest:
    """Volume and open interest of a listing on one session, in units."""

    def __init__(
        self,
        listing: Listing,
        underlyings: Sequence[Underlying],
        surface: Surface,
        *,
        day_index: int,
        ordinal: int,
        next_ordinal: int,
    ) -> None:
        self._listing = listing
        self._base = np.array([u.contracts for u in underlyings])[listing.base]
        self._round = np.array([_round_strike(u) for u in underlyings])[listing.base]
        rows = np.arange(len(listing), dtype=np.int64)
        before = surface.distance(listing, rows, day_index, ordinal)
        after = surface.distance(listing, rows, day_index + 1, next_ordinal)
        days = np.maximum(listing.expiry_ns / _NS_PER_DAY - ordinal, 0.0)
        self._volume = self._traded(before, days, ordinal, np.array([u.volume for u in underlyings])[listing.base])
        self.start: FloatArray = self._open_interest(before, days, ordinal)
        days = np.maximum(days - (next_ordinal - ordinal), 0.0)
        self.close: FloatArray = self._open_interest(after, days, next_ordinal)
        self.distance: FloatArray = np.abs(before)

    def volume(self, rows: IntArray, activity: FloatArray) -> FloatArray:
        """Units traded when ``activity`` of a usual day is done: whole lots, never falling. NaN for an index."""
        lot = self._listing.lot[rows]
        return np.asarray(np.floor(self._volume[rows] * activity / lot) * lot, dtype=np.float64)

    def open_interest(self, rows: IntArray, progress: FloatArray) -> FloatArray:
        """Units open when ``progress`` (0…1) of the day is done; NaN for what has none."""
        lot, start = self._listing.lot[rows], self.start[rows]
        gained = (self.close[rows] - start) * np.clip(progress, 0.0, 1.0)
        return np.asarray(start + np.rint(gained / lot) * lot, dtype=np.float64)

    def _traded(self, distance: FloatArray, days: FloatArray, ordinal: int, shares: FloatArray) -> FloatArray:
        listing = self._listing
        noise = np.exp(0.8 * (uniform(bits(listing.key + np.uint64(1), np.uint64(ordinal))) - 0.5))
        option = self._base * listing.lot * self._term(days) * np.exp(-0.9 * np.abs(distance)) * self._bonus()
        future = self._base * listing.lot * self._term(days) * 0.15
        volume = np.where(listing.kind >= CALL, option, np.where(listing.kind == FUTURE, future, shares))
        return np.asarray(np.where(listing.kind < SHARE, np.nan, volume * noise), dtype=np.float64)

    def _open_interest(self, distance: FloatArray, days: FloatArray, ordinal: int) -> FloatArray:
        listing = self._listing
        outwards = np.where(listing.kind == PUT, -distance, distance)
        shape = np.exp(-0.5 * ((outwards - _PEAK) / 1.1) ** 2) + 0.004
        habit = np.exp(1.2 * (uniform(bits(listing.key + np.uint64(2), np.uint64(0))) - 0.5))
        wiggle = np.exp(0.08 * (uniform(bits(listing.key + np.uint64(3), np.uint64(ordinal))) - 0.5))
        lots = self._base * _OPEN_TO_TRADED * np.sqrt(self._term(days)) * habit * wiggle
        lots *= np.where(listing.kind >= CALL, shape * self._bonus(), 0.6)
        return np.asarray(np.where(listing.kind < FUTURE, np.nan, np.rint(lots) * listing.lot), dtype=np.float64)

    def _term(self, days: FloatArray) -> FloatArray:
        """The nearest contracts trade most."""
        return np.asarray(np.exp(-np.maximum(days - _NEAREST_DAYS, 0.0) / _TERM_DAYS) + 0.01, dtype=np.float64)

    def _bonus(self) -> FloatArray:
        """Round strikes draw more."""
        return np.where(np.mod(self._listing.strike, self._round) == 0, 2.2, 1.0)


def _round_strike(underlying: Underlying) -> float:
    """The distance of strikes that people call round: a power of ten times five near 2 % of the level."""
    size = 10.0 ** np.floor(np.log10(underlying.level * 0.04))
    return float(size * (5.0 if underlying.level * 0.04 >= 5 * size else 1.0))
