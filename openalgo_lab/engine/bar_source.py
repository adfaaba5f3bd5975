"""Where candles come from: computed off the loop where the market is a function of time, else asked of the broker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor

from openalgo_lab.engine.composition import Composition
from openalgo_lab.engine.router import Line, Router
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.market import Bars
from openalgo_lab.store.instruments import InstrumentStore

__all__ = ["BarSource"]


class BarSource:
    """Used on the engine's loop. Raises SymbolError, and what the broker raises."""

    def __init__(
        self, parts: Composition, router: Router, worker: Executor, instruments: Callable[[], InstrumentStore]
    ) -> None:
        self._parts = parts
        self._router = router
        self._worker = worker
        self._instruments = instruments

    async def bars(self, key: InstrumentKey, interval: str, start_ns: int, end_ns: int) -> Bars:
        """Candles that start in [start_ns, end_ns), UTC ns, of the market that is shown."""
        instrument = self._instruments().require(key)
        return await self.bars_of(self._router.data_line, instrument, interval, start_ns, end_ns)

    async def bars_of(self, line: Line, instrument: Instrument, interval: str, start_ns: int, end_ns: int) -> Bars:
        """The same of a line's market."""
        if self._parts.history is not None and line is self._router.lines[0]:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._worker, self._parts.history, instrument, interval, start_ns, end_ns)
        return await line.adapter.history(instrument, interval, start_ns, end_ns)

    async def minutes(self, key: InstrumentKey, start_ns: int, end_ns: int) -> Bars:
        """One-minute candles."""
        return await self.bars(key, "1m", start_ns, end_ns)
