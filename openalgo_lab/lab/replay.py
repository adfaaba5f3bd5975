"""Steering a replayed session: pause, go on, faster, to another moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from openalgo_lab.lab.pairs import Ask, awaited, blocking
from openalgo_lab.lab.shown import Cell, Shown
from openalgo_lab.lab.words import Moment, moment_ns
from openalgo_lab.model.commands import Command, ControlReplay
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.events import EngineStatus, ReplayStatus
from openalgo_lab.model.times import at_ist, format_ist, from_ns, parse_time, to_ns, trade_date

if TYPE_CHECKING:
    from openalgo_lab.lab.core import LabCore

__all__ = ["Replay"]

R = TypeVar("R")


class Replay(Shown):
    """The recording that is the market now. Raises InputError when the market is no recording."""

    def __init__(self, lab: LabCore) -> None:
        self._lab = lab

    @property
    def now(self) -> ReplayStatus:
        """Where it stands."""
        found = self._lab.handle.status.replay
        if found is None:
            raise InputError("The market is no replay: start one with Lab('replay', replay='FILE').", "replay")
        return found

    @property
    def time(self) -> datetime:
        """The recording's present moment, on the Indian clock."""
        return from_ns(self.now.now_ns)

    def call(self, command: Command[R], timeout_s: float = 10.0) -> R:
        """Give a command and wait."""
        return self._lab.call(command, timeout_s)

    async def call_async(self, command: Command[R], timeout_s: float = 10.0) -> R:
        """Give a command."""
        return await self._lab.call_async(command, timeout_s)

    def _pause(self) -> Ask[EngineStatus, Replay]:
        """Stop the recording's clock."""
        return self._steer(ControlReplay(paused=True))

    def _play(self, speed: float | None = None) -> Ask[EngineStatus, Replay]:
        """Let it run, ``speed`` times as fast if given."""
        return self._steer(ControlReplay(paused=False, speed=speed))

    def _seek(self, moment: Moment) -> Ask[EngineStatus, Replay]:
        """Jump to a moment: ``"10:30"`` of the recorded day, or any full moment."""
        if isinstance(moment, str) and len(moment.strip()) <= 8:  # HH:MM or HH:MM:SS
            ns = to_ns(at_ist(trade_date(self.now.start_ns), parse_time(moment.strip())))
        else:
            ns = moment_ns(moment, "moment")
        return self._steer(ControlReplay(seek_ns=ns))

    pause, pause_async = blocking(_pause), awaited(_pause)
    play, play_async = blocking(_play), awaited(_play)
    seek, seek_async = blocking(_seek), awaited(_seek)

    def _steer(self, command: ControlReplay) -> Ask[EngineStatus, Replay]:
        return Ask(command, partial(_same, self))

    def __repr__(self) -> str:
        now = self.now
        state = "ended" if now.ended else "paused" if now.paused else f"× {now.speed:g}"
        return f"<Replay {now.name} at {format_ist(now.now_ns)}, {state}>"

    def _table(self) -> tuple[str, Sequence[str], Sequence[Sequence[Cell]]]:
        now = self.now
        return now.name, ("from", "now", "to"), [tuple(map(format_ist, (now.start_ns, now.now_ns, now.end_ns)))]


def _same(replay: Replay, _status: EngineStatus) -> Replay:
    return replay
