"""The brokers' page of the app."""

from __future__ import annotations

__all__ = ["show_brokers"]


def show_brokers() -> None:
    """Open the list of brokers, the connections and the login form in this page."""
    from IPython.display import display

    from openalgo_lab.lab import Lab
    from openalgo_lab.ui.login.widget import BrokerLogin

    display(BrokerLogin(Lab()))  # type: ignore[no-untyped-call]
