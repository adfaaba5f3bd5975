"""The portfolio's risk: net Greeks by underlying of what is held, and nothing when nothing is."""

from __future__ import annotations

import numpy as np
import pytest

from openalgo_lab import Lab
from openalgo_lab.ui.options import PortfolioView
from tests.support.waiting import eventually


def test_positions_are_measured_live(lab: Lab) -> None:
    strangle = lab.option_strategy("short strangle", "BANKNIFTY", lots=2)
    legs = strangle.place()
    assert all(leg.ok for leg in legs), repr(legs)
    view = lab.portfolio_risk()
    try:
        assert isinstance(view, PortfolioView)
        eventually(lambda: any(r.underlying == "BANKNIFTY" and len(r.legs) == 2 for r in view.readings))
        eventually(lambda: view.table.shown is not None)
        reading = next(r for r in view.readings if r.underlying == "BANKNIFTY")
        assert reading.complete
        row = view._row(reading)
        assert row["theta"] > 0 > row["vega"]
        assert row["margin"] > 10_000
        assert row["var"] > 0
        field = np.frombuffer(view.table._sent[1])  # type: ignore[index]
        assert field.size == 5 * 11
        keys = {figure.key: figure.value for figure in view._figures(view.readings)}
        assert keys["var"] not in ("–", "0")
        view._picked("SIM")
        eventually(lambda: bool(view.readings))
    finally:
        view.close()


def test_an_empty_book_says_so(lab: Lab) -> None:
    view = PortfolioView(lab, account="NOBODY")
    try:
        eventually(lambda: "No open positions" in view.table.said)
        assert view.readings == ()
        assert {figure.key: figure.value for figure in view._figures(())}["var"] == "–"
    finally:
        view.close()


@pytest.mark.parametrize("account", ["<img src=x onerror=alert(1)>"])
def test_names_are_texts(lab: Lab, account: str) -> None:
    view = PortfolioView(lab)
    view._picked(account)
    assert view._header._told["choices"]["chosen"] == account
    view.close()
