"""Schedules as a table, and the form that makes one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Final

import ipywidgets

from openalgo_lab.lab.history_jobs import keys_of
from openalgo_lab.lab.history_schedules import weekdays
from openalgo_lab.model.command_base import Command
from openalgo_lab.model.errors import InputError, LabError
from openalgo_lab.model.history_commands import (
    DropHistorySchedule,
    GetHistorySchedules,
    HistorySchedule,
    PutHistoryGroup,
    PutHistorySchedule,
    RunHistorySchedule,
)
from openalgo_lab.model.times import format_ist, parse_time
from openalgo_lab.ui.blotter.items import Item, ItemsSpec
from openalgo_lab.ui.grid import Column
from openalgo_lab.ui.history.rows import form_row
from openalgo_lab.ui.history.steered import Press, Steered, Steering
from openalgo_lab.ui.live import KernelLoop
from openalgo_lab.ui.message import MessageLine

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["SchedulesView"]

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_RUN, _PAUSE, _RESUME, _DROP = "run", "pause", "resume", "drop"
_PRESSES: Final = (
    Press(_RUN, "Run now", "Begin its download now"),
    Press(_PAUSE, "Pause", "Begin nothing until it is resumed"),
    Press(_RESUME, "Resume", "Begin downloads again, from the next time on"),
    Press(_DROP, "Remove", "No more of it; the candles stay"),
)
_MOST_DAYS: Final = 3_650


def _rows(schedules: Sequence[HistorySchedule]) -> list[Item]:
    return [
        Item(
            key=one.schedule_id,
            value=one,
            texts={
                "group": one.group,
                "interval": one.interval,
                "when": f"{one.at}, {_days(one.days)}",
                "next": _moment(one.next_run_ns) if one.enabled else "paused",
                "last": _moment(one.last_run_ns),
                "said": one.message,
            },
            numbers={"back": float(one.lookback_days)},
        )
        for one in schedules
    ]


def _days(days: Sequence[int]) -> str:
    if len(days) > 2 and list(days) == list(range(days[0], days[-1] + 1)):
        return f"{_DAYS[days[0]]}–{_DAYS[days[-1]]}"
    return " ".join(_DAYS[day] for day in days)


def _moment(ns: int) -> str:
    return format_ist(ns)[:16] if ns else "–"


def _allowed(one: HistorySchedule) -> Collection[str]:
    return (_RUN, _PAUSE if one.enabled else _RESUME, _DROP)


def _act(key: str, one: HistorySchedule) -> Command[Any]:
    if key == _RUN:
        return RunHistorySchedule(one.schedule_id)
    if key == _DROP:
        return DropHistorySchedule(one.schedule_id)
    return PutHistorySchedule(
        one.group, one.interval, one.at, one.days, one.lookback_days, key == _RESUME, one.schedule_id
    )


_SPEC: Final = ItemsSpec(
    name="history-schedules",
    title="Schedules",
    columns=(
        Column(key="group", title="Group", kind="text", width=120, pinned=True),
        Column(key="interval", title="Candle", kind="text", width=56),
        Column(key="when", title="At (IST)", kind="text", width=130),
        Column(key="next", title="Next", kind="text", width=126),
        Column(key="last", title="Last run", kind="text", width=126, min_view=620),
        Column(key="back", title="Days back", kind="number", decimals=0, width=72, min_view=560),
        Column(key="said", title="Message", kind="text", width=200, min_view=760),
    ),
    empty="No schedules. Name a group of symbols below and press Schedule.",
    read=GetHistorySchedules(),
    rows=_rows,
    act=_act,
)


class SchedulesView(ipywidgets.VBox):
    """The table and the form. ``symbols`` says what the page's download form holds: a new group is made of them."""

    def __init__(self, lab: Lab, symbols: Any) -> None:
        self._lab = lab
        self._loop = KernelLoop()
        self._symbols = symbols
        self.table = Steered(lab, _SPEC, Steering(_PRESSES, _allowed, lambda one: one.group, _act), height="124px")
        self.message = MessageLine()
        self.group = ipywidgets.Text("", description="Group", placeholder="new or known")
        self.interval = ipywidgets.Dropdown(options=["1m", "D"], description="Candle")
        self.at = ipywidgets.Text("18:30", description="At (IST)")
        self.days = ipywidgets.Text("mon-fri", description="Days")
        self.back = ipywidgets.IntText(30, description="Days back")
        self.button = ipywidgets.Button(
            description="Schedule", tooltip="Keep the group up to date; a new group takes the symbols of the form above"
        )
        self.button.on_click(lambda _button: self.put())
        fields = form_row(self.group, self.interval, self.at, self.days, self.back, self.button)
        super().__init__([self.table, fields, self.message])

    def put(self) -> None:
        """Make the schedule that the form says, and its group of the symbols above; on the kernel's loop."""
        try:
            group, command = self._commands()
        except LabError as error:
            self.message.bad(str(error))
            return

        async def ask() -> HistorySchedule:
            if group is not None:
                await self._lab.handle.call(group)
            return await self._lab.handle.call(command)

        self._loop.ask(
            self._lab.handle,
            ask(),
            lambda one: self.message.info(f"{one.group} is kept up to date; next {_moment(one.next_run_ns)}."),
            lambda error: self.message.bad(str(error)),
        )

    def close(self) -> None:
        """End the subscription and the widget."""
        self.table.close()
        super().close()

    def _commands(self) -> tuple[PutHistoryGroup | None, PutHistorySchedule]:
        name = self.group.value.strip()
        if not name:
            raise InputError("Name the group that is to be kept up to date.", "group")
        names = [part for text in self._symbols().split(",") if (part := text.strip())]
        if not 0 < self.back.value <= _MOST_DAYS:
            raise InputError(f"{self.back.value} days back cannot be: give 1 to {_MOST_DAYS}.", "lookback_days")
        at = self.at.value.strip()
        parse_time(at)
        group = PutHistoryGroup(name, keys_of(self._lab, names)) if names else None
        return group, PutHistorySchedule(name, self.interval.value, at, weekdays(self.days.value), self.back.value)
