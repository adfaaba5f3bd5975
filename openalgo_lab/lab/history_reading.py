"""Candles where they are needed: the engine has them ready, this process reads them from the lake."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from openalgo_lab.lab.core import LabCore
from openalgo_lab.lab.history import PREPARE_S
from openalgo_lab.model.history_commands import HistoryReady, PrepareHistory
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.store.history.bytes import bars_of_reply
from openalgo_lab.store.history.reading import Candles, LakeBars

if TYPE_CHECKING:
    from openalgo_lab.engine.handle import EngineHandle

__all__ = ["Found", "read_history", "read_history_async", "ready_for"]


class Found(msgspec.Struct, frozen=True):
    """Candles, their gaps, and whose they are. ``whole``: the lake held what it was said to."""

    key: InstrumentKey
    candles: Candles
    source: str
    notes: tuple[str, ...] = ()
    whole: bool = True


def read_history(lab: LabCore, ask: PrepareHistory) -> Found:
    """What is kept, what is missing fetched and kept, and today's. Raises what the command raises, StoreError."""
    for _ in range(2):
        found = _read(lab.handle, ask, ready_for(lab, ask))
        if found.whole:  # else a file was found damaged and set aside: what it held is fetched again
            break
    return found


async def read_history_async(lab: LabCore, ask: PrepareHistory) -> Found:
    """The same on the caller's own loop; the lake is read on a thread."""
    for _ in range(2):
        ready = await lab.call_async(ask, PREPARE_S)
        while ready.left:
            ready = await lab.call_async(ask, PREPARE_S)
        found = await asyncio.to_thread(_read, lab.handle, ask, ready)
        if found.whole:
            break
    return found


def ready_for(lab: LabCore, ask: PrepareHistory) -> HistoryReady:
    """The engine's answer when all is fetched, however long it takes."""
    ready = lab.call(ask, PREPARE_S)
    while ready.left:
        ready = lab.call(ask, PREPARE_S)
    return ready


def _read(handle: EngineHandle, ask: PrepareHistory, ready: HistoryReady) -> Found:
    fresh = None if ready.fresh is None else bars_of_reply(ready.fresh)
    if not ready.root:
        assert fresh is not None
        return Found(ask.key, Candles(fresh, ()), ready.source)
    now_ns = handle.status.market_ns
    lake = LakeBars(ready.root, ask.key, ask.interval, ask.start_ns, min(ask.end_ns, now_ns + 1), ready.always_open)
    before = lake.damaged()
    candles = lake.candles(fresh, now_ns)
    return Found(ask.key, candles, ready.source, ready.notes, lake.damaged() == before)
