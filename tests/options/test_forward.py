"""The forward: which source counts when, and parity that one stale price cannot move."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.options.black import black_price
from openalgo_lab.options.forward import ForwardSource, choose_forward, parity_forward

STRIKES = np.array([24900.0, 24950.0, 25000.0, 25050.0, 25100.0])
NAN = float("nan")


def chosen(**changes: Any) -> tuple[float, ForwardSource]:
    calls, puts = black_price(25_010.0, STRIKES, 0.02, 0.13, True), black_price(25_010.0, STRIKES, 0.02, 0.13, False)
    values: dict[str, Any] = {"calls": calls, "puts": puts, "spot": 25_000.0, "future": 25_012.0, "years": 0.02}
    values |= {"future_is_liquid": False} | changes
    found = choose_forward(STRIKES, values.pop("calls"), values.pop("puts"), **values)
    assert found.detail
    return round(found.value, 6), found.source


def test_the_first_source_that_works_counts_and_is_named() -> None:
    nothing = np.full(5, NAN)
    assert chosen(future_is_liquid=True) == (25_012.0, ForwardSource.FUTURE)
    assert chosen(future_is_liquid=True, future=NAN) == (25_010.0, ForwardSource.PARITY)
    assert chosen() == (25_010.0, ForwardSource.PARITY)
    assert chosen(calls=nothing, rate=0.1) == (round(25_000 * np.exp(0.002), 6), ForwardSource.CARRY)
    assert chosen(calls=nothing, rate=0.1, carry=0.1) == (25_000.0, ForwardSource.SPOT)
    value, source = chosen(calls=nothing, spot=NAN)
    assert np.isnan(value)
    assert source is ForwardSource.NONE


@given(st.floats(24_000.0, 26_000.0), st.floats(0.0, 0.12), st.floats(0.01, 0.5))
def test_forward_comes_back_from_model_prices(forward: float, rate: float, years: float) -> None:
    calls = black_price(forward, STRIKES, years, 0.13, True, rate=rate)
    puts = black_price(forward, STRIKES, years, 0.13, False, rate=rate)
    assert parity_forward(STRIKES, calls, puts, years=years, rate=rate)[0] == pytest.approx(forward, rel=1e-10)


@pytest.mark.parametrize("spreads", [None, np.full(5, 0.4)])
def test_one_stale_price_hardly_moves_it(spreads: np.ndarray | None) -> None:
    calls, puts = black_price(25_010.0, STRIKES, 0.02, 0.13, True), black_price(25_010.0, STRIKES, 0.02, 0.13, False)
    calls[2] += 80.0
    assert parity_forward(STRIKES, calls, puts, spreads=spreads)[0] == pytest.approx(25_010.0, abs=1e-6)


def test_a_wide_book_has_less_to_say() -> None:
    calls, puts = np.array([NAN, NAN, 60.0, 40.0, 22.0]), np.array([NAN, NAN, 50.0, 70.0, 100.0])
    assert parity_forward(STRIKES, calls, puts)[0] == 25_020.0
    assert parity_forward(STRIKES, calls, puts, spreads=np.array([1, 1, 0.1, 5.0, 5.0]))[0] == 25_010.0
    assert parity_forward(STRIKES, calls, puts, count=2)[0] == 25_015.0


def test_strikes_without_a_pair_are_left_out() -> None:
    calls = np.array([NAN, 0.0, 60.0, NAN, 20.0])
    puts = np.array([10.0, 20.0, 50.0, 70.0, NAN])
    assert parity_forward(STRIKES, calls, puts) == (25_010.0, 1)
    assert parity_forward(STRIKES, np.full(5, NAN), puts)[1] == 0
