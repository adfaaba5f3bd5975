"""Screenshots of every page in both themes and three widths, kept for people to look at; no page scrolls sideways."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.e2e.pages import AppPage

OpenPage = Callable[..., AppPage]

SIZES = ((1440, 900), (1280, 800), (390, 844))


@pytest.mark.parametrize("name", ["home", "desk", "option_chain"])
def test_pages_fit_their_windows(open_page: OpenPage, screens: Path, name: str) -> None:
    one = open_page(name, color_scheme="dark")
    ready(one, name)
    for width, height in SIZES:
        one.page.set_viewport_size({"width": width, "height": height})
        for theme in ("dark", "light"):
            show(one.page, theme)
            one.page.screenshot(path=screens / f"{name}-{theme}-{width}.png")
        across, down = one.page.evaluate("() => [document.body.scrollWidth, document.documentElement.scrollHeight]")
        assert across <= width
        assert name == "home" or down <= height


def show(page: Page, theme: str) -> None:
    """Switch the theme as the user does, and wait until it is painted."""
    if page.evaluate("() => document.documentElement.dataset.oalTheme") != theme:
        page.locator("[data-oal-toggle]").first.click()
    page.mouse.move(1, 1)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def ready(one: AppPage, name: str) -> None:
    """Until what the page is for can be seen."""
    if name == "home":
        one.page.get_by_role("link", name="Desk").first.wait_for()
        return
    table = one.table("watchlist-Main" if name == "desk" else "option-chain")
    one.page.wait_for_function(
        """([name, column]) => {
          const grid = document.querySelector(`[data-grid="${name}"]`).__grid;
          return grid.rowIds().some((id) => ![null, "–"].includes(grid.cellText(id, column)));
        }""",
        arg=[table.name, "ltp" if name == "desk" else "call_ltp"],
    )
    if name == "desk":
        one.page.locator(".oal-chart-figure svg").first.wait_for()
        one.table("ladder").find("price", ".")
        one.table("blotter-quick-positions")
