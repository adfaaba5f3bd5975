"""Laws of all indicators: they keep the length, see nothing of the future, and take what people have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from openalgo_lab import indicators as ind
from openalgo_lab.backtest.guard import check_causal, computed
from tests.indicators.test_oracle import LETTERS, SAME
from tests.indicators.worlds import market

OWN = {
    "bband_percent": "c", "bband_width": "c", "chandelier": "hlc", "choppiness": "hlc", "emv": "hlv",
    "historical_volatility": "c", "ichimoku": "hl", "alligator": "hl", "ulcer": "c", "zscore": "c", "beta": "hl",
    "vwma": "cv", "sma": "c", "ema": "c", "rma": "c", "wma": "c", "dema": "c", "tema": "c", "t3": "c", "trima": "c",
    "hma": "c", "zlema": "c", "kama": "c",
}  # fmt: skip
COLUMNS = {**{name: row[0] for name, row in SAME.items()}, **OWN}


def inputs(name: str, count: int = 400) -> list[Any]:
    return [market()[LETTERS[letter]][:count] for letter in COLUMNS[name]]


@pytest.mark.parametrize("name", list(COLUMNS))
def test_the_future_changes_nothing(name: str) -> None:
    function, data = getattr(ind, name), inputs(name)
    made = computed(function, data)
    check_causal(function, data, made)
    assert any(np.isfinite(column[-1]) for column in made)
    for column in computed(function, [part[:3] for part in data]):
        assert len(column) == 3


@pytest.mark.parametrize("name", list(COLUMNS))
def test_lists_and_series_are_taken_too(name: str) -> None:
    function, data = getattr(ind, name), inputs(name, 120)
    made = computed(function, data)
    for other in ([part.tolist() for part in data], [pd.Series(part) for part in data]):
        for column, again in zip(made, computed(function, other), strict=True):
            np.testing.assert_array_equal(column, again)


def test_bands_and_their_readings() -> None:
    close = market()["close"]
    upper, middle, lower = ind.bbands(close, 20)
    place = ind.bband_percent(close, 20)
    np.testing.assert_allclose(lower + place * (upper - lower), close + 0 * place)
    np.testing.assert_allclose(ind.bband_width(close, 20), 100 * (upper - lower) / middle)
    np.testing.assert_allclose(ind.zscore(close, 20), (place - 0.5) * 4, atol=1e-9)


def test_volatility_of_a_known_path() -> None:
    returns = np.tile([0.01, -0.01], 100)
    close = 100 * np.exp(np.concatenate(([0.0], np.cumsum(returns))))
    expected = 100 * np.sqrt(252) * np.std(returns[:20], ddof=1)
    np.testing.assert_allclose(ind.historical_volatility(close, 20)[-1], expected)
    assert np.isnan(ind.historical_volatility(close, 20)[19])


def test_the_ulcer_of_a_rise_is_nothing() -> None:
    assert ind.ulcer(np.arange(1.0, 60.0))[-1] == 0
    fall = ind.ulcer(np.array([100.0] * 20 + [90.0] * 14))
    assert fall[-1] == pytest.approx(np.sqrt(13 / 14 * 0 + 100 * 13 / 14), abs=1.0)


def test_choppiness_knows_a_line_from_a_mess() -> None:
    line = np.arange(100.0, 200.0)
    assert ind.choppiness(line + 0.5, line - 0.5, line)[-1] < 20
    mess = 100 + np.tile([1.0, -1.0], 50)
    assert ind.choppiness(mess + 0.5, mess - 0.5, mess)[-1] > 80


def test_exits_hang_from_the_extremes() -> None:
    data = market()
    high, low, close = data["high"], data["low"], data["close"]
    for_longs, for_shorts = ind.chandelier(high, low, close, 22, 3.0)
    reach = 3 * ind.atr(high, low, close, 22)
    np.testing.assert_allclose(for_longs, ind.highest(high, 22) - reach)
    np.testing.assert_allclose(for_shorts, ind.lowest(low, 22) + reach)


def test_the_cloud_is_drawn_ahead() -> None:
    data = market()
    tenkan, kijun, first, second = ind.ichimoku(data["high"], data["low"])
    np.testing.assert_allclose(first[26:], ((tenkan + kijun) / 2)[:-26])
    np.testing.assert_allclose(second[26:], ind.midprice(data["high"], data["low"], 52)[:-26])


def test_the_alligator_is_three_averages_ahead() -> None:
    data = market()
    middle = ind.medprice(data["high"], data["low"])
    for line, length, ahead in zip(ind.alligator(data["high"], data["low"]), (13, 8, 5), (8, 5, 3), strict=True):
        np.testing.assert_allclose(line[ahead:], ind.rma(middle, length)[:-ahead])


def test_ease_of_movement() -> None:
    high, low, volume = np.array([10.0, 12.0, 11.0]), np.array([8.0, 10.0, 10.0]), np.array([5.0, 4.0, 0.0])
    np.testing.assert_allclose(ind.emv(high, low, volume, 1), [np.nan, 2 * 2 / 4, 0.0])


def test_pivots_of_the_day_before() -> None:
    levels = ind.pivots([110.0, 0.0], [90.0, 0.0], [100.0, 0.0])
    assert {name: column[1] for name, column in levels.items()} == {
        "p": 100.0, "r1": 110.0, "r2": 120.0, "r3": 130.0, "s1": 90.0, "s2": 80.0, "s3": 70.0,
    }  # fmt: skip


def test_the_average_by_volume_begins_anew_each_day() -> None:
    price, volume = np.array([10.0, 20.0, 30.0, 40.0]), np.array([1.0, 1.0, 0.0, 3.0])
    whole = ind.vwap(price, price, price, volume)
    np.testing.assert_allclose(whole, [10, 15, 15, 30])
    daily = ind.vwap(price, price, price, volume, day=[1, 1, 2, 2])
    np.testing.assert_allclose(daily, [10, 15, np.nan, 40])
