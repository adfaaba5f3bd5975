"""The lake written in a thread of the test's own process: most tests need no process of its own for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from openalgo_lab.model.market import Bars
from openalgo_lab.store.history.lake import Lake
from openalgo_lab.store.history.reading import Candles, LakeBars
from openalgo_lab.store.history.series import Series

__all__ = ["ThreadWriter"]


class ThreadWriter:
    """A `LakeWriter`."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._lakes: dict[Path, Lake] = {}

    async def append(self, root: Path, series: Series, bars: Bars, covered: Sequence[tuple[int, int]]) -> None:
        lake = self._lakes.setdefault(root, Lake(root))
        await asyncio.get_running_loop().run_in_executor(self._pool, lake.append, series, bars, covered)

    async def read(self, wanted: LakeBars, fresh: Bars | None, now_ns: int) -> Candles:
        return await asyncio.get_running_loop().run_in_executor(self._pool, wanted.candles, fresh, now_ns)

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
