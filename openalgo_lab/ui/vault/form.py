"""A dialog on the page. It speaks by plain messages: no secret is ever part of a widget's saved state."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.resources import files

import anywidget
import msgspec
import traitlets

from openalgo_lab.ui.theme import css
from openalgo_lab.ui.vault.parts import Hello, Press, Shown

__all__ = ["SecretForm"]

_log = logging.getLogger(__name__)


class SecretForm(anywidget.AnyWidget):
    """Shows what it is told and passes on what is pressed."""

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)

    def __init__(self, shown: Callable[[], Shown], pressed: Callable[[Press], None]) -> None:
        self._shown, self._pressed = shown, pressed
        super().__init__()
        self.on_msg(self._on_message)

    @traitlets.default("_esm")
    def _default_esm(self) -> str:
        return files("openalgo_lab.ui.vault").joinpath("form.js").read_text("utf-8")

    @traitlets.default("_css")
    def _default_css(self) -> str:
        return css() + files("openalgo_lab.ui.vault").joinpath("form.css").read_text("utf-8")

    def tell(self) -> None:
        """Paint what is to be shown now."""
        self.send({"k": "shown", "v": msgspec.to_builtins(self._shown())})

    def _on_message(self, _widget: object, content: object, _buffers: object) -> None:
        try:
            message = msgspec.convert(content, Press | Hello)
        except msgspec.ValidationError:
            # Its text could quote what was typed, so it is not logged.
            _log.warning("A page sent a dialog a message that cannot be read; reload the page.")
            return
        if isinstance(message, Press):
            self._pressed(message)
        else:
            self.tell()
