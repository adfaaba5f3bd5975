"""The trade journal: every fill with its charges, notes and tags, what was closed, and a file of all of it."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import ipywidgets

from openalgo_lab.model.accounting import AnnotateTrade, BookedFill, GetFillHistory, GetRoundTrips, RoundTrip
from openalgo_lab.model.command_base import Command, Done
from openalgo_lab.model.errors import LabError
from openalgo_lab.model.events import AnyEvent, TradeHappened
from openalgo_lab.model.money import price_decimals
from openalgo_lab.model.times import format_ist, trade_date
from openalgo_lab.ui.grid import Action, Column, Empty, Grid, GridEvent
from openalgo_lab.ui.live import KernelLoop, publisher_of
from openalgo_lab.ui.message import MessageLine
from openalgo_lab.ui.saving import SaveButton, csv_text
from openalgo_lab.ui.style.sheet import StyleSheet
from openalgo_lab.ui.tabs import Tab, TabBar

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["JournalView"]

EVERY_S: Final = 10.0
_SPANS: Final = (("Today", 0), ("7 days", 6), ("30 days", 29), ("A year", 364), ("All", -1))

_FILLS: Final = (
    Column(key="time", title="Time (IST)", kind="text", width=132),
    Column(key="symbol", title="Symbol", kind="text", width=170, pinned=True),
    Column(key="side", title="Side", kind="side"),
    Column(key="quantity", title="Qty", kind="qty"),
    Column(key="price", title="Price", kind="price", decimals="row", tint=False),
    Column(key="note_it", title="", kind="action", width=64, actions=(
        Action(key="note", title="Note", name="Write a note and tags to this trade", shortcut="n"),)),
    Column(key="tags", title="Tags", kind="text", width=130),
    Column(key="note", title="Note", kind="text", width=220, min_view=560),
    Column(key="charges", title="Charges ₹", kind="money", width=90, min_view=700),
    Column(key="strategy", title="Strategy", kind="text", width=110, min_view=820),
    Column(key="account", title="Account", kind="text", width=90, min_view=900),
)  # fmt: skip
_TRIPS: Final = (
    Column(key="time", title="Closed (IST)", kind="text", width=132),
    Column(key="symbol", title="Symbol", kind="text", width=170, pinned=True),
    Column(key="side", title="Side", kind="side"),
    Column(key="quantity", title="Qty", kind="qty"),
    Column(key="entry", title="In", kind="price", decimals="row", tint=False),
    Column(key="exit", title="Out", kind="price", decimals="row", tint=False),
    Column(key="net", title="Net ₹", kind="change", width=100),
    Column(key="gross", title="Gross ₹", kind="money", width=100, min_view=620),
    Column(key="charges", title="Charges ₹", kind="money", width=90, min_view=700),
    Column(key="held", title="Held", kind="text", width=80, min_view=760),
    Column(key="tags", title="Tags", kind="text", width=130, min_view=520),
    Column(key="strategy", title="Strategy", kind="text", width=110, min_view=860),
    Column(key="account", title="Account", kind="text", width=90, min_view=940),
)


class JournalView(ipywidgets.VBox):
    """Trades and closed trades of some days, newest first. "Note" writes to a trade; the file holds what is shown."""

    def __init__(self, lab: Lab, *, account: str = "", strategy: str = "", height: str = "260px") -> None:
        self._handle = lab.handle
        self._loop = KernelLoop()
        self._scope = (account, strategy)
        self._asked_at = 0.0
        self._round = 0
        self.fills: tuple[BookedFill, ...] = ()
        self.trips: tuple[RoundTrip, ...] = ()
        self._ids: dict[tuple[str, date, str], int] = {}
        self._noting: BookedFill | None = None
        self._tabs = TabBar(self._titles(), label="Trade journal", active="fills")
        self._tabs.on_choose(self._open)
        nothing = Empty(text="No trades in these days: choose more of them, or trade.")
        self.fill_grid = Grid("journal-fills", _FILLS, label="Trades", empty=nothing, sortable=True, height=height)
        self.trip_grid = Grid("journal-trips", _TRIPS, label="Closed", empty=nothing, sortable=True, height=height)
        self.fill_grid.on_event(self._on_event)
        self.days = ipywidgets.Dropdown(options=_SPANS, value=6, description="Days")
        self.days.observe(lambda _: self.refresh(), "value")
        self.save = SaveButton("CSV", "Save the open table as a CSV file", self._file)
        self._build_form()
        self.message = MessageLine()
        self._bar = ipywidgets.HBox([self.days, self.save], layout=ipywidgets.Layout(flex_flow="row wrap"))
        self._bar.add_class("oal-form")
        super().__init__()
        self._open("fills")
        self._unlisten = self._handle.add_listener(self._hear)
        publisher_of(self._handle).add(self)

    # Reading ------------------------------------------------------------------------------------------------------

    def publish(self) -> None:
        """Read anew when it is time; runs on the publisher thread."""
        now = time.monotonic()
        if now - self._asked_at >= EVERY_S:
            self._asked_at = now
            self._loop.call(self.refresh)

    def refresh(self) -> None:
        """Read everything now; the answers come a moment later."""
        account, strategy = self._scope
        self._asked_at, self._round = time.monotonic(), self._round + 1
        start = self._start()
        self._ask(GetFillHistory(start, None, account, strategy), partial(self._take_fills, self._round))
        self._ask(GetRoundTrips(start, None, account, strategy), partial(self._take_trips, self._round))

    def close(self) -> None:
        """End the widget."""
        publisher_of(self._handle).remove(self)
        self._unlisten()
        super().close()

    def _start(self) -> date | None:
        if self.days.value < 0:
            return None
        return trade_date(self._handle.status.market_ns) - timedelta(days=self.days.value)

    def _hear(self, event: AnyEvent) -> None:
        if isinstance(event, TradeHappened):
            self._asked_at = min(self._asked_at, time.monotonic() - EVERY_S + 0.5)

    def _take_fills(self, round_: int, fills: tuple[BookedFill, ...]) -> None:
        if round_ != self._round:  # other days were chosen meanwhile
            return
        self.fills = tuple(reversed(fills))
        rows = self.fills
        self.fill_grid.set_rows(
            [self._ids.setdefault(_key(one), len(self._ids) + 1) for one in rows],
            {
                "time": [format_ist(one.fill.time_ns) for one in rows],
                "symbol": [one.fill.symbol for one in rows],
                "side": [one.fill.side.value for one in rows],
                "tags": [", ".join(one.tags) for one in rows],
                "note": [one.note for one in rows],
                "strategy": [one.fill.strategy for one in rows],
                "account": [one.fill.account for one in rows],
            },
            decimals=[self._decimals(one.fill.exchange, one.fill.symbol) for one in rows],
            actions=[0 if one.opening else 1 for one in rows],
            values={
                "quantity": [float(one.fill.quantity) for one in rows],
                "price": [one.fill.price for one in rows],
                "charges": [math.nan if one.charges is None else float(one.charges) for one in rows],
            }
            if rows
            else {},
        )
        self._tabs.show(self._titles())

    def _take_trips(self, round_: int, trips: tuple[RoundTrip, ...]) -> None:
        if round_ != self._round:
            return
        self.trips = tuple(reversed(trips))
        rows = self.trips
        self.trip_grid.set_rows(
            list(range(1, len(rows) + 1)),
            {
                "time": [format_ist(one.exit_ns) for one in rows],
                "symbol": [one.symbol for one in rows],
                "side": [one.side.value for one in rows],
                "held": [_held(one) for one in rows],
                "tags": [", ".join(one.tags) for one in rows],
                "strategy": [one.strategy for one in rows],
                "account": [one.account for one in rows],
            },
            decimals=[self._decimals(one.exchange, one.symbol) for one in rows],
            values={
                "quantity": [float(one.quantity) for one in rows],
                "entry": [one.entry_price for one in rows],
                "exit": [one.exit_price for one in rows],
                "net": [one.net_paise / 100 for one in rows],
                "gross": [one.gross_paise / 100 for one in rows],
                "charges": [one.charges_paise / 100 for one in rows],
            }
            if rows
            else {},
        )
        self._tabs.show(self._titles())

    def _decimals(self, exchange: Any, symbol: str) -> int:
        from openalgo_lab.model.instruments import InstrumentKey

        item = self._handle.instruments.find(InstrumentKey(exchange, symbol))
        return price_decimals(item.tick_size) if item is not None else 2

    # Notes --------------------------------------------------------------------------------------------------------

    def note(self, trade: BookedFill) -> None:
        """Open the form for a trade's note and tags."""
        self._noting = trade
        fill = trade.fill
        self._form_title.value = f"{fill.side} {fill.quantity} {fill.symbol}"
        self.note_text.value = trade.note
        self.tag_text.value = ", ".join(tag for tag in trade.tags if tag != fill.tag)
        self.form.layout.display = "flex"

    def _build_form(self) -> None:
        self._form_title = ipywidgets.Label().add_class("oal-form-title")
        self.note_text = ipywidgets.Text(description="Note", layout=ipywidgets.Layout(flex="1 1 220px"))
        self.tag_text = ipywidgets.Text(description="Tags", placeholder="breakout, late")
        self.keep = ipywidgets.Button(description="Keep", tooltip="Write note and tags to the trade")
        self.leave = ipywidgets.Button(description="Leave it", tooltip="Close without a change")
        self.keep.on_click(lambda _: self._write())
        self.leave.on_click(lambda _: self._shut())
        self.form = ipywidgets.HBox(
            [self._form_title, self.note_text, self.tag_text, self.keep, self.leave],
            layout=ipywidgets.Layout(display="none", flex_flow="row wrap"),
        ).add_class("oal-form")

    def _write(self) -> None:
        trade = self._noting
        if trade is None:
            return
        tags = tuple(dict.fromkeys(word for word in (one.strip() for one in self.tag_text.value.split(",")) if word))
        command = AnnotateTrade(trade.fill.account, trade.fill.trade_id, "", self.note_text.value.strip(), tags)
        self._ask(command, self._written)

    def _written(self, reply: Done) -> None:
        self._shut()
        self.refresh()
        self.message.info(reply.message)

    def _shut(self) -> None:
        self._noting = None
        self.form.layout.display = "none"

    def _on_event(self, event: GridEvent) -> None:
        if event.action == "note":
            for one in self.fills:
                if self._ids.get(_key(one)) == event.row:
                    self.note(one)

    # Parts --------------------------------------------------------------------------------------------------------

    def _titles(self) -> list[Tab]:
        return [Tab("fills", "Trades", len(self.fills)), Tab("trips", "Closed", len(self.trips))]

    def _open(self, key: str) -> None:
        grid = self.fill_grid if key == "fills" else self.trip_grid
        self.children = (StyleSheet("approval"), self._tabs, self._bar, grid, self.form, self.message)

    def _file(self) -> tuple[str, str]:
        if self._tabs.active == "fills":
            return "trades.csv", csv_text(_FILL_HEADERS, (_fill_cells(one) for one in self.fills))
        return "closed.csv", csv_text(_TRIP_HEADERS, (_trip_cells(one) for one in self.trips))

    def _ask(self, command: Command[Any], done: Any) -> None:
        self._loop.ask(self._handle, self._handle.call(command), done, self._failed)

    def _failed(self, error: LabError) -> None:
        self.message.bad(str(error))


_FILL_HEADERS: Final = ("time_ist", "account", "exchange", "symbol", "side", "product", "quantity", "price", "charges",
                        "strategy", "tags", "note", "order_id", "trade_id")  # fmt: skip
_TRIP_HEADERS: Final = ("closed_ist", "opened_ist", "account", "exchange", "symbol", "product", "side", "quantity",
                        "entry_price", "exit_price", "gross", "charges", "net", "strategy", "tags")  # fmt: skip


def _key(one: BookedFill) -> tuple[str, date, str]:
    return (one.fill.account, one.day, one.fill.trade_id)


def _fill_cells(one: BookedFill) -> Sequence[object]:
    fill = one.fill
    charges = math.nan if one.charges is None else float(one.charges)
    return (
        format_ist(fill.time_ns), fill.account, fill.exchange.value, fill.symbol, fill.side.value, fill.product.value,
        fill.quantity, fill.price, charges, fill.strategy, ", ".join(one.tags), one.note, fill.order_id, fill.trade_id,
    )  # fmt: skip


def _trip_cells(one: RoundTrip) -> Sequence[object]:
    return (
        format_ist(one.exit_ns), format_ist(one.entry_ns), one.account, one.exchange.value, one.symbol,
        one.product.value, one.side.value, one.quantity, one.entry_price, one.exit_price, one.gross_paise / 100,
        one.charges_paise / 100, one.net_paise / 100, one.strategy, ", ".join(one.tags),
    )  # fmt: skip


def _held(one: RoundTrip) -> str:
    """How long it was held: ``45 s``, ``12 min``, ``3 h``, ``5 d``."""
    seconds = max(one.exit_ns - one.entry_ns, 0) / 1e9
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
