"""Hosted strategies: the table, the log and schedule of one, and the form that adds another."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import ipywidgets

from openalgo_lab.model.errors import LabError
from openalgo_lab.model.strategy_commands import (
    GetStrategyLog,
    ScheduleStrategy,
    StrategyInfo,
    StrategyLog,
    StrategySchedule,
)
from openalgo_lab.ui.blotter.items import ItemsView
from openalgo_lab.ui.live import KernelLoop, publisher_of
from openalgo_lab.ui.message import MessageLine
from openalgo_lab.ui.strategies.adding import AddForm
from openalgo_lab.ui.strategies.table import SPEC
from openalgo_lab.ui.style import StyleSheet

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["StrategyPanel"]

LOG_EVERY_S: Final = 1.0
_LINES: Final = 200
_DAY_NAMES: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class StrategyPanel(ipywidgets.VBox):
    """Start, stop, look at, schedule and add hosted strategies."""

    def __init__(self, lab: Lab, *, height: str = "220px") -> None:
        self._lab = lab
        self._loop = KernelLoop()
        self.table = ItemsView(lab, SPEC, height=height)
        self.log_view = LogView(lab)
        self.schedule = ScheduleForm(lab)
        self.add = AddForm(lab)
        self._detail = ipywidgets.VBox([self.schedule, self.log_view])
        self._detail.layout.display = "none"
        self.table.on_action(lambda _action, info: self.look(info))
        self.table.on_items(lambda items: self.schedule.follow([item.value for item in items]))
        super().__init__([StyleSheet("strategies"), self.table, self._detail, self.add])
        self.add_class("oal-strategies")

    def look(self, info: StrategyInfo) -> None:
        """Show the log and the schedule of one."""
        self._detail.layout.display = ""
        self.schedule.show(info)
        self.log_view.show(info.strategy.name)

    def close(self) -> None:
        """End the subscriptions and the widget."""
        self.table.close()
        self.log_view.close()
        super().close()


class LogView(ipywidgets.VBox):
    """The end of one strategy's log, read once a second while it is shown."""

    def __init__(self, lab: Lab) -> None:
        self._handle = lab.handle
        self._loop = KernelLoop()
        self._name = ""
        self._asking = False
        self._asked_at = 0.0
        self._lock = threading.Lock()
        self.text = ipywidgets.Textarea(disabled=True, tooltip="Log of the strategy")
        self.text.add_class("oal-strategies-log")
        super().__init__([self.text])
        publisher_of(self._handle).add(self)

    def show(self, name: str) -> None:
        """Follow this one."""
        if name != self._name:
            self._name, self.text.value = name, ""
        self._asked_at = 0.0

    def publish(self) -> None:
        """Ask for the lines when it is time; runs on the publisher thread."""
        now = time.monotonic()
        with self._lock:
            due = bool(self._name) and not self._asking and now - self._asked_at >= LOG_EVERY_S
            if due:
                self._asking, self._asked_at = True, now
        if due:
            asked = self._handle.call(GetStrategyLog(self._name, _LINES))
            self._loop.ask(self._handle, asked, partial(self._take, self._name), self._failed)

    def close(self) -> None:
        """End the reading and the widget."""
        publisher_of(self._handle).remove(self)
        super().close()

    def _take(self, name: str, log: StrategyLog) -> None:
        self._asking = False
        text = "\n".join(log.lines) or "It has said nothing yet."
        if name == self._name and text != self.text.value:
            self.text.value = text

    def _failed(self, _error: LabError) -> None:
        self._asking = False
        self._name = ""  # it is hosted no longer


class ScheduleForm(ipywidgets.VBox):
    """When one strategy runs."""

    def __init__(self, lab: Lab) -> None:
        self._handle = lab.handle
        self._loop = KernelLoop()
        self._name = ""
        self.title = ipywidgets.Label("")
        self.title.add_class("oal-form-title")
        self.facts = ipywidgets.Label("")
        self.start = ipywidgets.Text("09:10", description="Start")
        self.stop = ipywidgets.Text("15:30", description="Stop")
        self.days = [
            ipywidgets.ToggleButton(number < 5, description=name, tooltip=f"Run on {name}")
            for number, name in enumerate(_DAY_NAMES)
        ]
        week = ipywidgets.HBox(self.days)
        week.add_class("oal-strategies-week")
        self.set = ipywidgets.Button(description="Set schedule")
        self.by_hand = ipywidgets.Button(description="By hand only")
        self.message = MessageLine()
        self.set.on_click(lambda _button: self._give(self._asked()))
        self.by_hand.on_click(lambda _button: self._give(None))
        form = ipywidgets.HBox([self.title, self.start, self.stop, week, self.set, self.by_hand, self.facts])
        form.add_class("oal-form")
        form.add_class("oal-strategies-form")
        super().__init__([form, self.message])

    def show(self, info: StrategyInfo) -> None:
        """Its present times."""
        self._name, self.title.value = info.strategy.name, info.strategy.name
        self.message.clear()
        self._facts(info)
        schedule = info.strategy.schedule
        if schedule is not None:
            self.start.value, self.stop.value = schedule.start, schedule.stop
            for number, day in enumerate(self.days):
                day.value = number in schedule.days

    def follow(self, infos: list[StrategyInfo]) -> None:
        """The table was read anew."""
        for info in infos:
            if info.strategy.name == self._name:
                self._facts(info)

    def _facts(self, info: StrategyInfo) -> None:
        hosted = info.strategy
        given = ", ".join(f"{name} = {value}" for name, value in {**hosted.parameters, **hosted.terms}.items())
        process = f"process {info.pid}" if info.pid else "no process"
        facts = (
            f"{hosted.strategy or 'its only class'} on {hosted.interval} bars; {given or 'no parameters'}; {process}"
        )
        if facts != self.facts.value:
            self.facts.value = facts

    def _asked(self) -> StrategySchedule:
        days = tuple(number for number, day in enumerate(self.days) if day.value)
        return StrategySchedule(self.start.value.strip(), self.stop.value.strip(), days)

    def _give(self, schedule: StrategySchedule | None) -> None:
        said = "It starts by hand only." if schedule is None else "The schedule is set; holidays are left out."
        asked = self._handle.call(ScheduleStrategy(self._name, schedule))
        self._loop.ask(self._handle, asked, lambda _info: self.message.info(said), self._refused)

    def _refused(self, error: Any) -> None:
        self.message.bad(str(error))
