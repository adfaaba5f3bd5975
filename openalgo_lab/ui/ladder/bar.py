"""The ladder's own head: contract, totals, spread, and the switch that lets a click send an order at once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.resources import files
from typing import Any, Literal

import anywidget
import msgspec
import traitlets

from openalgo_lab.model.vocabulary import Product
from openalgo_lab.ui.theme import css

__all__ = ["BarMessage", "Head", "LadderBar", "SetLots", "SetProduct", "Switch"]

_log = logging.getLogger(__name__)


class Head(msgspec.Struct, frozen=True):
    """What the bar shows, as texts. ``share`` of the bids in all that is shown, 0-1."""

    symbol: str
    exchange: str
    ltp: str
    change: str
    sign: int
    bid_total: str
    ask_total: str
    spread: str
    share: float
    outside: str
    tradable: bool
    one_click: bool
    sends: str
    products: tuple[str, ...]
    product: str
    mode: str
    account: str
    message: str
    tone: Literal["info", "good", "bad"]


class _Hello(msgspec.Struct, frozen=True, tag="hello", tag_field="k"):
    """A view was drawn."""


class Switch(msgspec.Struct, frozen=True, tag="switch", tag_field="k"):
    """One click on or off."""

    on: bool


class SetLots(msgspec.Struct, frozen=True, tag="lots", tag_field="k"):
    """So many lots more or fewer a click."""

    by: int


class SetProduct(msgspec.Struct, frozen=True, tag="product", tag_field="k"):
    """The product of one-click orders."""

    product: Product


BarMessage = Switch | SetLots | SetProduct


class LadderBar(anywidget.AnyWidget):
    """Shows a :class:`Head`; ``tell`` from any thread."""

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)

    def __init__(self, heard: Callable[[BarMessage], None], **traits: Any) -> None:
        self._heard = heard
        self._told: Head | None = None
        super().__init__(**traits)
        self.on_msg(self._on_message)

    @traitlets.default("_esm")
    def _default_esm(self) -> str:
        return files("openalgo_lab.ui.ladder").joinpath("bar.js").read_text("utf-8")

    @traitlets.default("_css")
    def _default_css(self) -> str:
        return css() + files("openalgo_lab.ui.ladder").joinpath("bar.css").read_text("utf-8")

    def tell(self, head: Head) -> None:
        """Show it, if it differs."""
        if head != self._told:
            self._told = head
            self.send({"k": "head", "v": msgspec.to_builtins(head)})

    def _on_message(self, _widget: object, content: object, _buffers: object) -> None:
        try:
            message: _Hello | BarMessage = msgspec.convert(content, _Hello | BarMessage)
        except msgspec.ValidationError as error:
            _log.warning("A page sent the ladder a message that cannot be read; reload the page. (%s)", error)
            return
        if not isinstance(message, _Hello):
            self._heard(message)
        elif self._told is not None:
            self.send({"k": "head", "v": msgspec.to_builtins(self._told)})
