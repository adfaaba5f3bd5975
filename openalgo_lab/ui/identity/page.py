"""Vault and users as a page."""

from __future__ import annotations

__all__ = ["show_access"]


def show_access() -> None:
    """Open both dialogs in this page, side by side where there is room."""
    import ipywidgets
    from IPython.display import display

    from openalgo_lab.lab import Lab
    from openalgo_lab.ui.identity.widget import SignInDialog
    from openalgo_lab.ui.vault import VaultDialog

    lab = Lab()
    room = ipywidgets.Layout(display="flex", flex_flow="row wrap", grid_gap="16px", padding="12px")
    display(ipywidgets.Box([VaultDialog(lab), SignInDialog(lab)], layout=room))  # type: ignore[no-untyped-call]
