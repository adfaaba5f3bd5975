"""The work of a sweep on any ``concurrent.futures`` executor: threads, processes, a Dask cluster."""

from __future__ import annotations

import math
import multiprocessing
import os
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

import msgspec
import numpy as np

from openalgo_lab.backtest.market import Market, make_market
from openalgo_lab.backtest.run import vector_fits
from openalgo_lab.backtest.settings import BacktestSettings
from openalgo_lab.backtest.sweep import Tried, try_all
from openalgo_lab.lab.backtest import dated_tables
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Bars
from openalgo_lab.strategy.strategy import Strategy

__all__ = ["Job", "Progress", "Source", "run_job"]

Source = Bars | Callable[[], Bars]
"""Bars, or a function that reads them where the work is done (a worker reads its own copy of the lake)."""

Progress = Callable[[int, int], None]
"""Hears (combinations done, of how many)."""

_WORTH_PROCESSES: Final = 3_000_000
"""Bars to walk through from which on processes pay for their start (a second or two)."""
_CHUNKS_A_WORKER: Final = 4


class Job(msgspec.Struct, frozen=True):
    """What a sweep runs again and again; ``first`` is the bar from which on it trades."""

    strategy: type[Strategy]
    sources: tuple[tuple[Instrument, Source], ...]
    settings: BacktestSettings
    first: int = 0

    def markets(self) -> list[Market]:
        """The bars, ready to run. Sources that are functions read now."""
        made: list[Market] = []
        for instrument, source in self.sources:
            bars = source() if callable(source) else source
            made.append(make_market(instrument, bars, self.settings, dated_tables(), made[0].length_ns if made else 0))
        return made


def run_job(
    job: Job,
    combinations: Sequence[Mapping[str, Any]],
    *,
    executor: Executor | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Tried:
    """All combinations in order. ``executor`` None: the kernel runs here; event-driven runs of some size get processes.

    The result does not depend on where it was computed.
    """
    if executor is not None:
        return _spread(job, combinations, executor, workers, progress)
    markets = job.markets()
    work = len(combinations) * sum(len(market) for market in markets)
    few = (workers or os.cpu_count() or 1) == 1 or len(combinations) < 2
    if vector_fits(job.strategy, markets, job.settings) or few or work < _WORTH_PROCESSES or not _can_travel(job):
        hear = None if progress is None else lambda done: progress(done, len(combinations))
        return try_all(job.strategy, markets, job.settings, dated_tables(), combinations, first=job.first, done=hear)
    with _processes(workers) as pool:
        return _spread(job, combinations, pool, workers, progress)


def work(payload: bytes, combinations: Sequence[Mapping[str, Any]]) -> tuple[Any, Any]:
    """A part of the sweep, on a worker."""
    job: Job = pickle.loads(payload)  # noqa: S301 - written by the caller a moment ago
    tried = try_all(job.strategy, job.markets(), job.settings, dated_tables(), combinations, first=job.first)
    return tried.figures, tried.returns


def _spread(
    job: Job,
    combinations: Sequence[Mapping[str, Any]],
    executor: Executor,
    workers: int | None,
    progress: Progress | None,
) -> Tried:
    payload = _packed(job)
    size = max(1, math.ceil(len(combinations) / (_CHUNKS_A_WORKER * _width(executor, workers))))
    parts = [list(combinations[at : at + size]) for at in range(0, len(combinations), size)]
    futures = {executor.submit(work, payload, part): number for number, part in enumerate(parts)}
    found: dict[int, tuple[Any, Any]] = {}
    done = 0
    try:
        for future in as_completed(futures):
            number = futures[future]
            found[number] = future.result()
            done += len(parts[number])
            if progress is not None:
                progress(done, len(combinations))
    finally:
        for future in futures:
            future.cancel()
    ordered = [found[number] for number in range(len(parts))]
    return Tried(
        np.concatenate([figures for figures, _ in ordered]), np.concatenate([returns for _, returns in ordered], axis=1)
    )


def _width(executor: Executor, workers: int | None) -> int:
    return workers or getattr(executor, "_max_workers", None) or os.cpu_count() or 1


@contextmanager
def _processes(workers: int | None) -> Iterator[Executor]:
    # Fresh processes: a fork would copy the engine's threads and sockets in the middle of their work.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers or os.cpu_count() or 1, mp_context=context) as pool:
        yield pool


def _can_travel(job: Job) -> bool:
    """Whether another process can have the strategy: a class of a module, or any where cloudpickle is installed."""
    try:
        _packed(job)
    except InputError:
        return False
    return True


def _packed(job: Job) -> bytes:
    try:
        cloudpickle = import_module("cloudpickle")
    except ImportError:
        if job.strategy.__module__ == "__main__":
            raise InputError(
                f"{job.strategy.__name__} is written in the notebook, so other processes do not know it: put it into a "
                "file and import it, or install openalgo-lab[sweep].",
                field="executor",
            ) from None
        return pickle.dumps(job)
    return bytes(cloudpickle.dumps(job))
