"""Moving averages against TA-Lib, with the same beginnings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import talib

from openalgo_lab import indicators as ind
from openalgo_lab.model.errors import InputError
from tests.indicators.worlds import market

NAMES = ["sma", "ema", "rma", "wma", "dema", "tema", "t3", "trima", "hma", "zlema", "kama"]


@pytest.mark.parametrize("length", [2, 5, 14, 31])
@pytest.mark.parametrize("name", NAMES)
def test_an_average_is_the_oracles(name: str, length: int) -> None:
    ours: Callable[..., Any] = getattr(ind, name)
    theirs: Callable[..., Any] = getattr(talib, name.upper())
    close = market()["close"]
    np.testing.assert_allclose(ours(close, length), theirs(close, length), rtol=1e-9, equal_nan=True)


def test_by_volume() -> None:
    data = market()
    np.testing.assert_allclose(
        ind.vwma(data["close"], data["volume"], 12),
        talib.VWMA(data["close"], data["volume"], 12),
        rtol=1e-9,
        equal_nan=True,
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_beginning_that_is_not_known_moves_the_start(name: str) -> None:
    function: Callable[..., Any] = getattr(ind, name)
    close = market()["close"]
    later = np.concatenate((np.full(7, np.nan), close))
    np.testing.assert_allclose(function(later, 5)[7:], function(close, 5), rtol=1e-9, equal_nan=True)
    assert np.isnan(function(np.full(30, np.nan), 5)).all()
    assert np.isnan(function(close[:3], 5)).all()


def test_what_is_no_window_is_told() -> None:
    with pytest.raises(InputError, match="whole number from 1"):
        ind.sma([1.0, 2.0], 0)
    with pytest.raises(InputError, match=r"2\.5 bars"):
        ind.sma([1.0, 2.0], 2.5)
    with pytest.raises(InputError, match="one column"):
        ind.sma([[1.0], [2.0]], 1)
