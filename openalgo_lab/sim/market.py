"""What a market is to the simulated exchange: instruments, a clock, prices now, and history. Simulated or replayed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from openalgo_lab.model.events import ReplayStatus
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Bars, TickBatch
from openalgo_lab.model.vocabulary import Exchange

__all__ = ["MarketSource", "Steerable"]


class MarketSource(Protocol):
    """A source of prices. Pure of threads and sockets; deterministic for one seed (or recording) and moment."""

    def instruments(self) -> Sequence[Instrument]:
        """Everything listed today; the same sequence each time it is asked on one trading day."""

    def now_ns(self) -> int:
        """The market's present moment, UTC ns: the wall clock, or the recording's."""

    def is_open(self, exchange: Exchange, now_ns: int) -> bool:
        """Whether continuous trading runs on that exchange at that moment."""

    def snapshot(self, tokens: npt.NDArray[np.int64], now_ns: int, *, depth: bool) -> TickBatch:
        """The market of these tokens at that moment: every quote field, five levels if asked. Same order as asked.

        Raises SymbolError for a token that is not listed.
        """

    def history(self, instrument: Instrument, interval: str, start_ns: int, end_ns: int) -> Bars:
        """Candles that start in [start_ns, end_ns) and not after now; the last one may be unfinished.

        Raises InputError for an interval that cannot be served.
        """


class Steerable(Protocol):
    """A market whose clock can be steered: a replay."""

    def status(self) -> ReplayStatus:
        """Where it stands."""

    def steer(self, *, paused: bool | None = None, speed: float | None = None, seek_ns: int | None = None) -> None:
        """Pause, go on, change the speed, or jump. Raises InputError for a moment outside the recording."""
