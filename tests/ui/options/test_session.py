"""The day's pages: candles of the strikes passed, the rolling straddle, the seller, a contract's volatility."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from openalgo_lab import Lab
from openalgo_lab.ui.options import SessionView
from openalgo_lab.ui.options.session_data import strikes_passed
from tests.support.waiting import eventually

STRIKES = np.arange(100.0, 200.0, 10.0)


def test_strikes_that_the_money_passed() -> None:
    spot = np.array([101.0, 104.0, 109.0, 131.0, 128.0, 131.0, 155.1])
    assert strikes_passed(STRIKES, spot).tolist() == [100.0, 110.0, 130.0, 160.0]
    assert strikes_passed(STRIKES, spot, most=2).tolist() == [100.0, 130.0]


@pytest.fixture
def view(lab: Lab) -> Iterator[SessionView]:
    lab.option_chain("NIFTY")
    made = SessionView(lab)
    yield made
    made.close()


def choose(view: SessionView, key: str) -> None:
    view._views._on_message(view._views, {"k": "tab", "key": key}, [])


def test_the_rolling_straddle_ends_at_the_present(view: SessionView) -> None:
    eventually(lambda: "straddle" in view.plot.values() and len(view.plot.values()["straddle"][0]) > 5)
    times, straddle = view.plot.values()["straddle"]
    assert np.all(np.diff(times) >= 0)
    assert np.isfinite(straddle).mean() > 0.9
    assert straddle[-1] == pytest.approx(view.looks[0].reading.straddle, rel=0.2)
    _, spot = view.plot.values()["spot"]
    _, synthetic = view.plot.values()["synthetic"]
    assert np.nanmedian(np.abs(synthetic / spot - 1)) < 0.01


def test_the_seller_follows_its_settings(view: SessionView) -> None:
    choose(view, "seller")
    eventually(lambda: len(view.plot.values().get("profit", ((),))[0]) > 5)
    said = {figure.key: figure.value for figure in view.figures(view.looks, "seller")}
    assert int(said["trades"]) >= 1
    one = view.plot.values()["profit"][1]
    view._lots.value = 3
    eventually(lambda: not np.array_equal(view.plot.values()["profit"][1][: len(one)], one))
    assert view.plot.values()["profit"][1][1 : len(one)] == pytest.approx(3 * one[1:], rel=0.2, abs=1e-6)


def test_a_contracts_volatility_and_greeks(view: SessionView) -> None:
    choose(view, "contract")
    eventually(lambda: len(view.plot.values().get("iv", ((),))[0]) > 5)
    iv, delta = view.plot.values()["iv"][1], view.plot.values()["greek"][1]
    assert np.nanmedian(iv) == pytest.approx(view.looks[0].reading.atm_iv, rel=0.5)
    assert np.nanmin(delta) > 0
    view._kind.value = "PE"
    eventually(lambda: np.nanmax(view.plot.values()["greek"][1]) < 0)
    assert "volatility and delta" in (view.plot.shown or {})["title"]
