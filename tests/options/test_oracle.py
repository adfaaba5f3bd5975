"""QuantLib as the oracle: prices and Greeks over a grid with its edges, on a forward and on a spot."""

from __future__ import annotations

from itertools import product
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pytest
import QuantLib as ql  # noqa: N813 - as all its manuals write it

from openalgo_lab.options.black import Greeks, black_greeks
from openalgo_lab.options.bulk import bulk_greeks, bulk_volatility, load
from openalgo_lab.options.implied import implied_volatility
from openalgo_lab.options.spot import bsm_greeks

SPOT: Final = 25_000.0
GRID: Final = tuple(
    product(
        SPOT * np.exp(np.linspace(-0.6, 0.6, 13)),  # strikes
        (1.0 / 31_536_000, 60.0 / 31_536_000, 1 / 365, 7 / 365, 0.25, 3.0),  # a second … three years
        (0.01, 0.08, 0.15, 0.6, 2.5),
        (0.0, 0.065, 0.1),
        (0.0, 0.013),
        (True, False),
    )
)
K, T, VOL, RATE, CARRY, CALL = (np.array(column) for column in zip(*GRID, strict=True))

Floats = npt.NDArray[np.float64]


def calculators(forward: Floats) -> list[ql.BlackCalculator]:
    kinds = [ql.Option.Call if call else ql.Option.Put for call in CALL.tolist()]
    rows = zip(kinds, K, forward, VOL * np.sqrt(T), np.exp(-RATE * T), strict=True)
    return [
        ql.BlackCalculator(ql.PlainVanillaPayoff(kind, float(k)), float(f), float(total), float(discount))
        for kind, k, f, total, discount in rows
    ]


def same(found: Floats, expected: list[float], scale: Floats | float) -> None:
    """To 1e-9 of the value, or of what is far below anything that can be traded."""
    want = np.array(expected)
    assert np.all(np.abs(found - want) <= 1e-9 * np.abs(want) + 1e-12 * scale)


def test_on_a_spot() -> None:
    forward = SPOT * np.exp((RATE - CARRY) * T)
    oracle = calculators(forward)
    greeks = bsm_greeks(SPOT, K, T, VOL, CALL, rate=RATE, carry=CARRY)
    timed = list(zip(oracle, T.tolist(), strict=True))
    same(greeks.price, [one.value() for one in oracle], SPOT)
    same(greeks.delta, [one.delta(SPOT) for one in oracle], 1.0)
    same(greeks.gamma, [one.gamma(SPOT) for one in oracle], 1 / (SPOT * VOL * np.sqrt(T)))
    same(greeks.theta * 365, [one.theta(SPOT, years) for one, years in timed], SPOT / T)
    same(greeks.vega * 100, [one.vega(years) for one, years in timed], SPOT)
    same(greeks.rho * 100, [one.rho(years) for one, years in timed], SPOT)
    same(greeks.vanna * 100, [one.vanna(SPOT, years) for one, years in timed], 1 / VOL)
    # QuantLib 1.44 divides by the total instead of the yearly volatility.
    same(greeks.volga * 1e4, [one.volga(years) * years**0.5 for one, years in timed], SPOT / VOL)


def test_on_a_forward() -> None:
    oracle = calculators(np.full(len(K), SPOT))
    greeks = black_greeks(SPOT, K, T, VOL, CALL, rate=RATE)
    same(greeks.price, [one.value() for one in oracle], SPOT)
    same(greeks.delta, [one.deltaForward() for one in oracle], 1.0)
    same(greeks.gamma, [one.gammaForward() for one in oracle], 1 / (SPOT * VOL * np.sqrt(T)))
    same(greeks.vega * 100, [one.vega(years) for one, years in zip(oracle, T.tolist(), strict=True)], SPOT)
    same(greeks.rho * 100, [-one.value() * years for one, years in zip(oracle, T.tolist(), strict=True)], SPOT)


@pytest.mark.parametrize("rate", [0.0, 0.065])
def test_the_compiled_loops_give_the_same(rate: float) -> None:
    load()
    slow, quick = (make(SPOT, K, T, VOL, CALL, rate=rate) for make in (black_greeks, bulk_greeks))
    for name in Greeks.__struct_fields__:
        one, other = getattr(slow, name), getattr(quick, name)
        assert np.all(np.abs(one - other) <= 1e-10 * np.abs(one) + 1e-14 * np.abs(one).max())


@pytest.mark.parametrize("solve", [implied_volatility, bulk_volatility])
def test_volatilities_come_back_wherever_a_time_value_is_left(solve: Any) -> None:
    """To 1e-7 from QuantLib's own prices, where the time value is at least 1e-6 rupees on a level of 25,000."""
    load()
    price = np.array([one.value() for one in calculators(np.full(len(K), SPOT))])
    for rate in np.unique(RATE).tolist():
        rows = rate == RATE
        found = solve(price[rows], SPOT, K[rows], T[rows], CALL[rows], rate=rate)
        intrinsic = np.maximum(np.where(CALL, SPOT - K, K - SPOT), 0.0)[rows]
        worth = price[rows] * np.exp(rate * T[rows]) - intrinsic >= 1e-6
        assert worth.sum() > 100
        assert np.abs(found - VOL[rows])[worth].max() <= 1e-7
