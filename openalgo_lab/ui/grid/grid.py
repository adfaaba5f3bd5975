"""The widget behind every hot table: typed columns in, binary frames out, user events back."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import anywidget
import msgspec
import numpy.typing as npt
import traitlets
from ipywidgets import CallbackDispatcher

from openalgo_lab.ui.grid.bundle import esm, grid_css
from openalgo_lab.ui.grid.columns import Action, Column, Empty, action_keys, check_columns, slots
from openalgo_lab.ui.grid.credit import Credit, LoopPulse, Pulse
from openalgo_lab.ui.grid.events import GridEvent, decode_event
from openalgo_lab.ui.grid.frames import CellTable, Frame
from openalgo_lab.ui.grid.layout import Layout, make_layout
from openalgo_lab.ui.grid.messages import Ack, Hello, Need, Poke, UserEvent, decode_message
from openalgo_lab.ui.theme import css

_log = logging.getLogger(__name__)


class GridStats(msgspec.Struct, frozen=True):
    """Counts since the grid was made; `paint_ms`, `lag_ms` (engine time to screen) of the frame acknowledged last."""

    frames: int
    acknowledged: int
    coalesced: int
    bytes: int
    paint_ms: float
    lag_ms: float


class Grid(anywidget.AnyWidget):
    """A table painted on a canvas.

    `set_rows`, `push` and `set_flags` may be called from any thread (they touch no trait state); construct the grid
    on the kernel's own loop. `name` is unique on a page: the user's choice of columns is remembered under it.
    label: what a screen reader calls the grid. selection: "none", "row" or "multi" (shift, ctrl).
    follow_atm: keeps the row with `Flag.ATM` in view until the user scrolls. sortable: header clicks sort (the order
    is renewed when rows come or go, never by a tick, so that no row moves under the pointer). keys: further keys,
    as in the DOM's `KeyboardEvent.key`, to be told of. height: CSS height of the grid.
    pulse: whether the kernel's loop is too busy to hear the browser (default: asks the running loop).
    InputError: columns that contradict each other.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    _spec = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        name: str,
        columns: Sequence[Column],
        *,
        label: str = "",
        empty: Empty | None = None,
        selection: Literal["none", "row", "multi"] = "row",
        follow_atm: bool = False,
        sortable: bool = False,
        keys: Sequence[str] = (),
        row_height: int = 24,
        height: str = "320px",
        pulse: Pulse | None = None,
        **traits: Any,
    ) -> None:
        check_columns(columns)
        self._columns = tuple(columns)
        self._table = CellTable(self._columns)
        self._layout_now = make_layout(
            self._columns, (), {c.key: () for c in self._columns if c.textual},
            decimals=None, actions=None, empty=empty,
        )  # fmt: skip
        self._layout_sent: Layout | None = None
        self._rev = 0
        self._engine_ns = 0
        self._coalesced = self._bytes = 0
        self._last_ack = Ack(0)
        self._credit = Credit(pulse or LoopPulse(_running_loop()), time.monotonic_ns)
        self._lock = threading.Lock()
        self._events = CallbackDispatcher()
        places = slots(self._columns)
        spec = {
            "name": name, "label": label or name, "selection": selection, "follow_atm": follow_atm,
            "sortable": sortable, "keys": list(keys), "row_height": row_height, "height": height,
            "actions": list(action_keys(self._columns)),
            "columns": [column.spec(places.get(column.key, -1)) for column in self._columns],
        }  # fmt: skip
        super().__init__(_spec=spec, **traits)
        self.add_class("oal-grid-host")
        self.on_msg(self._on_message)

    @traitlets.default("_esm")
    def _default_esm(self) -> str:
        return esm()

    @traitlets.default("_css")
    def _default_css(self) -> str:
        return css() + grid_css()

    # What the owner calls

    def set_rows(
        self,
        ids: Sequence[int],
        text: Mapping[str, Sequence[str]] | None = None,
        *,
        decimals: npt.ArrayLike | None = None,
        actions: npt.ArrayLike | None = None,
        flags: npt.ArrayLike | None = None,
        values: Mapping[str, npt.ArrayLike] | None = None,
        empty: Empty | None = None,
        engine_ns: int = 0,
    ) -> None:
        """The rows, in order, with every text column. Rows whose id stays keep their numbers and flags.

        decimals: per row, for columns with `decimals="row"`. actions: per row, bit i allows action i of the grid's
        actions in order of declaration (all when None). empty: replaces the empty state when given.
        InputError: doubled id, missing or unknown column, a length that does not fit.
        """
        kept = self._layout_now.empty if empty is None else empty
        layout = make_layout(self._columns, ids, text or {}, decimals=decimals, actions=actions, empty=kept)
        with self._lock:
            self._table.set_rows(layout.ids, values or {}, flags)
            self._layout_now = layout
            self._engine_ns = engine_ns or self._engine_ns
            self._flush()

    def push(self, columns: Mapping[str, npt.ArrayLike], *, engine_ns: int, flags: npt.ArrayLike | None = None) -> None:
        """New values by column key, one a row (NaN: no value). Columns left out keep theirs.

        engine_ns: UTC time of the newest value in it, for the measure of lag. Sends at once, or, when the browser
        is behind, with the newest state as soon as it is ready. InputError: unknown column or wrong length.
        """
        with self._lock:
            self._table.update(columns, flags)
            self._engine_ns = engine_ns
            self._flush()

    def set_flags(self, flags: npt.ArrayLike) -> None:
        """One `Flag` a row. InputError: wrong length."""
        with self._lock:
            self._table.update({}, flags)
            self._flush()

    def center(self, row: int) -> None:
        """Scrolls the row to the middle of every view, and follows the ATM row again where that is asked for."""
        self.send({"k": "c", "id": row})

    def on_event(self, callback: Callable[[GridEvent], None]) -> Callable[[], None]:
        """Calls back on the kernel's loop; the callback returns at once. Gives the function that unregisters it."""
        self._events.register_callback(callback)
        return lambda: self._events.register_callback(callback, remove=True)

    @property
    def actions(self) -> tuple[Action, ...]:
        """Distinct actions in the order of their bits in `set_rows(actions=)`."""
        found = {action.key: action for column in reversed(self._columns) for action in reversed(column.actions)}
        return tuple(found[key] for key in action_keys(self._columns))

    @property
    def row_ids(self) -> tuple[int, ...]:
        """Row ids in order."""
        return self._table.ids

    @property
    def stats(self) -> GridStats:
        """Frames sent, acknowledged, pushes that were folded into a later frame, bytes, last paint and lag."""
        credit, ack = self._credit, self._last_ack
        return GridStats(credit.sent, credit.acknowledged, self._coalesced, self._bytes, ack.ms, ack.lag)

    # To the browser; the lock is held

    def _flush(self) -> None:
        decision = self._credit.decide()
        if decision == "hold":
            self._coalesced += 1
            return
        if decision == "blind" and self._credit.full_due():
            self._table.forget_sent()
        told = self._send_layout()
        frame = self._table.encode()
        if frame is None and told:  # every message has to cost credit, hence a frame that only counts
            frame = Frame("d", 0, b"", None)
        if frame is not None:
            self._send_frame(frame)

    def _send_layout(self) -> bool:
        now, before = self._layout_now, self._layout_sent
        if now is before or now == before:
            return False
        self._layout_sent = now
        self._rev += 1
        patch = None if before is None else now.patch(before, self._rev)
        if patch is None:
            self._table.forget_sent()
        content, buffers = patch or now.message(self._rev)
        self.send(content, buffers)
        return True

    def _send_frame(self, frame: Frame) -> None:
        base = self._credit.sent
        seq = self._credit.next_seq(full=frame.kind == "f")
        content = {
            "k": frame.kind, "rev": self._rev, "seq": seq, "base": base, "n": frame.cells, "t": self._engine_ns,
            "m": frame.flags is not None,
        }  # fmt: skip
        buffers = [frame.data] if frame.flags is None else [frame.data, frame.flags]
        self._bytes += sum(map(len, buffers))
        self.send(content, buffers)

    # From the browser, on the kernel's loop

    def _on_message(self, _widget: object, content: object, _buffers: object) -> None:
        try:
            message = decode_message(content)
            event = decode_event(message.event) if isinstance(message, UserEvent) else None
        except msgspec.ValidationError as error:
            _log.warning("A page sent the grid a message that cannot be read; reload the page. (%s)", error)
            return
        if event is not None:
            self._dispatch(event)
            return
        with self._lock:
            self._serve(message)

    def _serve(self, message: Hello | Ack | Need | Poke | UserEvent) -> None:
        match message:
            case Hello():
                self._resend(rev=-1)
            case Need(rev=rev):
                self._resend(rev=rev)
            case Poke(seq=seq, rev=rev):
                if rev != self._rev or self._credit.lost(seq):
                    self._resend(rev=rev)
                else:
                    self._credit.acknowledge(seq)
                self.send({"k": "p"})
            case Ack():
                self._last_ack = message
                self._credit.acknowledge(message.seq)
            case UserEvent():
                raise AssertionError("user events are dispatched without the lock")
        self._flush()

    def _resend(self, *, rev: int) -> None:
        self._credit.connect()
        if rev != self._rev:
            self._layout_sent = None
        self._table.forget_sent()

    def _dispatch(self, event: GridEvent) -> None:
        if event.row is not None and event.row not in self._table.ids:
            _log.info("Grid event on row %s, which has gone meanwhile, is dropped.", event.row)
            return
        self._events(event)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
