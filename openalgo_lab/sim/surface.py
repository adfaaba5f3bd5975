"""What futures and options are worth: a forward with carry, a volatility smile, Black-76.

The smile gives each contract one volatility at the opening of a day and one at the next; within the day it runs
straight from the one to the other. In z = ln(K / reference) / (level x root of the time) the variance is
level² (1 + b (rho z + √(z² + 1) - 1)): a skewed hyperbola, as in Gatheral's SVI. The reference follows the spot
slowly, so that volatility at the money rises when the market falls. The level reverts to its mean with the term.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from openalgo_lab.options.black import black_price
from openalgo_lab.sim.listing import CALL, FUTURE, PUT, Listing
from openalgo_lab.sim.noise import IntArray
from openalgo_lab.sim.walk import VOL_REVERSION, DailyWalk, Underlying

__all__ = ["CARRY", "Surface", "price_rows"]

CARRY: Final = 0.06
"""Growth of the forward over the spot, a year. Premiums are not discounted: the chain's rate is 0 by default."""
_PREMIUM: Final = 1.08  # implied over realised volatility
_WING: Final = 0.14
_SKEW: Final = -0.55
_SHORTEST_DAYS: Final = 3.0
_MEMORY: Final = 40
_MEMORY_DECAY: Final = 0.9
_DAYS_PER_YEAR: Final = 365.0
_NS_PER_DAY: Final = 86_400 * 10**9

FloatArray = npt.NDArray[np.float64]


class Surface:
    """Volatilities of a listing by day. Pure function of the walk."""

    def __init__(self, underlyings: Sequence[Underlying], walk: DailyWalk) -> None:
        self._underlyings = underlyings
        self._walk = walk

    def volatility(self, listing: Listing, rows: IntArray, day_index: int, ordinal: int) -> FloatArray:
        """Implied volatility of rows (NaN for what is no option) at the opening of the day at ``day_index``."""
        if not (listing.kind[rows] >= CALL).any():
            return np.full(len(rows), np.nan)
        base = listing.base[rows]
        years = np.maximum(_ordinals(listing.expiry_ns[rows]) - ordinal, _SHORTEST_DAYS) / _DAYS_PER_YEAR
        level = self._level(base, day_index, years)
        with np.errstate(divide="ignore"):
            z = (np.log(listing.strike[rows]) - self._references(day_index)[base]) / (level * np.sqrt(years))
        is_option = listing.kind[rows] >= CALL
        z = np.where(is_option, z, np.nan)
        return np.asarray(level * np.sqrt(1.0 + _WING * (_SKEW * z + np.sqrt(z * z + 1.0) - 1.0)), dtype=np.float64)

    def distance(self, listing: Listing, rows: IntArray, day_index: int, ordinal: int) -> FloatArray:
        """How far a strike lies from the last close, in standard deviations to expiry; 0 for what is no option."""
        if not (listing.kind[rows] >= CALL).any():
            return np.zeros(len(rows))
        base = listing.base[rows]
        years = np.maximum(_ordinals(listing.expiry_ns[rows]) - ordinal, _SHORTEST_DAYS) / _DAYS_PER_YEAR
        closes = np.array([self._walk.log_closes(u)[day_index - 1] for u in self._underlyings])
        strike = np.where(listing.kind[rows] >= CALL, listing.strike[rows], np.nan)
        z = (np.log(strike) - closes[base]) / (self._level(base, day_index, years) * np.sqrt(years))
        return np.where(np.isnan(z), 0.0, z)

    def _level(self, base: IntArray, day_index: int, years: FloatArray) -> FloatArray:
        """At-the-money volatility: the average of a mean-reverting variance over the life."""
        mean = np.array([u.volatility for u in self._underlyings])[base]
        now = mean * self._walk.factor_at(day_index)
        weight = -np.expm1(-VOL_REVERSION * years) / (VOL_REVERSION * years)
        return np.asarray(_PREMIUM * np.sqrt(mean**2 + (now**2 - mean**2) * weight), dtype=np.float64)

    def _references(self, day_index: int) -> FloatArray:
        """Log of the slowly moving level around which each smile lies."""
        weights = _MEMORY_DECAY ** np.arange(_MEMORY)
        weights /= weights.sum()
        recent = [self._walk.log_closes(u)[day_index - _MEMORY : day_index][::-1] for u in self._underlyings]
        return np.asarray(np.array(recent) @ weights, dtype=np.float64)


def _ordinals(ns: IntArray) -> FloatArray:
    """Days since 1970 of expiries (which lie in Indian daytime, the same day in UTC)."""
    return np.asarray(ns // _NS_PER_DAY, dtype=np.float64)


def price_rows(
    listing: Listing, rows: IntArray, spot: FloatArray, volatility: FloatArray, years: FloatArray
) -> FloatArray:
    """Unrounded prices of rows at spots of shape (..., rows). Rises with the spot, for a put it falls."""
    out = spot.copy()
    kind = listing.kind[rows]
    dated = np.flatnonzero(kind >= FUTURE)
    if len(dated):
        out[..., dated] = spot[..., dated] * np.exp(CARRY * years[dated])
    options = np.flatnonzero(kind >= CALL)
    if len(options):
        strike = listing.strike[rows[options]]
        call = black_price(out[..., options], strike, years[options], volatility[options], True)
        parity = np.where(kind[options] == PUT, strike, 0.0) - np.where(kind[options] == PUT, out[..., options], 0.0)
        out[..., options] = np.maximum(call + parity, 0.0)
    return out
