"""The backtest explorer as a page."""

from __future__ import annotations

__all__ = ["show_backtest"]


def show_backtest() -> None:
    """Open the explorer in this page."""
    from IPython.display import display

    from openalgo_lab.lab import Lab
    from openalgo_lab.ui.backtest.explorer import BacktestExplorer

    display(BacktestExplorer(Lab()))  # type: ignore[no-untyped-call]  # IPython types it in part
