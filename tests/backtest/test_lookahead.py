"""No look-ahead: the future changes nothing that came before it, and what peeks is refused."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openalgo_lab.backtest.settings import BacktestSettings
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.market import Bars
from openalgo_lab.strategy import Strategy
from tests.backtest.test_accounting import Restless
from tests.backtest.worlds import PLAIN, run, walk


def other_future(bars: Bars, at: int, seed: int) -> Bars:
    """The same bars up to ``at``, other ones after."""
    other = walk(seed, len(bars), volatility=0.02)
    columns = {
        name: np.concatenate((getattr(bars, name)[:at], getattr(other, name)[at:]))
        for name in ("open", "high", "low", "close", "volume", "oi")
    }
    return msgspec.structs.replace(bars, **columns)


@settings(max_examples=40)
@given(drawn=st.lists(st.integers(0, 1000), min_size=5, max_size=40), seed=st.integers(0, 2**20), at=st.integers(2, 78))
def test_another_future_leaves_the_past_as_it_is(drawn: list[int], seed: int, at: int) -> None:
    terms = BacktestSettings(cash=20_000.0, leverage=5.0)
    bars = walk(seed, 80, volatility=0.01)
    one, _ = run(Restless, bars, terms, drawn=tuple(drawn))
    two, _ = run(Restless, other_future(bars, at, seed + 1), terms, drawn=tuple(drawn))
    np.testing.assert_array_equal(one.equity[:at], two.equity[:at])
    moment = bars.start_ns[at]
    before = int((one.trades.exit_ns < moment).sum())
    assert before == int((two.trades.exit_ns < moment).sum())
    for name in ("units", "entry_ns", "exit_ns", "entry_price", "exit_price", "gross", "charges"):
        np.testing.assert_array_equal(getattr(one.trades, name)[:before], getattr(two.trades, name)[:before])


def centred(values: Any) -> Any:
    return np.convolve(values, np.ones(5) / 5, mode="same")


def normalised(values: Any) -> Any:
    return (values - values.mean()) / values.std()


@pytest.mark.parametrize("function", [centred, normalised, lambda values: np.roll(values, -1)])
def test_an_indicator_that_peeks_is_refused(function: Any) -> None:
    class Peeks(Strategy):
        def init(self) -> None:
            self.indicator(function, self.data.close)

    with pytest.raises(InputError, match="looks into the future"):
        run(Peeks, walk(1, 60))
    run(Peeks, walk(1, 60), msgspec.structs.replace(PLAIN, guard=False))


def test_series_end_at_the_present() -> None:
    seen: list[tuple[int, float, float]] = []

    class Looks(Strategy):
        def on_bar(self, bar: Any) -> None:
            close = self.data.close
            seen.append((len(close), close[-1], bar.close))
            assert len(close.values) == len(close)
            with pytest.raises(InputError, match="not known yet"):
                close[len(close)]
            with pytest.raises(InputError, match="before the first"):
                close[-len(close) - 1]
            with pytest.raises(ValueError, match="read-only"):
                close.values[0] = 0.0

    bars = walk(2, 12)
    run(Looks, bars)
    assert seen == [(n + 1, float(c), float(c)) for n, c in enumerate(bars.close)]
