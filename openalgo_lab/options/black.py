"""Black-76: prices and Greeks of European options on a forward, whole arrays at a time.

With forward F, strike K, years T, rate r, volatility s: d1 = [ln(F/K) + s²T/2] / (s√T), d2 = d1 - s√T, D = e^(-rT);
call = D [F N(d1) - K N(d2)], put = D [K N(-d2) - F N(-d1)] (Black 1976).

Everywhere in this package: prices, forwards and strikes in rupees, time in years of 365 days, volatility and rate as
fractions (12 % is 0.12), ``is_call`` True for a call. Arguments broadcast; NaN in gives NaN out.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from openalgo_lab.options.normal import normal_cdf, normal_pdf

__all__ = ["DAYS_PER_YEAR", "Greeks", "black_greeks", "black_price", "year_fraction"]

FloatArray = npt.NDArray[np.float64]
Floats = FloatArray | float
Calls = npt.NDArray[np.bool_] | bool

DAYS_PER_YEAR: Final = 365.0
_NS_PER_YEAR: Final = 365 * 86_400 * 10**9


class Greeks(msgspec.Struct, frozen=True):
    """Price and sensitivities, arrays of one shape.

    ``delta`` per rupee of the forward, ``gamma`` per rupee², ``theta`` rupees a calendar day, ``vega`` rupees a
    volatility point (1 %), ``rho`` rupees a percentage point of the rate; of second order ``vanna`` delta a volatility
    point, ``volga`` vega a volatility point, ``charm`` delta a calendar day (the forward stands still meanwhile).
    """

    price: FloatArray
    delta: FloatArray
    gamma: FloatArray
    theta: FloatArray
    vega: FloatArray
    rho: FloatArray
    vanna: FloatArray
    volga: FloatArray
    charm: FloatArray


def year_fraction(now_ns: int | npt.NDArray[np.int64], expiry_ns: int | npt.NDArray[np.int64]) -> FloatArray:
    """Years of 365 days from one moment to another (UTC ns); 0 once the second has passed."""
    left = np.asarray(expiry_ns, dtype=np.int64) - np.asarray(now_ns, dtype=np.int64)
    return np.asarray(np.maximum(left, 0) / _NS_PER_YEAR, dtype=np.float64)


def black_price(
    forward: Floats, strike: Floats, years: Floats, volatility: Floats, is_call: Calls, *, rate: Floats = 0.0
) -> FloatArray:
    """The option's price; its discounted intrinsic value where no time or no volatility is left."""
    f, k, t, s, call, r = np.broadcast_arrays(forward, strike, years, volatility, is_call, rate)
    sign = np.where(call, 1.0, -1.0)
    total, d1 = _total_and_d1(f, k, t, s)
    cdf = normal_cdf(np.stack((sign * d1, sign * (d1 - total))))
    alive = sign * (f * cdf[0] - k * cdf[1])
    intrinsic = np.maximum(sign * (f - k), 0.0)
    # Rounding may carry a deep option a hair below its intrinsic value.
    value = np.where(total > 0, np.maximum(alive, intrinsic), intrinsic)
    unknown = np.isnan(f) | np.isnan(k) | np.isnan(t) | np.isnan(s)
    return np.asarray(np.where(unknown, np.nan, value) * np.exp(-r * np.maximum(t, 0.0)), dtype=np.float64)


def black_greeks(
    forward: Floats, strike: Floats, years: Floats, volatility: Floats, is_call: Calls, *, rate: Floats = 0.0
) -> Greeks:
    """Price and Greeks. Without time or volatility: delta ±D in the money and 0 out of it, the others 0."""
    f, k, t, s, call, r = np.broadcast_arrays(forward, strike, years, volatility, is_call, rate)
    sign = np.where(call, 1.0, -1.0)
    total, d1 = _total_and_d1(f, k, t, s)
    d2 = d1 - total
    alive = total > 0
    lasting = np.maximum(t, 0.0)
    discount, root = np.exp(-r * lasting), np.sqrt(lasting)
    price = black_price(f, k, t, s, call, rate=r)
    density = np.where(alive, discount * normal_pdf(d1), 0.0)
    delta = np.where(alive, normal_cdf(sign * d1), np.where(sign * (f - k) > 0, 1.0, 0.0)) * sign * discount
    vega = f * density * root
    with np.errstate(divide="ignore", invalid="ignore"):
        gamma = np.where(alive, density / (f * total), 0.0)
        decay = np.where(alive, -f * density * s / (2.0 * root) + r * price, 0.0)
        skewing = np.where(alive, density * d2 / s, 0.0)
        fading = np.where(alive, r * delta + density * d2 / (2.0 * lasting), 0.0)
    blank = np.where(np.isnan(price), np.nan, 0.0)
    return Greeks(
        price=price,
        delta=np.asarray(delta + blank),
        gamma=np.asarray(gamma + blank),
        theta=np.asarray(decay / DAYS_PER_YEAR + blank),
        vega=np.asarray(vega / 100.0 + blank),
        rho=np.asarray(-lasting * price / 100.0 + blank),
        vanna=np.asarray(-skewing / 100.0 + blank),
        volga=np.asarray(f * root * d1 * skewing / 10_000.0 + blank),
        charm=np.asarray(fading / DAYS_PER_YEAR + blank),
    )


def _total_and_d1(f: FloatArray, k: FloatArray, t: FloatArray, s: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Total volatility s√T (0 where nothing is left) and d1 (NaN-free there)."""
    total = np.maximum(s, 0.0) * np.sqrt(np.maximum(t, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        d1 = np.log(f / k) / total + 0.5 * total
    return total, np.where(total > 0, d1, 0.0)
