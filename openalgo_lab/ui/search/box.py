"""A search box over today's instruments: every keystroke asks, the list answers, a pick calls back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import anywidget
import msgspec
import traitlets
from ipywidgets import CallbackDispatcher

from openalgo_lab.model.errors import LabError
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.symbols import format_strike
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.ui.theme import css

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["SearchBox", "describe"]

_log = logging.getLogger(__name__)
_LIMIT = 12
_LONGEST_QUERY = 80


class _Query(msgspec.Struct, frozen=True, tag="q", tag_field="k"):
    """The text changed; ``n`` counts keystrokes so that a late answer is recognised."""

    text: str
    n: int


class _Pick(msgspec.Struct, frozen=True, tag="pick", tag_field="k"):
    """A row of the list was chosen."""

    exchange: Exchange
    symbol: str


_Message = _Query | _Pick


def describe(item: Instrument) -> str:
    """An instrument in a trader's words: ``NIFTY 26000 CE · 01 Dec 26``, ``State Bank of India``."""
    if item.expiry is None:
        return item.name
    when = item.expiry.strftime("%d %b %y")
    if item.kind.is_option:
        return f"{item.underlying} {format_strike(item.strike)} {item.kind} · {when}"
    return f"{item.underlying} future · {when}"


class SearchBox(anywidget.AnyWidget):
    """Finds instruments; ``on_pick`` hears the chosen :class:`InstrumentKey` on the kernel's loop.

    ``/`` anywhere on the page focuses it. Words are read as ``lab.search`` reads them (underlying, strike, CE, expiry).
    """

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    _placeholder = traitlets.Unicode().tag(sync=True)
    _shortcut = traitlets.Bool(default_value=True).tag(sync=True)

    def __init__(
        self, lab: Lab, *, placeholder: str = "Search: sbin, nifty 26000 ce", shortcut: bool = True, **traits: Any
    ) -> None:
        super().__init__(_placeholder=placeholder, _shortcut=shortcut, **traits)
        self._handle = lab.handle
        self._picked = CallbackDispatcher()
        self.on_msg(self._on_message)

    @traitlets.default("_esm")
    def _default_esm(self) -> str:
        return files("openalgo_lab.ui.search").joinpath("box.js").read_text("utf-8")

    @traitlets.default("_css")
    def _default_css(self) -> str:
        return css() + files("openalgo_lab.ui.search").joinpath("box.css").read_text("utf-8")

    def on_pick(self, callback: Callable[[InstrumentKey], None]) -> None:
        """Call back with what the user chose."""
        self._picked.register_callback(callback)

    def answer(self, text: str) -> Sequence[Instrument]:
        """What the list shows for ``text``, best first."""
        return self._handle.instruments.search(text[:_LONGEST_QUERY], None, _LIMIT)

    def _on_message(self, _widget: object, content: object, _buffers: object) -> None:
        try:
            message = msgspec.convert(content, _Message)
        except msgspec.ValidationError as error:
            _log.warning("A page sent the search box a message that cannot be read; reload the page. (%s)", error)
            return
        match message:
            case _Query(text=text, n=n):
                self._show(text, n)
            case _Pick(exchange=exchange, symbol=symbol):
                self._picked(InstrumentKey(exchange, symbol))

    def _show(self, text: str, n: int) -> None:
        try:
            rows = [
                {"exchange": item.exchange.value, "symbol": item.symbol, "name": describe(item)}
                for item in self.answer(text)
            ]
        except LabError as error:
            self.send({"k": "r", "n": n, "rows": [], "note": str(error)})
            return
        note = "" if rows or not text.strip() else "Nothing listed matches: try fewer words, or part of the name."
        self.send({"k": "r", "n": n, "rows": rows, "note": note})
