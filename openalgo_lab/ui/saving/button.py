"""A button that saves a table: the browser asks, the kernel answers with a file, the browser keeps it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import anywidget
import msgspec
import traitlets

from openalgo_lab.model.errors import LabError
from openalgo_lab.ui.theme import css

__all__ = ["SaveButton"]

_log = logging.getLogger(__name__)


class _Ask(msgspec.Struct, frozen=True, tag="ask", tag_field="k"):
    """The button was pressed."""


class SaveButton(anywidget.AnyWidget):
    """``make`` gives (file name, text) when it is pressed, on the kernel's loop; its LabError is shown beside it."""

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    _label = traitlets.Unicode().tag(sync=True)
    _name = traitlets.Unicode().tag(sync=True)

    def __init__(self, label: str, name: str, make: Callable[[], tuple[str, str]], **traits: Any) -> None:
        self._make = make
        super().__init__(_label=label, _name=name, **traits)
        self.on_msg(self._on_message)

    @traitlets.default("_esm")
    def _default_esm(self) -> str:
        return files("openalgo_lab.ui.saving").joinpath("button.js").read_text("utf-8")

    @traitlets.default("_css")
    def _default_css(self) -> str:
        return css() + files("openalgo_lab.ui.saving").joinpath("button.css").read_text("utf-8")

    def _on_message(self, _widget: object, content: object, _buffers: object) -> None:
        try:
            msgspec.convert(content, _Ask)
        except msgspec.ValidationError as error:
            _log.warning("A page sent a save button a message that cannot be read; reload the page. (%s)", error)
            return
        try:
            name, text = self._make()
        except LabError as error:
            self.send({"k": "failed", "message": str(error)})
            return
        self.send({"k": "file", "name": name, "text": text})
