"""Tabs whose titles carry counts: plain messages instead of traits, so that a count may change on any thread."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any

import anywidget
import msgspec
import traitlets
from ipywidgets import CallbackDispatcher

from openalgo_lab.ui.theme import css

__all__ = ["Tab", "TabBar"]

_log = logging.getLogger(__name__)


class Tab(msgspec.Struct, frozen=True):
    """One tab; ``count`` None shows none. ``hint`` is small print under the title."""

    key: str
    title: str
    count: int | None = None
    hint: str = ""


class _Hello(msgspec.Struct, frozen=True, tag="hello", tag_field="k"):
    """A view was drawn."""


class _Chosen(msgspec.Struct, frozen=True, tag="tab", tag_field="k"):
    """A tab was pressed."""

    key: str


class TabBar(anywidget.AnyWidget):
    """A tablist (arrow keys move, as ARIA asks). ``show`` may be called from any thread."""

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    _label = traitlets.Unicode().tag(sync=True)

    def __init__(self, tabs: Sequence[Tab], *, label: str, active: str = "", **traits: Any) -> None:
        super().__init__(_label=label, **traits)
        self._tabs = tuple(tabs)
        self._active = active or (self._tabs[0].key if self._tabs else "")
        self._chosen = CallbackDispatcher()
        self.on_msg(self._on_message)

    @traitlets.default("_esm")
    def _default_esm(self) -> str:
        return files("openalgo_lab.ui.tabs").joinpath("bar.js").read_text("utf-8")

    @traitlets.default("_css")
    def _default_css(self) -> str:
        return css() + files("openalgo_lab.ui.tabs").joinpath("bar.css").read_text("utf-8")

    @property
    def active(self) -> str:
        """Key of the chosen tab."""
        return self._active

    def on_choose(self, callback: Callable[[str], None]) -> None:
        """Call back with the key of a newly chosen tab, on the kernel's loop."""
        self._chosen.register_callback(callback)

    def show(self, tabs: Sequence[Tab], active: str | None = None) -> None:
        """Replace the tabs when they differ."""
        chosen = self._active if active is None else active
        if tuple(tabs) != self._tabs or chosen != self._active:
            self._tabs, self._active = tuple(tabs), chosen
            self._tell()

    def _tell(self) -> None:
        self.send({"k": "tabs", "tabs": msgspec.to_builtins(self._tabs), "active": self._active})

    def _on_message(self, _widget: object, content: object, _buffers: object) -> None:
        try:
            message = msgspec.convert(content, _Hello | _Chosen)
        except msgspec.ValidationError as error:
            _log.warning("A page sent the tabs a message that cannot be read; reload the page. (%s)", error)
            return
        if isinstance(message, _Chosen) and message.key != self._active:
            if message.key not in {tab.key for tab in self._tabs}:
                return
            self._active = message.key
            self._chosen(message.key)
        self._tell()
