"""Sends what the ticket makes, once a press, and remembers what became of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from openalgo_lab.model.commands import CancelOrder, Command
from openalgo_lab.model.errors import EngineDead, LabError, RiskDenied
from openalgo_lab.model.events import Books
from openalgo_lab.model.orders import Order
from openalgo_lab.ui.live import KernelLoop
from openalgo_lab.ui.ticket.answers import Answer, answer_of, confirmed, keyed
from openalgo_lab.ui.ticket.press import PressGuard

if TYPE_CHECKING:
    from openalgo_lab.engine.handle import EngineHandle

__all__ = ["Sender"]


class Sender:
    """One order on its way at a time. All but :meth:`follow` on the kernel's loop."""

    def __init__(self, handle: EngineHandle, loop: KernelLoop, changed: Callable[[], None]) -> None:
        self._handle = handle
        self._loop = loop
        self._changed = changed
        self._guard = PressGuard()
        self._sent: Command[Any] | None = None
        self._followed = -1
        self._before: Order | None = None
        self.order: Order | None = None
        self.answer = Answer()
        self.duplicate: Command[Any] | None = None
        self.refused: dict[str, str] = {}
        self.message = ""
        self.bad = False

    @property
    def waiting(self) -> bool:
        """Whether an order has been sent and is not answered yet."""
        return self._guard.waiting

    def send(self, command: Command[Any]) -> bool:
        """Send it under a fresh client key; False when this press must not count."""
        key = self._guard.press()
        if not key:
            return False
        before = self.order
        self.forget()
        self._before = before
        self._sent = sent = keyed(command, key)
        self._ask(sent, self._answered)
        self._changed()
        return True

    def send_again(self) -> bool:
        """Send the refused duplicate, confirmed by a second press."""
        again = self.duplicate
        return again is not None and self.send(confirmed(again))

    def cancel(self) -> None:
        """Ask for the end of what was sent last."""
        if self.order is not None and self.order.working:
            self._ask(CancelOrder(self.order.order_id), self._cancelled)
        elif self.answer.undo is not None:
            self._ask(self.answer.undo, self._undone)

    def forget(self) -> None:
        """Nothing of the last order is shown any more; the order itself is not touched."""
        self.order = self.duplicate = self._before = None
        self.answer = Answer()
        self.refused = {}
        self.message, self.bad, self._followed = "", False, -1

    def follow(self, books: Books) -> bool:
        """Take the last order's newest state from the books; True when it moved. Any thread."""
        shown = self.order
        if shown is None or books.version == self._followed:
            return False
        self._followed = books.version
        newest = next((one for one in reversed(books.orders) if one.order_id == shown.order_id), None)
        if newest is None or newest.version <= shown.version or self.order is not shown:
            return False
        self.order = newest
        return True

    def _ask(self, command: Command[Any], done: Callable[[Any], None]) -> None:
        request = self._handle.call(command)
        try:
            self._loop.ask(self._handle, request, done, self._failed)
        except RuntimeError:  # its loop has ended
            request.close()
            self._failed(EngineDead("The engine of this ticket is closed, nothing was sent: make a new Lab()."))

    def _answered(self, reply: Any) -> None:
        self.answer = answer_of(reply)
        self.order = self.answer.order
        self._guard.answered()
        self._changed()

    def _undone(self, reply: Any) -> None:
        self.answer = answer_of(reply)
        self._changed()

    def _cancelled(self, order: Order) -> None:
        if self.order is not None and order.version > self.order.version:
            self.order = order
        self._changed()

    def _failed(self, error: LabError) -> None:
        self.message, self.bad = str(error), True
        if isinstance(error, RiskDenied) and error.rule == "duplicate":
            self.duplicate, self.order = self._sent, self._before  # the first one stays in view
        elif field := getattr(error, "field", ""):
            self.refused = {field: str(error)}
        self._guard.answered()
        self._changed()
