"""The blotter widget: tabs with counts over one grid at a time, and what can be done to a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import ipywidgets

from openalgo_lab.model.commands import CancelOrder, CancelReply, ClosePosition
from openalgo_lab.model.errors import LabError
from openalgo_lab.model.events import Books
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.orders import Order
from openalgo_lab.model.vocabulary import FeedMode
from openalgo_lab.ui.blotter.modify import ModifyForm
from openalgo_lab.ui.blotter.tables import TABLES, Row, Table, decimals_of, key_of, status_text
from openalgo_lab.ui.grid import Grid, GridEvent
from openalgo_lab.ui.live import KernelLoop, publisher_of
from openalgo_lab.ui.message import MessageLine
from openalgo_lab.ui.tabs import Tab, TabBar

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["Blotter"]


class _Page:
    """One tab's grid with what it shows; made when the tab is first opened."""

    def __init__(self, table: Table, height: str) -> None:
        self.table = table
        self.grid = Grid(
            f"blotter-{table.key}", table.columns, label=table.title, empty=table.empty, sortable=True, height=height
        )
        self.numeric = {column.key for column in table.columns if column.numeric}
        self.rows: dict[int, Row] = {}
        self.books_version = -1
        self.board_seq = -1
        self._ids: dict[str, int] = {}

    def id_of(self, row: Row) -> int:
        """A row id that stays with its order, trade or position."""
        return self._ids.setdefault(row.key, len(self._ids) + 1)


class Blotter(ipywidgets.VBox):
    """Orders · Trades · Positions · Holdings · Funds of all accounts, live.

    ``tables``: other tables than these five (such as ``QUICK_POSITIONS``).
    Orders can be modified and cancelled, positions closed at market, from their rows (buttons, or the keys m, x, c).
    """

    def __init__(
        self, lab: Lab, *, tab: str = "orders", height: str = "240px", tables: Sequence[Table] = TABLES
    ) -> None:
        self._handle = lab.handle
        self._tables = {table.key: table for table in tables}
        tab = tab if tab in self._tables else tables[0].key
        self._loop = KernelLoop()
        self._height = height
        self._owner = f"blotter-{id(self)}"
        self._wanted: frozenset[object] = frozenset()
        self._message = MessageLine()
        self._tabs = TabBar(
            self._titles(self._handle.books), label="Books" if len(tables) > 1 else tables[0].title, active=tab
        )
        self._tabs.on_choose(self._open)
        self._pages: dict[str, _Page] = {}
        self._on_select: list[Callable[[InstrumentKey], None]] = []
        self._lab = lab
        self._form: ModifyForm | None = None
        super().__init__([self._tabs, self._message])
        self.add_class("oal-blotter")
        self._open(tab)
        publisher_of(self._handle).add(self)

    @property
    def grid(self) -> Grid:
        """The grid of the open tab."""
        return self._pages[self._tabs.active].grid

    def on_select(self, callback: Callable[[InstrumentKey], None]) -> None:
        """Call back with the instrument of a row that is pressed, on the kernel's loop."""
        self._on_select.append(callback)

    def modify(self, order_id: str) -> None:
        """Open the form that changes a working order."""
        self._tabs.show(self._titles(self._handle.books), "orders")
        self._open("orders")
        self.form.edit(order_id)

    @property
    def form(self) -> ModifyForm:
        """The form that changes a working order: made when it is first wanted."""
        if self._form is None:
            self._form = ModifyForm(self._lab, self._message)
            self._place()
        return self._form

    def publish(self) -> None:
        """Push what changed in the open tab, and the counts; runs on the publisher thread."""
        books = self._handle.books
        self._tabs.show(self._titles(books))
        page = self._pages.get(self._tabs.active)
        if page is None:
            return
        if books.version != page.books_version:
            self._fill(page, books)
        self._follow_market(page, books)

    def close(self) -> None:
        """End the subscriptions and the widget."""
        publisher_of(self._handle).remove(self)
        self._handle.unsubscribe(self._owner)
        super().close()

    def _titles(self, books: Books) -> list[Tab]:
        return [Tab(table.key, table.title, table.count(books)) for table in self._tables.values()]

    def _open(self, key: str) -> None:
        page = self._pages.get(key)
        if page is None:
            page = self._pages[key] = _Page(self._tables[key], self._height)
            page.grid.on_event(self._on_event)
        page.books_version = -1
        self._place()

    def _place(self) -> None:
        form = () if self._form is None else (self._form,)
        self.children = (self._tabs, self.grid, *form, self._message)

    def _fill(self, page: _Page, books: Books) -> None:
        rows = page.table.rows(books)
        page.rows = {page.id_of(row): row for row in rows}
        texts = {
            column.key: [row.texts.get(column.key, "") for row in rows]
            for column in page.table.columns
            if column.textual
        }
        page.grid.set_rows(
            list(page.rows),
            texts,
            decimals=decimals_of(self._handle, rows),
            actions=[row.actions for row in rows],
            values={name: [row.numbers[name] for row in rows] for name in page.numeric & set(rows[0].numbers)}
            if rows
            else {},
        )
        page.books_version, page.board_seq = books.version, -1
        wanted = frozenset(row.instrument for row in rows if row.instrument) if page.table.live else frozenset()
        if wanted != self._wanted:
            self._wanted = wanted
            self._handle.unsubscribe(self._owner)
            self._handle.subscribe([row.instrument for row in rows if row.instrument], FeedMode.QUOTE, self._owner)

    def _follow_market(self, page: _Page, books: Books) -> None:
        board = self._handle.board
        if page.table.live is None or not page.rows or board.seq == page.board_seq:
            return
        page.board_seq = board.seq
        rows = board.find_rows(key_of(row) for row in page.rows.values())
        numbers = page.table.live(books, board.column("ltp", rows))
        numbers = {name: values for name, values in numbers.items() if name in page.numeric}
        page.grid.push(numbers, engine_ns=int(board.times(rows).max(initial=0)))

    def _on_event(self, event: GridEvent) -> None:
        page = self._pages[self._tabs.active]
        row = page.rows.get(event.row) if event.row is not None else None
        if row is None:
            return
        if event.type == "click" and row.instrument is not None:
            for select in self._on_select:
                select(row.instrument)
        match event.action:
            case "modify":
                self.form.edit(row.key)
            case "cancel":
                self._message.info("Cancelling…")
                request = self._handle.call(CancelOrder(order_id=row.key))
                self._loop.ask(self._handle, request, self._cancelled, self._failed)
            case "close":
                self._close_position(row)

    def _close_position(self, row: Row) -> None:
        position = next(
            (
                one
                for one in self._handle.books.positions
                if f"{one.account}/{one.exchange}:{one.symbol}/{one.product}" == row.key
            ),
            None,
        )
        if position is None or not position.quantity:
            self._message.info("This position is flat already.")
            return
        command = ClosePosition(position.account, position.exchange, position.symbol, position.product)
        self._message.info(f"Closing {position.symbol}…")
        self._loop.ask(self._handle, self._handle.call(command), self._closed, self._failed)

    def _cancelled(self, order: Order) -> None:
        self._message.info(f"{order.symbol}: {status_text(order)}.")

    def _closed(self, reply: CancelReply) -> None:
        if reply.failed:
            self._message.bad("; ".join(sentence for _id, sentence in reply.failed))
        else:
            self._message.info(f"{len(reply.done)} closing order{'s' if len(reply.done) != 1 else ''} sent.")

    def _failed(self, error: LabError) -> None:
        self._message.bad(str(error))
