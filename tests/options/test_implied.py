"""Implied volatility: round trip, edges, and what the exchange published for real prices."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.model.symbols import parse_expiry
from openalgo_lab.options.black import black_price
from openalgo_lab.options.implied import NoVolatility, implied_volatility, why_no_volatility

F, T = 26040.5, 6.2 / 365
REAL = Path(__file__).resolve().parents[3] / "shared/data/nifty_option_chain_2026-08-19.parquet"


@given(
    st.floats(50.0, 100_000.0),
    st.floats(-1.0, 1.0),
    st.floats(1e-4, 3.0),
    st.floats(0.01, 3.0),
    st.booleans(),
    st.floats(0.0, 0.1),
)
def test_round_trip(forward: float, log_k: float, years: float, volatility: float, call: bool, rate: float) -> None:
    strike = forward * float(np.exp(log_k))
    price = black_price(forward, strike, years, volatility, call, rate=rate)
    found = implied_volatility(price, forward, strike, years, call, rate=rate)
    if np.isnan(found):  # the time value is below what a float64 of this price can hold
        assert abs(float(price) * np.exp(rate * years) - max((forward - strike) * (1 if call else -1), 0.0)) < 1e-9
        return
    again = black_price(forward, strike, years, found, call, rate=rate)
    assert float(again) == pytest.approx(float(price), rel=1e-11, abs=1e-10 * max(forward, strike))


@given(st.floats(-3.0, 3.0), st.floats(-2.5, 0.9))
def test_out_of_the_money_prices_give_back_the_volatility_itself(x: float, log_s: float) -> None:
    volatility, strike = 10.0**log_s, 1000.0 * float(np.exp(x))
    price = float(black_price(1000.0, strike, 1.0, volatility, strike > 1000.0))
    bound = min(1000.0, strike)
    if price / bound < 1e-9 or price / bound > 1 - 1e-6:
        return
    assert float(implied_volatility(price, 1000.0, strike, 1.0, strike > 1000.0)) == pytest.approx(volatility, rel=1e-8)


@pytest.mark.parametrize(
    ("price", "strike", "expected"), [(41.0, 26000.0, 0.72189), (0.01, 30000.0, 27.667), (5000.0, 30000.0, 474.78)]
)
def test_reference_solves(price: float, strike: float, expected: float) -> None:
    assert 100 * float(implied_volatility(price, F, strike, T, True)) == pytest.approx(expected, rel=2e-5)


@pytest.mark.parametrize(
    ("price", "forward", "strike", "years", "call", "reason"),
    [
        (40.0, F, 26000.0, T, True, NoVolatility.BELOW_INTRINSIC),
        (F, F, 26000.0, T, True, NoVolatility.ABOVE_BOUND),  # a call is never worth the forward
        (26000.0, F, 26000.0, T, False, NoVolatility.ABOVE_BOUND),  # nor a put its strike
        (100.0, F, 26000.0, 0.0, True, NoVolatility.EXPIRED),
        (100.0, F, 26000.0, -1.0, True, NoVolatility.EXPIRED),
        (-1.0, F, 26000.0, T, True, NoVolatility.NO_PRICE),
        (np.nan, F, 26000.0, T, True, NoVolatility.NO_PRICE),
        (100.0, 0.0, 26000.0, T, True, NoVolatility.NO_FORWARD),
        (100.0, F, 0.0, T, True, NoVolatility.NO_FORWARD),
        (100.0, np.nan, 26000.0, T, True, NoVolatility.NO_FORWARD),
        (100.0, F, np.inf, T, True, NoVolatility.NO_FORWARD),
        (183.4, F, 26000.0, T, True, NoVolatility.SOLVED),
    ],
)
def test_no_volatility_explains_it(
    price: float, forward: float, strike: float, years: float, call: bool, reason: NoVolatility
) -> None:
    solved = reason is NoVolatility.SOLVED
    assert np.isnan(implied_volatility(price, forward, strike, years, call)) != solved
    assert NoVolatility(int(why_no_volatility(price, forward, strike, years, call))) is reason
    assert reason.sentence.endswith(".") != solved


@given(st.floats(0, 40_000), st.floats(20_000, 30_000), st.floats(-0.01, 1), st.booleans(), st.floats(0, 0.1))
def test_there_is_a_reason_exactly_where_there_is_no_volatility(
    price: float, strike: float, years: float, call: bool, rate: float
) -> None:
    found = implied_volatility(price, F, strike, years, call, rate=rate)
    assert bool(why_no_volatility(price, F, strike, years, call, rate=rate)) == bool(np.isnan(found))


@pytest.mark.parametrize(
    ("x", "total"),
    [(-0.5, 0.02), (-10.0, 1.2), (-1e-10, 0.05), (-3.0, 5.0), (-0.01, 1e-3), (-20.0, 3.0), (-1e-6, 2e-7), (0.0, 1e-8)],
)
def test_hard_cases(x: float, total: float) -> None:
    """Prices down to 1e-130, at the money with hardly any volatility, and near the upper bound."""
    forward, strike = float(np.exp(x / 2)), float(np.exp(-x / 2))
    price = float(black_price(forward, strike, 1.0, total, True))
    assert price > 0
    assert float(implied_volatility(price, forward, strike, 1.0, True)) == pytest.approx(total, rel=1e-9)


def test_exactly_intrinsic_is_no_volatility() -> None:
    assert float(implied_volatility(40.5, F, 26000.0, T, True)) == 0.0
    assert float(implied_volatility(0.0, F, 30000.0, T, True)) == 0.0


def test_shapes_broadcast_and_scalars_stay_scalars() -> None:
    strikes = np.array([[25000.0], [26000.0]])
    assert implied_volatility(np.array([1200.0, 1300.0, 1400.0]), F, strikes, T, True).shape == (2, 3)
    assert implied_volatility(200.0, F, 26000.0, T, True).shape == ()


@pytest.mark.skipif(not REAL.is_file(), reason="the recorded chain ../shared/data is not on this machine")
def test_what_the_exchange_published_on_real_prices() -> None:
    """Black-Scholes on the spot with 10 % and whole days / 365, as the data's description says."""
    import duckdb

    rows = duckdb.sql(
        f"select expiry, strike, option_type, spot, ltp, iv from read_parquet('{REAL}') "
        "where iv > 1 and abs(strike / spot - 1) < 0.02"
    ).fetchall()
    days = np.array([(parse_expiry(r[0]) - date(2026, 8, 19)).days for r in rows])
    strike, spot, price, published = (np.array([r[i] for r in rows]) for i in (1, 3, 4, 5))
    calls = np.array([r[2] == "CE" for r in rows])
    years = days / 365
    found = 100 * implied_volatility(price, spot * np.exp(0.1 * years), strike, years, calls, rate=0.1)
    assert len(rows) > 10_000
    assert np.isnan(found).mean() < 0.01
    # The page's prices and its spot are some seconds apart, so single rows differ by more.
    for expiry in np.unique(days):
        assert abs(float(np.nanmedian((found - published)[days == expiry]))) < 0.1
        assert float(np.nanmedian(np.abs(found - published)[days == expiry])) < 0.2
