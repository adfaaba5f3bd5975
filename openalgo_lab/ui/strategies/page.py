"""Hosted strategies as a page."""

from __future__ import annotations

__all__ = ["show_strategies"]


def show_strategies() -> None:
    """Open the panel in this page."""
    from IPython.display import display

    from openalgo_lab.lab import Lab
    from openalgo_lab.ui.strategies.panel import StrategyPanel

    display(StrategyPanel(Lab()))  # type: ignore[no-untyped-call]  # IPython types it in part
