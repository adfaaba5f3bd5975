"""The rolling straddle, and selling it, on minutes that can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from openalgo_lab.options.straddle import rolling_straddle, sell_straddles

NAN = float("nan")
STRIKES = np.array([100.0, 150.0, 200.0])
SPOT = np.array([101.0, 120.0, 149.0, 155.0, 151.0])
CALLS = np.array([[10, 3, 1], [12, 4, 1], [50, 6, 2], [55, 8, 2], [51, 7, 2]], dtype=float)
PUTS = np.array([[9, 50, 99], [8, 40, 90], [2, 7, 50], [1, 5, 45], [1, 6, 48]], dtype=float)
ONE_DAY = np.zeros(5, dtype=np.int64)


def test_the_strike_follows_the_spot() -> None:
    found = rolling_straddle(SPOT, STRIKES, CALLS, PUTS)
    assert found.strike.tolist() == [100, 100, 150, 150, 150]
    assert found.straddle.tolist() == [19, 20, 13, 13, 13]
    assert found.synthetic.tolist() == [101, 104, 149, 153, 151]


def test_a_missing_leg_or_spot_is_not_known() -> None:
    calls = CALLS.copy()
    calls[1, 0] = NAN
    found = rolling_straddle(np.array([101, 120, NAN, 155, 151]), STRIKES, calls, PUTS)
    assert np.isnan(found.straddle).tolist() == [False, True, True, False, False]


def test_sold_again_where_the_money_went() -> None:
    run = sell_straddles(SPOT, STRIKES, CALLS, PUTS, ONE_DAY)
    assert [(one.entered, one.left, one.strike, one.sold, one.bought) for one in run.trades] == [
        (0, 2, 100, 19, 52),
        (2, 4, 150, 13, 13),
    ]
    assert run.profit.tolist() == pytest.approx([0, -1, -33, -33, -33])
    assert run.profit[-1] == sum(one.profit for one in run.trades)


def test_nothing_is_held_over_night_and_distance_decides() -> None:
    run = sell_straddles(SPOT, STRIKES, CALLS, PUTS, np.array([0, 0, 1, 1, 1]), adjust_points=500)
    assert [(one.entered, one.left, one.strike) for one in run.trades] == [(0, 1, 100), (2, 4, 150)]


def test_a_minute_without_prices_keeps_the_last_worth() -> None:
    calls = CALLS.copy()
    calls[3] = NAN
    run = sell_straddles(SPOT, STRIKES, calls, PUTS, ONE_DAY)
    assert not np.isnan(run.profit).any()
