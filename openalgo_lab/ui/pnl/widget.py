"""Today's result by the minute with its drawdown, net results after charges, and figures over all round trips."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np

from openalgo_lab.model.accounting import (
    GetPnlCurve,
    GetResults,
    GetTradeStatistics,
    PnlCurve,
    ResultRow,
    ResultsBy,
    TradeStatistics,
)
from openalgo_lab.model.errors import LabError
from openalgo_lab.model.money import format_inr
from openalgo_lab.ui.grid import Column, Empty, Grid
from openalgo_lab.ui.live import KernelLoop, publisher_of
from openalgo_lab.ui.message import MessageLine
from openalgo_lab.ui.style.sheet import StyleSheet
from openalgo_lab.ui.theme import DARK

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["PnlTracker", "headline"]

EVERY_S = 5.0

_COLUMNS = (
    Column(key="key", title="", kind="text", width=170, pinned=True),
    Column(key="net", title="Net ₹", kind="change", width=110),
    Column(key="gross", title="Gross ₹", kind="money", width=110),
    Column(key="charges", title="Charges ₹", kind="money", width=100, min_view=460),
    Column(key="trades", title="Trades", kind="number", decimals=0, width=64),
    Column(key="winners", title="Won", kind="number", decimals=0, width=56),
    Column(key="turnover", title="Turnover ₹", kind="money", width=130, min_view=640),
)


def headline(curve: PnlCurve, stats: TradeStatistics) -> str:
    """Today's figures and those over all round trips, in one line."""
    total, fall = np.frombuffer(curve.total, dtype="<f8"), np.frombuffer(curve.drawdown, dtype="<f8")
    today = "no trades today"
    if len(total):
        today = (
            f"today {_rupees(total[-1])} · best {_rupees(total.max())} · worst {_rupees(total.min())} · deepest fall "
            f"{_rupees(fall.min())}"
        )
    closed = f"{stats.trades} closed, {stats.win_rate:.0%} won, net {_rupees(stats.net_paise / 100)}"
    missing = f" · without a price: {', '.join(curve.missing)}" if curve.missing else ""
    return f"{today} · {closed}{missing}"


class PnlTracker(ipywidgets.VBox):
    """Curve, drawdown, results by day, strategy, tag, account or symbol. Reads anew every few seconds."""

    def __init__(self, lab: Lab, *, account: str = "", strategy: str = "", height: str = "240px") -> None:
        import bqplot

        self._handle = lab.handle
        self._loop = KernelLoop()
        self._scope = (account, strategy)
        self._asked_at = 0.0
        self._curve, self._stats = PnlCurve(), TradeStatistics()
        self.message = MessageLine()
        self.by = ipywidgets.Dropdown(
            options=[(one.value.capitalize(), one.value) for one in ResultsBy], description="Results by"
        )
        x, y = bqplot.DateScale(), bqplot.LinearScale()
        self.total = bqplot.Lines(x=[], y=[], scales={"x": x, "y": y}, colors=[DARK.accent], stroke_width=1.6)
        self.fall = bqplot.Lines(
            x=[], y=[], scales={"x": x, "y": y}, colors=[DARK.down], stroke_width=1.0,
        )  # fmt: skip
        self._axes = [
            bqplot.Axis(scale=x, num_ticks=6, grid_lines="none"),
            bqplot.Axis(scale=y, orientation="vertical", side="right", num_ticks=5, tick_format=",.0f"),
        ]
        self.figure = bqplot.Figure(
            marks=[self.fall, self.total], axes=self._axes, layout=ipywidgets.Layout(height=height, width="100%"),
            fig_margin={"top": 8, "bottom": 26, "left": 8, "right": 72}, animation_duration=0,
        )  # fmt: skip
        self.figure.add_class("oal-chart-figure")
        self._show_whether_empty(empty=True)
        self.grid = Grid("results", _COLUMNS, label="Results", empty=Empty(text="Nothing closed yet."), height="160px")
        self.line = ipywidgets.Label().add_class("oal-form-title")
        self.by.observe(lambda _: self._ask_results(), "value")
        bar = ipywidgets.HBox([self.line], layout=ipywidgets.Layout(flex_flow="row wrap")).add_class("oal-form")
        choice = ipywidgets.HBox([self.by]).add_class("oal-form")
        super().__init__([StyleSheet(), bar, self.figure, choice, self.grid, self.message])
        publisher_of(self._handle).add(self)

    def publish(self) -> None:
        """Read anew when it is time; runs on the publisher thread."""
        now = time.monotonic()
        if now - self._asked_at >= EVERY_S:
            self._asked_at = now
            self._loop.call(self.refresh)

    def refresh(self) -> None:
        """Read everything now; the answers come a moment later."""
        account, strategy = self._scope
        self._ask(GetPnlCurve(account, strategy), self._take_curve)
        self._ask(GetTradeStatistics(account=account, strategy=strategy), self._take_stats)
        self._ask_results()

    def close(self) -> None:
        """End the widget."""
        publisher_of(self._handle).remove(self)
        super().close()

    def _ask_results(self) -> None:
        self._ask(GetResults(ResultsBy(self.by.value), account=self._scope[0]), self._take_results)

    def _ask(self, command: Any, done: Any) -> None:
        self._loop.ask(self._handle, self._handle.call(command), done, self._failed)

    def _take_curve(self, curve: PnlCurve) -> None:
        self._curve = curve
        at = np.frombuffer(curve.time_ns, dtype="<i8") + 19_800_000_000_000  # the axis shows Indian time
        stamps = at.astype("datetime64[ns]").astype("datetime64[ms]")
        for mark, raw in ((self.total, curve.total), (self.fall, curve.drawdown)):
            with mark.hold_sync():
                mark.x, mark.y = stamps, np.frombuffer(raw, dtype="<f8")
        self._show_whether_empty(empty=len(at) == 0)
        self.line.value = headline(curve, self._stats)

    def _show_whether_empty(self, *, empty: bool) -> None:
        """Axes without a curve would count from nothing to one."""
        self.figure.title = "The curve of the day begins with its first trade." if empty else ""
        for axis in self._axes:
            axis.visible = not empty

    def _take_stats(self, stats: TradeStatistics) -> None:
        self._stats = stats
        self.line.value = headline(self._curve, stats)

    def _take_results(self, rows: tuple[ResultRow, ...]) -> None:
        values = {
            "net": [row.net_paise / 100 for row in rows],
            "gross": [row.gross_paise / 100 for row in rows],
            "charges": [row.charges_paise / 100 for row in rows],
            "turnover": [row.turnover_paise / 100 for row in rows],
            "trades": [float(row.trades) for row in rows],
            "winners": [float(row.winners) for row in rows],
        }
        self.grid.set_rows(
            list(range(1, len(rows) + 1)), {"key": [row.key for row in rows]}, values=values if rows else {}
        )

    def _failed(self, error: LabError) -> None:
        self.message.bad(str(error))


def _rupees(value: float) -> str:
    return format_inr(float(value), symbol=True, plus=True).replace("-", "\u2212")  # a line may end after a hyphen
