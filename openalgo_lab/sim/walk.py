"""Daily levels of the underlyings: a seeded walk with stochastic volatility, one market and several sector factors.

The walk is anchored: at :data:`ANCHOR` every underlying stands at its listed level, and days before and after follow
from it, so that years of history lead up to today's price.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.sim.noise import IntArray, normals
from openalgo_lab.sim.sessions import SimSessions

__all__ = ["ANCHOR", "DRIFT", "VOLATILITY_SECTOR", "VOL_REVERSION", "DailyWalk", "Underlying"]

ANCHOR: Final = date(2026, 8, 19)
DRIFT: Final = 0.08  # a year
VOL_REVERSION: Final = 6.0  # a year
VOLATILITY_SECTOR: Final = "VOLATILITY"
"""The sector of a volatility index: its level is the market's volatility, not a walk of its own."""
_VOL_OF_LOG_VOL: Final = 0.28
_LEVERAGE: Final = -0.6  # falls raise the volatility
_FLOOR, _CEILING = -0.75, 0.95  # of the log of the volatility factor

FloatArray = npt.NDArray[np.float64]


class Underlying(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One index or share of the simulated market.

    ``level`` in rupees at :data:`ANCHOR`; ``volatility`` a year, a fraction; ``market`` and ``sector_share``: its
    correlation with the market's factor and with its sector's; ``volume`` units traded a day, ``contracts``
    lots of its nearest at-the-money option; ``strike_step`` rupees where the exchange publishes none for it.
    """

    symbol: str
    exchange: Exchange
    name: str
    level: float
    volatility: float
    market: float
    sector: str
    sector_share: float
    volume: float
    strike_step: float
    contracts: float


class DailyWalk:
    """Closing levels and volatilities by trading day, computed for one underlying when it is first asked for."""

    def __init__(self, seed: int, sessions: SimSessions) -> None:
        self._seed = seed
        self._days = sessions.trading_ordinals()
        self.days_per_year = 365.0 if sessions.hours == "always" else 250.0
        size = len(self._days)
        self._market = normals(size, seed, "market")
        self._factor = self._volatility_factor(size)
        self._anchor = self.index_of(ANCHOR.toordinal() - date(1970, 1, 1).toordinal())
        self._closes: dict[str, FloatArray] = {}

    def index_of(self, ordinal: int) -> int:
        """Position of a trading day, or of the last one before."""
        return int(np.searchsorted(self._days, ordinal, side="right")) - 1

    def indexes(self, ordinals: IntArray) -> IntArray:
        """Positions of trading days."""
        return np.searchsorted(self._days, ordinals).astype(np.int64)

    def next_ordinal(self, ordinal: int) -> int:
        """The trading day after the one at or before ``ordinal``, as days since 1970."""
        return int(self._days[self.index_of(ordinal) + 1])

    def log_closes(self, underlying: Underlying) -> FloatArray:
        """Natural logarithm of the close, by position of the day."""
        known = self._closes.get(underlying.symbol)
        if known is None:
            known = self._closes[underlying.symbol] = self._walk(underlying)
        return known

    def factor_at(self, index: int) -> float:
        """By how much that day is more volatile than the long run."""
        return float(self._factor[index])

    def daily_sd(self, underlying: Underlying) -> FloatArray:
        """Standard deviation of each day's log return."""
        return self._factor * (underlying.volatility / float(np.sqrt(self.days_per_year)))

    def _volatility_factor(self, size: int) -> FloatArray:
        """exp of a mean-reverting Gaussian process, root mean square 1."""
        keep = float(np.exp(-VOL_REVERSION / self.days_per_year))
        own = normals(size, self._seed, "volatility")
        shocks = _LEVERAGE * self._market + np.sqrt(1.0 - _LEVERAGE**2) * own
        shocks *= _VOL_OF_LOG_VOL * np.sqrt(1.0 - keep**2)
        state, states = 0.0, np.empty(size)
        for index, shock in enumerate(shocks.tolist()):
            states[index] = state  # known before the day: its own return moves the next one
            state = keep * state + shock
        factor = np.exp(np.clip(states, _FLOOR, _CEILING))
        return np.asarray(factor / np.sqrt(np.mean(factor**2)), dtype=np.float64)

    def _walk(self, underlying: Underlying) -> FloatArray:
        size = len(self._days)
        if underlying.sector == VOLATILITY_SECTOR:
            return np.asarray(np.log(underlying.level * np.append(self._factor[1:], self._factor[-1])))
        sector = normals(size, self._seed, "sector", underlying.sector)
        own = normals(size, self._seed, "own", underlying.symbol)
        rest = np.sqrt(max(0.0, 1.0 - underlying.market**2 - underlying.sector_share**2))
        shock = underlying.market * self._market + underlying.sector_share * sector + rest * own
        level = np.cumsum(self.daily_sd(underlying) * shock + DRIFT / self.days_per_year)
        return np.asarray(np.log(underlying.level) + level - level[self._anchor], dtype=np.float64)
