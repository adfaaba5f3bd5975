"""An order's time line, and the latency monitor with percentiles and export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets

from openalgo_lab.lab.exports import export_frames
from openalgo_lab.lab.frames import frame_of
from openalgo_lab.model.orders import Order
from openalgo_lab.ui.grid import Column, Empty, Grid
from openalgo_lab.ui.live import KernelLoop, publisher_of
from openalgo_lab.ui.order_timeline.latency import Spread, spreads, steps
from openalgo_lab.ui.saving import SaveButton, csv_text
from openalgo_lab.ui.style.sheet import StyleSheet

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["LatencyMonitor", "OrderTimeline"]

MOST_ORDERS = 100

_STEP_COLUMNS = (
    Column(key="step", title="Step", kind="text", width=190),
    Column(key="time", title="Time", kind="time", width=90),
    Column(key="ms", title="ms since", kind="number", decimals=2, width=90),
    Column(key="detail", title="", kind="text", width=320),
)
_SPREAD_COLUMNS = (
    Column(key="account", title="Account", kind="text", width=90),
    Column(key="stage", title="Stage (ms)", kind="text", width=170, pinned=True),
    *(Column(key=key, title=title, kind="number", decimals=2, width=80)
      for key, title in (("p50", "50 %"), ("p90", "90 %"), ("p95", "95 %"), ("p99", "99 %"), ("worst", "worst"))),
    Column(key="count", title="orders", kind="number", decimals=0, width=70),
)  # fmt: skip


class OrderTimeline(ipywidgets.VBox):
    """Asked → checked → sent → acknowledged → filled of one order, with the time between; the newest by default."""

    def __init__(self, lab: Lab, order_id: str = "", *, height: str = "200px") -> None:
        self._handle = lab.handle
        self._loop = KernelLoop()
        self._version = -1
        self.choice = ipywidgets.Dropdown(description="Order", layout=ipywidgets.Layout(width="auto"))
        self.choice.add_class("oal-wide")
        self.grid = Grid("timeline", _STEP_COLUMNS, label="Time line", empty=Empty(text="No order yet."), height=height)
        bar = ipywidgets.HBox([self.choice]).add_class("oal-form")
        super().__init__([StyleSheet("approval"), bar, self.grid])
        self._fill_choice()
        if order_id:
            self.choice.value = order_id
        self.choice.observe(lambda _: self._show(), "value")
        self._show()
        publisher_of(self._handle).add(self)

    def publish(self) -> None:
        """Follow the chosen order; runs on the publisher thread."""
        if self._handle.books.version != self._version:
            self._show()
            self._loop.call(self._fill_choice)

    def close(self) -> None:
        """End the widget."""
        publisher_of(self._handle).remove(self)
        super().close()

    def _fill_choice(self) -> None:
        newest = list(reversed(self._handle.books.orders))[:MOST_ORDERS]
        options = tuple((_title(order), order.order_id) for order in newest)
        if options != self.choice.options:
            chosen = self.choice.value
            self.choice.options = options
            known = [order_id for _, order_id in options]
            self.choice.value = chosen if chosen in known else next(iter(known), None)

    def _show(self) -> None:
        books = self._handle.books
        self._version = books.version
        order = next((one for one in books.orders if one.order_id == self.choice.value), None)
        if order is None:
            self.grid.set_rows([], {"step": [], "detail": []})
            return
        rows = steps(order, [fill for fill in books.fills if fill.order_id == order.order_id])
        self.grid.set_rows(
            list(range(1, len(rows) + 1)),
            {"step": [row[0] for row in rows], "detail": [row[3] for row in rows]},
            values={"time": [row[1] / 1e6 for row in rows], "ms": [row[2] for row in rows]},
        )


class LatencyMonitor(ipywidgets.VBox):
    """Percentiles of every stage by account, live; :meth:`export` writes every order's own figures."""

    def __init__(self, lab: Lab, *, height: str = "160px") -> None:
        self._handle = lab.handle
        self._version = -1
        self.grid = Grid(
            "latency",
            _SPREAD_COLUMNS,
            label="Latency",
            empty=Empty(text="No order has been measured yet."),
            height=height,
        )
        self.save = SaveButton("CSV", "Save every order's own latencies as a CSV file", self._file)
        bar = ipywidgets.HBox([ipywidgets.Label("Latency of orders").add_class("oal-form-title"), self.save])
        super().__init__([StyleSheet("approval"), bar.add_class("oal-form"), self.grid])
        self.publish()
        publisher_of(self._handle).add(self)

    @property
    def rows(self) -> list[Spread]:
        """The percentiles now."""
        return spreads(self._handle.books)

    def publish(self) -> None:
        """Show what is new; runs on the publisher thread."""
        books = self._handle.books
        if books.version == self._version:
            return
        self._version = books.version
        rows = spreads(books)
        names = ("p50", "p90", "p95", "p99", "worst", "count")
        self.grid.set_rows(
            list(range(1, len(rows) + 1)),
            {"account": [row.account for row in rows], "stage": [row.stage for row in rows]},
            values={name: [float(getattr(row, name)) for row in rows] for name in names} if rows else {},
        )

    def export(self, path: Path | str) -> Path:
        """One row an order: its stages in ms, to ``.csv``, ``.xlsx`` or ``.parquet``."""
        return export_frames({"latency": frame_of(self._columns())}, path)

    def _columns(self) -> dict[str, list[Any]]:
        orders = self._handle.books.orders
        return {
            "order_id": [one.order_id for one in orders],
            "account": [one.account for one in orders],
            "symbol": [one.symbol for one in orders],
            "checked_ms": [_gap(one.created_ns, one.sent_ns) for one in orders],
            "acknowledged_ms": [_gap(one.sent_ns, one.acked_ns) for one in orders],
            "status": [one.status.value for one in orders],
        }

    def _file(self) -> tuple[str, str]:
        columns = self._columns()
        return "latency.csv", csv_text(tuple(columns), zip(*columns.values(), strict=True))

    def close(self) -> None:
        """End the widget."""
        publisher_of(self._handle).remove(self)
        super().close()


def _title(order: Order) -> str:
    return f"{order.side} {order.quantity} {order.symbol} · {order.account} · {order.status.value}"


def _gap(start_ns: int, end_ns: int) -> float:
    return (end_ns - start_ns) / 1e6 if start_ns and end_ns else float("nan")
