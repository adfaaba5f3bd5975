"""The desk widget: composes the parts, and passes what is chosen in one on to the others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import ipywidgets

from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.vocabulary import Side
from openalgo_lab.ui.desk.frame import DeskFrame
from openalgo_lab.ui.live import KernelLoop, publisher_of
from openalgo_lab.ui.statusbar import StatusBar
from openalgo_lab.ui.style import StyleSheet
from openalgo_lab.ui.tabs import Tab, TabBar
from openalgo_lab.ui.watchlist import Watchlist

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab
    from openalgo_lab.ui.blotter import Blotter
    from openalgo_lab.ui.chart import CandleChart
    from openalgo_lab.ui.ladder import DepthLadder
    from openalgo_lab.ui.ticket import OrderTicket

__all__ = ["Desk"]

_PARTS = tuple(
    Tab(key, title)
    for key, title in (
        ("watch", "Watch"), ("chart", "Chart"), ("depth", "Depth"), ("ticket", "Ticket"), ("books", "Books")
    )
)  # fmt: skip
_LONGEST_WAIT_S = 1.5
"""The other parts are built when the first prices are on screen, or after so long."""


class Desk(ipywidgets.VBox):
    """Three columns over the books from 1200 px on; below that the same parts one at a time, by tabs.

    Selecting a row moves chart, ladder and ticket to that instrument; B, S or a click in the ladder fills the ticket.
    Status bar and watchlist come first; ticket, books, ladder and chart are built behind the first prices, one in
    each turn of the kernel's loop; on a narrow page each when its tab is first chosen; or at once by whoever asks.
    """

    def __init__(self, lab: Lab, symbol: str | None = None) -> None:
        self._lab = lab
        self._loop = KernelLoop()
        self._made_at = time.monotonic()
        self._building = self._wide = False
        self._ticket: OrderTicket | None = None
        self._blotter: Blotter | None = None
        self._quick: Blotter | None = None
        self._ladder: DepthLadder | None = None
        self._chart: CandleChart | None = None
        self.status = StatusBar(lab)
        self.watchlist = Watchlist(lab, height="100%")
        self._key = lab.instrument(symbol).key if symbol else self._first_tradable()
        self.watchlist.on_select(self.select)
        self.watchlist.on_trade(lambda key, side: self.trade(key, side, None))
        self._frame = DeskFrame(lab.handle.status.mode, self._key_pressed, self._drawn)
        self._parts = TabBar(_PARTS, label="Parts of the desk")
        self._parts.add_class("oal-desk-parts")
        self._parts.on_choose(self._show_part)
        self._areas = {tab.key: _area(tab.key) for tab in _PARTS}
        self._areas["watch"].children = (self.watchlist,)
        body = ipywidgets.Box(list(self._areas.values())).add_class("oal-desk-body")
        stack = [StyleSheet("desk"), self.status, self._frame, self._parts, body]
        super().__init__([ipywidgets.VBox(stack).add_class("oal-desk-stack")])
        self.add_class("oal-desk").add_class("oal-desk-shows-watch")
        self._makers: dict[str, Callable[[], object]] = {
            "ticket": lambda: self.ticket,
            "books": lambda: self.blotter,
            "depth": lambda: self.ladder,
            "chart": lambda: self.chart,
            "positions": lambda: self.positions,
        }
        self._steps = list(self._makers)
        if not _has_loop():  # a script or a test: nobody paints, and nobody would run what is put off
            for make in self._makers.values():
                make()

    # The parts; on the kernel's loop ------------------------------------------------------------------------------

    @property
    def key(self) -> InstrumentKey:
        """The instrument that chart, ladder and ticket show."""
        return self._key

    @property
    def ticket(self) -> OrderTicket:
        """The order ticket."""
        if self._ticket is None:
            from openalgo_lab.ui.ticket import OrderTicket

            self._ticket = OrderTicket(self._lab, self._key)
            self._ticket.on_modify(self._modify)
            self._areas["ticket"].children = (self._ticket,)
        return self._ticket

    @property
    def blotter(self) -> Blotter:
        """The books."""
        if self._blotter is None:
            from openalgo_lab.ui.blotter import Blotter

            self._blotter = Blotter(self._lab, height="100%")
            self._blotter.on_select(self.select)
            self._areas["books"].children = (self._blotter,)
        return self._blotter

    @property
    def positions(self) -> Blotter:
        """Positions at a glance under the ticket."""
        if self._quick is None:
            from openalgo_lab.ui.blotter import QUICK_POSITIONS, Blotter

            self._quick = Blotter(self._lab, height="100%", tables=QUICK_POSITIONS)
            self._quick.on_select(self.select)
            self._areas["ticket"].children = (self.ticket, self._quick)
        return self._quick

    @property
    def ladder(self) -> DepthLadder:
        """The market depth."""
        if self._ladder is None:
            from openalgo_lab.ui.ladder import DepthLadder

            self._ladder = DepthLadder(self._lab, self._key)
            self._ladder.on_trade(self.trade)
            self._areas["depth"].children = (self._ladder,)
        return self._ladder

    @property
    def chart(self) -> CandleChart:
        """The candles."""
        if self._chart is None:
            from openalgo_lab.ui.chart import CandleChart

            self._chart = CandleChart(self._lab, self._key, height="100%")
            self._areas["chart"].children = (self._chart,)
        return self._chart

    # What it does ---------------------------------------------------------------------------------------------------

    def select(self, key: InstrumentKey) -> None:
        """Show another instrument in chart, ladder and ticket."""
        if key == self._key:
            return
        self._key = key
        if self._chart is not None:
            self._chart.set(key)
        if self._ladder is not None:
            self._ladder.set(key)
        if self._ticket is not None:
            self._ticket.set(symbol=key)

    def trade(self, key: InstrumentKey, side: Side, price: float | None) -> None:
        """Fill the ticket and go to it; ``price`` None leaves its price type as it is."""
        self.select(key)
        self.ticket.set(symbol=key, side=side, price=price)
        self._parts.show(_PARTS, "ticket")
        self._show_part("ticket")
        self.ticket.focus()

    def publish(self) -> None:
        """Build what is still missing; runs on the publisher thread."""
        if self._building or not self._steps or not self._wide:
            return
        waited = time.monotonic() - self._made_at
        if self.watchlist.grid.stats.acknowledged or waited > _LONGEST_WAIT_S:
            self._building = True
            self._loop.call(self._build_next)

    def close(self) -> None:
        """Close every part and the desk."""
        publisher_of(self._lab.handle).remove(self)
        self._steps.clear()
        late = (self._chart, self._ladder, self._ticket, self._quick, self._blotter)
        for part in (*late, self.watchlist, self.status, self._frame):
            if part is not None:
                part.close()
        super().close()

    # Inside ---------------------------------------------------------------------------------------------------------

    def _build_next(self) -> None:
        try:
            if self._steps and self._wide:
                self._makers[self._steps.pop(0)]()
        finally:
            self._building = False
        if not self._steps:
            publisher_of(self._lab.handle).remove(self)

    def _drawn(self, wide: bool) -> None:
        self._wide = wide
        if self._steps:
            publisher_of(self._lab.handle).add(self)

    def _key_pressed(self, side: Side) -> None:
        self.trade(self._key, side, None)

    def _modify(self, order_id: str) -> None:
        self._parts.show(_PARTS, "books")
        self._show_part("books")
        self.blotter.modify(order_id)

    def _show_part(self, key: str) -> None:
        if key in self._makers:
            self._makers[key]()
        for tab in _PARTS:
            self.remove_class(f"oal-desk-shows-{tab.key}")
        self.add_class(f"oal-desk-shows-{key}")

    def _first_tradable(self) -> InstrumentKey:
        """The first share of the watchlist, else anything listed that can be ordered."""
        store = self._lab.handle.instruments
        listed = (store.find(key) for key in self.watchlist.keys_shown)
        found = next((item for item in listed if item is not None and item.tradable), None)
        if found is None:
            found = next(item for item in store.all() if item.tradable)
        return found.key


def _area(name: str) -> ipywidgets.VBox:
    waiting = ipywidgets.Box().add_class("oal-desk-wait")
    return ipywidgets.VBox([waiting]).add_class(f"oal-desk-{name}")


def _has_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
