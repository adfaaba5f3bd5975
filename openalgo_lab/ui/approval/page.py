"""Orders at work as a page: results, Action Center, works, basket, alerts, sandbox; and records in tabs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets

from openalgo_lab.ui.tabs import Tab, TabBar

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["Records", "show_orders"]


class Records(ipywidgets.VBox):
    """What has happened, in tabs; each is made when it is first opened."""

    def __init__(self, lab: Lab) -> None:
        self._makers: dict[str, tuple[str, Callable[[], Any]]] = {
            "journal": ("Trade journal", lab.journal),
            "timeline": ("Time line", lab.timeline),
            "latency": ("Latency", lab.latency),
            "traffic": ("Traffic", lab.traffic),
        }
        self._made: dict[str, Any] = {}
        self._tabs = TabBar([Tab(key, title) for key, (title, _) in self._makers.items()], label="Records")
        self._tabs.on_choose(self.choose)
        super().__init__(layout=_wide())
        self.choose("journal")

    def choose(self, key: str) -> Any:
        """Show one, and answer with it."""
        if key not in self._made:
            self._made[key] = self._makers[key][1]()
        self.children = (self._tabs, self._made[key])
        return self._made[key]

    def close(self) -> None:
        """End all that were opened."""
        for part in self._made.values():
            part.close()
        super().close()


def show_orders() -> None:
    """Open the page: the whole of the orders' dashboard."""
    from IPython.display import display

    from openalgo_lab.lab import Lab
    from openalgo_lab.ui.style.sheet import StyleSheet

    lab = Lab()
    parts = (
        ("Result", lab.pnl()),
        ("Action Center", lab.approvals()),
        ("At work", lab.at_work()),
        ("Basket", lab.basket_builder()),
        ("Alerts", lab.alert_list()),
        ("Sandbox", lab.sandbox_settings()),
    )
    boxes = [
        ipywidgets.VBox([ipywidgets.Label(title).add_class("oal-form-title"), part], layout=_wide())
        for title, part in parts
    ]
    columns = ipywidgets.Layout(
        grid_template_columns="repeat(auto-fit, minmax(min(520px, 100%), 1fr))", grid_gap="14px", width="100%"
    )
    page = ipywidgets.VBox([StyleSheet("approval"), ipywidgets.GridBox(boxes, layout=columns), Records(lab)])
    display(page.add_class("oal-orders"))  # type: ignore[no-untyped-call]  # IPython types it in part


def _wide() -> Any:
    return ipywidgets.Layout(width="100%", min_width="0")
