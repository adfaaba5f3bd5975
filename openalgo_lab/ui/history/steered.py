"""A live table and, under it, the buttons of its chosen row: always in sight, also where nothing hovers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets
import msgspec

from openalgo_lab.model.command_base import Command
from openalgo_lab.ui.blotter.items import Item, ItemsSpec, ItemsView
from openalgo_lab.ui.grid import GridEvent

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["Press", "Steered", "Steering"]


class Press(msgspec.Struct, frozen=True):
    """A button: what it asks for, its title, and what it does in a few words."""

    key: str
    title: str
    hint: str


class Steering(msgspec.Struct, frozen=True):
    """What can be done to a row: the buttons, which of them a value allows, its name, a button's command."""

    presses: tuple[Press, ...]
    allowed: Callable[[Any], Collection[str]]
    name: Callable[[Any], str]
    act: Callable[[str, Any], Command[Any]]


class Steered(ipywidgets.VBox):
    """The newest row is chosen until another one is pressed; a chosen row stays chosen while it is there."""

    def __init__(self, lab: Lab, spec: ItemsSpec, steering: Steering, *, height: str) -> None:
        self._steering = steering
        self._chosen = ""
        self.table = ItemsView(lab, spec, height=height)
        self.buttons = {one.key: _button(one, self.press) for one in steering.presses}
        self._title = ipywidgets.Label("")
        self._title.add_class("oal-form-title")
        bar = ipywidgets.HBox([self._title, *self.buttons.values()])
        bar.add_class("oal-form")
        bar.add_class("oal-hist-head")
        super().__init__([self.table, bar])
        self.table.grid.on_event(self._on_event)
        self.table.on_items(self._show)
        self._show(())

    @property
    def chosen(self) -> Any:
        """The value behind the chosen row; None without rows."""
        found = next((item for item in self.table.items if item.key == self._chosen), None)
        return None if found is None else found.value

    def press(self, key: str) -> None:
        """Do to the chosen row what the button says; on the kernel's loop."""
        if self.chosen is not None and key in self._steering.allowed(self.chosen):
            self.table.do(self._steering.act(key, self.chosen))

    def close(self) -> None:
        """End the subscription and the widget."""
        self.table.close()
        super().close()

    def _on_event(self, event: GridEvent) -> None:
        row = event.row if event.row is not None else next(iter(event.rows), 0)
        item = self.table._items.get(row)
        if item is not None:
            self._chosen = item.key
            self._show(self.table.items)

    def _show(self, items: Sequence[Item]) -> None:
        if self._chosen not in {item.key for item in items}:
            self._chosen = items[0].key if items else ""
        value = next((item.value for item in items if item.key == self._chosen), None)
        allowed = self._steering.allowed(value) if value is not None else ()
        for key, button in self.buttons.items():
            if button.disabled == (key in allowed):
                button.disabled = key not in allowed
        title = self._steering.name(value) if value is not None else ""
        if self._title.value != title:
            self._title.value = title


def _button(one: Press, press: Callable[[str], None]) -> Any:
    button = ipywidgets.Button(description=one.title, tooltip=one.hint)
    button.on_click(lambda _button: partial(press, one.key)())
    return button
