"""The grid in a real browser: painting, keyboard, copy, mouse, themes, widths."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ui.grid.harness import Desk
from tests.ui.grid.samples import ATM, make_chain, make_orders

pytestmark = pytest.mark.e2e
Open = Callable[..., Desk]


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("width", [1440, 390])
def test_screens(open_desk: Open, screens: Path, theme: str, width: int) -> None:
    touch = {"has_touch": True, "is_mobile": True, "device_scale_factor": 2} if width < 500 else {}
    for name, grid in (("chain", make_chain(height="640px")), ("orders", make_orders())):
        desk = open_desk(grid, width=width, **touch)
        desk.page.evaluate("t => document.body.dataset.jpThemeLight = t === 'light'", theme)
        if name == "chain":
            values = {"c_ltp": grid_values(grid, "c_ltp") + 1.05, "p_ltp": grid_values(grid, "p_ltp") - 0.35}
            grid.push(values, engine_ns=1)
            assert desk.text(ATM, "strike") == "24,000"
        desk.settle()
        if width > 500:
            at = desk.call("hit", 24150 if name == "chain" else 102, "c_bid" if name == "chain" else "qty")
            desk.page.mouse.move(at["x"], at["y"])
            desk.settle(1)
        desk.page.screenshot(path=screens / f"grid-{name}-{theme}-{width}.png")


def grid_values(grid, key):
    return grid._table._values[grid._table._slots[key]].copy()
