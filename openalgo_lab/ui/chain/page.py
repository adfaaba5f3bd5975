"""The option chain as a page."""

from __future__ import annotations

__all__ = ["show_chain"]


def show_chain() -> None:
    """Open the chain in this page: NIFTY where it is listed, else the first underlying that has options."""
    from IPython.display import display

    from openalgo_lab.engine.option_data.contracts import option_underlyings
    from openalgo_lab.lab import Lab
    from openalgo_lab.ui.chain.widget import OptionChainView

    lab = Lab()
    listed = option_underlyings(lab.handle.instruments)
    view = OptionChainView(lab, "NIFTY" if "NIFTY" in listed or not listed else listed[0])
    display(view)  # type: ignore[no-untyped-call]  # IPython types it in part
