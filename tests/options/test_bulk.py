"""The compiled loops against plain NumPy, at the edges and over wide ranges; nothing compiles unasked."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.options.black import Greeks, black_greeks, black_price
from openalgo_lab.options.bulk import bulk_greeks, bulk_volatility, load, loaded
from openalgo_lab.options.implied import implied_volatility

NAN, INF = float("nan"), float("inf")


@pytest.fixture(autouse=True, scope="module")
def _compiled() -> None:
    load()
    assert loaded()


def random_options(n: int, seed: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    forward = 10.0 ** rng.uniform(1, 5, n)
    strike = forward * np.exp(rng.uniform(-2, 2, n))
    return forward, strike, 10.0 ** rng.uniform(-6, 0.5, n), 10.0 ** rng.uniform(-2.5, 0.6, n), rng.random(n) < 0.5


@pytest.mark.parametrize("n", [0, 1, 63, 64, 65, 5000])
def test_any_number_of_options(n: int) -> None:
    forward, strike, years, volatility, call = random_options(n, n)
    slow = black_greeks(forward, strike, years, volatility, call, rate=0.07)
    quick = bulk_greeks(forward, strike, years, volatility, call, rate=0.07)
    for name in Greeks.__struct_fields__:
        one, other = getattr(slow, name), getattr(quick, name)
        assert one.shape == other.shape == (n,)
        floor = 1e-12 * np.abs(one).max(initial=0.0)
        assert np.all(np.abs(one - other) <= 1e-9 * np.abs(one) + floor), name
    price = black_price(forward, strike, years, volatility, call, rate=0.07)
    one = implied_volatility(price, forward, strike, years, call, rate=0.07)
    other = bulk_volatility(price, forward, strike, years, call, rate=0.07)
    assert np.array_equal(np.isnan(one), np.isnan(other))
    discounted = price * np.exp(0.07 * years)
    time_value = discounted - np.maximum(np.where(call, forward - strike, strike - forward), 0.0)
    told = ~np.isnan(one) & (time_value > 1e-10 * forward) & (discounted < 0.999 * np.where(call, forward, strike))
    assert one[told] == pytest.approx(other[told], rel=1e-7)


@given(st.floats(-3.0, 3.0), st.floats(-2.5, 0.9))
def test_out_of_the_money_prices_give_back_the_volatility_itself(x: float, log_s: float) -> None:
    volatility, strike = 10.0**log_s, 1000.0 * float(np.exp(x))
    price = float(black_price(1000.0, strike, 1.0, volatility, strike > 1000.0))
    bound = min(1000.0, strike)
    if price / bound < 1e-280 or price / bound > 1 - 1e-6:
        return
    assert float(bulk_volatility(price, 1000.0, strike, 1.0, strike > 1000.0)) == pytest.approx(volatility, rel=1e-8)


def test_edges_are_the_same() -> None:
    rows = [
        (40.0, 26040.5, 26000.0, 0.02), (26040.5, 26040.5, 26000.0, 0.02), (40.5, 26040.5, 26000.0, 0.02),
        (0.0, 26040.5, 30000.0, 0.02), (100.0, 26040.5, 26000.0, 0.0), (100.0, 26040.5, 26000.0, -1.0),
        (-1.0, 26040.5, 26000.0, 0.02), (100.0, 0.0, 26000.0, 0.02), (100.0, 26040.5, 0.0, 0.02),
        (NAN, 26040.5, 26000.0, 0.02), (100.0, NAN, 26000.0, 0.02), (100.0, 26040.5, INF, 0.02),
        (INF, 26040.5, 26000.0, 0.02), (100.0, 26040.5, 26000.0, NAN), (100.0, 26000.0, 26000.0, 0.02),
        (1e-4, 26000.0, 26000.0, 0.02), (25999.999, 26000.0, 26000.0, 0.02), (0.05, 26000.0, 27000.0, 1e-9),
    ]  # fmt: skip
    price, forward, strike, years = (np.array(column) for column in zip(*rows, strict=True))
    for call in (True, False):
        one = implied_volatility(price, forward, strike, years, call)
        other = bulk_volatility(price, forward, strike, years, call)
        assert other == pytest.approx(one, rel=1e-9, nan_ok=True)


@pytest.mark.parametrize(
    ("years", "volatility"), [(0.0, 0.2), (-1.0, 0.2), (0.5, 0.0), (0.5, -0.1), (NAN, 0.2), (1, NAN)]
)
def test_dead_and_unknown_options_are_the_same(years: float, volatility: float) -> None:
    forward = np.array([110.0, 100.0, 90.0, NAN])
    slow, quick = (
        make(forward, 100.0, years, volatility, True, rate=0.05) for make in (black_greeks, bulk_greeks)
    )  # fmt: skip
    for name in Greeks.__struct_fields__:
        assert getattr(quick, name) == pytest.approx(getattr(slow, name), nan_ok=True), name


def test_memory_may_be_given() -> None:
    out = np.empty((9, 3))
    found = bulk_greeks(26_000.0, np.array([25e3, 26e3, 27e3]), 0.02, 0.1, True, out=out)
    assert np.shares_memory(found.charm, out)
    assert found.price.tolist() == bulk_greeks(26_000.0, np.array([25e3, 26e3, 27e3]), 0.02, 0.1, True).price.tolist()
    with pytest.raises(ValueError, match="must be"):
        bulk_greeks(26_000.0, 26_000.0, 0.02, 0.1, True, out=out)


def test_shapes_broadcast() -> None:
    strikes = np.array([[25000.0], [26000.0]])
    assert bulk_volatility(np.array([1200.0, 1300.0]), 26_000.0, strikes, 0.02, True).shape == (2, 2)
    assert bulk_greeks(26_000.0, 26_000.0, 0.02, 0.1, True).price.shape == ()


def test_nothing_is_compiled_until_it_is_asked_for() -> None:
    code = (
        "import sys\n"
        "from openalgo_lab.options.bulk import bulk_greeks, bulk_volatility, loaded\n"
        "assert float(bulk_greeks(100.0, 100.0, 1.0, 0.2, True).price) > 7\n"
        "assert abs(float(bulk_volatility(7.965567, 100.0, 100.0, 1.0, True)) - 0.2) < 1e-6\n"
        "assert not loaded() and 'numba' not in sys.modules and 'scipy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
