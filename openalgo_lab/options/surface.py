"""Volatilities over strikes and expiries: a smile an expiry, joined in time by total variance."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from openalgo_lab.options.svi import SmileFit, calendar_gap

__all__ = ["Surface", "skew"]

FloatArray = npt.NDArray[np.float64]


class Surface(msgspec.Struct, frozen=True):
    """Fits by expiry, the nearest first."""

    fits: tuple[SmileFit, ...]

    @classmethod
    def of(cls, fits: Sequence[SmileFit]) -> Surface:
        """Ordered by time."""
        return cls(tuple(sorted(fits, key=lambda fit: fit.smile.years)))

    @property
    def years(self) -> FloatArray:
        """Time to each expiry."""
        return np.array([fit.smile.years for fit in self.fits])

    def volatility(self, k: FloatArray, years: FloatArray) -> FloatArray:
        """Volatility (fractions) at log-moneyness ``k`` (n,) and times ``years`` (m,): (m, n).

        Between two expiries total variance grows in a straight line at the same moneyness; before the first and after
        the last the volatility of that expiry stands.
        """
        variance = np.stack([np.maximum(fit.smile.variance(k), 0.0) for fit in self.fits])
        known = self.years
        rows = []
        for at in np.asarray(years, dtype=np.float64):
            if at <= known[0] or len(known) == 1:
                rows.append(np.sqrt(variance[0] / known[0]))
                continue
            if at >= known[-1]:
                rows.append(np.sqrt(variance[-1] / known[-1]))
                continue
            right = int(np.searchsorted(known, at))
            share = (at - known[right - 1]) / (known[right] - known[right - 1])
            rows.append(np.sqrt((variance[right - 1] * (1 - share) + variance[right] * share) / at))
        return np.array(rows)

    @property
    def calendar_free(self) -> bool:
        """Whether total variance never falls from one expiry to the next, at the moneyness quoted for both."""
        for near, far in zip(self.fits, self.fits[1:], strict=False):
            k = np.linspace(max(near.low, far.low), min(near.high, far.high), 61)
            if calendar_gap(near.smile, far.smile, k) < -1e-9:
                return False
        return True


def skew(fit: SmileFit, *, distance: float = 0.05) -> float:
    """Volatility points by which a strike ``distance`` below the forward is dearer than one as far above it."""
    low, high = fit.smile.volatility(fit.smile.forward * np.array([1.0 - distance, 1.0 + distance]))
    return 100.0 * float(low - high)
