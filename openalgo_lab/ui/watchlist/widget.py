"""The watchlist: a search box over a grid of live quotes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import ipywidgets
import numpy as np

from openalgo_lab.model.errors import LabError, StoreError
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.money import price_decimals
from openalgo_lab.model.profile import profile_dir
from openalgo_lab.model.vocabulary import FeedMode, Side
from openalgo_lab.ui.freshness import feed_is_stale
from openalgo_lab.ui.grid import Action, Column, Empty, Flag, Grid, GridEvent
from openalgo_lab.ui.live import publisher_of
from openalgo_lab.ui.search import SearchBox
from openalgo_lab.ui.watchlist.saved import SavedWatchlists

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["Watchlist"]

_BUY = Action(key="buy", title="B", name="Buy", tone="buy", shortcut="b")
_SELL = Action(key="sell", title="S", name="Sell", tone="sell", shortcut="s")
_REMOVE = Action(key="remove", title="×", name="Remove from the list")

_COLUMNS = (
    Column(key="symbol", title="Symbol", kind="text", width=142, pinned=True, actions=(_BUY, _SELL, _REMOVE)),
    Column(key="ltp", title="LTP", kind="price", decimals="row", width=82),
    Column(key="change_pct", title="Chg %", kind="pct", width=66),
    Column(key="change", title="Chg", kind="change", decimals="row", width=86, hidden=True),
    Column(key="bid", title="Bid", kind="price", decimals="row", hidden=True),
    Column(key="ask", title="Ask", kind="price", decimals="row", hidden=True),
    Column(key="volume", title="Volume", kind="qty", compact=True, hidden=True),
    Column(key="oi", title="OI", kind="qty", compact=True, hidden=True),
    Column(key="exchange", title="Exch", kind="text", width=74, hidden=True),
)
_FIELDS = ("ltp", "bid", "ask", "volume", "oi", "prev_close")


class Watchlist(ipywidgets.VBox):
    """Live rows of chosen instruments; ``/`` searches, B and S open the ticket, Enter or a click selects.

    Raises SymbolError for one of ``symbols`` that is not listed.
    ``symbols``: what it starts with; None = what the profile saved under ``name`` (else the indices and large shares).
    ``on_select`` hears the selected key, ``on_trade`` (key, side); both on the kernel's loop.
    """

    def __init__(
        self, lab: Lab, symbols: Sequence[str] | None = None, *, name: str = "Main", height: str = "420px"
    ) -> None:
        self._lab = lab
        self._handle = lab.handle
        self._name = name
        self._owner = f"watchlist-{name}-{id(self)}"
        self._saved = SavedWatchlists(profile_dir(lab.profile)) if symbols is None else None
        self._on_select: list[Callable[[InstrumentKey], None]] = []
        self._on_trade: list[Callable[[InstrumentKey, Side], None]] = []
        self._items: dict[int, Instrument] = {}
        self._shown_seq = -1
        self._stale: bool | None = None
        self._search = SearchBox(lab)
        self._search.on_pick(self.add)
        self._message = ipywidgets.Label().add_class("oal-message")
        self._grid = Grid(
            f"watchlist-{name}",
            _COLUMNS,
            label=f"Watchlist {name}",
            empty=Empty(text="No symbols yet. Press / and type a name, for example sbin."),
            height=height,
        )
        self._grid.on_event(self._on_event)
        super().__init__([self._search, self._message, self._grid])
        self.add_class("oal-watchlist")
        self._start(symbols)
        publisher_of(self._handle).add(self)

    @property
    def grid(self) -> Grid:
        """The table."""
        return self._grid

    @property
    def keys_shown(self) -> tuple[InstrumentKey, ...]:
        """The instruments in order."""
        return tuple(item.key for item in self._items.values())

    def on_select(self, callback: Callable[[InstrumentKey], None]) -> None:
        """Call back when a row is selected."""
        self._on_select.append(callback)

    def on_trade(self, callback: Callable[[InstrumentKey, Side], None]) -> None:
        """Call back when B or S is pressed on a row."""
        self._on_trade.append(callback)

    def add(self, key: InstrumentKey) -> None:
        """Put an instrument at the end, or select it when it is there; one that is not listed gives a sentence."""
        try:
            item = self._handle.instruments.require(key)
        except LabError as error:
            self._message.value = str(error)
            return
        if item.key not in self.keys_shown:
            self._items[max(self._items, default=0) + 1] = item
            self._changed()
        for callback in self._on_select:
            callback(item.key)

    def remove(self, key: InstrumentKey) -> None:
        """Take an instrument off the list."""
        self._items = {row: item for row, item in self._items.items() if item.key != key}
        self._changed()

    def publish(self) -> None:
        """Push the quotes that changed; runs on the publisher thread."""
        board, items = self._handle.board, dict(self._items)
        seq, stale = board.seq, feed_is_stale(self._handle)
        if (seq == self._shown_seq and stale == self._stale) or not items or tuple(items) != self._grid.row_ids:
            return
        rows = board.find_rows(item.key for item in items.values())
        columns = {name: board.column(name, rows) for name in _FIELDS}
        close = columns.pop("prev_close")
        change = columns["ltp"] - close
        with np.errstate(divide="ignore", invalid="ignore"):
            columns |= {"change": change, "change_pct": np.where(close > 0, change / close * 100, np.nan)}
        flags = np.full(len(items), Flag.STALE if stale else Flag.NONE, dtype=np.uint16)
        self._grid.push(columns, engine_ns=int(board.times(rows).max(initial=0)), flags=flags)
        self._shown_seq, self._stale = seq, stale

    def close(self) -> None:
        """End the subscriptions and the widget."""
        publisher_of(self._handle).remove(self)
        self._handle.unsubscribe(self._owner)
        super().close()

    def _start(self, symbols: Sequence[str] | None) -> None:
        try:
            keys = self._first_keys(symbols)
        except StoreError as error:
            self._message.value, keys = str(error), []
        found = [item for item in map(self._handle.instruments.find, keys) if item is not None]
        self._items = dict(enumerate(found, start=1))
        if missing := len(keys) - len(found):
            self._message.value = f"{missing} saved symbols are no longer listed and were left out."
        self._changed(save=False)

    def _first_keys(self, symbols: Sequence[str] | None) -> Sequence[InstrumentKey]:
        if symbols is not None:
            return [self._lab.instrument(symbol).key for symbol in symbols]
        assert self._saved is not None
        saved = self._saved.load().get(self._name)
        if saved is not None:
            return saved
        store = self._handle.instruments
        indices = [item.key for item in store.all() if not item.tradable]
        return [*indices, *(item.key for item in store.all() if item.tradable and not item.underlying)][:20]

    def _changed(self, *, save: bool = True) -> None:
        items = list(self._items.values())
        self._grid.set_rows(
            list(self._items),
            {"symbol": [item.symbol for item in items], "exchange": [item.exchange.value for item in items]},
            decimals=[price_decimals(item.tick_size) for item in items],
            actions=[7 if item.tradable else 4 for item in items],
        )
        self._shown_seq = -1
        self._handle.unsubscribe(self._owner)
        self._handle.subscribe([item.key for item in items], FeedMode.QUOTE, self._owner)
        if save and self._saved is not None:
            try:
                self._saved.save(self._name, [item.key for item in items])
            except LabError as error:
                self._message.value = str(error)

    def _on_event(self, event: GridEvent) -> None:
        item = self._items.get(event.row) if event.row is not None else None
        if item is None:
            return
        if event.type == "action" and event.action == "remove":
            self.remove(item.key)
        elif event.type == "action":
            for trade in self._on_trade:
                trade(item.key, Side.BUY if event.action == "buy" else Side.SELL)
        elif event.type == "click":
            for select in self._on_select:
                select(item.key)
