"""Which option an offset means at this moment: asked when the choice changes, and again while the market moves."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Final

from openalgo_lab.model.errors import LabError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.structure_commands import GetOptionSymbol, OptionSymbol
from openalgo_lab.model.vocabulary import OptionType
from openalgo_lab.ui.live import KernelLoop
from openalgo_lab.ui.ticket.kinds import TicketKind
from openalgo_lab.ui.ticket.state import TicketState

if TYPE_CHECKING:
    from openalgo_lab.engine.handle import EngineHandle

__all__ = ["ContractFinder"]

RENEW_S: Final = 2.0
"""The money moves: a strike this old is looked up again."""


class ContractFinder:
    """Follows the choice of one ticket. :attr:`due` from any thread, the rest on the kernel's loop."""

    def __init__(self, handle: EngineHandle, loop: KernelLoop, changed: Callable[[], None]) -> None:
        self._handle = handle
        self._loop = loop
        self._changed = changed
        self._wanted: GetOptionSymbol | None = None
        self._listed: tuple[str, tuple[date, ...]] = ("", ())
        self._ask_at = float("inf")
        self.found: Instrument | None = None
        self.note = ""

    def want(self, state: TicketState) -> None:
        """The choice as it stands in the ticket now."""
        command = self._command(state)
        if command == self._wanted:
            return
        self._wanted, self.found = command, None
        if command is not None:
            self._ask_at, self.note = time.monotonic(), "Looking for the contract…"
            return
        name = _underlying(state)
        self._ask_at, self.note = float("inf"), f"{name} has no listed options: choose NIFTY, or a share that has some."

    def expiries(self, state: TicketState) -> tuple[date, ...]:
        """Listed expiries of the ticket's underlying; none where the ticket is of another kind."""
        name = _underlying(state)
        if not name:
            return ()
        if self._listed[0] != name:
            self._listed = (name, tuple(self._handle.instruments.expiries(name)))
        return self._listed[1]

    @property
    def due(self) -> bool:
        """Whether :meth:`ask` should be called now."""
        return time.monotonic() >= self._ask_at

    def ask(self) -> None:
        """Ask the engine; returns at once."""
        command = self._wanted
        if command is None or not self.due:
            return
        self._ask_at = time.monotonic() + RENEW_S
        request = self._handle.call(command)
        self._loop.ask(self._handle, request, partial(self._answered, command), partial(self._refused, command))

    def _command(self, state: TicketState) -> GetOptionSymbol | None:
        name, days = _underlying(state), self.expiries(state)
        if not days or state.instrument is None:
            return None
        chosen = next((day for day in days if day.isoformat() == state.extra.expiry), days[0])
        kind = OptionType.PE if state.extra.option_type == OptionType.PE else OptionType.CE
        return GetOptionSymbol(name, state.instrument.exchange, state.extra.offset, kind, chosen)

    def _answered(self, command: GetOptionSymbol, reply: OptionSymbol) -> None:
        self._take(command, reply.instrument, "")

    def _refused(self, command: GetOptionSymbol, error: LabError) -> None:
        self._take(command, None, str(error))

    def _take(self, command: GetOptionSymbol, found: Instrument | None, note: str) -> None:
        if command == self._wanted and (found, note) != (self.found, self.note):
            self.found, self.note = found, note
            self._changed()


def _underlying(state: TicketState) -> str:
    item = state.instrument
    return "" if item is None or state.kind is not TicketKind.OPTION else item.underlying or item.symbol
