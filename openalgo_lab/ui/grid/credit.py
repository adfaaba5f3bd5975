"""Back-pressure: how many frames may be on their way to the browser, and what to do when none may.

The browser acknowledges what it has painted. Acknowledgements are read by the kernel's own loop, so a busy cell
silences them although the browser is well; `LoopPulse` tells the two apart: when the loop does not answer,
frames go out unasked at a lower rate, and when it does answer, the browser is the one that is silent and nothing
goes out until it speaks.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final, Literal, Protocol

Decision = Literal["send", "hold", "blind"]

MS: Final = 1_000_000
#: Frames on their way at most. The browser acknowledges every second one, so the wire never runs dry at 20 Hz.
WINDOW: Final = 4
#: While the kernel is busy: a frame each 100 ms at most, a full one each second (nobody can ask for it).
BLIND_INTERVAL_NS: Final = 100 * MS
BLIND_FULL_NS: Final = 1_000 * MS
#: A loop that has not answered for so long is busy.
BUSY_AFTER_NS: Final = 100 * MS
#: A browser that asks again so long after a frame left has not got it.
LOST_AFTER_NS: Final = 1_000 * MS


class Pulse(Protocol):
    """Whether the kernel's loop is too busy to read acknowledgements."""

    def busy(self, now_ns: int) -> bool:
        """Asks the loop and reports on the last question; cheap, from any thread."""


class LoopPulse:
    """Asks an asyncio loop for a sign of life. Without a loop (a plain script) it is never busy."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None) -> None:
        self._loop = loop
        self._asked_ns: int | None = None

    def busy(self, now_ns: int) -> bool:
        """True when a question asked more than 100 ms ago is still unanswered."""
        if self._loop is None:
            return False
        if self._asked_ns is None:
            self._asked_ns = now_ns
            with contextlib.suppress(RuntimeError):  # the loop is closed: the kernel is going down
                self._loop.call_soon_threadsafe(self._answer)
            return False
        return now_ns - self._asked_ns > BUSY_AFTER_NS

    def _answer(self) -> None:
        self._asked_ns = None


class Credit:
    """Counts frames sent and acknowledged. Not thread-safe: its owner holds a lock."""

    def __init__(self, pulse: Pulse, clock_ns: Callable[[], int]) -> None:
        self._pulse = pulse
        self._clock = clock_ns
        self._connected = False
        self._last_ns = -BLIND_INTERVAL_NS
        self._full_ns = -BLIND_FULL_NS
        self.sent = 0
        self.acknowledged = 0

    @property
    def connected(self) -> bool:
        """Whether any browser has asked for this grid."""
        return self._connected

    @property
    def outstanding(self) -> int:
        """Frames sent that no browser has acknowledged."""
        return self.sent - self.acknowledged

    def decide(self) -> Decision:
        """send: within the window. hold: wait for the browser. blind: the kernel is busy, a frame is due."""
        if self._connected and self.outstanding < WINDOW:
            return "send"
        now = self._clock()
        if self._pulse.busy(now) and now - self._last_ns >= BLIND_INTERVAL_NS:
            return "blind"
        return "hold"

    def full_due(self) -> bool:
        """Of a blind frame: whether it has to be a full one."""
        return self._clock() - self._full_ns >= BLIND_FULL_NS

    def next_seq(self, *, full: bool) -> int:
        """Books one frame and returns its number."""
        self._last_ns = self._clock()
        if full:
            self._full_ns = self._last_ns
        self.sent += 1
        return self.sent

    def connect(self) -> None:
        """A browser asks for everything: whatever was under way no longer counts."""
        self._connected = True
        self.acknowledged = self.sent

    def acknowledge(self, seq: int) -> None:
        """The browser holds frame `seq` (a number never sent is ignored)."""
        if seq <= self.sent:
            self._connected = True
            self.acknowledged = max(self.acknowledged, seq)

    def lost(self, seq: int) -> bool:
        """The idle browser has seen up to `seq` only: whether frames after it were lost on the way."""
        return seq < self.sent and self._clock() - self._last_ns > LOST_AFTER_NS
