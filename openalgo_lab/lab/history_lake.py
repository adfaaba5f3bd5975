"""``lab.lake``: what is kept, and what keeps it up to date."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from openalgo_lab.lab.core import LabCore
from openalgo_lab.lab.history import span_ns
from openalgo_lab.lab.history_jobs import DownloadCalls, DownloadJob
from openalgo_lab.lab.history_records import RecordCalls
from openalgo_lab.lab.history_schedules import ScheduleCalls
from openalgo_lab.lab.history_transfer import TransferCalls
from openalgo_lab.lab.history_views import ViewCalls
from openalgo_lab.lab.words import Moment, SymbolLike, resolve_key
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.history_commands import DownloadHistory, PrepareHistory
from openalgo_lab.model.times import from_ns
from openalgo_lab.model.vocabulary import Exchange

if TYPE_CHECKING:
    import pandas as pd

    from openalgo_lab.store.history.reading import LakeBars

__all__ = ["HistoryLake"]


class HistoryLake(DownloadCalls, ScheduleCalls, ViewCalls, TransferCalls, RecordCalls):
    """The candles of this profile, in Parquet files that any tool reads. Each source has a lake of its own: candles of
    two brokers, or of two seeds of the simulated exchange, never mix.
    """

    def __init__(self, lab: LabCore) -> None:
        self._lab = lab

    @property
    def folder(self) -> Path:
        """Where all the lakes of the profile lie."""
        return self._lab.handle.folder / "history"

    @property
    def sources(self) -> tuple[str, ...]:
        """Sources that candles are kept of."""
        from openalgo_lab.store.history.places import sources_in

        return sources_in(self.folder.parent)

    def coverage(self, source: str | None = None) -> pd.DataFrame:
        """A row a series: what was asked for and answered, files, damage. None = of all sources."""
        from openalgo_lab.lab.frames import frame_of

        rows = [
            (name, one)
            for name in (self.sources if source is None else (source,))
            for one in self.store(name).catalogue()
        ]
        return frame_of(
            {
                "source": [name for name, _ in rows],
                "symbol": [str(one.series.key) for _, one in rows],
                "interval": [one.series.interval.value for _, one in rows],
                "first": [from_ns(one.spans[0][0]) if one.spans else None for _, one in rows],
                "last": [from_ns(one.spans[-1][1] - 1) if one.spans else None for _, one in rows],
                "spans": [len(one.spans) for _, one in rows],
                "years": [", ".join(map(str, one.years)) for _, one in rows],
                "mb": [round(one.size / 1e6, 3) for _, one in rows],
                "damaged": [", ".join(one.damaged) for _, one in rows],
            }
        )

    def reader(
        self,
        symbol: SymbolLike,
        interval: str,
        start: Moment,
        end: Moment | None = None,
        *,
        exchange: Exchange | str | None = None,
    ) -> LakeBars:
        """Candles for workers: what is missing is fetched and kept now, and calling the answer reads them in whatever
        process calls it, so ``lab.sweep(..., {"SBIN": lab.lake.reader("SBIN", "5m", "2025-01-01")})`` sends no candles.
        Only final candles; the simulated exchange's are downloaded for it.
        """
        from openalgo_lab.lab.history_reading import ready_for
        from openalgo_lab.store.history.reading import LakeBars, needed_end
        from openalgo_lab.store.history.resample import parse_interval

        key = resolve_key(self._lab.handle.instruments, symbol, exchange)
        start_ns, end_ns = span_ns(self._lab, start, end)
        ask = PrepareHistory(key, interval, start_ns, end_ns)
        ready = ready_for(self._lab, ask)
        if not ready.root:
            last_ns = needed_end(parse_interval(interval), end_ns)
            DownloadJob(self._lab, self._lab.call(DownloadHistory((key,), interval, start_ns, last_ns))).wait()
            ready = ready_for(self._lab, ask)
        if not ready.root:
            raise InputError(f"Candles of {key} at {interval} are not kept in the lake: give a frame of lab.history.")
        return LakeBars(ready.root, key, interval, start_ns, min(end_ns, ready.final_ns), ready.always_open)

    def __repr__(self) -> str:
        return f"<Lake {self.folder}: {', '.join(self.sources) or 'nothing is kept yet'}>"
