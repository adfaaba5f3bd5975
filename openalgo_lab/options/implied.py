"""Implied volatility of Black-76, whole chains at a time.

The price is turned into that of the out-of-the-money option of the same strike and divided by √(FK) e^(-rT). With
x = |ln(F/K)|, total volatility s, h = x/s, t = s/2 and the Mills ratio M it is b = C [M(h-t) - M(h+t)],
C = n(√(h²+t²)), and so is never lost in a difference of two large numbers. b(s) has its inflection at s = √(2x).
Below it, (-ln b)^(-1/2) is nearly a straight line in s, above it the logarithm of what is missing to the highest
price is concave: Newton's method on these two converges from the inflection point for every price (the idea of
working on either side of the inflection is Jäckel's, "Let's be rational", 2015).
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from openalgo_lab.options.black import Calls, Floats
from openalgo_lab.options.normal import mills

__all__ = ["NoVolatility", "implied_volatility", "why_no_volatility"]

FloatArray = npt.NDArray[np.float64]

_MAX_STEPS: Final = 64
_CLOSE: Final = 1e-9  # Newton doubles the digits: a step this small leaves the next one below float64
_ROUNDING: Final = 4e-16  # of the numbers a price is the difference of
_TINY: Final = 1e-300
_HALF_LN_2PI: Final = 0.5 * math.log(2.0 * math.pi)


class NoVolatility(IntEnum):
    """Why a price has no volatility; ``sentence`` says it to people."""

    SOLVED = 0
    BELOW_INTRINSIC = 1
    ABOVE_BOUND = 2
    EXPIRED = 3
    NO_PRICE = 4
    NO_FORWARD = 5

    @property
    def sentence(self) -> str:
        """One clear sentence; "" where there is a volatility."""
        return _SENTENCES[self]


_SENTENCES: Final = {
    NoVolatility.SOLVED: "",
    NoVolatility.BELOW_INTRINSIC: "The price is below the intrinsic value: it is old, or the forward has moved on.",
    NoVolatility.ABOVE_BOUND: "No option of this strike can be worth that much: check price and strike.",
    NoVolatility.EXPIRED: "No time is left until expiry.",
    NoVolatility.NO_PRICE: "The option has no price yet.",
    NoVolatility.NO_FORWARD: "Neither a forward nor a strike above zero is known.",
}


def implied_volatility(
    price: Floats, forward: Floats, strike: Floats, years: Floats, is_call: Calls, *, rate: Floats = 0.0
) -> FloatArray:
    """Volatility (fraction) at which Black-76 gives ``price``; shapes broadcast.

    NaN where there is none: price below the discounted intrinsic value or not below its bound (D F for a call,
    D K for a put), no time left, or an argument that is not positive and finite (the price may be 0). Exactly at the
    intrinsic value it is 0.
    """
    p, f, k, t, call, r = (np.atleast_1d(a) for a in np.broadcast_arrays(price, forward, strike, years, is_call, rate))
    shape = np.broadcast_shapes(*(np.shape(a) for a in (price, forward, strike, years, is_call, rate)))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        sane = (p >= 0) & (f > 0) & (k > 0) & (t > 0) & np.isfinite(p * f * k * t * r)
        undiscounted = p * np.exp(r * t)
        intrinsic = np.maximum(np.where(call, f - k, k - f), 0.0)
        time_value = undiscounted - intrinsic
        time_value[np.abs(time_value) <= _ROUNDING * np.maximum(f, k) * (intrinsic > 0)] = 0.0
        x = np.abs(np.log(f / k))
        beta = time_value / np.sqrt(f * k)
        sane &= (time_value >= 0) & (undiscounted < np.where(call, f, k)) & (beta < np.exp(-0.5 * x))
    out = np.full(p.shape, np.nan)
    out[sane & (beta == 0)] = 0.0
    solve = np.flatnonzero(sane & (beta > 0))
    out.flat[solve] = _total_volatility(x.flat[solve], beta.flat[solve]) / np.sqrt(t.flat[solve])
    return out.reshape(shape)


def why_no_volatility(
    price: Floats, forward: Floats, strike: Floats, years: Floats, is_call: Calls, *, rate: Floats = 0.0
) -> npt.NDArray[np.int8]:
    """A :class:`NoVolatility` each, of the common shape: not SOLVED exactly where :func:`implied_volatility` is NaN."""
    volatility = implied_volatility(price, forward, strike, years, is_call, rate=rate)
    p, f, k, t, call, r = np.broadcast_arrays(price, forward, strike, years, is_call, rate)
    with np.errstate(over="ignore", invalid="ignore"):
        undiscounted = p * np.exp(r * t)
        below = undiscounted < np.maximum(np.where(call, f - k, k - f), 0.0)
        unpriced = ~(np.isfinite(p) & (p >= 0))
        unknown = ~(np.isfinite(f) & np.isfinite(k) & np.isfinite(r) & (f > 0) & (k > 0))
    reasons = np.where(below, NoVolatility.BELOW_INTRINSIC, NoVolatility.ABOVE_BOUND)
    reasons = np.where(~(np.isfinite(t) & (t > 0)), NoVolatility.EXPIRED, reasons)
    reasons = np.where(unpriced, NoVolatility.NO_PRICE, np.where(unknown, NoVolatility.NO_FORWARD, reasons))
    return np.where(np.isnan(volatility), reasons, NoVolatility.SOLVED).astype(np.int8)


def _total_volatility(x: FloatArray, beta: FloatArray) -> FloatArray:
    """s with b(s, x) = beta, for 0 < beta < e^(-x/2)."""
    start = np.maximum(np.sqrt(2.0 * x), 1e-12)
    at_start = np.exp(-0.5 * x) * (0.5 - mills(start) / math.sqrt(2.0 * math.pi))
    below = beta < at_start
    out = np.empty_like(x)
    out[below] = _from_below(x[below], beta[below], start[below])
    out[~below] = _from_above(x[~below], beta[~below], start[~below])
    return out


def _from_below(x: FloatArray, beta: FloatArray, s: FloatArray) -> FloatArray:
    """Newton on (-ln b)^(-1/2), whose slope is (-ln b)^(-3/2) / (2 [M(h-t) - M(h+t)])."""
    target = (-np.log(beta)) ** -0.5
    highest = s
    for _ in range(_MAX_STEPS):
        h, t = x / s, 0.5 * s
        ratio = mills(np.stack((np.maximum(h - t, 0.0), h + t)))
        gap = np.maximum(ratio[0] - ratio[1], _TINY)
        depth = 0.5 * (h * h + t * t) + _HALF_LN_2PI - np.log(gap)
        step = 2.0 * depth * gap * (target * depth**0.5 - 1.0)
        following = np.clip(s + step, 0.25 * s, np.minimum(highest, 4.0 * s))
        moved = np.abs(following - s) > _CLOSE * s
        s = following
        if not moved.any():
            break
    return s


def _from_above(x: FloatArray, beta: FloatArray, s: FloatArray) -> FloatArray:
    """Newton on ln(e^(-x/2) - b), whose slope is -1 / [M(t-h) + M(t+h)]."""
    target = np.log(np.exp(-0.5 * x) - beta)
    lowest = s
    for _ in range(_MAX_STEPS):
        h, t = x / s, 0.5 * s
        ratio = mills(np.stack((np.maximum(t - h, 0.0), h + t)))
        both = ratio[0] + ratio[1]
        missing = np.log(both) - 0.5 * (h * h + t * t) - _HALF_LN_2PI
        following = np.maximum(s + (missing - target) * both, lowest)
        moved = np.abs(following - s) > _CLOSE * s
        s = following
        if not moved.any():
            break
    return s
