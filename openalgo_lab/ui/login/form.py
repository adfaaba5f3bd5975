"""The login form on the page. It speaks by plain messages: nothing that is typed is ever part of a widget's state."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from importlib.resources import files

import anywidget
import msgspec
import traitlets

from openalgo_lab.ui.login.parts import BrokerRow, FromPage, LoginShown
from openalgo_lab.ui.theme import css
from openalgo_lab.ui.vault.parts import Hello

__all__ = ["LoginForm"]

_log = logging.getLogger(__name__)


class LoginForm(anywidget.AnyWidget):
    """Shows what it is told and passes on what is pressed."""

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)

    def __init__(self, shown: Callable[[], LoginShown], heard: Callable[[FromPage], None]) -> None:
        self._shown, self._heard = shown, heard
        self._listed: tuple[BrokerRow, ...] = ()
        super().__init__()
        self.on_msg(self._on_message)

    @traitlets.default("_esm")
    def _default_esm(self) -> str:
        return files("openalgo_lab.ui.login").joinpath("form.js").read_text("utf-8")

    @traitlets.default("_css")
    def _default_css(self) -> str:
        return css() + files("openalgo_lab.ui.login").joinpath("form.css").read_text("utf-8")

    def tell(self) -> None:
        """Paint what is to be shown now."""
        self.send({"k": "shown", "v": msgspec.to_builtins(self._shown())})

    def list_brokers(self, rows: Sequence[BrokerRow]) -> None:
        """Which brokers there are."""
        self._listed = tuple(rows)
        self.send({"k": "list", "v": msgspec.to_builtins(self._listed)})

    def _on_message(self, _widget: object, content: object, _buffers: object) -> None:
        try:
            message = msgspec.convert(content, FromPage)
        except msgspec.ValidationError:
            # Its text could quote what was typed, so it is not logged.
            _log.warning("A page sent a login form a message that cannot be read; reload the page.")
            return
        if isinstance(message, Hello):
            if self._listed:
                self.list_brokers(self._listed)
            self.tell()
        else:
            self._heard(message)
