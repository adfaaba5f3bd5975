"""The bqplot figures of a tear sheet. Import lazily: bqplot costs half a second and 70 MB."""

from __future__ import annotations

from typing import Any, Final

import bqplot
import ipywidgets
import numpy as np
import numpy.typing as npt

from openalgo_lab.model.market import Bars
from openalgo_lab.model.money import format_qty
from openalgo_lab.ui.backtest.thin import date_ticks, histogram, round_ticks, thin_rows
from openalgo_lab.ui.theme import DARK

__all__ = ["bars_figure", "candles_figure", "curve_figure"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

RUPEES: Final = ",.0f"
_MARGIN = {"top": 10, "bottom": 28, "left": 68, "right": 16}


def _figure(title: str, height: str, marks: list[Any], axes: list[Any], **more: Any) -> Any:
    made = bqplot.Figure(
        marks=marks,
        axes=axes,
        fig_margin=_MARGIN,
        display_toolbar=False,
        animation_duration=0,
        layout=ipywidgets.Layout(width="100%", height=height, min_width="0"),
        **more,
    )
    made.add_class("oal-bt-figure")
    made._dom_classes = (*made._dom_classes, f"oal-bt-{title}")
    return made


def _axis(scale: Any, places: FloatArray, form: str, **more: Any) -> Any:
    """An axis with these values; rupees in Indian grouping."""
    labels = {str(int(place)): format_qty(round(place)) for place in places} if form == RUPEES else {}
    return bqplot.Axis(scale=scale, tick_values=places, tick_labels=labels, tick_format=form, **more)


def _ends(values: FloatArray, about: int) -> FloatArray:
    """Round values that span the given ones."""
    return round_ticks(float(values.min()), float(values.max()), about) if len(values) else np.empty(0)


def curve_figure(
    name: str, start_ns: IntArray, curves: list[tuple[FloatArray, str]], *, height: str, form: str, fill: str = "none"
) -> Any:
    """Lines over bar numbers with dates below; a drag across zooms, a double click goes back."""
    x, y = bqplot.LinearScale(allow_padding=False), bqplot.LinearScale()
    marks = []
    for values, colour in curves:
        rows = thin_rows(values)
        marks.append(
            bqplot.Lines(
                x=rows.astype(np.float64),
                y=values[rows],
                scales={"x": x, "y": y},
                colors=[colour],
                stroke_width=1.4,
                fill=fill,
                fill_opacities=[0.25],
                fill_colors=[colour],
            )
        )
    places, labels = date_ticks(start_ns, slice(0, len(start_ns)))
    low, high = min(float(values.min()) for values, _ in curves), max(float(values.max()) for values, _ in curves)
    axes = [
        bqplot.Axis(scale=x, tick_values=places, tick_labels=labels, grid_lines="none"),
        _axis(y, round_ticks(low, high), form, side="left", grid_lines="solid"),
    ]
    return _figure(name, height, marks, axes, interaction=bqplot.PanZoom(scales={"x": [x]}))


def bars_figure(name: str, values: FloatArray, *, height: str, form: str) -> Any:
    """How often values occurred: losses left of zero in one colour, gains in the other."""
    middles, counts = histogram(values)
    x, y = bqplot.LinearScale(), bqplot.LinearScale(min=0.0)
    marks = [
        bqplot.Bars(
            x=middles,
            y=np.where(these, counts, 0.0),
            scales={"x": x, "y": y},
            colors=[colour],
            padding=0.15,
            stroke=None,
        )
        for these, colour in ((middles > 0, DARK.up), (middles <= 0, DARK.down))
    ]
    axes = [
        _axis(x, _ends(middles, 6), form, grid_lines="none"),
        bqplot.Axis(
            scale=y,
            side="left",
            grid_lines="solid",
            tick_format="d",
            tick_values=_ends(np.append(counts, 0.0), 4),
        ),
    ]
    return _figure(name, height, marks, axes)


def candles_figure(height: str) -> tuple[Any, Any]:
    """(figure, a function that draws bars ``rows`` with the trades that lie in them)."""
    x, y = bqplot.LinearScale(allow_padding=False), bqplot.LinearScale()
    scales = {"x": x, "y": y}
    candles = bqplot.OHLC(
        x=[], y=np.empty((0, 4)), scales=scales, colors=[DARK.up, DARK.down], stroke=DARK.muted, marker="candle"
    )
    marks = [
        bqplot.Scatter(
            x=[], y=[], scales=scales, colors=[colour], marker=shape, default_size=80, stroke="white", stroke_width=1
        )
        for colour, shape in ((DARK.buy, "triangle-up"), (DARK.sell, "triangle-down"))
    ]
    holds = bqplot.Lines(
        x=[], y=[], scales=scales, colors=[DARK.accent], line_style="dashed", stroke_width=1.2, apply_clip=True
    )
    time_axis = bqplot.Axis(scale=x, grid_lines="none", tick_values=[], tick_labels={})
    price_axis = bqplot.Axis(scale=y, side="left", grid_lines="solid", tick_format=".2f")
    figure = _figure("candles", height, [candles, holds, *marks], [time_axis, price_axis])

    def draw(bars: Bars, rows: slice, buys: Points, sells: Points, trades: Points) -> None:
        numbers = np.arange(rows.start, rows.stop, dtype=np.float64)
        table = np.stack([getattr(bars, column)[rows] for column in ("open", "high", "low", "close")], axis=1)
        places, labels = date_ticks(bars.start_ns, rows)
        low, high = float(table[:, 2].min()), float(table[:, 1].max())
        room = (high - low) * 0.08 or high * 0.01
        with x.hold_sync(), y.hold_sync():
            x.min, x.max, y.min, y.max = rows.start - 1.0, float(rows.stop), low - room, high + room
        with candles.hold_sync():
            candles.x, candles.y = numbers, np.ascontiguousarray(table)
        price_axis.tick_values = round_ticks(low, high, 8)
        with time_axis.hold_sync():
            time_axis.tick_values, time_axis.tick_labels = places, labels
        for mark, (at, prices) in zip((*marks, holds), (buys, sells, trades), strict=True):
            with mark.hold_sync():
                mark.x, mark.y = at, prices

    return figure, draw


Points = tuple[FloatArray, FloatArray]
