"""A live table of things that the engine looks after: read by a command, acted on by commands, one row an item."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets
import msgspec

from openalgo_lab.model.command_base import Command
from openalgo_lab.model.errors import LabError
from openalgo_lab.model.events import AnyEvent, OrderUpdated, WorksChanged
from openalgo_lab.ui.grid import Column, Empty, Grid, GridEvent
from openalgo_lab.ui.live import KernelLoop, publisher_of
from openalgo_lab.ui.message import MessageLine

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["Item", "ItemsSpec", "ItemsView"]

EVERY_S = 1.0


class Item(msgspec.Struct, frozen=True):
    """One row: the value behind it, texts and numbers by column, its actions as bits."""

    key: str
    value: Any
    texts: dict[str, str]
    numbers: dict[str, float] = {}
    actions: int = 0


class ItemsSpec(msgspec.Struct, frozen=True):
    """What a table shows: columns, the command that reads, rows from its answer, and what an action means.

    ``act`` gives the command of an action, or None when the owner does it (see ``on_action``).
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    empty: str
    read: Command[Any]
    rows: Callable[[Any], Sequence[Item]]
    act: Callable[[str, Any], Command[Any] | None]


class ItemsView(ipywidgets.VBox):
    """The table with its message line. Refreshed when something changes, and once a second."""

    def __init__(self, lab: Lab, spec: ItemsSpec, *, height: str = "200px") -> None:
        self._handle = lab.handle
        self._spec = spec
        self._loop = KernelLoop()
        self._lock = threading.Lock()
        self._asked_at = 0.0
        self._asking = False
        self._dirty = True
        self._ids: dict[str, int] = {}
        self._items: dict[int, Item] = {}
        self._on_action: list[Callable[[str, Any], None]] = []
        self._on_items: list[Callable[[Sequence[Item]], None]] = []
        self.grid = Grid(
            spec.name, spec.columns, label=spec.title, empty=Empty(text=spec.empty), sortable=True, height=height
        )
        self.message = MessageLine()
        self.grid.on_event(self._on_event)
        super().__init__([self.grid, self.message])
        self._unlisten = self._handle.add_listener(self._hear)
        publisher_of(self._handle).add(self)

    @property
    def items(self) -> tuple[Item, ...]:
        """The rows as shown."""
        return tuple(self._items.values())

    def on_action(self, callback: Callable[[str, Any], None]) -> None:
        """Call back with (action, value) for actions that no command stands for."""
        self._on_action.append(callback)

    def on_items(self, callback: Callable[[Sequence[Item]], None]) -> None:
        """Call back with all rows whenever they were read."""
        self._on_items.append(callback)

    def do(self, command: Command[Any], said: str = "") -> None:
        """Give a command for the table and say what became of it."""
        self.message.info("…")
        self._loop.ask(self._handle, self._handle.call(command), lambda _: self._done(said), self._failed)

    def publish(self) -> None:
        """Ask for the rows when it is time; runs on the publisher thread."""
        now = time.monotonic()
        with self._lock:
            due = not self._asking and (self._dirty or now - self._asked_at >= EVERY_S)
            if due:
                self._asking, self._dirty, self._asked_at = True, False, now
        if due:
            self._loop.ask(self._handle, self._handle.call(self._spec.read), self._take, self._not_read)

    def close(self) -> None:
        """End the subscription and the widget."""
        publisher_of(self._handle).remove(self)
        self._unlisten()
        super().close()

    # ---------------------------------------------------------------------------------------------------------------

    def _hear(self, event: AnyEvent) -> None:
        if isinstance(event, WorksChanged | OrderUpdated):
            self._dirty = True

    def _take(self, answer: Any) -> None:
        rows = self._spec.rows(answer)
        self._items = {self._ids.setdefault(row.key, len(self._ids) + 1): row for row in rows}
        columns = self._spec.columns
        texts = {one.key: [row.texts.get(one.key, "") for row in rows] for one in columns if one.textual}
        numeric = [one.key for one in columns if one.numeric]
        values = {name: [row.numbers.get(name, float("nan")) for row in rows] for name in numeric}
        self.grid.set_rows(
            list(self._items), texts, actions=[row.actions for row in rows], values=values if rows else {}
        )
        self._asking = False
        for callback in self._on_items:
            callback(rows)

    def _not_read(self, error: LabError) -> None:
        self._asking = False
        self.message.bad(str(error))

    def _on_event(self, event: GridEvent) -> None:
        item = self._items.get(event.row) if event.row is not None else None
        if item is None or not event.action:
            return
        command = self._spec.act(event.action, item.value)
        if command is not None:
            self.do(command)
            return
        for callback in self._on_action:
            callback(event.action, item.value)

    def _done(self, said: str) -> None:
        self._dirty = True
        self.message.info(said)

    def _failed(self, error: LabError) -> None:
        self._dirty = True
        self.message.bad(str(error))
