"""Who writes and reads the lake for the engine, off its loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from openalgo_lab.model.market import Bars
from openalgo_lab.store.history.lake import Lake
from openalgo_lab.store.history.reading import Candles, LakeBars
from openalgo_lab.store.history.series import Series

__all__ = ["LakeWriter", "ThreadWriter"]


class LakeWriter(Protocol):
    """Raises StoreError."""

    async def append(self, root: Path, series: Series, bars: Bars, covered: Sequence[tuple[int, int]]) -> None:
        """Keep candles and what they cover."""

    async def read(self, wanted: LakeBars, fresh: Bars | None, now_ns: int) -> Candles:
        """Candles out of the lake, with newer ones that are not kept."""

    def close(self) -> None:
        """No more; what is being written is finished."""


class ThreadWriter:
    """In threads of this process."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="openalgo-lake")
        self._lakes: dict[Path, Lake] = {}

    async def append(self, root: Path, series: Series, bars: Bars, covered: Sequence[tuple[int, int]]) -> None:
        """Keep candles and what they cover."""
        lake = self._lakes.setdefault(root, Lake(root))
        await asyncio.get_running_loop().run_in_executor(self._pool, lake.append, series, bars, covered)

    async def read(self, wanted: LakeBars, fresh: Bars | None, now_ns: int) -> Candles:
        """Candles out of the lake; their calendar is loaded off the loop too."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, wanted.candles, fresh, now_ns)

    def close(self) -> None:
        """No more; what is being written is finished."""
        self._pool.shutdown(wait=True, cancel_futures=True)
