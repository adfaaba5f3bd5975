"""Gamma exposure on books whose answers are plain."""

from __future__ import annotations

import numpy as np
import pytest

from openalgo_lab.options.black import black_greeks
from openalgo_lab.options.exposure import gamma_density, gamma_exposure, zero_gamma

STRIKES = np.arange(24_000.0, 26_001.0, 50.0)
VOL = np.full(len(STRIKES), 0.12)
YEARS = 7 / 365


def interest(at: float, units: float = 1e6) -> np.ndarray:
    return np.where(at == STRIKES, units, 0.0)


def test_rupees_for_one_per_cent() -> None:
    gamma = black_greeks(25_000.0, STRIKES, YEARS, 0.12, True).gamma
    found = gamma_exposure(gamma, gamma, interest(25_000.0), interest(24_500.0), 25_000.0)
    at = int(np.flatnonzero(STRIKES == 25_000.0)[0])
    assert found.calls[at] == pytest.approx(gamma[at] * 1e6 * 25_000.0 * 250.0)
    assert found.puts.min() < 0 < found.calls.max()
    assert found.total == pytest.approx(found.net.sum())


def test_unknown_counts_nothing() -> None:
    gamma = np.full(len(STRIKES), np.nan)
    assert gamma_exposure(gamma, gamma, interest(25_000.0), interest(25_000.0), 25_000.0).total == 0.0
    assert (
        gamma_density(STRIKES, VOL * np.nan, interest(25_000), interest(25_000), years=YEARS, forward=25_000.0).sum()
        == 0
    )


def test_exposure_turns_between_puts_below_and_calls_above() -> None:
    level = zero_gamma(STRIKES, VOL, interest(25_500.0), interest(24_500.0), years=YEARS, forward=25_000.0)
    assert 24_900 < level < 25_100
    assert np.isnan(zero_gamma(STRIKES, VOL, interest(25_500.0), STRIKES * 0, years=YEARS, forward=25_000.0))
    assert np.isnan(zero_gamma(STRIKES, VOL * np.nan, interest(25_500.0), STRIKES, years=YEARS, forward=25_000.0))


def test_density_peaks_where_interest_and_gamma_meet() -> None:
    both = interest(25_000.0) + interest(25_900.0)
    density = gamma_density(STRIKES, VOL, both, both, years=YEARS, forward=25_000.0)
    assert STRIKES[int(density.argmax())] == 25_000.0
