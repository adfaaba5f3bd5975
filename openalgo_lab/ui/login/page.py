"""The brokers' page of the app."""

from __future__ import annotations

__all__ = ["show_brokers"]


def show_brokers() -> None:
    """Open the list of brokers, the connections and the login form in this page."""
    import ipywidgets
    from IPython.display import display

    from openalgo_lab.lab import Lab
    from openalgo_lab.ui.login.widget import BrokerLogin

    room = ipywidgets.Layout(padding="12px")
    display(ipywidgets.VBox([BrokerLogin(Lab())], layout=room))  # type: ignore[no-untyped-call]
