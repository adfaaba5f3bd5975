"""The ticket's form on the page: one model with its own DOM, written by plain messages instead of traits.

So a price may change on any thread, the button disarms in the browser before the press has left it, and a page pays
for one widget instead of forty.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import anywidget
import msgspec
import traitlets

from openalgo_lab.ui.theme import css
from openalgo_lab.ui.ticket.messages import FrontMessage, Hello
from openalgo_lab.ui.ticket.outcome import Outcome
from openalgo_lab.ui.ticket.shown import Market, Shown

__all__ = ["TicketForm"]

_log = logging.getLogger(__name__)


class TicketForm(anywidget.AnyWidget):
    """Shows what it is told, passes on what is done to it; holds no rule of the ticket. ``tell_*`` from any thread."""

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)

    def __init__(self, heard: Callable[[FrontMessage], None], **traits: Any) -> None:
        self._heard = heard
        self._told: dict[str, dict[str, Any] | None] = {}
        super().__init__(**traits)
        self.on_msg(self._on_message)

    @traitlets.default("_esm")
    def _default_esm(self) -> str:
        return files("openalgo_lab.ui.ticket").joinpath("form.js").read_text("utf-8")

    @traitlets.default("_css")
    def _default_css(self) -> str:
        return css() + files("openalgo_lab.ui.ticket").joinpath("form.css").read_text("utf-8")

    def tell_state(self, shown: Shown, *, force: bool = False) -> None:
        """The fields, their problems, the cost and the button. force: even if the page should know it already."""
        self._tell("state", shown, force=force)

    def tell_market(self, market: Market) -> None:
        """Last price, change, bid and ask."""
        self._tell("market", market)

    def tell_outcome(self, outcome: Outcome | None) -> None:
        """What became of the last order."""
        self._tell("outcome", outcome)

    def focus(self) -> None:
        """Put the keyboard's focus into the ticket."""
        self.send({"k": "focus"})

    def _tell(self, kind: str, value: msgspec.Struct | None, *, force: bool = False) -> None:
        content = None if value is None else msgspec.to_builtins(value)
        if not force and kind in self._told and self._told[kind] == content:
            return
        self._told[kind] = content
        self.send({"k": kind, "v": content})

    def _on_message(self, _widget: object, content: object, _buffers: object) -> None:
        try:
            message: FrontMessage = msgspec.convert(content, FrontMessage)
        except msgspec.ValidationError as error:
            _log.warning("A page sent the ticket a message that cannot be read; reload the page. (%s)", error)
            return
        if isinstance(message, Hello):
            for kind, told in tuple(self._told.items()):
                self.send({"k": kind, "v": told})
        self._heard(message)
