"""Chain figures on small chains whose answers can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.options.black import black_price
from openalgo_lab.options.chain import (
    atm_index,
    expected_move,
    max_pain,
    moneyness_steps,
    oi_walls,
    pain_curve,
    put_call_ratio,
    straddle,
    synthetic_future,
)

STRIKES = np.array([24900.0, 24950.0, 25000.0, 25050.0, 25100.0])
NAN = float("nan")


@pytest.mark.parametrize(("reference", "index"), [(25_000.0, 2), (24_975.0, 1), (24_975.1, 2), (1.0, 0), (90_000.0, 4)])
def test_atm_is_the_nearest_strike_the_lower_of_a_tie(reference: float, index: int) -> None:
    assert atm_index(STRIKES, reference) == index
    assert moneyness_steps(STRIKES, reference).tolist() == list(range(-index, 5 - index))


def test_no_reference_no_atm() -> None:
    assert atm_index(STRIKES, NAN) is None
    assert atm_index(np.empty(0), 1.0) is None
    assert len(moneyness_steps(STRIKES, NAN)) == 0
    assert np.isnan(straddle(STRIKES, STRIKES, STRIKES, NAN))


def test_put_call_ratio() -> None:
    assert put_call_ratio(np.array([100.0, NAN, 300.0]), np.array([200.0, 400.0, NAN])) == 1.5
    assert np.isnan(put_call_ratio(np.zeros(2), np.ones(2)))


def test_max_pain_by_hand() -> None:
    calls, puts = np.array([0.0, 0.0, 10.0, 0.0, 0.0]), np.array([0.0, 0.0, 0.0, 0.0, 10.0])
    # Between 25000 and 25100 both sides pay 1000 in all; the lower end of the tie counts.
    assert max_pain(STRIKES, calls, puts) == 25_000.0
    assert max_pain(STRIKES, calls, np.zeros(5)) == 24_900.0
    assert np.isnan(max_pain(STRIKES, np.zeros(5), np.full(5, NAN)))


@given(st.lists(st.integers(0, 10_000), min_size=10, max_size=10))
def test_max_pain_is_the_least_payout(interest: list[int]) -> None:
    calls, puts = np.array(interest[:5], dtype=float), np.array(interest[5:], dtype=float)
    found = max_pain(STRIKES, calls, puts)
    if not sum(interest):
        assert np.isnan(found)
        return

    def payout(at: float) -> float:
        return float((calls * np.maximum(at - STRIKES, 0)).sum() + (puts * np.maximum(STRIKES - at, 0)).sum())

    assert payout(found) == min(payout(float(strike)) for strike in STRIKES)


def test_straddle_needs_both_legs() -> None:
    calls, puts = np.array([1.0, 2.0, 60.0, 4.0, 5.0]), np.array([1.0, 2.0, 50.0, 4.0, NAN])
    assert straddle(STRIKES, calls, puts, 25_001.0) == 110.0
    assert np.isnan(straddle(STRIKES, calls, puts, 25_099.0))


def test_walls_are_the_largest_interest() -> None:
    calls, puts = np.array([1.0, 2.0, NAN, 9.0, 9.0]), np.array([5.0, 7.0, 7.0, NAN, 0.0])
    walls = oi_walls(STRIKES, calls, puts)
    assert (walls.support, walls.resistance) == (24_950.0, 25_050.0)
    assert np.isnan(oi_walls(STRIKES, np.full(5, NAN), np.zeros(5)).resistance)


def test_synthetic_future_is_parity_at_the_money() -> None:
    calls, puts = np.array([1.0, 2.0, 60.0, 4.0, 5.0]), np.array([1.0, 2.0, 48.5, 4.0, NAN])
    assert synthetic_future(STRIKES, calls, puts, 25_001.0) == 25_011.5
    assert np.isnan(synthetic_future(STRIKES, calls, puts, 25_099.0))


def test_expected_move_is_one_deviation_of_the_straddle() -> None:
    forward, volatility, years = 25_000.0, 0.13, 7 / 365
    both = sum(float(black_price(forward, forward, years, volatility, call)) for call in (True, False))
    assert expected_move(both) == pytest.approx(forward * volatility * years**0.5, rel=1e-3)


def test_pain_curve_is_a_valley() -> None:
    curve = pain_curve(STRIKES, np.ones(5), np.ones(5))
    assert curve.tolist() == [500.0, 350.0, 300.0, 350.0, 500.0]
