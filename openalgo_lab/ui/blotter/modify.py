"""The small form that changes a working order: quantity, price, trigger. Shown under the blotter, closed with Esc."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets

from openalgo_lab.model.commands import ModifyOrder
from openalgo_lab.model.errors import LabError
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.orders import Order
from openalgo_lab.ui.blotter.tables import status_text
from openalgo_lab.ui.live import KernelLoop
from openalgo_lab.ui.message import MessageLine

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["ModifyForm"]


class ModifyForm(ipywidgets.HBox):
    """Opens on one order at a time. Apply sends only what differs, with the order's version, once until answered."""

    def __init__(self, lab: Lab, message: MessageLine) -> None:
        self._handle = lab.handle
        self._loop = KernelLoop()
        self._message = message
        self._order: Order | None = None
        self._title = ipywidgets.Label().add_class("oal-form-title")
        self.quantity = ipywidgets.BoundedIntText(description="Qty", min=1, max=10_000_000)
        self.price = ipywidgets.BoundedFloatText(description="Price", min=0.0, max=10_000_000.0)
        self.trigger = ipywidgets.BoundedFloatText(description="Trigger", min=0.0, max=10_000_000.0)
        self.apply = ipywidgets.Button(description="Apply", tooltip="Send the change to the broker")
        self.dismiss = ipywidgets.Button(description="Leave as it is", tooltip="Close without a change")
        self.apply.on_click(self._apply)
        self.dismiss.on_click(lambda _button: self.shut())
        super().__init__(
            [self._title, self.quantity, self.price, self.trigger, self.apply, self.dismiss],
            layout=ipywidgets.Layout(display="none", flex_flow="row wrap"),
        )
        self.add_class("oal-form")

    def edit(self, order_id: str) -> None:
        """Show the form filled with the order's present terms."""
        order = next((one for one in self._handle.books.orders if one.order_id == order_id), None)
        if order is None or not order.working:
            self._message.info("This order has ended meanwhile: there is nothing to modify.")
            return
        self._order = order
        item = self._handle.instruments.find(InstrumentKey(order.exchange, order.symbol))
        self.quantity.step = item.lot_size if item else 1
        for box in (self.price, self.trigger):
            box.step = item.tick_size if item else 0.05
        self._title.value = f"Modify {order.side} {order.symbol} ({order.mode.value.upper()} · {order.account})"
        self.quantity.value, self.price.value, self.trigger.value = order.quantity, order.price, order.trigger_price
        self.price.layout.display = "" if order.price_type.has_price else "none"
        self.trigger.layout.display = "" if order.price_type.has_trigger else "none"
        self.apply.disabled = False
        self.layout.display = "flex"

    def shut(self) -> None:
        """Hide the form."""
        self._order = None
        self.layout.display = "none"

    def _apply(self, _button: Any) -> None:
        order = self._order
        if order is None or self.apply.disabled:
            return
        self.apply.disabled = True  # one press, one change: armed again when it was answered
        command = ModifyOrder(
            order_id=order.order_id,
            quantity=self.quantity.value if self.quantity.value != order.quantity else None,
            price=self.price.value if order.price_type.has_price and self.price.value != order.price else None,
            trigger_price=(
                self.trigger.value
                if order.price_type.has_trigger and self.trigger.value != order.trigger_price
                else None
            ),
            version=order.version,
        )
        self._loop.ask(self._handle, self._handle.call(command), self._done, self._failed)

    def _done(self, order: Order) -> None:
        self.shut()
        self._message.info(f"{order.symbol}: change sent, now {status_text(order)}.")

    def _failed(self, error: LabError) -> None:
        self.apply.disabled = False
        self._message.bad(str(error))
