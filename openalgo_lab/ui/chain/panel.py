"""The ticket beside the chain: slides in with the first press, goes with Esc or its button."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets

from openalgo_lab.model.vocabulary import Side

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab
    from openalgo_lab.model.instruments import InstrumentKey
    from openalgo_lab.ui.ticket import OrderTicket

__all__ = ["TicketPanel"]


class TicketPanel(ipywidgets.VBox):
    """Holds one :class:`OrderTicket`, made when it is first needed. On the kernel's loop only."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.ticket: OrderTicket | None = None
        title = ipywidgets.Label("Order").add_class("oal-form-title")
        shut = ipywidgets.Button(description="×", tooltip="Close the ticket (Esc)").add_class("oal-chain-shut")
        shut.on_click(lambda _button: self.shut())
        self._head = ipywidgets.HBox([title, shut]).add_class("oal-chain-panel-head").add_class("oal-form")
        super().__init__([self._head], layout=ipywidgets.Layout(display="none"))
        self.add_class("oal-chain-panel")

    @property
    def opened(self) -> bool:
        """Whether it is in view."""
        return bool(self.layout.display != "none")

    def trade(self, key: InstrumentKey, side: Side, price: float | None) -> None:
        """Show the ticket filled in; ``price`` None keeps it at market."""
        from openalgo_lab.ui.ticket import OrderTicket

        if self.ticket is None:
            self.ticket = OrderTicket(self._lab, key, side, price=price)
            self.children = (self._head, self.ticket)
        else:
            self.ticket.set(symbol=key, side=side, price=price)
        self.layout.display = "flex"
        self.ticket.focus()

    def shut(self) -> None:
        """Hide the panel; an order on its way is not touched."""
        self.layout.display = "none"

    def close(self) -> None:
        """End the ticket and the panel."""
        if self.ticket is not None:
            self.ticket.close()
        super().close()
