"""Black-76 against reference values and the laws that every price obeys."""

from __future__ import annotations

from datetime import date, time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.model.times import NS_PER_DAY, at_ist, to_ns
from openalgo_lab.options.black import Greeks, black_greeks, black_price, year_fraction

F, K, T, VOL = 26040.5, 26000.0, 6.2 / 365, 0.12

forwards = st.floats(50.0, 100_000.0)
moneyness = st.floats(-1.0, 1.0)
times = st.floats(1e-5, 3.0)
volatilities = st.floats(0.01, 2.0)
rates = st.floats(0.0, 0.15)


@pytest.mark.parametrize(
    ("rate", "call", "price", "delta", "gamma", "theta", "vega", "rho"),
    [
        (0.0, True, 183.401604, 0.542741, 0.000974, -13.027659, 13.461915, -0.031153),
        (0.0, False, 142.901604, -0.457259, 0.000974, -13.027659, 13.461915, -0.024274),
        (0.065, True, 183.199222, 0.542142, 0.000973, -12.980659, 13.447059, -0.031119),
        (0.065, False, 142.743912, -0.456755, 0.000973, -12.987863, 13.447059, -0.024247),
    ],
)
def test_reference_values(
    rate: float, call: bool, price: float, delta: float, gamma: float, theta: float, vega: float, rho: float
) -> None:
    greeks = black_greeks(F, K, T, VOL, call, rate=rate)
    found = [greeks.price, greeks.delta, greeks.gamma, greeks.theta, greeks.vega, greeks.rho]
    assert [float(value) for value in found] == pytest.approx(
        [price, delta, gamma, theta, vega, rho], abs=2e-6
    )  # the published ones are rounded


@given(forwards, moneyness, times, volatilities, rates)
def test_put_call_parity(forward: float, log_k: float, years: float, volatility: float, rate: float) -> None:
    strike = forward * np.exp(log_k)
    call = black_price(forward, strike, years, volatility, True, rate=rate)
    put = black_price(forward, strike, years, volatility, False, rate=rate)
    discounted = np.exp(-rate * years) * (forward - strike)
    assert float(call - put) == pytest.approx(float(discounted), abs=1e-11 * max(forward, strike))


@given(forwards, times, volatilities, rates)
def test_calls_fall_and_puts_rise_with_the_strike_and_both_are_convex(
    forward: float, years: float, volatility: float, rate: float
) -> None:
    strikes = np.linspace(0.7, 1.3, 41) * forward
    tolerance = 1e-11 * forward
    call = black_price(forward, strikes, years, volatility, True, rate=rate)
    put = black_price(forward, strikes, years, volatility, False, rate=rate)
    assert np.all(np.diff(call) <= tolerance)
    assert np.all(np.diff(put) >= -tolerance)
    assert np.all(np.diff(call, 2) >= -tolerance)


@given(forwards, moneyness, times, volatilities)
def test_price_lies_between_its_bounds_and_grows_with_volatility(
    forward: float, log_k: float, years: float, volatility: float
) -> None:
    strike = forward * float(np.exp(log_k))
    low, high = black_price(forward, strike, years, np.array([volatility, volatility * 1.1]), True)
    assert max(forward - strike, 0.0) <= low <= forward
    assert high >= low - 1e-11 * forward


@given(forwards, st.floats(-0.2, 0.2), st.floats(0.01, 2.0), st.floats(0.05, 1.0), st.booleans())
def test_greeks_are_the_slopes_of_the_price(
    forward: float, log_k: float, years: float, volatility: float, call: bool
) -> None:
    strike, bump = forward * float(np.exp(log_k)), 1e-4
    greeks = black_greeks(forward, strike, years, volatility, call)
    up, down = black_price(np.array([forward * (1 + bump), forward * (1 - bump)]), strike, years, volatility, call)
    assert (up - down) / (2 * bump * forward) == pytest.approx(float(greeks.delta), abs=3e-4)
    up, down = black_price(forward, strike, years, np.array([volatility + bump, volatility - bump]), call)
    assert (up - down) / (2 * bump) / 100 == pytest.approx(float(greeks.vega), rel=3e-3, abs=1e-6 * forward)
    day = 1 / 365
    aged = (
        black_price(forward, strike, years + day * bump, volatility, call)
        - black_price(forward, strike, years - day * bump, volatility, call)
    )  # fmt: skip
    assert -float(aged) / (2 * bump) == pytest.approx(float(greeks.theta), rel=1e-3, abs=1e-6 * forward)


@given(forwards, st.floats(-0.2, 0.2), st.floats(0.02, 2.0), st.floats(0.05, 1.0), st.booleans(), rates)
def test_second_order_greeks_are_the_slopes_of_the_first(
    forward: float, log_k: float, years: float, volatility: float, call: bool, rate: float
) -> None:
    strike, bump = forward * float(np.exp(log_k)), 1e-4
    at = black_greeks(forward, strike, years, volatility, call, rate=rate)
    up, down = (black_greeks(forward, strike, years, volatility + d, call, rate=rate) for d in (bump, -bump))
    assert float(up.delta - down.delta) / (200 * bump) == pytest.approx(float(at.vanna), rel=2e-3, abs=2e-5)
    assert float(up.vega - down.vega) / (200 * bump) == pytest.approx(float(at.volga), rel=2e-3, abs=2e-7 * forward)
    later, earlier = (black_greeks(forward, strike, years - d, volatility, call, rate=rate) for d in (bump, -bump))
    slope = float(later.delta - earlier.delta) / (2 * bump) / 365
    assert slope == pytest.approx(float(at.charm), rel=2e-3, abs=1e-4)


@pytest.mark.parametrize(("years", "volatility"), [(0.0, 0.2), (-1.0, 0.2), (0.5, 0.0)])
def test_without_time_or_volatility_only_the_intrinsic_value_is_left(years: float, volatility: float) -> None:
    greeks = black_greeks(np.array([110.0, 90.0]), 100.0, years, volatility, True)
    assert greeks.price.tolist() == [10.0, 0.0]
    assert greeks.delta.tolist() == [1.0, 0.0]
    assert greeks.gamma.tolist() == greeks.vega.tolist() == greeks.theta.tolist() == [0.0, 0.0]


def test_unknown_arguments_give_unknown_results() -> None:
    for arguments in ((np.nan, K, T, VOL), (F, np.nan, T, VOL), (F, K, np.nan, VOL), (F, K, T, np.nan)):
        greeks = black_greeks(*arguments, True)
        assert all(np.isnan(getattr(greeks, name)) for name in Greeks.__struct_fields__)


def test_year_fraction_counts_days_of_365_and_stops_at_expiry() -> None:
    expiry = to_ns(at_ist(date(2026, 12, 1), time(15, 40)))
    assert float(year_fraction(expiry - 73 * NS_PER_DAY, expiry)) == pytest.approx(0.2, rel=1e-15)
    assert float(year_fraction(expiry + 1, expiry)) == 0.0
