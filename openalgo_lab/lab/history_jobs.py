"""Downloads as live objects: they show the present whenever you look."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from openalgo_lab.lab.core import LabCore
from openalgo_lab.lab.history import span_ns
from openalgo_lab.lab.words import HasKey, Moment, SymbolLike, resolve_key
from openalgo_lab.model.errors import CallTimeout, InputError
from openalgo_lab.model.events import HistoryProgress
from openalgo_lab.model.history_commands import (
    ControlHistoryJob,
    DownloadHistory,
    GetHistoryJobs,
    HistoryJob,
    JobAction,
    JobState,
)
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.times import format_ist

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DownloadCalls", "DownloadJob", "keys_of"]

_LOOK_S: Final = 5.0


class DownloadCalls:
    """The part of ``lab.lake`` that downloads."""

    _lab: LabCore

    def download(
        self,
        symbols: SymbolLike | Iterable[SymbolLike],
        interval: str,
        start: Moment,
        end: Moment | None = None,
        *,
        name: str = "",
        again: bool = False,
    ) -> DownloadJob:
        """Fetch and keep candles of many symbols in the background: ``job = lab.lake.download(["SBIN", "INFY"], "1m",
        "2026-01-01")``. What is kept already is not fetched; a restart goes on where it stopped; orders and whoever
        waits for data go first.

        Args:
            interval: minutes and hours are kept as ``1m``, days and longer as ``D``.
            end: None = up to now; only candles that are final are kept.
            name: what lists call it.
            again: fetch also what is kept, for a source that has corrected its candles.
        """
        keys = keys_of(self._lab, symbols)
        span = span_ns(self._lab, start, end)
        return DownloadJob(self._lab, self._lab.call(DownloadHistory(keys, interval, *span, name, again)))

    @property
    def jobs(self) -> list[DownloadJob]:
        """All downloads, the newest last."""
        return [DownloadJob(self._lab, job) for job in self._lab.call(GetHistoryJobs())]

    def job(self, job_id: str) -> DownloadJob:
        """One of them. Raises InputError."""
        found = next((job for job in self.jobs if job.job_id == job_id), None)
        if found is None:
            raise InputError(f"There is no download {job_id}: look at lab.lake.jobs.", field="job_id")
        return found


class DownloadJob:
    """A download. ``.now`` asks the engine; ``.wait()`` returns when it is over."""

    def __init__(self, lab: LabCore, job: HistoryJob) -> None:
        self._lab = lab
        self._job = job

    @property
    def job_id(self) -> str:
        """Its name in commands and events."""
        return self._job.job_id

    @property
    def now(self) -> HistoryJob:
        """As it stands."""
        for job in self._lab.call(GetHistoryJobs()):
            if job.job_id == self.job_id:
                self._job = job
        return self._job

    @property
    def state(self) -> JobState:
        """Where it stands."""
        return self.now.state

    @property
    def progress(self) -> float:
        """0 to 1, by days."""
        return self.now.progress

    @property
    def frame(self) -> pd.DataFrame:
        """A row a symbol: state, days kept of days asked, candles fetched, what failed."""
        from openalgo_lab.lab.frames import frame_of

        items = self.now.items
        return frame_of(
            {
                "symbol": [str(item.key) for item in items],
                "state": [item.state.value for item in items],
                "days": [item.days for item in items],
                "of_days": [item.of_days for item in items],
                "candles": [item.candles for item in items],
                "error": [item.error for item in items],
            },
            index="symbol",
        )

    def pause(self) -> DownloadJob:
        """Stop for now; what is kept stays."""
        return self._control(JobAction.PAUSE)

    def resume(self) -> DownloadJob:
        """Go on."""
        return self._control(JobAction.RESUME)

    def cancel(self) -> DownloadJob:
        """Stop for good; what is kept stays."""
        return self._control(JobAction.CANCEL)

    def retry(self) -> DownloadJob:
        """Try the symbols again that failed, or all that is left of a cancelled one."""
        return self._control(JobAction.RETRY)

    def forget(self) -> None:
        """Off the list; the candles stay."""
        self._control(JobAction.FORGET)

    def wait(self, timeout_s: float | None = None) -> DownloadJob:
        """Return when it is over, or paused. Raises CallTimeout after ``timeout_s``."""
        over = threading.Event()

        def heard(event: object) -> None:
            if isinstance(event, HistoryProgress) and event.job_id == self.job_id:
                over.set()

        leave = self._lab.on(HistoryProgress.topic, heard)
        limit = None if timeout_s is None else time.monotonic() + timeout_s
        try:
            while not (self.now.state.over or self._job.state is JobState.PAUSED):
                left = _LOOK_S if limit is None else min(_LOOK_S, limit - time.monotonic())
                if left <= 0:
                    raise CallTimeout(f"The download {self.job_id} still runs after {timeout_s:g} s: wait longer.")
                over.wait(left)
                over.clear()
        finally:
            leave()
        return self

    def _control(self, action: JobAction) -> DownloadJob:
        self._job = self._lab.call(ControlHistoryJob(self.job_id, action))
        return self

    def __repr__(self) -> str:
        job = self.now
        span = f"{format_ist(job.start_ns)[:10]} to {format_ist(job.end_ns - 1)[:10]}"
        text = f"<Download {job.job_id} {job.name}, {span}: {job.state.value}, {job.progress:.0%}"
        return f"{text}; {job.message}>" if job.message else f"{text}>"


def keys_of(lab: LabCore, symbols: SymbolLike | Iterable[SymbolLike]) -> tuple[InstrumentKey, ...]:
    """Keys of one symbol or many. Raises SymbolError."""
    one_symbol = isinstance(symbols, (str, InstrumentKey, HasKey))
    many: Iterable[SymbolLike] = (symbols,) if one_symbol else symbols  # type: ignore[assignment]  # a str is iterable
    return tuple(resolve_key(lab.handle.instruments, one) for one in many)
