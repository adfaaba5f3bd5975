"""What of a series stands on the screen: the window, the price range, the labels of the time axis."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from openalgo_lab.ui.chart.intervals import Interval
from openalgo_lab.ui.chart.series import Series

__all__ = ["MOST_SHOWN", "Window", "follow", "newest", "price_range", "price_ticks", "time_labels"]

FloatArray = npt.NDArray[np.float64]

MOST_SHOWN: Final = 300
FEWEST_SHOWN: Final = 10
FIRST_SHOWN: Final = 120
ROOM_RIGHT: Final = 4
"""Empty places right of the newest candle."""

_IST_S: Final = 19_800
_STEPS_S: Final = (60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 86_400, 172_800, 604_800)
_DAY_S: Final = 86_400


class Window(msgspec.Struct, frozen=True):
    """Left and right edge of the time axis, in candle numbers (a candle spans half a number either side)."""

    left: float
    right: float

    @property
    def span(self) -> float:
        """Places in it."""
        return self.right - self.left

    def bounded(self, series: Series) -> Window:
        """Kept to at least 10 and at most 300 places, some of them holding candles."""
        span = min(max(self.span, FEWEST_SHOWN), MOST_SHOWN)
        right = self.right if abs(self.span - span) < 1e-9 else (self.left + self.right + span) / 2
        right = min(max(right, series.first + FEWEST_SHOWN), max(series.end - FEWEST_SHOWN, series.first) + span)
        return Window(right - span, right)

    def numbers(self, series: Series) -> tuple[int, int]:
        """Numbers of the candles in it, [first, end)."""
        first = max(int(np.ceil(self.left - 0.5)), series.first)
        end = min(int(np.floor(self.right + 0.5)) + 1, series.end)
        return first, max(end, first)


def newest(series: Series, shown: int = FIRST_SHOWN) -> Window:
    """The newest candles, as few as there are."""
    shown = min(shown, max(len(series), 40))
    right = series.end - 0.5 + ROOM_RIGHT
    return Window(right - shown - ROOM_RIGHT, right)


def follow(window: Window, series: Series) -> Window:
    """Moved by one where the newest candle had been in view, so that it stays there."""
    was_in_view = window.left <= series.end - 2 <= window.right
    return Window(window.left + 1, window.right + 1) if was_in_view else window


def price_range(series: Series, window: Window, tick: float) -> tuple[float, float, float]:
    """(lowest, highest, largest volume) for the axes; the volume's bars take the lowest fifth."""
    first, end = window.numbers(series)
    table = series.table[:, first - series.first : end - series.first]
    if not table.shape[1]:
        return 0.0, 1.0, 1.0
    low, high = float(table[2].min()), float(table[1].max())
    span = max(high - low, tick * 4)
    return low - span * 0.28, high + span * 0.06, max(float(table[4].max()), 1.0)


def price_ticks(low: float, high: float, tick: float) -> FloatArray:
    """Round prices in [low, high] for the axis: steps of 1, 2 or 5 times a power of ten, about six of them."""
    rough = max((high - low) / 6, tick)
    power = 10.0 ** np.floor(np.log10(rough))
    step = next((power * size for size in (1.0, 2.0, 5.0) if power * size >= rough), power * 10.0)
    places: FloatArray = np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
    return places


def time_labels(series: Series, window: Window, most: int = 8) -> tuple[npt.NDArray[np.int64], dict[str, str]]:
    """Where the time axis is labelled and how: Indian time, the date where a day begins; at most ``most``."""
    first, end = window.numbers(series)
    if end <= first:
        return np.empty(0, dtype=np.int64), {}
    offset = first - series.first
    seconds = series.start_ns[offset : end - series.first] // 1_000_000_000 + _IST_S
    before = series.start_ns[offset - 1] // 1_000_000_000 + _IST_S if offset else seconds[0] - 1
    previous = np.concatenate([[before], seconds[:-1]])
    marks = np.empty(0, dtype=np.int64)
    for place in _places(series.interval):
        marks = np.flatnonzero(place(seconds) != place(previous))
        if len(marks) <= most:
            break
    else:
        marks = marks[:: -(-len(marks) // most)]
    labels = {str(first + at): _label(series.interval, int(seconds[at]), int(previous[at])) for at in marks.tolist()}
    return marks + first, labels


Place = Callable[[npt.NDArray[np.int64]], npt.NDArray[np.int64]]


def _places(interval: Interval) -> Iterator[Place]:
    """Divisions of Indian time, finest first: a label stands where one begins."""
    least = interval.seconds or _DAY_S
    for step in _STEPS_S:
        if step >= least:
            yield partial(_nth, step)
    yield partial(_month, 1)
    yield partial(_month, 3)
    yield partial(_month, 12)


def _nth(step: int, seconds: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return seconds // step


def _month(months: int, seconds: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return seconds.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64) // months


def _label(interval: Interval, seconds: int, previous: int) -> str:
    now, before = (datetime.fromtimestamp(value, tz=UTC) for value in (seconds, previous))  # Indian clock already
    day = f"{now.day} {now:%b}"
    if not interval.seconds:
        return day if now.month == before.month else f"{now:%b}" if now.year == before.year else f"{now:%b %Y}"
    return f"{now:%H:%M}" if now.date() == before.date() else day
