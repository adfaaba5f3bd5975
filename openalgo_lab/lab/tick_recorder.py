"""Ticks of some instruments recorded into the lake while it runs, on a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from openalgo_lab.lab.shown import Cell, Shown
from openalgo_lab.model.errors import LabError
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.market import Quote
from openalgo_lab.model.times import trade_date
from openalgo_lab.model.vocabulary import FeedMode
from openalgo_lab.store.history.ticks import TICK_FIELDS, Ticks, TickStore

if TYPE_CHECKING:
    from openalgo_lab.lab.core import LabCore

__all__ = ["TickRecorder"]

_log = logging.getLogger(__name__)

_LOOK_S: Final = 0.02
_FLUSH_S: Final = 30.0
_FLUSH_TICKS: Final = 50_000


class TickRecorder(Shown):
    """Keeps every change of its instruments' quotes that the market board shows, until :meth:`stop`.

    The board is looked at fifty times a second: of several changes between two looks the last is kept. Times are those
    of the exchange. What was gathered is written every half minute.
    """

    def __init__(self, lab: LabCore, keys: Sequence[InstrumentKey], store: TickStore) -> None:
        self._lab = lab
        self.keys = tuple(dict.fromkeys(keys))
        self._store = store
        self._owner = lab._owner("ticks")
        self._seen = dict.fromkeys(self.keys, 0)
        self._held: list[tuple[int, Quote]] = []
        self._days: set[int] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self.ticks = 0
        lab.handle.subscribe(self.keys, FeedMode.QUOTE, self._owner)
        self._thread = threading.Thread(target=self._run, name="openalgo-lab-tick-recorder", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it still records."""
        return self._thread.is_alive() and not self._stop.is_set()

    def save(self) -> None:
        """Write what was gathered. Raises StoreError; then it is kept for the next try."""
        with self._lock:
            held = self._held[:]
            if held:
                self._store.add(_ticks(self.keys, held))
                self._days |= {trade_date(quote.time_ns).toordinal() for _, quote in held}
                del self._held[: len(held)]

    def stop(self) -> int:
        """End the recording, write it, and answer how many ticks it took."""
        from datetime import date

        self._stop.set()
        self._thread.join(10.0)
        self._lab.handle.unsubscribe(self._owner)
        self.save()
        for day in self._days:
            self._store.fold(date.fromordinal(day))
        return self.ticks

    # ----------------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        looks = 0
        while not self._stop.wait(_LOOK_S):
            looks += 1
            try:
                self._look()
                if looks * _LOOK_S >= _FLUSH_S or len(self._held) >= _FLUSH_TICKS:
                    looks = 0
                    self.save()
            except LabError as error:  # the disk may be full, the engine change hands: the next look tries again
                _log.warning("Ticks could not be kept: %s", error)

    def _look(self) -> None:
        board = self._lab.handle.board
        for row, key in enumerate(self.keys):
            quote = board.quote(key)
            if quote is not None and quote.time_ns > self._seen[key]:
                self._seen[key] = quote.time_ns
                self._held.append((row, quote))
                self.ticks += 1

    def __repr__(self) -> str:
        return f"<Tick recorder of {len(self.keys)} instruments: {self.ticks} ticks>"

    def _table(self) -> tuple[str, Sequence[str], Sequence[Sequence[Cell]]]:
        state = "recording" if self.running else "stopped"
        return f"Tick recorder, {state}", ("instruments", "ticks"), [(len(self.keys), self.ticks)]


def _ticks(keys: tuple[InstrumentKey, ...], held: Sequence[tuple[int, Quote]]) -> Ticks:
    columns = {name: np.array([getattr(quote, name) for _, quote in held], dtype=np.float64) for name in TICK_FIELDS}
    row = np.array([row for row, _ in held], dtype=np.int64)
    return Ticks(keys, row, np.array([quote.time_ns for _, quote in held], dtype=np.int64), columns)
