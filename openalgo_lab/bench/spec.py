"""What a figure is: a named measurement with a unit, a goal and a direction."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Better", "CannotMeasure", "Figure", "Measured", "Result", "figure"]

Better = Literal["lower", "higher"]


class CannotMeasure(Exception):
    """This machine lacks what the figure needs; the text says what, in one sentence."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A value, the peer's value measured beside it, and other values of the same run (such as ``p99``)."""

    value: float
    peer: float | None = None
    also: Mapping[str, float] = field(default_factory=dict)


Result = float | tuple[float, float | None] | Measured


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the bench. ``also`` holds goals for the further values of the same run."""

    name: str
    unit: str
    goal: float
    better: Better
    measure: Callable[[], Result]
    also: Mapping[str, float] = field(default_factory=dict)

    def report(self, result: Result) -> dict[str, object]:
        """The figure as one JSON object: name, value, unit, goal, better, ok; peer and ratio if one ran."""
        measured = as_measured(result)
        ok = self._reaches(measured.value, self.goal) and all(
            name in measured.also and self._reaches(measured.also[name], goal) for name, goal in self.also.items()
        )
        out = {**self._head(measured.value), "ok": ok}
        if measured.also:
            out["also"] = dict(measured.also)
        if self.also:
            out["also_goal"] = dict(self.also)
        if measured.peer is not None:
            out["peer"] = measured.peer
            out["ratio"] = self._ratio(measured.value, measured.peer)
        return out

    def report_missing(self, reason: str) -> dict[str, object]:
        """The same object for a figure that could not be measured: value null, and why."""
        return {**self._head(None), "ok": False, "reason": reason}

    def _head(self, value: float | None) -> dict[str, object]:
        goal, better = self.goal, self.better
        return {"name": self.name, "value": value, "unit": self.unit, "goal": goal, "better": better}

    def _reaches(self, value: float, goal: float) -> bool:
        return value <= goal if self.better == "lower" else value >= goal

    def _ratio(self, value: float, peer: float) -> float | None:
        """How many times better than the peer; None where a zero makes that meaningless."""
        ours, theirs = (peer, value) if self.better == "lower" else (value, peer)
        return ours / theirs if theirs else None


def as_measured(result: Result) -> Measured:
    """Any of the forms in which a figure may answer. Raises ValueError for a value that is not finite."""
    if isinstance(result, tuple):
        result = Measured(*result)
    measured = result if isinstance(result, Measured) else Measured(float(result))
    for value in (measured.value, *measured.also.values()):
        if not math.isfinite(value):
            raise ValueError(f"A figure must be a finite number, not {value}.")
    return measured


def figure(
    name: str, *, unit: str, goal: float, better: Better, also: Mapping[str, float] | None = None
) -> Callable[[Callable[[], Result]], Figure]:
    """Turns a function into a :class:`Figure`. ``also``: goals for further values, e.g. ``{"p99": 10.0}``."""

    def make(measure: Callable[[], Result]) -> Figure:
        return Figure(name, unit, goal, better, measure, dict(also or {}))

    return make
