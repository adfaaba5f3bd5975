"""Deflated Sharpe and PBO: what chance gives, what skill gives, and worked numbers."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.backtest.overfitting import (
    deflated_sharpe,
    expected_best_sharpe,
    overfitting_probability,
    sharpe_of,
)
from openalgo_lab.model.errors import InputError


def noise(seed: int, days: int = 500, tries: int = 40) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.random.default_rng(seed).normal(0, 0.01, (days, tries))


def test_the_best_of_many_by_chance_grows_with_their_number() -> None:
    best = [expected_best_sharpe(1.0, tries) for tries in (2, 10, 100, 1000)]
    assert best == sorted(best)
    # The expected maximum of 1,000 standard normal draws is 3.24 (tables of order statistics), by this formula 3.26.
    assert best[-1] == pytest.approx(3.26, abs=0.01)
    drawn = np.random.default_rng(0).normal(size=(4000, 100)).max(axis=1).mean()
    assert best[2] == pytest.approx(drawn, abs=0.05)
    assert expected_best_sharpe(1.0, 1) == 0.0


def test_noise_is_not_skill() -> None:
    deflated = [deflated_sharpe(noise(seed)) for seed in range(20)]
    assert np.mean(deflated) < 0.75
    assert np.mean([overfitting_probability(noise(seed), 8) for seed in range(20)]) == pytest.approx(0.5, abs=0.12)


def test_skill_is_found() -> None:
    returns = noise(3)
    returns[:, 7] += 0.003
    assert int(sharpe_of(returns).argmax()) == 7
    assert deflated_sharpe(returns) > 0.95
    assert overfitting_probability(returns, 8) < 0.05


def test_one_try_is_a_plain_test_against_zero() -> None:
    returns = noise(1, tries=1)
    ratio = float(sharpe_of(returns)[0])
    assert (deflated_sharpe(returns) > 0.5) is (ratio > 0)


def plain_pbo(returns: np.ndarray[tuple[int, ...], np.dtype[np.float64]], blocks: int) -> float:
    """The definition, written out."""
    parts = np.array_split(returns, blocks)
    worse, count = 0, 0
    for picked in combinations(range(blocks), blocks // 2):
        inside = sharpe_of(np.concatenate([parts[number] for number in picked]))
        outside = sharpe_of(np.concatenate([parts[number] for number in range(blocks) if number not in picked]))
        rank = (outside < outside[inside.argmax()]).sum() + 1
        worse += rank / (returns.shape[1] + 1) <= 0.5
        count += 1
    return worse / count


@given(st.integers(0, 1000), st.sampled_from([2, 4, 6]), st.integers(2, 12))
def test_by_sums_as_by_definition(seed: int, blocks: int, tries: int) -> None:
    returns = noise(seed, 61, tries)
    assert overfitting_probability(returns, blocks) == pytest.approx(plain_pbo(returns, blocks))


@pytest.mark.parametrize(("days", "tries", "blocks"), [(100, 1, 4), (100, 5, 5), (7, 5, 4)])
def test_what_cannot_be_split_is_told(days: int, tries: int, blocks: int) -> None:
    with pytest.raises(InputError, match="even number"):
        overfitting_probability(noise(0, days, tries), blocks)
