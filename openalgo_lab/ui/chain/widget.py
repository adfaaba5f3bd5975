"""The option chain: header, expiries, calls | strike | puts, and the ticket that a press opens."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

import ipywidgets
import msgspec
import numpy as np
import numpy.typing as npt

from openalgo_lab.engine.option_data.contracts import ChainContracts, load_contracts, option_underlyings
from openalgo_lab.engine.option_data.reading import ChainReader, ChainReading
from openalgo_lab.lab.strategy_legs import SavedBook, StrategyLeg
from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.errors import LabError
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.option_conventions import Conventions
from openalgo_lab.model.profile import profile_dir
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.symbols import format_strike, parse_expiry
from openalgo_lab.model.vocabulary import FeedMode, Mode, Side
from openalgo_lab.ui.chain.columns import CHAIN_COLUMNS, FIELDS, field_of, side_of
from openalgo_lab.ui.chain.conventions import ConventionChoice
from openalgo_lab.ui.chain.header import ChainHeader, figures_of
from openalgo_lab.ui.chain.panel import TicketPanel
from openalgo_lab.ui.freshness import feed_is_stale
from openalgo_lab.ui.grid import Empty, Flag, Grid, GridEvent
from openalgo_lab.ui.live import publisher_of
from openalgo_lab.ui.message import MessageLine
from openalgo_lab.ui.style import StyleSheet
from openalgo_lab.ui.tabs import Tab, TabBar

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["OptionChainView", "flags_of"]

OnTrade = Callable[[InstrumentKey, Side, float | None], None]

_EMPTY = Empty(text="No options are listed here: connect a broker that trades derivatives.")

_STALE_NOTE = "The feed is silent: these prices are old."
_REPLAY_NOTE = "Recorded last trades. Bid and ask were not recorded: they are made up around them."


class _Shown(msgspec.Struct, frozen=True):
    """The open chain and its reader; replaced as one, so that the publisher always has a matching pair."""

    contracts: ChainContracts
    reader: ChainReader
    first_id: int


class OptionChainView(ipywidgets.VBox):
    """A live chain of ``underlying``; ``expiry`` None is the nearest. Raises InputError when there is no such chain.

    B and S (or a press on bid or ask) open the ticket beside the chain with that side and a limit at the price shown;
    a press anywhere else opens it to buy. With Shift a press adds a leg to the strategy builder's draft instead. With
    :meth:`on_trade` it goes to the callback.
    """

    def __init__(
        self, lab: Lab, underlying: str = "NIFTY", expiry: date | str | None = None, *, height: str = "100%"
    ) -> None:
        self._handle = lab.handle
        self._rules, self._calendar = RuleBook.load(), TradingCalendar.load()
        self._lock = threading.Lock()
        self._generation = 0
        self._owner = ""
        self._seen: tuple[int, bool] = (-1, False)
        self._on_trade: list[OnTrade] = []
        self.reading: ChainReading | None = None
        self._header = ChainHeader(self._picked)
        self._tabs = TabBar((), label="Expiries")
        self._tabs.on_choose(self._expiry_chosen)
        self._book = SavedBook(profile_dir(lab.profile))
        self._choice = ConventionChoice(profile_dir(lab.profile), self._conventions_chosen)
        bars = ipywidgets.HBox([self._tabs, self._choice.widget]).add_class("oal-chain-bars")
        self._message = MessageLine()
        self._grid = Grid(
            "option-chain", CHAIN_COLUMNS, label="Option chain", empty=_EMPTY, follow_atm=True, keys=("Escape",),
            height=height,
        )  # fmt: skip
        self._grid.on_event(self._on_event)
        self._panel = TicketPanel(lab)
        body = ipywidgets.Box([self._grid, self._panel]).add_class("oal-chain-body")
        super().__init__([StyleSheet(), self._header, bars, self._message, body])
        self.add_class("oal-chain")
        wanted = parse_expiry(expiry) if isinstance(expiry, str) else expiry
        self._shown = self._open(underlying.strip().upper(), wanted)
        if self._choice.problem:
            self._message.bad(self._choice.problem)
        publisher_of(self._handle).add(self)

    # For Python ---------------------------------------------------------------------------------------------------

    @property
    def underlying(self) -> str:
        """What the chain is of."""
        return self._shown.contracts.underlying

    @property
    def expiry(self) -> date:
        """The expiry shown."""
        return self._shown.contracts.expiry

    @property
    def grid(self) -> Grid:
        """The table."""
        return self._grid

    @property
    def panel(self) -> TicketPanel:
        """The ticket beside it."""
        return self._panel

    def show(self, underlying: str | None = None, expiry: date | None = None) -> None:
        """Change to another chain, on the kernel's loop. Raises InputError; the chain then stays as it is."""
        self._shown = self._open(underlying or self.underlying, expiry)

    def on_trade(self, callback: OnTrade) -> None:
        """Call back with (key, side, price) instead of opening the own ticket; price None means at market."""
        self._on_trade.append(callback)

    def publish(self) -> None:
        """Push what changed; runs on the publisher thread."""
        status, board, shown = self._handle.status, self._handle.board, self._shown
        stale = feed_is_stale(self._handle)
        if self._seen == (board.seq, stale):
            return
        seq = board.seq
        reading = shown.reader.read(board, status.market_ns, traded_only=status.mode is Mode.REPLAY)
        columns = {f"call_{name}": reading.calls[name] for name in FIELDS}
        columns |= {f"put_{name}": reading.puts[name] for name in FIELDS}
        flags = flags_of(shown.contracts, reading, stale=stale)
        with self._lock:
            if shown is not self._shown:
                return  # another chain was opened meanwhile: its rows are there already
            self._grid.push(columns, engine_ns=reading.engine_ns, flags=flags)
            self._seen = (seq, stale)
            self.reading = reading
        note = _STALE_NOTE if stale else _REPLAY_NOTE if status.mode is Mode.REPLAY else ""
        self._header.tell_facts(figures_of(reading), mode=status.mode.value, stale=stale, note=note)

    def close(self) -> None:
        """End the subscription, the ticket and the widget."""
        publisher_of(self._handle).remove(self)
        self._handle.unsubscribe(self._owner)
        self._panel.close()
        super().close()

    # Which chain --------------------------------------------------------------------------------------------------

    def _open(self, underlying: str, expiry: date | None) -> _Shown:
        store = self._handle.instruments
        contracts = load_contracts(store, self._rules, underlying, expiry, self._calendar)
        owner = f"chain-{id(self)}-{self._generation}"
        self._handle.subscribe(contracts.keys, FeedMode.QUOTE, owner)
        if self._owner:
            self._handle.unsubscribe(self._owner)
        # Ids of their own for every opening: a press that was under way cannot hit another chain's strike.
        first = self._generation * 10_000
        with self._lock:
            self._grid.set_rows(
                range(first, first + len(contracts)),
                {"strike": [format_strike(strike) for strike in contracts.strikes.tolist()]},
                decimals=contracts.decimals,
            )
            shown = self._shown = _Shown(contracts, ChainReader(contracts, self._choice.chosen), first)
            self._owner, self._generation, self._seen = owner, self._generation + 1, (-1, False)
        self._header.tell_choices(option_underlyings(store), underlying)
        self._tabs.show(self._expiry_tabs(underlying), contracts.expiry.isoformat())
        self._message.clear()
        return shown

    def _expiry_tabs(self, underlying: str) -> list[Tab]:
        today = self._handle.instruments.dated
        return [
            Tab(day.isoformat(), _day_text(day, today), hint=_in_days(day, today))
            for day in self._handle.instruments.expiries(underlying)
        ]

    def _picked(self, underlying: str) -> None:
        self._try_open(underlying, None)

    def _conventions_chosen(self, _chosen: Conventions) -> None:
        self._try_open(self.underlying, self.expiry)
        if self._choice.problem:
            self._message.bad(self._choice.problem)

    def _expiry_chosen(self, key: str) -> None:
        self._try_open(self.underlying, date.fromisoformat(key))

    def _try_open(self, underlying: str, expiry: date | None) -> None:
        try:
            self.show(underlying, expiry)
        except LabError as error:
            self._message.bad(str(error))

    # Presses ------------------------------------------------------------------------------------------------------

    def _on_event(self, event: GridEvent) -> None:
        if event.type == "key" and event.key == "Escape":
            self._panel.shut()
        if event.row is None or event.type not in ("click", "action"):
            return
        kind = side_of(event.column)
        item = self._shown.contracts.at(event.row - self._shown.first_id, kind) if kind else None
        if item is None:
            return
        field = field_of(event.column)
        sells = event.action == "sell" if event.type == "action" else field == "bid"
        side = Side.SELL if sells else Side.BUY
        if event.shift:
            self._gather(item, side)
        else:
            self._trade(item.key, side, self._price(item.key, side))

    def _gather(self, item: Instrument, side: Side) -> None:
        """One lot more in the draft that the strategy builder opens with."""
        quantity = item.lot_size if side is Side.BUY else -item.lot_size
        try:
            draft = self._book.add_to_draft(self.underlying, StrategyLeg(item.key, quantity))
        except LabError as error:
            self._message.bad(str(error))
            return
        legs = ", ".join(f"{leg.side.value} {leg.key.symbol}" for leg in draft.legs) or "empty"
        self._message.info(f"Draft for the strategy builder: {legs}.")

    def _price(self, key: InstrumentKey, side: Side) -> float | None:
        """Where such an order would trade now: the other side of the book, else the last price."""
        quote = self._handle.board.quote(key)
        if quote is None:
            return None
        near = quote.ask if side is Side.BUY else quote.bid
        return next((price for price in (near, quote.ltp) if math.isfinite(price) and price > 0), None)

    def _trade(self, key: InstrumentKey, side: Side, price: float | None) -> None:
        if not self._on_trade:
            self._panel.trade(key, side, price)
        for callback in self._on_trade:
            callback(key, side, price)


def flags_of(contracts: ChainContracts, reading: ChainReading, *, stale: bool) -> npt.NDArray[np.uint16]:
    """Moneyness, the row at the money, and what is too old to trade on, one `Flag` a strike."""
    level = reading.spot if math.isfinite(reading.spot) else reading.forward
    flags = np.where(contracts.strikes < level, Flag.ITM_CALL, 0) + np.where(contracts.strikes > level, Flag.ITM_PUT, 0)
    flags += np.where(reading.quiet | stale, Flag.STALE, 0)
    if reading.atm is not None:
        flags[reading.atm] += Flag.ATM
    return flags.astype(np.uint16)


def _day_text(day: date, today: date) -> str:
    return day.strftime("%d %b" if day.year == today.year else "%d %b %y")


def _in_days(day: date, today: date) -> str:
    left = (day - today).days
    return "today" if left == 0 else f"{left} d"
