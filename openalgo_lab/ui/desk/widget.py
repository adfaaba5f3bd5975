"""The desk widget: composes the parts, and passes what is chosen in one on to the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets

from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.vocabulary import Side
from openalgo_lab.ui.blotter import Blotter
from openalgo_lab.ui.chart import CandleChart
from openalgo_lab.ui.ladder import DepthLadder
from openalgo_lab.ui.statusbar import StatusBar
from openalgo_lab.ui.style import StyleSheet
from openalgo_lab.ui.tabs import Tab, TabBar
from openalgo_lab.ui.ticket import OrderTicket
from openalgo_lab.ui.watchlist import Watchlist

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["Desk", "show_desk"]

_PARTS = (Tab("watch", "Watch"), Tab("chart", "Chart"), Tab("ticket", "Ticket"), Tab("books", "Books"))


class Desk(ipywidgets.VBox):
    """Three columns over the books from 1200 px on; below that the same parts one at a time, by tabs.

    Selecting a row moves chart, ladder and ticket to that instrument; B, S or a click in the ladder fills the ticket.
    """

    def __init__(self, lab: Lab, symbol: str | None = None) -> None:
        self.status = StatusBar(lab)
        self.watchlist = Watchlist(lab, height="100%")
        first = lab.instrument(symbol).key if symbol else self._first_tradable(lab)
        self.ladder = DepthLadder(lab, first)
        self.ticket = OrderTicket(lab, first)
        self.blotter = Blotter(lab, height="100%")
        self.chart = CandleChart(lab, first)
        self._parts = TabBar(_PARTS, label="Parts of the desk")
        self._parts.add_class("oal-desk-parts")
        self._parts.on_choose(self._show_part)
        self.watchlist.on_select(self.select)
        self.watchlist.on_trade(lambda key, side: self.trade(key, side, None))
        self.ladder.on_trade(self.trade)
        areas = {
            "watch": ipywidgets.VBox([self.watchlist]),
            "chart": ipywidgets.VBox([self.chart, self.ladder]),
            "ticket": ipywidgets.VBox([self.ticket]),
            "books": ipywidgets.VBox([self.blotter]),
        }
        for name, area in areas.items():
            area.add_class(f"oal-desk-{name}")
        body = ipywidgets.Box(list(areas.values())).add_class("oal-desk-body")
        super().__init__([StyleSheet("desk"), self.status, self._parts, body])
        self.add_class("oal-desk").add_class("oal-desk-shows-watch")

    def select(self, key: InstrumentKey) -> None:
        """Show another instrument in chart, ladder and ticket."""
        self.chart.set(key)
        self.ladder.set(key)
        self.ticket.set(symbol=key)

    def trade(self, key: InstrumentKey, side: Side, price: float | None) -> None:
        """Fill the ticket; ``price`` None means at market."""
        self.select(key)
        self.ticket.set(symbol=key, side=side, price=price)
        self._parts.show(_PARTS, "ticket")
        self._show_part("ticket")

    def _show_part(self, key: str) -> None:
        for tab in _PARTS:
            self.remove_class(f"oal-desk-shows-{tab.key}")
        self.add_class(f"oal-desk-shows-{key}")

    def _first_tradable(self, lab: Lab) -> InstrumentKey:
        """The first share of the watchlist, else anything listed that can be ordered."""
        listed = (lab.handle.instruments.find(key) for key in self.watchlist.keys_shown)
        found = next((item for item in listed if item is not None and item.tradable), None)
        if found is None:
            found = next(item for item in lab.handle.instruments.all() if item.tradable)
        return found.key


def show_desk() -> None:
    """Open the desk in this page: the first lines of the desk's dashboard."""
    from IPython.display import display

    from openalgo_lab.lab import Lab

    display(Desk(Lab()))
