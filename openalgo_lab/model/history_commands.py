"""Commands about kept candles: having them ready, downloads that run in the background, schedules, groups."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from openalgo_lab.model.command_base import Command, Done
from openalgo_lab.model.instruments import InstrumentKey

__all__ = [
    "AnyHistoryCommand",
    "BarsReply",
    "ControlHistoryJob",
    "DownloadHistory",
    "DropHistoryGroup",
    "DropHistorySchedule",
    "GetHistory",
    "GetHistoryGroups",
    "GetHistoryJobs",
    "GetHistorySchedules",
    "HistoryGroup",
    "HistoryItem",
    "HistoryJob",
    "HistoryReady",
    "HistorySchedule",
    "ItemState",
    "JobAction",
    "JobState",
    "PrepareHistory",
    "PutHistoryGroup",
    "PutHistorySchedule",
    "RunHistorySchedule",
]


class BarsReply(msgspec.Struct, frozen=True):
    """Candles as columns of plain bytes (little-endian int64 / float64), for the wire between kernels."""

    start_ns: bytes
    open: bytes
    high: bytes
    low: bytes
    close: bytes
    volume: bytes
    oi: bytes
    gaps: tuple[str, ...] = ()


class GetHistory(Command[BarsReply], frozen=True, tag="get_history"):
    """Candles of ``interval`` (1m 3m 5m 15m 30m 1h D W M …) that start in [start_ns, end_ns), UTC ns."""

    key: InstrumentKey
    interval: str
    start_ns: int
    end_ns: int


class HistoryReady(msgspec.Struct, frozen=True):
    """Where candles are now. Those of ``source`` that start before ``final_ns`` lie in the lake at ``root``; ``fresh``
    are candles of the stored length from there on, today's and unfinished. ``root`` "": nothing is kept, ``fresh`` is
    the whole answer, of the interval that was asked. ``left``: it takes longer than a call may, ask again.
    ``always_open``: the source's market never closes. ``notes`` are sentences for people.
    """

    source: str
    root: str
    final_ns: int
    fresh: BarsReply | None = None
    left: bool = False
    always_open: bool = False
    notes: tuple[str, ...] = ()


class PrepareHistory(Command[HistoryReady], frozen=True, tag="prepare_history"):
    """Have the candles that are needed for ``interval`` in [start_ns, end_ns) (UTC ns) kept in the lake, fetching what
    is missing. ``fetch`` False takes what is kept and asks nobody.
    """

    key: InstrumentKey
    interval: str
    start_ns: int
    end_ns: int
    fetch: bool = True


class JobState(StrEnum):
    """Where a download stands."""

    RUNNING = "running"
    PAUSED = "paused"
    WAITING = "waiting"
    """Its source is not there now; it goes on by itself."""
    DONE = "done"
    INCOMPLETE = "incomplete"
    """Over, and some of its symbols failed."""
    CANCELLED = "cancelled"

    @property
    def over(self) -> bool:
        """Whether nothing more will come of it by itself."""
        return self in (JobState.DONE, JobState.INCOMPLETE, JobState.CANCELLED)


class ItemState(StrEnum):
    """Where one symbol of a download stands."""

    PENDING = "pending"
    FETCHING = "fetching"
    DONE = "done"
    FAILED = "failed"


class HistoryItem(msgspec.Struct, frozen=True):
    """One symbol of a download: days of the calendar that are kept, of those that were asked for."""

    key: InstrumentKey
    state: ItemState
    days: int
    of_days: int
    candles: int = 0
    error: str = ""


class HistoryJob(msgspec.Struct, frozen=True):
    """A download. ``interval`` is a stored one, ``1m`` or ``D``; the span is [start_ns, end_ns), UTC ns."""

    job_id: str
    name: str
    source: str
    interval: str
    start_ns: int
    end_ns: int
    state: JobState
    items: tuple[HistoryItem, ...]
    created_ns: int
    message: str = ""

    @property
    def progress(self) -> float:
        """0 to 1."""
        total = sum(item.of_days for item in self.items)
        return sum(item.days for item in self.items) / total if total else 1.0


class DownloadHistory(Command[HistoryJob], frozen=True, tag="download_history"):
    """Fetch and keep candles of many symbols in the background. The same download that still runs is given back.

    ``again`` fetches also what is kept already.
    """

    keys: tuple[InstrumentKey, ...]
    interval: str
    start_ns: int
    end_ns: int
    name: str = ""
    again: bool = False


class JobAction(StrEnum):
    """What can be done to a download."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    RETRY = "retry"
    """Its failed symbols are tried again."""
    FORGET = "forget"
    """One that is over leaves the list; the candles stay."""


class ControlHistoryJob(Command[HistoryJob], frozen=True, tag="control_history_job"):
    """Steer a download."""

    job_id: str
    action: JobAction


class GetHistoryJobs(Command[tuple[HistoryJob, ...]], frozen=True, tag="get_history_jobs"):
    """All downloads, the newest last."""


class HistoryGroup(msgspec.Struct, frozen=True):
    """A watch-list of symbols whose candles are kept together."""

    name: str
    keys: tuple[InstrumentKey, ...]


class PutHistoryGroup(Command[HistoryGroup], frozen=True, tag="put_history_group"):
    """Make a group, or give it other symbols."""

    name: str
    keys: tuple[InstrumentKey, ...]


class DropHistoryGroup(Command[Done], frozen=True, tag="drop_history_group"):
    """The group is no more; its candles stay."""

    name: str


class GetHistoryGroups(Command[tuple[HistoryGroup, ...]], frozen=True, tag="get_history_groups"):
    """All groups."""


class HistorySchedule(msgspec.Struct, frozen=True):
    """A download that is begun every day at ``at`` ("HH:MM", IST) on ``days`` (0 = Monday) that the group's exchanges
    trade: the last ``lookback_days`` are kept complete. Times in UTC ns, 0 = never.
    """

    schedule_id: str
    group: str
    interval: str
    at: str
    days: tuple[int, ...]
    lookback_days: int
    source: str
    """"" = the market that is shown."""
    created_ns: int
    enabled: bool = True
    last_run_ns: int = 0
    last_job: str = ""
    message: str = ""
    next_run_ns: int = 0


class PutHistorySchedule(Command[HistorySchedule], frozen=True, tag="put_history_schedule"):
    """A new schedule, or with ``schedule_id`` other terms of one."""

    group: str
    interval: str
    at: str = "18:00"
    days: tuple[int, ...] = (0, 1, 2, 3, 4)
    lookback_days: int = 30
    enabled: bool = True
    schedule_id: str = ""


class DropHistorySchedule(Command[Done], frozen=True, tag="drop_history_schedule"):
    """It begins no more downloads."""

    schedule_id: str


class RunHistorySchedule(Command[HistoryJob], frozen=True, tag="run_history_schedule"):
    """Begin its download now."""

    schedule_id: str


class GetHistorySchedules(Command[tuple[HistorySchedule, ...]], frozen=True, tag="get_history_schedules"):
    """All schedules."""


AnyHistoryCommand = (
    GetHistory
    | PrepareHistory
    | DownloadHistory
    | ControlHistoryJob
    | GetHistoryJobs
    | PutHistoryGroup
    | DropHistoryGroup
    | GetHistoryGroups
    | PutHistorySchedule
    | DropHistorySchedule
    | RunHistorySchedule
    | GetHistorySchedules
)
"""This module's commands, as the tagged union in which they travel."""
