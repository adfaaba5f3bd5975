"""A sweep's figure over two parameters: a heat map whose cells can be read."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, Any

import ipywidgets

from openalgo_lab.lab.sweep_result import better
from openalgo_lab.ui.style import StyleSheet

if TYPE_CHECKING:
    from openalgo_lab.lab.sweep_result import SweepResult

__all__ = ["SweepMap"]


class SweepMap(ipywidgets.VBox):
    """One cell a pair of values, coloured from the worst (red) over 0 to the best (green); the best one is framed."""

    def __init__(self, result: SweepResult, x: str, y: str, figure: str) -> None:
        self.table = result.table(x, y, figure)
        super().__init__([StyleSheet("backtest"), ipywidgets.HTML(self._html(x, y, figure))])
        self.add_class("oal-bt")

    def _html(self, x: str, y: str, figure: str) -> str:
        values = self.table.to_numpy(dtype=float)
        known = [float(value) for value in values.ravel() if not math.isnan(value)]
        most = max((abs(value) for value in known), default=1.0) or 1.0
        best = (max if better(figure) > 0 else min)(known, default=math.nan)
        head = "".join(f'<th scope="col">{_text(name)}</th>' for name in self.table.columns)
        rows = "".join(
            f'<tr><th scope="row">{_text(name)}</th>'
            + "".join(_cell(float(value), most, float(value) == best) for value in row)
            + "</tr>"
            for name, row in zip(self.table.index, values, strict=True)
        )
        caption = html.escape(f"{figure}: {x} across, {y} down")
        return (
            f'<div class="oal-bt-scroll" tabindex="0"><table class="oal-bt-table oal-bt-months" aria-label="{caption}">'
            f"<caption>{caption}</caption><thead><tr><th></th>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
        )


def _cell(value: float, most: float, best: bool) -> str:
    if math.isnan(value):
        return "<td>–</td>"
    side = "up" if value > 0 else "down"
    part = round(min(abs(value) / most, 1.0) * 60)
    frame = "; outline: 2px solid var(--oal-accent); outline-offset: -2px; font-weight: 600" if best else ""
    return f'<td style="background: color-mix(in srgb, var(--oal-{side}) {part}%, transparent){frame}">{value:.2f}</td>'


def _text(value: Any) -> str:
    return html.escape(f"{value:g}" if isinstance(value, float) else str(value))
