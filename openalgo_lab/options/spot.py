"""Black-Scholes-Merton: European options on a spot that pays a yield (Black and Scholes 1973, Merton 1973).

The forward F = S e^((r - q) T) turns it into Black-76; the sensitivities follow from those by the chain rule, with the
spot and not the forward standing still. Units and shapes as in :mod:`openalgo_lab.options.black`; ``carry`` is the
yield q as a fraction.
"""

from __future__ import annotations

import numpy as np

from openalgo_lab.options.black import DAYS_PER_YEAR, Calls, FloatArray, Floats, Greeks, black_greeks, black_price

__all__ = ["bsm_greeks", "bsm_price", "forward_of"]


def forward_of(spot: Floats, years: Floats, *, rate: Floats = 0.0, carry: Floats = 0.0) -> FloatArray:
    """S e^((r - q) T); without time left the spot itself."""
    growth = np.subtract(rate, carry) * np.maximum(years, 0.0)
    return np.asarray(spot * np.exp(growth), dtype=np.float64)


def bsm_price(
    spot: Floats,
    strike: Floats,
    years: Floats,
    volatility: Floats,
    is_call: Calls,
    *,
    rate: Floats = 0.0,
    carry: Floats = 0.0,
) -> FloatArray:
    """The option's price; its discounted intrinsic value where no time or no volatility is left."""
    forward = forward_of(spot, years, rate=rate, carry=carry)
    return black_price(forward, strike, years, volatility, is_call, rate=rate)


def bsm_greeks(
    spot: Floats,
    strike: Floats,
    years: Floats,
    volatility: Floats,
    is_call: Calls,
    *,
    rate: Floats = 0.0,
    carry: Floats = 0.0,
) -> Greeks:
    """Price and Greeks by the spot: ``rho`` moves the forward along with the discount, ``theta`` lets it drift."""
    forward = forward_of(spot, years, rate=rate, carry=carry)
    on = black_greeks(forward, strike, years, volatility, is_call, rate=rate)
    drift = np.subtract(rate, carry)
    lasting = np.maximum(years, 0.0)
    growth = np.exp(drift * lasting)
    alive = (np.asarray(years) > 0) & (np.asarray(volatility) > 0)
    slide = np.where(alive, drift * forward, 0.0)  # rupees a year by which the forward falls towards the spot
    return Greeks(
        price=on.price,
        delta=growth * on.delta,
        gamma=growth * growth * on.gamma,
        theta=on.theta - on.delta * slide / DAYS_PER_YEAR,
        vega=on.vega,
        rho=on.rho + on.delta * forward * lasting / 100.0,
        vanna=growth * on.vanna,
        volga=on.volga,
        charm=growth * (on.charm - (np.where(alive, drift, 0.0) * on.delta + slide * on.gamma) / DAYS_PER_YEAR),
    )
