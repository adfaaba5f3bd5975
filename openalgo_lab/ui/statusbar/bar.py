"""The status bar widget: facts go out as one small message when they change; presses come back."""

from __future__ import annotations

import logging
import time
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal

import anywidget
import msgspec
import traitlets

from openalgo_lab.model.commands import ControlReplay, KillSwitch
from openalgo_lab.model.errors import LabError
from openalgo_lab.ui.live import KernelLoop, publisher_of
from openalgo_lab.ui.statusbar.facts import Facts, facts_of
from openalgo_lab.ui.theme import css

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab
    from openalgo_lab.model.commands import CancelReply
    from openalgo_lab.model.events import EngineStatus

__all__ = ["StatusBar"]

_log = logging.getLogger(__name__)
_MIN_GAP_S = 0.2


class _Hello(msgspec.Struct, frozen=True, tag="hello", tag_field="k"):
    """A view was drawn and needs all facts."""


class _Kill(msgspec.Struct, frozen=True, tag="kill", tag_field="k"):
    """The kill switch was held long enough."""

    engage: bool


class _Steer(msgspec.Struct, frozen=True, tag="steer", tag_field="k"):
    """A replay control was used; ``progress`` 0-1 jumps there."""

    paused: bool | None = None
    speed: float | None = None
    progress: float | None = None


_Message = _Hello | _Kill | _Steer


class StatusBar(anywidget.AnyWidget):
    """One line: mode and account, feed freshness, order latency, profit of the day, replay controls, kill switch.

    The kill switch has to be held for 0.8 s (or Enter held on the keyboard); it refuses new orders at once and cancels
    every working one. Positions stay.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)

    def __init__(self, lab: Lab, **traits: Any) -> None:
        super().__init__(**traits)
        self._handle = lab.handle
        self._loop = KernelLoop()
        self._shown: Facts | None = None
        self._sent_at = 0.0
        self.on_msg(self._on_message)
        publisher_of(self._handle).add(self)

    @traitlets.default("_esm")
    def _default_esm(self) -> str:
        return files("openalgo_lab.ui.statusbar").joinpath("bar.js").read_text("utf-8")

    @traitlets.default("_css")
    def _default_css(self) -> str:
        return css() + files("openalgo_lab.ui.statusbar").joinpath("bar.css").read_text("utf-8")

    def publish(self) -> None:
        """Send the facts when they differ from those shown; at most five times a second."""
        if time.monotonic() - self._sent_at < _MIN_GAP_S:
            return
        facts = facts_of(self._handle)
        if facts != self._shown:
            self._shown = facts
            self._sent_at = time.monotonic()
            self.send({"k": "facts", **msgspec.to_builtins(facts)})

    def note(self, text: str, tone: Literal["info", "bad"] = "info") -> None:
        """Say one sentence in the bar for a few seconds; shown as text and announced to screen readers."""
        self.send({"k": "note", "text": text, "tone": tone})

    def _on_message(self, _widget: object, content: object, _buffers: object) -> None:
        try:
            message = msgspec.convert(content, _Message)
        except msgspec.ValidationError as error:
            _log.warning("A page sent the status bar a message that cannot be read; reload the page. (%s)", error)
            return
        match message:
            case _Hello():
                self._shown = None
                self._sent_at = 0.0
            case _Kill(engage=engage):
                self._loop.ask(self._handle, self._handle.call(KillSwitch(engage=engage)), self._killed, self._refused)
            case _Steer():
                self._loop.ask(self._handle, self._handle.call(self._control(message)), self._steered, self._refused)

    def _control(self, steer: _Steer) -> ControlReplay:
        replay = self._handle.status.replay
        seek = None
        if steer.progress is not None and replay is not None:
            seek = replay.start_ns + int((replay.end_ns - replay.start_ns) * min(max(steer.progress, 0.0), 1.0))
        return ControlReplay(paused=steer.paused, speed=steer.speed, seek_ns=seek)

    def _killed(self, reply: CancelReply) -> None:
        if self._handle.status.kill_switch or reply.done or reply.failed:
            failed = f", {len(reply.failed)} could not be: see the order book" if reply.failed else ""
            self.note(f"{len(reply.done)} orders cancelled{failed}.", "bad" if reply.failed else "info")

    def _steered(self, _status: EngineStatus) -> None:
        self._shown = None

    def _refused(self, error: LabError) -> None:
        self.note(str(error), "bad")
