"""The desk as a page."""

from __future__ import annotations

__all__ = ["show_desk"]


def show_desk() -> None:
    """Open the desk in this page: the whole of the desk's dashboard."""
    from IPython.display import display

    from openalgo_lab.lab import Lab
    from openalgo_lab.ui.desk.widget import Desk

    display(Desk(Lab()))  # type: ignore[no-untyped-call]  # IPython types it in part
