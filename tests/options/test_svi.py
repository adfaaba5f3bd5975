"""Smiles and surfaces: a known curve comes back, arbitrage is seen, time joins expiries."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openalgo_lab.options.surface import Surface, skew
from openalgo_lab.options.svi import Smile, SmileFit, calendar_gap, durrleman, fit_smile

YEARS, FORWARD = 30 / 365, 25_000.0
STRIKES = FORWARD * np.exp(np.linspace(-0.15, 0.15, 41))


def flat(volatility: float, years: float) -> SmileFit:
    smile = Smile(volatility**2 * years, 0.0, 0.0, 0.0, 0.1, years, FORWARD)
    return SmileFit(smile, -0.1, 0.1, 0.0, butterfly_free=True, wings_free=True)


@settings(max_examples=25)
@given(st.floats(0.02, 0.3), st.floats(-0.8, 0.5), st.floats(-0.05, 0.05), st.floats(0.03, 0.3), st.floats(0.1, 0.4))
def test_a_smile_that_is_one_comes_back(b: float, rho: float, m: float, s: float, level: float) -> None:
    b *= 0.3
    a = level**2 * YEARS - b * s * math.sqrt(1 - rho**2) * 0.5
    if a <= 0:
        return
    truth = Smile(a, b, rho, m, s, YEARS, FORWARD)
    fit = fit_smile(STRIKES, truth.volatility(STRIKES), FORWARD, YEARS)
    assert fit is not None
    if durrleman(truth, np.linspace(-0.3, 0.3, 301)).min() > 0:
        assert fit.butterfly_free
        assert fit.error < 0.03
        assert fit.smile.volatility(STRIKES) == pytest.approx(truth.volatility(STRIKES), abs=2e-3)


def test_noise_is_smoothed_and_holes_are_left_out() -> None:
    truth = Smile(0.0005, 0.02, -0.4, 0.0, 0.05, YEARS, FORWARD)
    noisy = truth.volatility(STRIKES) + np.random.default_rng(1).normal(0.0, 0.002, len(STRIKES))
    noisy[3:6] = np.nan
    fit = fit_smile(STRIKES, noisy, FORWARD, YEARS, np.ones(len(STRIKES)))
    assert fit is not None
    assert fit.arbitrage_free
    assert np.abs(fit.smile.volatility(STRIKES) - truth.volatility(STRIKES)).max() < 0.003
    assert skew(fit) > 0


def test_too_little_to_fit() -> None:
    assert fit_smile(STRIKES[:4], np.full(4, 0.1), FORWARD, YEARS) is None
    assert fit_smile(STRIKES, np.full(41, np.nan), FORWARD, YEARS) is None
    assert fit_smile(STRIKES, np.full(41, 0.1), FORWARD, 0.0) is None
    assert fit_smile(STRIKES, np.full(41, 0.1), float("nan"), YEARS) is None


def test_butterfly_arbitrage_is_seen() -> None:
    """Gatheral and Jacquier's example of parameters whose density is negative (Vogt)."""
    bad = Smile(-0.0410, 0.1331, 0.3060, 0.3586, 0.4153, 1.0, 1.0)
    assert durrleman(bad, np.linspace(-1.5, 1.5, 301)).min() < -0.01


def test_total_variance_must_not_fall_in_time() -> None:
    near, far = flat(0.20, 0.1), flat(0.12, 0.2)
    assert calendar_gap(near.smile, far.smile, np.zeros(1)) < 0
    assert not Surface.of([far, near]).calendar_free
    assert Surface.of([flat(0.20, 0.2), flat(0.19, 0.1)]).calendar_free


def test_between_expiries_variance_grows_in_a_straight_line() -> None:
    surface = Surface.of([flat(0.10, 0.1), flat(0.20, 0.3)])
    found = surface.volatility(np.array([0.0, 0.05]), np.array([0.05, 0.1, 0.2, 0.3, 0.9]))
    middle = math.sqrt((0.1**2 * 0.1 + 0.2**2 * 0.3) / 2 / 0.2)
    assert found[:, 0] == pytest.approx([0.1, 0.1, middle, 0.2, 0.2])
    assert found.shape == (5, 2)
