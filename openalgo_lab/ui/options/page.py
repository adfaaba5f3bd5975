"""What every page about chains has: header, expiries, a choice of views, a line for messages, and the live readings."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import ipywidgets
import msgspec

from openalgo_lab.engine.option_data.contracts import ChainContracts, load_contracts, option_underlyings
from openalgo_lab.engine.option_data.reading import ChainReader, ChainReading
from openalgo_lab.lab.option_settings import load_conventions
from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.errors import InputError, LabError
from openalgo_lab.model.option_conventions import Conventions
from openalgo_lab.model.profile import profile_dir
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.symbols import parse_expiry
from openalgo_lab.model.vocabulary import FeedMode, Mode
from openalgo_lab.ui.chain.header import ChainFigure, ChainHeader
from openalgo_lab.ui.freshness import feed_is_stale
from openalgo_lab.ui.live import KernelLoop, publisher_of
from openalgo_lab.ui.message import MessageLine
from openalgo_lab.ui.style import StyleSheet
from openalgo_lab.ui.tabs import Tab, TabBar

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["ChainPage", "Look", "expiry_tabs"]

_STALE_NOTE: Final = "The feed is silent: these prices are old."


class Look(msgspec.Struct, frozen=True):
    """One expiry at one moment."""

    contracts: ChainContracts
    reading: ChainReading


class _Opened(msgspec.Struct, frozen=True):
    """What is read, replaced as one: the chosen expiry first, then those after it."""

    underlying: str
    chains: tuple[tuple[ChainContracts, ChainReader], ...]


class ChainPage(ipywidgets.VBox):
    """Base of the pages. A subclass gives ``views`` and says in :meth:`draw` and :meth:`figures` what is shown.

    ``reach``: how many expiries are read, the chosen one included. Drawn at most twice a second, on the publisher
    thread; subclasses push to plots and grids there and write no trait.
    """

    every_s = 0.5

    def __init__(
        self,
        lab: Lab,
        underlying: str = "NIFTY",
        expiry: date | str | None = None,
        *,
        views: Sequence[Tab] = (),
        reach: int = 1,
        conventions: Conventions | None = None,
    ) -> None:
        self._lab = lab
        self._handle = lab.handle
        self._loop = KernelLoop()
        self._rules, self._calendar = RuleBook.load(), TradingCalendar.load()
        self._conventions = load_conventions(profile_dir(lab.profile)) if conventions is None else conventions
        self._reach = reach
        self._owner = ""
        self._generation = 0
        self._drawn: tuple[object, ...] = ()
        self._drawn_at = 0.0
        self.looks: tuple[Look, ...] = ()
        self._header = ChainHeader(self._picked)
        self._tabs = TabBar((), label="Expiries")
        self._tabs.on_choose(lambda key: self._try_open(self.underlying, date.fromisoformat(key)))
        self._views = TabBar(views, label="Views")
        self._views.on_choose(self._view_chosen)
        self._message = MessageLine()
        self.body = ipywidgets.Box().add_class("oal-options-body")
        bars = ipywidgets.HBox([self._views, self._tabs] if views else [self._tabs]).add_class("oal-options-bars")
        super().__init__([StyleSheet("options"), self._header, bars, self._message, self.body])
        self.add_class("oal-options")
        wanted = parse_expiry(expiry) if isinstance(expiry, str) else expiry
        self._opened = self._open(underlying.strip().upper(), wanted)

    def start(self) -> None:
        """Begin to be drawn; the subclass calls it when it is whole."""
        publisher_of(self._handle).add(self)

    # What a subclass says -----------------------------------------------------------------------------------------

    def draw(self, looks: tuple[Look, ...], view: str) -> None:
        """Push to plots and grids; on the publisher thread."""
        raise NotImplementedError

    def figures(self, looks: tuple[Look, ...], view: str) -> list[ChainFigure]:
        """What the header says."""
        raise NotImplementedError

    def changed(self) -> None:
        """Another chain was opened or another view chosen; on the kernel's loop."""

    # For Python ---------------------------------------------------------------------------------------------------

    @property
    def underlying(self) -> str:
        """What is shown."""
        return self._opened.underlying

    @property
    def contracts(self) -> ChainContracts:
        """Those of the chosen expiry."""
        return self._opened.chains[0][0]

    @property
    def expiry(self) -> date:
        """The chosen expiry."""
        return self.contracts.expiry

    @property
    def view(self) -> str:
        """Key of the chosen view; "" on a page with one."""
        return self._views.active

    def level(self) -> float:
        """The spot now, without one the forward; NaN before the first price."""
        (_, reader), status = self._opened.chains[0], self._handle.status
        reading = reader.read(self._handle.board, status.market_ns, traded_only=status.mode is Mode.REPLAY)
        return reading.spot if math.isfinite(reading.spot) else reading.forward

    def show(self, underlying: str | None = None, expiry: date | None = None) -> None:
        """Change to another chain, on the kernel's loop. Raises InputError; the page then stays as it is."""
        self._opened = self._open(underlying or self.underlying, expiry)
        self._drawn = ()
        self.changed()

    def close(self) -> None:
        """End subscription and drawing."""
        publisher_of(self._handle).remove(self)
        self._handle.unsubscribe(self._owner)
        super().close()

    # Live ---------------------------------------------------------------------------------------------------------

    def publish(self) -> None:
        """Draw what changed; runs on the publisher thread."""
        if time.monotonic() - self._drawn_at < self.every_s:
            return
        opened, board, view = self._opened, self._handle.board, self.view
        stale = feed_is_stale(self._handle)
        mark = (board.seq, stale, view, opened)
        if mark == self._drawn:
            return
        self._drawn_at = time.monotonic()
        status = self._handle.status
        replayed = status.mode is Mode.REPLAY
        looks = tuple(
            Look(contracts, reader.read(board, status.market_ns, traded_only=replayed))
            for contracts, reader in opened.chains
        )
        if opened is not self._opened:
            return  # another chain was opened meanwhile
        self.looks = looks
        note = _STALE_NOTE if stale else "" if math.isfinite(looks[0].reading.forward) else "Waiting for prices …"
        self._header.tell_facts(self.figures(looks, view), mode=status.mode.value, stale=stale, note=note)
        self.draw(looks, view)
        self._drawn = mark

    # Which chain --------------------------------------------------------------------------------------------------

    def _open(self, underlying: str, expiry: date | None) -> _Opened:
        store = self._handle.instruments
        first = load_contracts(store, self._rules, underlying, expiry, self._calendar)
        later = [day for day in store.expiries(underlying) if day > first.expiry][: self._reach - 1]
        chains = [first, *(load_contracts(store, self._rules, underlying, day, self._calendar) for day in later)]
        owner = f"options-{id(self)}-{self._generation}"
        keys = dict.fromkeys(key for chain in chains for key in chain.keys)
        self._handle.subscribe(tuple(keys), FeedMode.QUOTE, owner)
        if self._owner:
            self._handle.unsubscribe(self._owner)
        self._owner, self._generation = owner, self._generation + 1
        self._header.tell_choices(option_underlyings(store), underlying)
        self._tabs.show(expiry_tabs(store.expiries(underlying), store.dated), first.expiry.isoformat())
        self._message.clear()
        return _Opened(underlying, tuple((chain, ChainReader(chain, self._conventions)) for chain in chains))

    def _picked(self, underlying: str) -> None:
        self._try_open(underlying, None)

    def _try_open(self, underlying: str, expiry: date | None) -> None:
        try:
            self.show(underlying, expiry)
        except LabError as error:
            self._message.bad(str(error))

    def _view_chosen(self, _key: str) -> None:
        self._drawn = ()
        self.changed()


def expiry_tabs(days: Sequence[date], today: date) -> list[Tab]:
    """A tab an expiry, with the days that are left."""
    return [
        Tab(
            day.isoformat(),
            day.strftime("%d %b" if day.year == today.year else "%d %b %y"),
            hint="today" if day == today else f"{(day - today).days} d",
        )
        for day in days
    ]


def first_underlying(lab: Lab) -> str:
    """NIFTY where it is listed, else the first that has options. Raises InputError where there is none."""
    listed = option_underlyings(lab.handle.instruments)
    if not listed:
        raise InputError("No options are listed here: connect a broker that trades derivatives.")
    return "NIFTY" if "NIFTY" in listed else listed[0]


def show_page(kind: Any) -> None:
    """Open a page of this kind in the browser's page: NIFTY, or the first underlying that has options."""
    from IPython.display import display

    from openalgo_lab.lab import Lab

    lab = Lab()
    display(kind(lab, first_underlying(lab)) if issubclass(kind, ChainPage) else kind(lab))  # type: ignore[no-untyped-call]  # IPython types it in part
