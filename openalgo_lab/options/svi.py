"""Smiles as raw SVI: total variance w(k) = a + b (ρ (k - m) + √((k - m)² + s²)), k = ln(K / F) (Gatheral 2004).

For fixed m and s the curve is linear in three numbers, so only these two are searched (Zeliade's quasi-explicit
calibration, 2009): over a grid that is narrowed round the best point. Arbitrage is checked by Durrleman's condition
(butterflies), by Lee's bound on the wings, and from one expiry to the next (calendar).
"""

from __future__ import annotations

import math
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

__all__ = ["Smile", "SmileFit", "calendar_gap", "durrleman", "fit_smile"]

FloatArray = npt.NDArray[np.float64]

_FEWEST: Final = 5
_GRID: Final = 17
_ROUNDS: Final = 6
_CHECKED: Final = 40
_TOLERANCE: Final = -1e-9


class Smile(msgspec.Struct, frozen=True):
    """The five numbers of one expiry, its ``years`` and its ``forward`` (rupees)."""

    a: float
    b: float
    rho: float
    m: float
    s: float
    years: float
    forward: float

    def variance(self, k: FloatArray | float) -> FloatArray:
        """Total variance at log-moneyness ``k``."""
        at = np.asarray(k, dtype=np.float64) - self.m
        return np.asarray(self.a + self.b * (self.rho * at + np.sqrt(at * at + self.s * self.s)), dtype=np.float64)

    def volatility(self, strikes: FloatArray | float) -> FloatArray:
        """Volatility (fraction) at ``strikes``."""
        k = np.log(np.asarray(strikes, dtype=np.float64) / self.forward)
        return np.asarray(np.sqrt(np.maximum(self.variance(k), 0.0) / self.years), dtype=np.float64)


class SmileFit(msgspec.Struct, frozen=True):
    """A smile and how good it is: ``error`` in volatility points (root mean square, weighted), and two checks.

    ``low`` and ``high``: the log-moneyness of the outermost strikes that it was fitted to.
    """

    smile: Smile
    low: float
    high: float
    error: float
    butterfly_free: bool
    wings_free: bool

    @property
    def arbitrage_free(self) -> bool:
        """Both checks."""
        return self.butterfly_free and self.wings_free


def fit_smile(
    strikes: FloatArray, volatility: FloatArray, forward: float, years: float, weights: FloatArray | None = None
) -> SmileFit | None:
    """The smile through ``volatility`` (fractions; NaN is left out); None with fewer than five points or no time.

    ``weights`` say how far each is to be trusted (vega, or the inverse of the spread). The best curve without butterfly
    arbitrage is taken where there is one among the near-best, else the best, and the fit says so.
    """
    use = np.isfinite(volatility) & (volatility > 0) & (strikes > 0)
    if use.sum() < _FEWEST or not years > 0 or not forward > 0:
        return None
    k, w = np.log(strikes[use] / forward), volatility[use] ** 2 * years
    trust = np.ones(len(k)) if weights is None else np.nan_to_num(weights[use])
    # An error of the volatility is an error of the variance divided by 2 √(w T).
    trust = trust / max(trust.max(), 1e-300) / w
    span = max(float(k.max() - k.min()), 1e-4)
    middle, width = (float(k.min()), float(k.max())), (1e-3 * span, 2.0 * span)
    best = _search(k, w, trust, middle, width)
    smile = Smile(*best, years=years, forward=forward)
    off = smile.volatility(strikes[use]) - volatility[use]
    error = 100.0 * math.sqrt(float((trust * w * off * off).sum() / (trust * w).sum()))
    return SmileFit(
        smile,
        float(k.min()),
        float(k.max()),
        error,
        butterfly_free=bool(durrleman(smile, _reach(k, 201)).min() >= _TOLERANCE),
        wings_free=smile.b * (1.0 + abs(smile.rho)) <= 2.0,
    )


def durrleman(smile: Smile, k: FloatArray) -> FloatArray:
    """g(k): the density of the underlying times something positive; below 0 a butterfly can be had for nothing."""
    return np.asarray(_density(np.array([[smile.a, smile.b, smile.rho, smile.m, smile.s]]), k)[0], dtype=np.float64)


def calendar_gap(near: Smile, far: Smile, k: FloatArray) -> float:
    """Least difference of total variances over ``k``; below 0 a calendar spread can be had for nothing."""
    return float((far.variance(k) - near.variance(k)).min())


def _reach(k: FloatArray, points: int) -> FloatArray:
    """The quoted range and a quarter of it on either side: further out nobody trades on the curve."""
    low, high = float(k.min()), float(k.max())
    return np.linspace(low - (high - low) / 4, high + (high - low) / 4, points)


def _search(
    k: FloatArray, w: FloatArray, trust: FloatArray, middle: tuple[float, float], width: tuple[float, float]
) -> tuple[float, float, float, float, float]:
    """The numbers of the best curve on a grid of (m, s) that is narrowed round the best so far."""
    found = np.empty((0, 5))
    errors = np.empty(0)
    low, high = np.array([middle[0], math.log(width[0])]), np.array([middle[1], math.log(width[1])])
    for _ in range(_ROUNDS):
        m, log_s = np.meshgrid(*(np.linspace(low[i], high[i], _GRID) for i in (0, 1)), indexing="ij")
        curves, error = _linear(k, w, trust, m.ravel(), np.exp(log_s.ravel()))
        found, errors = np.concatenate((found, curves)), np.concatenate((errors, error))
        best = found[int(np.argmin(errors))]
        reach = (high - low) / (_GRID - 1) * 2.0
        low, high = np.array([best[3], math.log(best[4])]) - reach, np.array([best[3], math.log(best[4])]) + reach
    order = np.argsort(errors)[:_CHECKED]
    order = order[errors[order] <= 2.0 * errors[order[0]] + 1e-12]
    free = np.flatnonzero(_density(found[order], _reach(k, 101)).min(axis=1) >= _TOLERANCE)
    a, b, rho, m_best, s_best = found[order[free[0] if len(free) else 0]].tolist()
    return a, b, rho, m_best, s_best


def _linear(
    k: FloatArray, w: FloatArray, trust: FloatArray, m: FloatArray, s: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """For each (m, s) the weighted least squares of w = a + c z + d y, y = (k - m) / s, z = √(y² + 1).

    Kept within what a smile may be: 0 <= c <= 2 s (the wings), |d| <= c, and a lowest variance of at least 0.
    """
    y = (k - m[:, None]) / s[:, None]
    z = np.sqrt(y * y + 1.0)
    total = trust.sum()
    y_mean, z_mean, w_mean = y @ trust / total, z @ trust / total, w @ trust / total
    dy, dz, dw = y - y_mean[:, None], z - z_mean[:, None], w - w_mean
    yy, zz, yz = (dy * dy) @ trust, (dz * dz) @ trust, (dy * dz) @ trust
    yw, zw = (dy * dw) @ trust, (dz * dw) @ trust
    least = 1e-14 * (yy * zz) + 1e-300
    determinant = np.maximum(yy * zz - yz * yz, least)
    c = np.clip((zw * yy - yw * yz) / determinant, 0.0, 2.0 * s)
    d = np.clip((yw - c * yz) / np.maximum(yy, 1e-300), -c, c)
    a = np.maximum(w_mean - c * z_mean - d * y_mean, -np.sqrt(np.maximum(c * c - d * d, 0.0)))
    off = a[:, None] + c[:, None] * z + d[:, None] * y - w
    rho = np.divide(d, c, out=np.zeros_like(d), where=c > 0)
    return np.stack((a, c / s, rho, m, s), axis=1), (off * off) @ trust


def _density(curves: FloatArray, k: FloatArray) -> FloatArray:
    """Durrleman's g of every curve (n, 5) at every k: (n, len(k)); -inf where the variance is not positive."""
    a, b, rho, m, s = (column[:, None] for column in curves.T)
    at = k - m
    root = np.sqrt(at * at + s * s)
    w = a + b * (rho * at + root)
    first = b * (rho + at / root)
    second = b * s * s / root**3
    with np.errstate(divide="ignore", invalid="ignore"):
        g = (1.0 - 0.5 * k * first / w) ** 2 - 0.25 * first**2 * (1.0 / w + 0.25) + 0.5 * second
    return np.where(w > 0, g, -np.inf)
