"""Orders at work as a page: Action Center, triggers, brackets, algorithms, results, alerts, latencies."""

from __future__ import annotations

import ipywidgets

__all__ = ["show_orders"]


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
        ("Time line", ipywidgets.VBox([lab.timeline(), lab.latency()])),
    )
    wide = ipywidgets.Layout(width="100%", min_width="0")
    boxes = [
        ipywidgets.VBox([ipywidgets.Label(title).add_class("oal-form-title"), part], layout=wide)
        for title, part in parts
    ]
    columns = ipywidgets.Layout(
        grid_template_columns="repeat(auto-fit, minmax(min(520px, 100%), 1fr))", grid_gap="14px", width="100%"
    )
    display(  # type: ignore[no-untyped-call]  # IPython types it in part
        ipywidgets.VBox([StyleSheet("approval"), ipywidgets.GridBox(boxes, layout=columns)]).add_class("oal-orders")
    )
