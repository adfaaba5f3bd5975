"""Downloads: many symbols fetched in the background, one after the other, page by page, on through restarts.

What is kept is the progress: a download that goes on asks the lake what is missing and fetches that.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from openalgo_lab.engine.history.book import HistoryBook
from openalgo_lab.engine.history.damage import DamageWatch, damaged_files
from openalgo_lab.engine.history.filling import Filler
from openalgo_lab.engine.history.sources import Source, Sources
from openalgo_lab.engine.supervisor import Supervisor
from openalgo_lab.model.errors import (
    InputError,
    LabError,
    NotSupported,
    OutcomeUnknown,
    SessionExpired,
    StoreError,
    Throttled,
    WireError,
)
from openalgo_lab.model.events import HistoryProgress
from openalgo_lab.model.history_commands import (
    DownloadHistory,
    HistoryItem,
    HistoryJob,
    ItemState,
    JobAction,
    JobState,
)
from openalgo_lab.model.times import NS_PER_DAY
from openalgo_lab.store.history.coverage import Spans
from openalgo_lab.store.history.places import lake_root
from openalgo_lab.store.history.resample import parse_interval
from openalgo_lab.store.history.series import Series, Stored

__all__ = ["Jobs"]

KIND: Final = "job"
_TELL_EVERY_S: Final = 0.25
_LOOK_EVERY_S: Final = 2.0
_LONGEST_WAIT_S: Final = 60.0
_ACTIVE: Final = (JobState.RUNNING, JobState.WAITING)


class KeptJob(msgspec.Struct, frozen=True):
    """As it stands in the profile's file."""

    job: HistoryJob
    again: bool


class Jobs:
    """Used on the engine's loop. ``retry_s`` is the first wait after a failure of the network; it doubles."""

    def __init__(
        self,
        *,
        folder: Path,
        sources: Sources,
        filler: Filler,
        damage: DamageWatch,
        book: HistoryBook,
        supervisor: Supervisor,
        publish: Callable[[HistoryProgress], None],
        now_ns: Callable[[], int],
        retry_s: float = 1.0,
    ) -> None:
        self._folder = folder
        self._sources = sources
        self._filler = filler
        self._damage = damage
        self._book = book
        self._supervisor = supervisor
        self._publish = publish
        self._now_ns = now_ns
        self._retry_s = retry_s
        self._jobs: dict[str, HistoryJob] = {}
        self._again: set[str] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._told: dict[str, float] = {}

    # Asking ---------------------------------------------------------------------------------------------------------

    def all(self) -> tuple[HistoryJob, ...]:
        """All downloads, the newest last."""
        return tuple(self._jobs.values())

    def find(self, job_id: str) -> HistoryJob | None:
        """One of them; None where there is none."""
        return self._jobs.get(job_id)

    async def download(self, command: DownloadHistory, source_name: str = "") -> HistoryJob:
        """Begin; the same download that still runs is given back. ``source_name`` "" is the market that is shown; a
        source that is not there now is waited for.
        """
        source = self._sources.named(source_name) if source_name else self._sources.shown()
        name = source.name if source is not None else source_name
        interval = parse_interval(command.interval).stored
        keys = tuple(dict.fromkeys(command.keys))
        _check(source, interval, command)
        for job in self._jobs.values():
            terms = (name, interval, command.start_ns, command.end_ns)
            same = (job.source, job.interval, job.start_ns, job.end_ns) == terms
            if same and not job.state.over and {item.key for item in job.items} == set(keys):
                return job
        job = HistoryJob(
            job_id=secrets.token_hex(4),
            name=command.name or _name_of(keys, interval),
            source=name,
            interval=interval,
            start_ns=command.start_ns,
            end_ns=command.end_ns,
            state=JobState.RUNNING,
            items=tuple(HistoryItem(key, ItemState.PENDING, 0, 0) for key in keys),
            created_ns=self._now_ns(),
        )
        if command.again:
            self._again.add(job.job_id)
        self._jobs[job.job_id] = job
        if source is not None:
            self._measure(job, source)
        await self._keep(job.job_id)
        self._go(job.job_id)
        return self._jobs[job.job_id]

    async def control(self, job_id: str, action: JobAction) -> HistoryJob:
        """Steer. Raises InputError for a download that there is not, or that cannot be steered so now."""
        job = self._jobs.get(job_id)
        if job is None:
            raise InputError(f"There is no download {job_id}: look at lab.lake.jobs.", field="job_id")
        match action:
            case JobAction.PAUSE:
                await self._stop(job, JobState.PAUSED)
            case JobAction.CANCEL:
                await self._stop(job, JobState.CANCELLED)
            case JobAction.RESUME:
                if job.state is JobState.PAUSED:
                    await self._begin(job)
            case JobAction.RETRY:
                if not job.state.over:
                    raise InputError("The download is still under way: wait until it is over.", field="action")
                await self._begin(job)
            case JobAction.FORGET:
                return await self._forget(job)
        return self._jobs[job_id]

    async def restore(self) -> None:
        """Take up what the profile's file holds: what ran goes on."""
        for kept in (await self._book.all(KIND, KeptJob)).values():
            job = kept.job
            self._jobs[job.job_id] = job
            if kept.again:
                self._again.add(job.job_id)
            if job.state in _ACTIVE:
                self._go(job.job_id)

    # Running --------------------------------------------------------------------------------------------------------

    def _go(self, job_id: str) -> None:
        task = self._supervisor.start(f"download {job_id}", self._run(job_id))
        self._tasks[job_id] = task

        def ended(_: object) -> None:
            if self._tasks.get(job_id) is task:
                del self._tasks[job_id]

        task.add_done_callback(ended)

    async def _run(self, job_id: str) -> None:
        for number in range(len(self._jobs[job_id].items)):
            if self._jobs[job_id].items[number].state in (ItemState.DONE, ItemState.FAILED):
                continue
            try:
                await self._fetch(job_id, number)
            except StoreError as error:
                self._set(job_id, state=JobState.PAUSED, message=f"{error} Then resume the download.")
                await self._keep(job_id)
                return
            except LabError as error:
                self._set_item(job_id, number, state=ItemState.FAILED, error=str(error))
                await self._keep(job_id)
        failed = [item for item in self._jobs[job_id].items if item.state is ItemState.FAILED]
        state = JobState.INCOMPLETE if failed else JobState.DONE
        message = (
            f"{len(failed)} of {len(self._jobs[job_id].items)} symbols failed: {failed[0].error}" if failed else ""
        )
        self._set(job_id, state=state, message=message)
        await self._keep(job_id)

    async def _fetch(self, job_id: str, number: int) -> None:
        """One symbol, through all that passes by itself: no session, no network, too many requests."""
        wait_s = self._retry_s
        while True:
            source = await self._source(job_id)
            try:
                await self._fill(job_id, number, source)
                return
            except SessionExpired as error:
                self._set(job_id, state=JobState.WAITING, message=str(error))
                await asyncio.sleep(_LOOK_EVERY_S)
            except Throttled as error:
                self._set(job_id, state=JobState.WAITING, message=str(error))
                await asyncio.sleep(max(error.retry_after_s, wait_s))
            except (WireError, OutcomeUnknown) as error:
                self._set(job_id, state=JobState.WAITING, message=f"{error} It is tried again in {wait_s:.0f} s.")
                await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    async def _source(self, job_id: str) -> Source:
        """The job's own source, never another; waits until an account reaches it."""
        name = self._jobs[job_id].source
        while (source := self._sources.named(name)) is None:
            self._set(job_id, state=JobState.WAITING, message=f"It waits until {name} is connected.")
            await asyncio.sleep(_LOOK_EVERY_S)
        return source

    async def _fill(self, job_id: str, number: int, source: Source) -> None:
        job = self._jobs[job_id]
        series, again = Series(job.items[number].key, Stored(job.interval)), job_id in self._again
        root, span = lake_root(self._folder, source.name), (job.start_ns, job.end_ns)
        done, total = self._days_of(job, number, source)
        if again:
            done = 0
        self._set_item(job_id, number, state=ItemState.FETCHING, days=done, of_days=total)
        self._set(job_id, state=JobState.RUNNING, message="")

        def kept(days: int, candles: int) -> None:
            item = self._jobs[job_id].items[number]
            days = min(item.days + days, item.of_days)
            self._set_item(job_id, number, days=days, candles=item.candles + candles)
            self._tell(job_id)

        while True:
            before = damaged_files(root, series)
            await self._filler.fill(source, root, series, span, background=True, again=again, kept=kept)
            if damaged_files(root, series) == before:
                break  # else the writer came upon a damaged file, whose year is missing now
            await self._damage.tell(root, series)
        self._set_item(job_id, number, state=ItemState.DONE, days=total)
        if again:
            await self._keep(job_id)
        self._tell(job_id)

    async def _stop(self, job: HistoryJob, state: JobState) -> None:
        if job.state.over or job.state is state:
            return
        task = self._tasks.pop(job.job_id, None)
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
        items = tuple(
            msgspec.structs.replace(item, state=ItemState.PENDING) if item.state is ItemState.FETCHING else item
            for item in self._jobs[job.job_id].items
        )
        self._set(job.job_id, state=state, items=items, message="")
        await self._keep(job.job_id)

    async def _begin(self, job: HistoryJob) -> None:
        fresh = {"state": ItemState.PENDING, "error": ""}
        done = ItemState.DONE
        items = tuple(one if one.state is done else msgspec.structs.replace(one, **fresh) for one in job.items)
        self._set(job.job_id, state=JobState.RUNNING, items=items, message="")
        await self._keep(job.job_id)
        self._go(job.job_id)

    async def _forget(self, job: HistoryJob) -> HistoryJob:
        if not job.state.over:
            raise InputError("The download is still under way: cancel it first.", field="action")
        del self._jobs[job.job_id]
        self._again.discard(job.job_id)
        await self._book.drop(KIND, job.job_id)
        self._publish(HistoryProgress(job.job_id, "forgotten", job.progress))
        return job

    # State ----------------------------------------------------------------------------------------------------------

    def _measure(self, job: HistoryJob, source: Source) -> None:
        """How much of every symbol is there already."""
        again = job.job_id in self._again
        items = []
        for number, item in enumerate(job.items):
            done, total = self._days_of(job, number, source)
            items.append(msgspec.structs.replace(item, days=0 if again else done, of_days=total))
        self._set(job.job_id, items=tuple(items))

    def _days_of(self, job: HistoryJob, number: int, source: Source) -> tuple[int, int]:
        series = Series(job.items[number].key, Stored(job.interval))
        missing = self._filler.missing(source, lake_root(self._folder, source.name), series, (job.start_ns, job.end_ns))
        total = -(-(job.end_ns - job.start_ns) // NS_PER_DAY)
        return total - min(_days(missing), total), total

    def _set(self, job_id: str, **changes: object) -> None:
        before = self._jobs[job_id]
        self._jobs[job_id] = msgspec.structs.replace(before, **changes)
        if "state" in changes and changes["state"] is not before.state:
            self._tell(job_id, now=True)

    def _set_item(self, job_id: str, number: int, **changes: object) -> None:
        items = list(self._jobs[job_id].items)
        items[number] = msgspec.structs.replace(items[number], **changes)
        self._set(job_id, items=tuple(items))

    def _tell(self, job_id: str, *, now: bool = False) -> None:
        clock = time.monotonic()
        if not now and clock - self._told.get(job_id, 0.0) < _TELL_EVERY_S:
            return
        self._told[job_id] = clock
        job = self._jobs[job_id]
        at = next((str(item.key) for item in job.items if item.state is ItemState.FETCHING), "")
        self._publish(HistoryProgress(job_id, job.state, job.progress, at, job.message))

    async def _keep(self, job_id: str) -> None:
        await self._book.put(KIND, job_id, KeptJob(self._jobs[job_id], job_id in self._again))


def _check(source: Source | None, interval: Stored, command: DownloadHistory) -> None:
    if not command.keys:
        raise InputError("There is nothing to download: give at least one symbol.", field="symbols")
    if command.start_ns >= command.end_ns:
        raise InputError("The download's start must lie before its end: swap them.", field="start")
    if source is None:
        return
    if not source.name:
        raise NotSupported("Nothing of a replay is kept: download from a broker or the simulated exchange.")
    if not source.has(interval):
        raise NotSupported(f"{source.name} has no candles of {interval}, so there is nothing to keep.", "interval")


def _name_of(keys: tuple[object, ...], interval: Stored) -> str:
    return f"{keys[0]} {interval}" if len(keys) == 1 else f"{len(keys)} symbols {interval}"


def _days(spans: Spans) -> int:
    return sum(-(-(end - start) // NS_PER_DAY) for start, end in spans)
