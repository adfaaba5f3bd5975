"""The normal distribution against the standard library's erfc."""

from __future__ import annotations

import math

import numpy as np
import pytest

from openalgo_lab.options.normal import mills, normal_cdf, normal_pdf


def test_cdf_agrees_with_erfc_to_the_last_digits() -> None:
    z = np.linspace(-8.0, 8.0, 4001)
    expected = np.array([0.5 * math.erfc(-x / math.sqrt(2.0)) for x in z])
    assert np.max(np.abs(normal_cdf(z) - expected)) < 3e-16


def test_lower_tail_keeps_its_relative_precision() -> None:
    z = np.linspace(-37.0, -8.0, 300)
    expected = np.array([0.5 * math.erfc(-x / math.sqrt(2.0)) for x in z])
    assert np.max(np.abs(normal_cdf(z) / expected - 1.0)) < 1e-12


@pytest.mark.parametrize(("z", "cdf"), [(0.0, 0.5), (np.inf, 1.0), (-np.inf, 0.0), (1.0, 0.8413447460685429)])
def test_known_values(z: float, cdf: float) -> None:
    assert normal_cdf(np.array([z]))[0] == pytest.approx(cdf, abs=2e-16)


def test_mills_ratio_is_tail_over_density_and_falls() -> None:
    z = np.linspace(0.0, 30.0, 2000)
    ratio = mills(z)
    assert ratio[0] == pytest.approx(math.sqrt(math.pi / 2.0), rel=1e-15)
    assert np.all(np.diff(ratio) < 0)
    assert np.all((z * ratio < 1.0) & ((z * z + 1.0) * ratio > z))  # Gordon's bounds


def test_nan_stays_nan() -> None:
    assert np.isnan(normal_cdf(np.array([np.nan]))[0])
    assert np.isnan(normal_pdf(np.array([np.nan]))[0])
