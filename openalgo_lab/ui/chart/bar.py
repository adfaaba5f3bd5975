"""The chart's own toolbar: interval, the candle under the pointer, crosshair, reset, export, and what is missing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.resources import files
from typing import Any, Literal

import anywidget
import msgspec
import numpy as np
import traitlets

from openalgo_lab.ui.chart.intervals import INTERVALS
from openalgo_lab.ui.chart.series import Series
from openalgo_lab.ui.theme import css

__all__ = ["BarMessage", "ChartBar", "Choose", "ExportPng", "Head", "Reset", "Retry", "Size", "State"]

_log = logging.getLogger(__name__)


State = Literal["loading", "ready", "empty", "error"]


class Head(msgspec.Struct, frozen=True):
    """Contract, interval and state. ``note`` stands in the chart's place or over it; ``retry`` offers the button."""

    symbol: str
    exchange: str
    interval: str
    decimals: int
    state: State
    note: str = ""
    retry: bool = False
    intervals: tuple[str, ...] = tuple(one.name for one in INTERVALS)


class _Hello(msgspec.Struct, frozen=True, tag="hello", tag_field="k"):
    """A view was drawn."""


class Choose(msgspec.Struct, frozen=True, tag="interval", tag_field="k"):
    """Another interval."""

    interval: str


class Reset(msgspec.Struct, frozen=True, tag="reset", tag_field="k"):
    """Back to the newest candles."""


class Retry(msgspec.Struct, frozen=True, tag="retry", tag_field="k"):
    """Ask for the history again."""


class ExportPng(msgspec.Struct, frozen=True, tag="png", tag_field="k"):
    """Save the picture."""


class Size(msgspec.Struct, frozen=True, tag="size", tag_field="k"):
    """So many labels have room on the time axis."""

    labels: int


BarMessage = Size | Choose | Reset | Retry | ExportPng


class ChartBar(anywidget.AnyWidget):
    """Shows a :class:`Head` and reads candles under the pointer. ``tell_*`` from any thread."""

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)

    def __init__(self, heard: Callable[[BarMessage], None], hello: Callable[[], None], **traits: Any) -> None:
        self._heard = heard
        self._hello = hello
        self._told: Head | None = None
        super().__init__(**traits)
        self.on_msg(self._on_message)

    @traitlets.default("_esm")
    def _default_esm(self) -> str:
        return files("openalgo_lab.ui.chart").joinpath("bar.js").read_text("utf-8")

    @traitlets.default("_css")
    def _default_css(self) -> str:
        return css() + files("openalgo_lab.ui.chart").joinpath("bar.css").read_text("utf-8")

    def tell_head(self, head: Head, *, force: bool = False) -> None:
        """Show it, if it differs."""
        if force or head != self._told:
            self._told = head
            self.send({"k": "head", "v": msgspec.to_builtins(head)})

    def tell_bars(self, series: Series) -> None:
        """All candles: start (UTC ms), open, high, low, close, volume, row by row as float64."""
        table = np.concatenate([series.start_ns[None, :] / 1e6, series.table]).astype("<f8")
        self.send({"k": "bars", "first": series.first, "n": len(series)}, buffers=[table.tobytes()])

    def tell_last(self, series: Series) -> None:
        """The newest candle, which may be new."""
        if len(series):
            row = [series.start_ns[-1] / 1e6, *series.table[:, -1].tolist()]
            self.send({"k": "last", "at": series.end - 1, "v": row})

    def tell_view(self, left: float, right: float, low: float, high: float) -> None:
        """The axes' ranges, from which the crosshair is read."""
        self.send({"k": "view", "v": [left, right, low, high]})

    def _on_message(self, _widget: object, content: object, _buffers: object) -> None:
        try:
            message: _Hello | BarMessage = msgspec.convert(content, _Hello | BarMessage)
        except msgspec.ValidationError as error:
            _log.warning("A page sent the chart a message that cannot be read; reload the page. (%s)", error)
            return
        if isinstance(message, _Hello):
            self._hello()
        else:
            self._heard(message)
