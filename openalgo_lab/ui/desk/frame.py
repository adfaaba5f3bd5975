"""The desk's own furniture in the page: global keys, the list of all keys, three things to try at the first start."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.resources import files
from typing import Any, Literal

import anywidget
import msgspec
import traitlets

from openalgo_lab.model.vocabulary import Mode, Side
from openalgo_lab.ui.theme import css

__all__ = ["DeskFrame"]

_log = logging.getLogger(__name__)


class _Hello(msgspec.Struct, frozen=True, tag="hello", tag_field="k"):
    """A view was drawn, or its width crossed the limit from which all parts are in view at once (``wide``)."""

    wide: bool


class _Key(msgspec.Struct, frozen=True, tag="key", tag_field="k"):
    """A key of the whole desk was pressed."""

    key: Literal["b", "s"]


class DeskFrame(anywidget.AnyWidget):
    """Hears B and S wherever no table or field wants them.

    ``traded`` hears the side, ``drawn`` whether all parts of the desk are in view at once; both on the kernel's loop.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)

    def __init__(
        self, mode: Mode, traded: Callable[[Side], None], drawn: Callable[[bool], None], **traits: Any
    ) -> None:
        self._mode = mode
        self._traded = traded
        self._drawn = drawn
        super().__init__(**traits)
        self.on_msg(self._on_message)

    @traitlets.default("_esm")
    def _default_esm(self) -> str:
        return files("openalgo_lab.ui.desk").joinpath("frame.js").read_text("utf-8")

    @traitlets.default("_css")
    def _default_css(self) -> str:
        return css() + files("openalgo_lab.ui.desk").joinpath("frame.css").read_text("utf-8")

    def show_keys(self) -> None:
        """Open the list of keys."""
        self.send({"k": "keys"})

    def _on_message(self, _widget: object, content: object, _buffers: object) -> None:
        try:
            message = msgspec.convert(content, _Hello | _Key)
        except msgspec.ValidationError as error:
            _log.warning("A page sent the desk a message that cannot be read; reload the page. (%s)", error)
            return
        match message:
            case _Key(key=key):
                self._traded(Side.BUY if key == "b" else Side.SELL)
            case _Hello(wide=wide):
                self.send({"k": "facts", "mode": self._mode.value})
                self._drawn(wide)
