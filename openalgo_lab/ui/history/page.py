"""The history manager as a page."""

from __future__ import annotations

__all__ = ["show_history"]


def show_history() -> None:
    """Open the manager in this page."""
    from IPython.display import display

    from openalgo_lab.lab import Lab
    from openalgo_lab.ui.history.manager import HistoryManager

    display(HistoryManager(Lab()))  # type: ignore[no-untyped-call]  # IPython types it in part
