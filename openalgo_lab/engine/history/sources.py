"""Whose candles there are: each source has a lake of its own, so that candles of two sources never mix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from openalgo_lab.broker.generic import GenericAdapter
from openalgo_lab.broker.spec import HistoryLimits
from openalgo_lab.engine.bar_source import BarSource
from openalgo_lab.engine.composition import Composition
from openalgo_lab.engine.connections.named import NamedAdapter
from openalgo_lab.engine.router import Line, Router
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.market import Bars
from openalgo_lab.store.instruments import InstrumentStore

__all__ = ["Source", "Sources"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where candles are asked for. ``name`` "": nothing of it is kept (a replay). ``computed``: its candles are a
    function of time, so they are kept only where a download asks for it. ``always_open``: its market never closes.
    """

    name: str
    line: Line
    limits: HistoryLimits
    computed: bool
    always_open: bool
    find: Callable[[InstrumentKey], Instrument | None]
    candles: BarSource

    def has(self, interval: str) -> bool:
        """Whether it gives candles of that length itself."""
        return not self.limits.intervals or interval in self.limits.intervals

    def page_days(self, interval: str) -> int:
        """The most days of one request; 0 where no bound is known."""
        return self.limits.intervals.get(interval, 0)

    async def bars(
        self, instrument: Instrument, interval: str, start_ns: int, end_ns: int, *, background: bool = False
    ) -> Bars:
        """Candles that start in [start_ns, end_ns), UTC ns; in the background they wait behind everything else.

        Raises what the broker raises.
        """
        adapter = self.line.adapter
        if background and not self.computed and isinstance(adapter, GenericAdapter | NamedAdapter):
            return await adapter.history(instrument, interval, start_ns, end_ns, background=True)
        return await self.candles.bars_of(self.line, instrument, interval, start_ns, end_ns)


class Sources:
    """Used on the engine's loop."""

    def __init__(
        self, parts: Composition, router: Router, candles: BarSource, instruments: Callable[[], InstrumentStore]
    ) -> None:
        self._parts = parts
        self._router = router
        self._candles = candles
        self._instruments = instruments

    def shown(self) -> Source:
        """The source of the market that is shown."""
        return self._of(self._router.data_line)

    def named(self, name: str) -> Source | None:
        """The source of that name, where one of the profile's accounts reaches it now."""
        lines = (self._router.data_line, *self._router.lines)
        return next((source for line in lines if (source := self._of(line)).name == name), None)

    def _of(self, line: Line) -> Source:
        first = line is self._router.lines[0]
        adapter = line.adapter
        inner = adapter.inner if isinstance(adapter, NamedAdapter) else adapter
        limits = inner.spec.history if isinstance(inner, GenericAdapter) else HistoryLimits()
        if isinstance(adapter, NamedAdapter):
            own = adapter.store
            find: Callable[[InstrumentKey], Instrument | None] = own.find if own is not None else _nothing
        else:
            find = self._find if line is self._router.data_line else _nothing
        if first:
            parts = self._parts
            computed = parts.history is not None
            return Source(
                parts.history_source,
                line,
                HistoryLimits() if computed else limits,
                computed,
                parts.always_open,
                find,
                self._candles,
            )
        name = line.account.broker if isinstance(adapter, NamedAdapter) else ""
        return Source(name, line, limits, computed=False, always_open=False, find=find, candles=self._candles)

    def _find(self, key: InstrumentKey) -> Instrument | None:
        return self._instruments().find(key)


def _nothing(_: InstrumentKey) -> None:
    return None
