"""Kernel and event-driven engine: the same trades, charges and equity, to the paisa, for any signals and terms."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openalgo_lab.backtest import kernel
from openalgo_lab.backtest.kernel import Outcome, compiled, trade_signals
from openalgo_lab.backtest.run import run_events, run_vector, warm_up
from openalgo_lab.backtest.settings import BacktestSettings, FlatCharges, PlanCharges, Slippage
from openalgo_lab.model.market import Bars
from openalgo_lab.model.vocabulary import Product
from openalgo_lab.strategy import SignalStrategy
from tests.backtest.worlds import identity, market_of, share, signals_drawn, tables, walk


class Drawn(SignalStrategy):
    """Signals that were drawn, not computed."""

    drawn: ClassVar[list[int]] = []
    sequence = 0

    def signals(self, bars: Bars) -> np.ndarray[Any, np.dtype[np.int8]]:
        return np.resize(np.array(self.drawn, dtype=np.int8), len(bars.close))


@pytest.fixture(params=["python", "compiled"], autouse=True)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel as plain Python and as machine code."""
    chosen: Callable[..., Outcome] = trade_signals if request.param == "python" else compiled()
    monkeypatch.setattr("openalgo_lab.backtest.run.compiled", lambda: chosen)


terms = st.builds(
    BacktestSettings,
    cash=st.sampled_from([2_000.0, 50_000.0, 10_00_000.0]),
    product=st.sampled_from([Product.CNC, Product.MIS]),
    leverage=st.sampled_from([1.0, 5.0, 20.0]),
    charges=st.sampled_from([PlanCharges(), PlanCharges("discount.01"), FlatCharges(0.2), FlatCharges(0.0, 20.0)]),
    slippage=st.sampled_from([Slippage(), Slippage(0.03), Slippage(rupees=0.05), Slippage(0.01, 0.05, 0.5)]),
    square_off=st.sampled_from([None, time(12, 0), time(15, 15)]),
    tick_rounding=st.booleans(),
    guard=st.just(False),
)
protection = st.sampled_from([0.0, 0.2, 0.7, 3.0])


@settings(max_examples=60)
@given(
    signals=signals_drawn, seed=st.integers(0, 2**20), run_terms=terms, stop=protection, target=protection,
    trail=protection, size=st.sampled_from([0, 7, 300]), exposure=st.sampled_from([0.3, 0.95, 1.0]),
    lot=st.sampled_from([1, 5]),
)  # fmt: skip
def test_both_engines_agree(
    signals: list[int], seed: int, run_terms: BacktestSettings, stop: float, target: float, trail: float, size: int,
    exposure: float, lot: int,
) -> None:  # fmt: skip
    market = market_of(walk(seed, 120, volatility=0.01), run_terms, share(lot=lot))
    parameters = {
        "drawn": signals, "stop_pct": stop, "target_pct": target, "trail_pct": trail, "size": size,
        "exposure": exposure,
    }  # fmt: skip
    vector = run_vector(Drawn, market, run_terms, tables(), parameters)
    event, _ = run_events(Drawn, [market], run_terms, tables(), parameters)
    for name in ("units", "entry_ns", "exit_ns", "entry_price", "exit_price", "gross", "charges", "bars"):
        np.testing.assert_array_equal(getattr(vector.trades, name), getattr(event.trades, name), err_msg=name)
    assert vector.trades.reason == event.trades.reason
    np.testing.assert_array_equal(vector.equity, event.equity)
    assert vector.open_units == event.open_units
    assert (vector.open_gross, vector.open_charges) == (event.open_gross, event.open_charges)
    np.testing.assert_allclose(vector.exposed, event.exposed, atol=1.0)
    identity(vector)
    identity(event)


def test_the_reasons_have_their_numbers() -> None:
    named = {name: kernel.REASONS.index(name) for name in ("signal", "stop", "target", "trail", "square-off", "ruin")}
    assert list(named.values()) == [0, 1, 2, 3, 4, 5]


def test_one_machine_code_serves_all_markets() -> None:
    """Read-only columns and whole frames must not make Numba compile again while somebody waits."""
    warm_up()
    before = len(compiled().signatures)  # type: ignore[attr-defined]
    bars = walk(1, 120)
    frozen = Bars(**{name: getattr(bars, name).copy() for name in bars.__struct_fields__})
    for name in frozen.__struct_fields__:
        getattr(frozen, name).flags.writeable = False
    for given_bars in (bars, frozen):
        for terms_given in (BacktestSettings(guard=False), BacktestSettings(product=Product.MIS, tick_rounding=False)):
            market = market_of(given_bars, terms_given)
            parameters = {"drawn": [1, 0, 0, 2], "stop_pct": 1}
            run_vector(Drawn, market, terms_given, tables(), parameters)
            run_vector(Drawn, market.cut(10, 100), terms_given, tables(), parameters)
    assert len(compiled().signatures) == before == 1  # type: ignore[attr-defined]
