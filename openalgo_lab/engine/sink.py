"""Where an adapter delivers what it hears."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openalgo_lab.engine.router import Line
from openalgo_lab.model.events import FeedState, FeedStatusChanged
from openalgo_lab.model.market import TickBatch
from openalgo_lab.model.reports import Report

if TYPE_CHECKING:
    from openalgo_lab.engine.engine import Engine

__all__ = ["LineSink"]


class LineSink:
    """The :class:`~openalgo_lab.broker.adapter.ReportSink` of one account; on the engine's loop."""

    def __init__(self, engine: Engine, line: Line) -> None:
        self._engine = engine
        self._line = line
        self._connected = True
        self._gaps = 0

    def on_ticks(self, batch: TickBatch) -> None:
        """To the board. Only one account's feed fills it: one price, one source."""
        if self._engine.data_line is self._line:
            self._engine.data.on_ticks(batch)

    def on_report(self, report: Report) -> None:
        """To the ledger, and what was new to the journal."""
        self._engine.recorder.take(self._line, [report])

    def on_feed(self, state: FeedState) -> None:
        """Told to everyone. After a gap the books are compared, after a lost connection the feed is asked anew."""
        back = state.connected and not self._connected
        if back and self._engine.data_line is self._line:
            self._engine.data.ask_again()
        if back or state.gaps > self._gaps:
            self._engine.reconciler.doubt(self._line.name)
        self._connected, self._gaps = state.connected, state.gaps
        self._engine.bus.publish(FeedStatusChanged(state))
