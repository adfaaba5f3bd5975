"""The pages on a running market, without a browser: what they draw, and that they leave nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from openalgo_lab import Lab
from openalgo_lab.ui.options import InterestView, VolatilityView
from openalgo_lab.ui.options.page import ChainPage
from openalgo_lab.ui.options.plot import Plot
from tests.support.waiting import eventually

Opener = Callable[..., ChainPage]


@pytest.fixture
def opened() -> Iterator[list[ChainPage]]:
    pages: list[ChainPage] = []
    yield pages
    for page in pages:
        page.close()


def ready(plot: Plot) -> None:
    eventually(lambda: plot.shown is not None)


def test_the_smile_goes_through_calls_and_puts(lab: Lab, opened: list[ChainPage]) -> None:
    page = VolatilityView(lab)
    opened.append(page)
    eventually(lambda: all(len(page.smile.values().get(key, ((),))[0]) for key in ("fit", "later1", "later2")))
    values = page.smile.values()
    strikes, fit = values["fit"]
    assert len(strikes) > 10
    calls = np.interp(strikes, *(part[np.isfinite(values["calls"][1])] for part in values["calls"]))
    at = int(np.argmin(np.abs(strikes - page.looks[0].reading.forward)))
    assert fit[at] == pytest.approx(calls[at], abs=0.5)
    keys = {figure.key for figure in page.figures(page.looks, "smile")}
    assert {"forward", "skew", "fit", "butterfly", "calendar"} <= keys
    assert len([fit for fit in page.fits() if fit is not None]) >= 3


@pytest.mark.parametrize("view", ["term", "map", "solid"])
def test_term_and_surface(lab: Lab, opened: list[ChainPage], view: str) -> None:
    page = VolatilityView(lab, view=view)
    opened.append(page)
    plot = page.body.children[0]
    ready(plot)
    if view == "term":
        days, level = plot.values()["atm"]
        assert np.all(np.diff(days) > 0)
        assert np.all((level > 2) & (level < 80))
    else:
        assert len(plot.shown["columns"]) == 25
        assert len(plot.shown["rows"]) >= 3


@pytest.mark.parametrize("view", ["oi", "change", "tracker", "pain", "gex", "density"])
def test_open_interest(lab: Lab, opened: list[ChainPage], view: str) -> None:
    page = InterestView(lab, view=view)
    opened.append(page)
    ready(page.plot)
    curves = {key: y for key, (x, y) in page.plot.values().items() if len(x)}
    assert curves
    assert all(np.isfinite(y).all() for y in curves.values())
    if view == "pain":
        x, y = page.plot.values()["pain"]
        assert x[int(np.argmin(y))] == page.looks[0].reading.max_pain
    keys = {figure.key for figure in page.figures(page.looks, view)}
    assert ("gex" in keys) == (view in ("gex", "density"))


def test_another_expiry_another_underlying_another_view(lab: Lab, opened: list[ChainPage]) -> None:
    page = InterestView(lab)
    opened.append(page)
    ready(page.plot)
    first = page.expiry
    page._tabs._on_message(page._tabs, {"k": "tab", "key": lab.expiries("NIFTY")[1].isoformat()}, [])
    assert page.expiry != first
    page._views._on_message(page._views, {"k": "tab", "key": "gex"}, [])
    assert page.view == "gex"
    assert page.body.children == (page.plot,)
    page._picked("BANKNIFTY")
    assert page.underlying == "BANKNIFTY"
    eventually(lambda: bool(page.looks) and page.looks[0].contracts.underlying == "BANKNIFTY")
    page._picked("<img src=x onerror=alert(1)>")
    assert "No options are listed on <img" in page._message.value
    assert page.underlying == "BANKNIFTY"


def test_a_closed_page_wants_nothing_any_more(lab: Lab) -> None:
    engine = lab.handle._side._engine  # type: ignore[union-attr]  # the test looks behind the curtain
    page = VolatilityView(lab, "FINNIFTY" if "FINNIFTY" in lab.handle.instruments.underlyings() else "RELIANCE")
    owner = page._owner
    eventually(lambda: any(owner in name for name in engine.data._wanted))
    page.close()
    eventually(lambda: not any(owner in name for name in engine.data._wanted))


def test_the_facade_opens_them(lab: Lab) -> None:
    for page, name in (
        (lab.volatility(), "VolatilityView"),
        (lab.open_interest("NIFTY", view="pain"), "InterestView"),
        (lab.strategy_builder(), "StrategyBuilder"),
    ):
        assert type(page).__name__ == name
        page.close()
