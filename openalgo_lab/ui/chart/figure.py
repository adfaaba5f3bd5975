"""The bqplot figure of the chart. Import this module lazily: bqplot costs half a second and 70 MB."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import bqplot
import ipywidgets
import numpy as np
import numpy.typing as npt

from openalgo_lab.ui.chart.series import Series
from openalgo_lab.ui.chart.view import Window, price_range, price_ticks, time_labels
from openalgo_lab.ui.theme import DARK

__all__ = ["CandleFigure"]

# A saved picture resolves no CSS variables, so the candles have the tokens' own colours (the same in both themes).
_UP, _DOWN, _WICK = DARK.up, DARK.down, DARK.muted
_MARGIN = {"top": 8, "bottom": 26, "left": 8, "right": 64}

Fills = tuple[Sequence[float], Sequence[float]]


class CandleFigure:
    """Candles over volume, last price, own fills. On the kernel's loop only; writes the traits that differ."""

    def __init__(self, height: str, moved: Callable[[], None]) -> None:
        self._x = bqplot.LinearScale(allow_padding=False)
        self._y = bqplot.LinearScale(allow_padding=False)
        self._volume_scale = bqplot.LinearScale(allow_padding=False, min=0.0)
        price, volume = {"x": self._x, "y": self._y}, {"x": self._x, "y": self._volume_scale}
        self._candles = bqplot.OHLC(
            x=[], y=np.empty((0, 4)), scales=price, colors=[_UP, _DOWN], stroke=_WICK, marker="candle"
        )
        self._volumes = [
            bqplot.Bars(x=[], y=[], scales=volume, colors=[colour], opacities=[0.35], padding=0.25, stroke=None)
            for colour in (_UP, _DOWN)
        ]
        self._last = bqplot.Lines(
            x=[],
            y=[],
            scales=price,
            colors=[DARK.accent],
            line_style="dashed",
            stroke_width=1.0,
            interpolation="linear",
        )
        self._fills = [
            bqplot.Scatter(
                x=[],
                y=[],
                scales=price,
                colors=[colour],
                marker=marker,
                default_size=90,
                stroke="white",
                stroke_width=1,
            )
            for colour, marker in ((DARK.buy, "triangle-up"), (DARK.sell, "triangle-down"))
        ]
        self._time_axis = bqplot.Axis(scale=self._x, grid_lines="solid", tick_values=[], tick_labels={})
        self._price_axis = bqplot.Axis(scale=self._y, side="right", grid_lines="solid")
        self.figure = bqplot.Figure(
            marks=[*self._volumes, self._candles, self._last, *self._fills],
            axes=[self._time_axis, self._price_axis],
            interaction=bqplot.PanZoom(scales={"x": [self._x]}),
            fig_margin=_MARGIN,
            display_toolbar=False,
            animation_duration=0,
            layout=ipywidgets.Layout(width="100%", height=height, min_width="0"),
        )
        self.figure.add_class("oal-chart-figure")
        self._moved = moved
        self.labels = 8
        """How many labels have room on the time axis."""
        self._setting = False
        self._x.observe(self._on_scale, ["min", "max"])

    @property
    def window(self) -> Window | None:
        """Where the user has panned to; None before the first drawing."""
        if self._x.min is None or self._x.max is None:
            return None
        return Window(self._x.min, self._x.max)

    @property
    def widgets(self) -> tuple[Any, ...]:
        """Every model it is made of."""
        parts = [self._x, self._y, self._volume_scale, *self.figure.marks, *self.figure.axes]
        return (*parts, self.figure.interaction, self.figure)

    def draw(self, series: Series, window: Window, tick: float, decimals: int) -> tuple[float, float]:
        """The candles of ``window``; answers with the price axis's range."""
        first, end = window.numbers(series)
        cut = slice(first - series.first, end - series.first)
        numbers, table = np.arange(first, end, dtype=np.float64), series.table[:, cut]
        low, high, volume = price_range(series, window, tick)
        with self._candles.hold_sync(), self._y.hold_sync():
            _set(self._y, min=low, max=high)
            _set(self._candles, stroke_width=1.0 if len(numbers) <= 100 else 0.5)  # else the wicks hide the colours
            _set(self._candles, x=numbers, y=np.ascontiguousarray(table[:4].T))
        _set(self._volume_scale, max=volume * 5)
        self._draw_volumes(numbers, table)
        places, labels = time_labels(series, window, self.labels)
        with self._time_axis.hold_sync():
            _set(self._time_axis, tick_values=places.astype(np.float64), tick_labels=labels)
        _set(self._price_axis, tick_format=f".{decimals}f", tick_values=price_ticks(low, high, tick))
        self._place(window)
        with self._last.hold_sync():
            close = series.last_close
            _set(self._last, x=np.array([window.left, window.right]), y=np.array([close, close]))
        return low, high

    def draw_last(self, series: Series, window: Window, tick: float) -> tuple[float, float]:
        """Only the newest candle has changed: its marks, and the range where it broke out."""
        first, end = window.numbers(series)
        if end < series.end:
            return price_range(series, window, tick)[:2]
        table = series.table[:, first - series.first : end - series.first]
        low, high, volume = price_range(series, window, tick)
        _set(self._y, min=low, max=high)
        _set(self._price_axis, tick_values=price_ticks(low, high, tick))
        _set(self._candles, y=np.ascontiguousarray(table[:4].T))
        _set(self._volume_scale, max=volume * 5)
        self._draw_volumes(np.arange(first, end, dtype=np.float64), table)
        _set(self._last, y=np.array([series.last_close] * 2))
        return low, high

    def draw_fills(self, buys: Fills, sells: Fills) -> None:
        """Own trades: (candle numbers, prices) of buys and of sells."""
        for mark, (numbers, prices) in zip(self._fills, (buys, sells), strict=True):
            with mark.hold_sync():
                _set(mark, x=np.array(numbers, dtype=np.float64), y=np.array(prices, dtype=np.float64))

    def clear(self) -> None:
        """No candle: another contract's must not stand under a new name."""
        for mark in self.figure.marks:
            with mark.hold_sync():
                _set(mark, x=np.empty(0), y=np.empty((0, 4)) if mark is self._candles else np.empty(0))

    def save_png(self, name: str) -> None:
        """Let the browser save the picture."""
        self.figure.save_png(name)

    def close(self) -> None:
        """End every model."""
        for part in self.widgets:
            part.close()

    def _draw_volumes(self, numbers: npt.NDArray[np.float64], table: npt.NDArray[np.float64]) -> None:
        rises = table[3] >= table[0]
        for mark, these in zip(self._volumes, (rises, ~rises), strict=True):
            with mark.hold_sync():
                _set(mark, x=numbers, y=np.where(these, table[4], 0.0))

    def _place(self, window: Window) -> None:
        self._setting = True
        try:
            with self._x.hold_sync():
                _set(self._x, min=window.left, max=window.right)
        finally:
            self._setting = False

    def _on_scale(self, _change: object) -> None:
        if not self._setting:
            self._moved()


def _set(widget: Any, **values: Any) -> None:
    """Write the traits that differ."""
    for name, value in values.items():
        now = getattr(widget, name)
        same = np.array_equal(now, value) if isinstance(value, np.ndarray) else now == value
        if not same:
            setattr(widget, name, value)
