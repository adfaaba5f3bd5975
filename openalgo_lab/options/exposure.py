"""What open interest makes of gamma: exposure by strike, where it changes its sign, and its density.

Open interest in units (shares), prices in rupees. Whether those who hedge are long or short is not public: the usual
assumption is that they bought the calls and sold the puts, which gives calls a plus and puts a minus.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np
import numpy.typing as npt

from openalgo_lab.options.black import black_greeks

__all__ = ["GammaExposure", "gamma_density", "gamma_exposure", "zero_gamma"]

FloatArray = npt.NDArray[np.float64]


class GammaExposure(msgspec.Struct, frozen=True):
    """Rupees of the underlying to be traded when it moves by 1 %: by strike, calls +, puts -, and net."""

    calls: FloatArray
    puts: FloatArray
    net: FloatArray

    @property
    def total(self) -> float:
        """Net over all strikes."""
        return float(self.net.sum())


def gamma_exposure(
    call_gamma: FloatArray, put_gamma: FloatArray, call_oi: FloatArray, put_oi: FloatArray, spot: float
) -> GammaExposure:
    """gamma x open interest x spot² x 0.01 by strike; an unknown gamma or interest counts 0."""
    scale = spot * spot * 0.01
    calls = np.nan_to_num(call_gamma * call_oi) * scale
    puts = -np.nan_to_num(put_gamma * put_oi) * scale
    return GammaExposure(calls, puts, calls + puts)


def zero_gamma(
    strikes: FloatArray,
    volatility: FloatArray,
    call_oi: FloatArray,
    put_oi: FloatArray,
    *,
    years: float,
    forward: float,
    reach: float = 0.08,
    points: int = 81,
) -> float:
    """The level of the underlying at which net exposure changes its sign, nearest to ``forward``; NaN without one.

    Gamma is computed anew at every level within ``reach`` (a fraction) of the forward, each strike keeping its
    volatility (fraction). Between two levels the line through both is taken.
    """
    known = np.isfinite(volatility) & (volatility > 0)
    if not known.any() or not math.isfinite(forward):
        return math.nan
    levels = forward * np.linspace(1.0 - reach, 1.0 + reach, points)
    gamma = black_greeks(levels[:, None], strikes[known], years, volatility[known], True).gamma
    net = gamma @ np.nan_to_num(call_oi - put_oi)[known] * levels * levels
    turns = np.flatnonzero(np.sign(net[:-1]) * np.sign(net[1:]) < 0)
    if not len(turns):
        return math.nan
    crossing = levels[turns] - net[turns] * (levels[turns + 1] - levels[turns]) / (net[turns + 1] - net[turns])
    return float(crossing[np.argmin(np.abs(crossing - forward))])


def gamma_density(
    strikes: FloatArray,
    volatility: FloatArray,
    call_oi: FloatArray,
    put_oi: FloatArray,
    *,
    years: float,
    forward: float,
) -> FloatArray:
    """gamma x (call OI + put OI) by strike: where hedging concentrates if time is ``years``; 0 where unknown."""
    gamma = black_greeks(forward, strikes, years, volatility, True).gamma
    return np.asarray(np.nan_to_num(gamma * (np.nan_to_num(call_oi) + np.nan_to_num(put_oi))), dtype=np.float64)
