"""The options desk in a browser: every page draws and lives, the builder sends one basket, pages fit their windows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from openalgo_lab import Lab
from tests.e2e.pages import AppPage
from tests.e2e.running_app import wait_for
from tests.e2e.test_screens import SIZES, show

OpenPage = Callable[..., AppPage]

VIEWS = {
    "volatility": (
        ("Smile", "iv-smile"), ("Term and skew", "iv-term"), ("Surface map", "vol-map"), ("Surface 3-D", "vol-solid"),
    ),
    "open_interest": (
        ("OI profile", "oi-profile"), ("OI change", "oi-change"), ("OI tracker", "oi-tracker"),
        ("Max pain", "max-pain"), ("Gamma exposure", "gamma-exposure"), ("Gamma density", "gamma-density"),
    ),
    "straddle": (
        ("Rolling straddle", "rolling-straddle"), ("Straddle seller", "straddle-seller"),
        ("Contract IV and Greeks", "contract-iv"),
    ),
}  # fmt: skip


def drawn(one: AppPage, name: str) -> Locator:
    """The chart, once it has been painted with data."""
    one.page.wait_for_function(
        """(name) => {
          const root = document.querySelector(`[data-plot="${name}"]`);
          if (!root?.dataset.seq) return false;
          const canvas = root.querySelector("canvas");
          const ink = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
          const first = ink.slice(0, 3).join();
          for (let i = 0; i < ink.length; i += 400) if (ink.slice(i, i + 3).join() !== first) return true;
          return false;
        }""",
        arg=name,
    )
    return one.page.locator(f'[data-plot="{name}"]')


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_draws_lives_and_can_be_read(open_page: OpenPage, screens: Path, name: str) -> None:
    one = open_page(name, color_scheme="dark")
    for title, plot in VIEWS[name]:
        one.page.get_by_role("tab", name=title, exact=True).click()
        chart = drawn(one, plot)
        one.page.screenshot(path=screens / f"options-{plot}.png")
        if plot == "vol-solid":
            continue
        chart.locator("canvas").focus()
        one.page.keyboard.press("ArrowRight")
        one.page.keyboard.press("ArrowRight")
        expect(chart.locator(".oal-plot-tip")).to_be_visible()
        expect(chart.locator("[aria-live]")).not_to_be_empty()
    one.page.get_by_role("tab", name=VIEWS[name][0][0], exact=True).click()
    chart = drawn(one, VIEWS[name][0][1])
    before = int(chart.get_attribute("data-seq") or 0)
    wait_for(lambda: int(chart.get_attribute("data-seq") or 0) > before, "the chart lives")


def test_a_chart_leaves_as_a_table(open_page: OpenPage) -> None:
    one = open_page("volatility")
    chart = drawn(one, "iv-smile")
    with one.page.expect_download() as waited:
        chart.get_by_role("button", name="Data of IV smile").click()
    lines = waited.value.path().read_text().splitlines()
    assert lines[0].startswith("Strike,SVI fit,Calls,Puts")
    assert len(lines) > 10
    legend = chart.get_by_role("button", name="Calls")
    legend.click()
    expect(legend).to_have_attribute("aria-pressed", "false")


def test_a_strategy_is_built_moved_and_placed(open_page: OpenPage, lab: Lab, screens: Path) -> None:
    one = open_page("strategy_builder", color_scheme="dark")
    one.page.get_by_role("button", name="Build").click()
    chart = drawn(one, "payoff")
    legs = one.table("strategy-legs")
    wait_for(lambda: len(legs.rows()) == 4, "four legs")
    box = chart.locator("canvas").bounding_box()
    assert box is not None
    one.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(chart.locator(".oal-plot-tip")).to_contain_text("At expiry")
    expect(one.page.locator('[data-figure="pop"] .oal-chain-value')).to_contain_text("%")
    slider = one.page.get_by_role("slider").nth(1)
    slider.focus()
    for _ in range(4):
        one.page.keyboard.press("ArrowRight")
    drawn(one, "scenarios")
    one.page.screenshot(path=screens / "options-builder-what-if.png")
    one.page.get_by_role("button", name="PLACE 4 LEGS").click()
    expect(one.page.locator(".oal-message").filter(has_text="legs were taken")).to_be_visible()
    assert sum(order.symbol.startswith("NIFTY") for order in lab.handle.books.orders) >= 4


def test_greeks_are_chosen_in_the_chain(open_page: OpenPage) -> None:
    chain = open_page("option_chain")
    table = chain.table("option-chain")
    row = table.find("call_ltp", ".")
    choice = chain.page.get_by_label("Greeks by")
    choice.select_option(label="Exchange: spot, 10 %, whole days")
    expect(chain.page.locator('[data-figure="forward"] .oal-chain-label')).to_have_text("Forward (spot with carry)")
    choice.select_option(label="Forward, calendar time")
    assert row is not None


@pytest.mark.parametrize("name", ["strategy_builder", "portfolio_risk", "open_interest"])
def test_pages_fit_their_windows(open_page: OpenPage, screens: Path, name: str) -> None:
    one = open_page(name, color_scheme="dark")
    one.page.locator(".oal-chain-head").wait_for()
    for width, height in SIZES:
        one.page.set_viewport_size({"width": width, "height": height})
        for theme in ("dark", "light"):
            show(one.page, theme)
            one.page.screenshot(path=screens / f"{name}-{theme}-{width}.png")
        assert one.page.evaluate("() => document.body.scrollWidth") <= width
