"""Downloads as a table: how far each is, and its buttons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from openalgo_lab.model.command_base import Command
from openalgo_lab.model.history_commands import (
    ControlHistoryJob,
    GetHistoryJobs,
    HistoryJob,
    ItemState,
    JobAction,
    JobState,
)
from openalgo_lab.model.money import format_qty
from openalgo_lab.model.times import format_ist
from openalgo_lab.ui.blotter.items import Item, ItemsSpec
from openalgo_lab.ui.grid import Column
from openalgo_lab.ui.history.steered import Press, Steering

__all__ = ["JOBS", "STEER_JOBS"]

_PRESSES: Final = (
    Press(JobAction.PAUSE, "Pause", "Pause the download"),
    Press(JobAction.RESUME, "Resume", "Go on with the download"),
    Press(JobAction.CANCEL, "Cancel", "Stop the download for good; what is kept stays"),
    Press(JobAction.RETRY, "Retry", "Try again what failed or is left"),
    Press(JobAction.FORGET, "Forget", "Take it off the list; the candles stay"),
)
_ALLOWED: Final = {
    JobState.RUNNING: (JobAction.PAUSE, JobAction.CANCEL),
    JobState.WAITING: (JobAction.PAUSE, JobAction.CANCEL),
    JobState.PAUSED: (JobAction.RESUME, JobAction.CANCEL),
    JobState.DONE: (JobAction.FORGET,),
    JobState.INCOMPLETE: (JobAction.RETRY, JobAction.FORGET),
    JobState.CANCELLED: (JobAction.RETRY, JobAction.FORGET),
}


def _said(job: HistoryJob) -> str:
    """What a person wants to know: the first failure, else what it does now."""
    failed = [item for item in job.items if item.state is ItemState.FAILED]
    if failed:
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        return f"{failed[0].key}: {failed[0].error}{more}"
    if job.message:
        return job.message
    now = next((item for item in job.items if item.state is ItemState.FETCHING), None)
    if now is not None:
        return f"{now.key}, day {now.days} of {now.of_days}"
    return f"{format_qty(sum(item.candles for item in job.items))} candles fetched"


def _rows(jobs: Sequence[HistoryJob]) -> list[Item]:
    return [
        Item(
            key=job.job_id,
            value=job,
            texts={
                "name": job.name,
                "state": job.state.value,
                "span": f"{format_ist(job.start_ns)[:10]} – {format_ist(job.end_ns - 1)[:10]}",
                "said": _said(job),
            },
            numbers={
                "done": 100 * job.progress,
                "full": 100.0,
                "symbols": float(sum(item.state is ItemState.DONE for item in job.items)),
                "of": float(len(job.items)),
            },
        )
        for job in reversed(jobs)
    ]


def _act(action: str, job: HistoryJob) -> Command[Any]:
    return ControlHistoryJob(job.job_id, JobAction(action))


def _name(job: HistoryJob) -> str:
    return f"{job.name}: {job.state.value}"


STEER_JOBS: Final = Steering(_PRESSES, lambda job: _ALLOWED[job.state], _name, _act)


JOBS: Final = ItemsSpec(
    name="history-jobs",
    title="Downloads",
    columns=(
        Column(key="name", title="Download", kind="text", width=150, pinned=True),
        Column(key="done", title="%", kind="bar", decimals=0, width=86, bar_scale="full", bar_tone="up", tint=False),
        Column(key="state", title="State", kind="status", width=88),
        Column(key="symbols", title="Done", kind="number", decimals=0, width=48, tooltip="Symbols that are complete"),
        Column(key="of", title="of", kind="number", decimals=0, width=40),
        Column(key="said", title="Now", kind="text", width=280, min_view=560),
        Column(key="span", title="Days", kind="text", width=170, min_view=760),
        Column(key="full", title="Full", kind="number", hidden=True),
    ),
    empty="No downloads. Choose symbols above and press Download.",
    read=GetHistoryJobs(),
    rows=_rows,
    act=_act,
)
