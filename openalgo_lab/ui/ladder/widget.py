"""The depth ladder widget: the book on a canvas grid under a bar; a click fills the ticket, or trades at once."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import ipywidgets
import numpy as np

from openalgo_lab.lab.words import SymbolLike, resolve
from openalgo_lab.model.commands import PlaceOrder
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.market import Quote
from openalgo_lab.model.money import format_price, format_qty, price_decimals
from openalgo_lab.model.orders import Order
from openalgo_lab.model.portfolio import Account
from openalgo_lab.model.vocabulary import FeedMode, PriceType, Product, Side
from openalgo_lab.ui.freshness import feed_is_stale
from openalgo_lab.ui.grid import Column, Empty, Grid, GridEvent
from openalgo_lab.ui.ladder.bar import BarMessage, Head, LadderBar, SetLots, SetProduct, Switch
from openalgo_lab.ui.ladder.book import LAST_ROW, Ladder, ladder_of, price_of_row
from openalgo_lab.ui.ladder.pulse import KernelPulse
from openalgo_lab.ui.live import KernelLoop, publisher_of
from openalgo_lab.ui.search.box import describe
from openalgo_lab.ui.ticket.outcome import outcome_of
from openalgo_lab.ui.ticket.sending import Sender
from openalgo_lab.ui.ticket.state import price_text, products_for

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["DepthLadder"]

_COLUMNS = (
    Column(key="own_buy", title="My buys", kind="text", align="right", width=62, sortable=False),
    Column(
        key="bid_qty", title="Bid qty", kind="qty", bar_of="bid_qty", bar_tone="up", bar_side="right",
        width=86, sortable=False, tooltip="Click: buy at this row's price",
    ),
    Column(key="price", title="Price", kind="price", decimals="row", align="center", width=80, sortable=False),
    Column(
        key="ask_qty", title="Ask qty", kind="qty", bar_of="ask_qty", bar_tone="down", bar_side="left", align="left",
        width=86, sortable=False, tooltip="Click: sell at this row's price",
    ),
    Column(key="own_sell", title="My sells", kind="text", width=62, sortable=False),
)  # fmt: skip
_SIDES = {"bid_qty": Side.BUY, "own_buy": Side.BUY, "ask_qty": Side.SELL, "own_sell": Side.SELL}
_HEAD_GAP_S = 0.2
_MOST_LOTS = 1000


class DepthLadder(ipywidgets.VBox):
    """Five asks above, the last price, five bids below; own working orders stand at their prices.

    A click on the bid side of a row buys at its price, on the ask side it sells: ``on_trade`` hears (key, side,
    price). With the switch "One click" on, the click sends that LIMIT at once, one click one order; the switch is off
    again when the symbol changes. Raises SymbolError for what is not listed.
    """

    def __init__(self, lab: Lab, symbol: SymbolLike, *, product: Product | str = Product.MIS) -> None:
        self._handle = lab.handle
        self._loop = KernelLoop()
        self._lock = threading.RLock()
        self._pulse = KernelPulse(self._loop)
        self._owner = f"ladder-{id(self)}"
        self._item = resolve(self._handle.instruments, symbol)
        self._product = Product(product)
        self._lots = 1
        self._one_click = False
        self._armed_for = ""
        self._note = ""
        self._shown: tuple[object, ...] = ()
        self._ladder: Ladder | None = None
        self._laid: tuple[tuple[int, ...], dict[str, tuple[str, ...]]] = ((), {})
        self._head_at = 0.0
        self._on_trade: list[Callable[[InstrumentKey, Side, float], None]] = []
        self._sender = Sender(self._handle, self._loop, self._show_head)
        self._bar = LadderBar(self._heard)
        self._grid = Grid(
            "ladder", _COLUMNS, label="Market depth", selection="none", row_height=20, height="246px",
            empty=Empty(text="Waiting for the book…"),
        )  # fmt: skip
        self._grid.on_event(self._on_event)
        super().__init__([self._bar, self._grid])
        self.add_class("oal-ladder")
        self.set(self._item)
        publisher_of(self._handle).add(self)

    @property
    def key(self) -> InstrumentKey:
        """The contract that is shown."""
        return self._item.key

    @property
    def ladder(self) -> Ladder | None:
        """The rows as shown last; None before the first."""
        return self._ladder

    @property
    def one_click(self) -> bool:
        """Whether a click sends an order at once."""
        return self._one_click

    @property
    def quantity(self) -> int:
        """Units that a one-click order has."""
        return self._lots * self._item.lot_size

    @property
    def order(self) -> Order | None:
        """The last one-click order."""
        self._sender.follow(self._handle.books)
        return self._sender.order

    def set(self, symbol: SymbolLike) -> None:
        """Show another contract; one click is off again. On the kernel's loop. Raises SymbolError."""
        with self._lock:
            item = resolve(self._handle.instruments, symbol)
            self._item, self._lots, self._one_click, self._note = item, 1, False, ""
            self._shown, self._ladder = (), None
            self._sender.forget()
            products = products_for(item.exchange)
            self._product = self._product if self._product in products else products[0]
            self._handle.unsubscribe(self._owner)
            self._handle.subscribe([item.key], FeedMode.DEPTH, self._owner)
            words = f"Waiting for the book of {item.symbol}…"
            if not item.tradable:
                words = f"{item.symbol} is an index: it has no order book. Look at its future or options."
            self._laid = ((), {})
            self._grid.set_rows([], {"own_buy": (), "own_sell": ()}, decimals=[], empty=Empty(text=words))
            self._show_head()

    def arm(self, on: bool, *, lots: int | None = None) -> None:
        """Switch one click on or off; ``lots`` a click."""
        with self._lock:
            self._one_click = on and self._item.tradable
            self._armed_for = self._account().account
            if lots is not None:
                self._lots = min(max(lots, 1), _MOST_LOTS)
            self._note = ""
            self._show_head()

    def on_trade(self, callback: Callable[[InstrumentKey, Side, float], None]) -> None:
        """Call back with (key, side, price) of a click, on the kernel's loop; not while one click is on."""
        self._on_trade.append(callback)

    def close(self) -> None:
        """End the subscription and the widgets."""
        publisher_of(self._handle).remove(self)
        self._handle.unsubscribe(self._owner)
        for part in (self._grid, self._bar):
            part.close()
        super().close()

    def publish(self) -> None:
        """Push the book when it moved; runs on the publisher thread."""
        self._pulse.beat()
        with self._lock:
            item, board, books = self._item, self._handle.board, self._handle.books
            quote, stale = board.quote(item.key), feed_is_stale(self._handle)
            state = (item, quote.time_ns if quote else 0, books.version, stale)
            moved = self._sender.follow(books)
            if quote is not None and item.tradable and state != self._shown:
                self._shown = state
                self._push(ladder_of(item, board.depth(item.key), quote, books.orders, stale=stale), quote)
            if moved or time.monotonic() - self._head_at >= _HEAD_GAP_S:
                self._show_head()

    def _push(self, ladder: Ladder, quote: Quote) -> None:
        self._ladder = ladder
        rungs = ladder.rungs
        values = {name: np.array([getattr(rung, name) for rung in rungs]) for name in ("bid_qty", "price", "ask_qty")}
        own = {
            name: tuple(format_qty(units) if (units := getattr(rung, name)) else "" for rung in rungs)
            for name in ("own_buy", "own_sell")
        }
        flags = np.array([rung.flags for rung in rungs], dtype=np.uint16)
        rows = tuple(rung.row for rung in rungs)
        if (rows, own) != self._laid:
            self._laid = (rows, own)
            decimals = [price_decimals(self._item.tick_size)] * len(rows)
            self._grid.set_rows(rows, own, decimals=decimals, flags=flags, values=values, engine_ns=quote.time_ns)
        else:
            self._grid.push(values, engine_ns=quote.time_ns, flags=flags)

    # Clicks, on the kernel's loop --------------------------------------------------------------------------------

    def _on_event(self, event: GridEvent) -> None:
        side = _SIDES.get(event.column)
        if event.type != "click" or side is None or event.row is None or event.row <= LAST_ROW:
            return
        price = price_of_row(event.row, self._item.tick_size)
        if self._one_click:
            self._trade_at(side, price)
        else:
            for trade in self._on_trade:
                trade(self.key, side, price)

    def _trade_at(self, side: Side, price: float) -> None:
        with self._lock:
            account = self._account()
            if self._pulse.was_blocked:
                self._note = "The notebook was busy and this click came late: nothing was sent. Click again."
            elif account.account != self._armed_for:
                self._one_click = False
                self._note = (
                    f"The account is now {account.account}: nothing was sent. Switch one click on again for it."
                )
            else:
                self._note = ""
                self._sender.send(self._order(side, price, account))
            self._show_head()

    def _order(self, side: Side, price: float, account: Account) -> PlaceOrder:
        return PlaceOrder(
            exchange=self._item.exchange,
            symbol=self._item.symbol,
            side=side,
            quantity=self.quantity,
            product=self._product,
            price_type=PriceType.LIMIT,
            price=price,
            account=account.account,
        )

    def _heard(self, message: BarMessage) -> None:
        match message:
            case Switch(on=on):
                self.arm(on)
            case SetLots(by=by):
                self.arm(self._one_click, lots=self._lots + by)
            case SetProduct(product=product):
                if product in products_for(self._item.exchange):
                    self._product = product
                    self._show_head()

    # The bar ------------------------------------------------------------------------------------------------------

    def _show_head(self) -> None:
        self._head_at = time.monotonic()
        self._bar.tell(self._head())

    def _head(self) -> Head:
        item, account = self._item, self._account()
        quote, ladder = self._handle.board.quote(item.key), self._ladder
        bids, asks = (ladder.bid_total, ladder.ask_total) if ladder else (0, 0)
        message, tone = self._said()
        change = quote.change if quote else math.nan
        return Head(
            symbol=describe(item) if item.underlying else item.symbol,
            exchange=item.exchange.value,
            ltp=price_text(quote.ltp, item.tick_size) if quote else "–",
            change=f"{change:+.2f} ({quote.change_pct:+.2f} %)" if quote and not math.isnan(change) else "",
            sign=(change > 0) - (change < 0),
            bid_total=format_qty(bids) if ladder else "–",
            ask_total=format_qty(asks) if ladder else "–",
            spread=_spread_text(ladder, item.tick_size),
            share=bids / (bids + asks) if bids + asks else 0.5,
            outside=_outside_text(ladder),
            tradable=item.tradable,
            one_click=self._one_click,
            sends=f"{format_qty(self.quantity)} LIMIT",
            products=tuple(one.value for one in products_for(item.exchange)),
            product=self._product.value,
            mode=account.mode.value,
            account=account.account,
            message=message,
            tone=tone,
        )

    def _said(self) -> tuple[str, Literal["info", "good", "bad"]]:
        sender = self._sender
        if self._note or sender.message:
            return self._note or sender.message, "bad"
        if sender.waiting:
            return "Sending…", "info"
        if sender.order is None:
            return "", "info"
        outcome = outcome_of(sender.order, price_decimals(self._item.tick_size))
        return outcome.text, outcome.tone

    def _account(self) -> Account:
        status = self._handle.status
        found = next((one for one in status.accounts if one.account == status.default_account), None)
        return found or Account(status.default_account or "no account", "", status.mode)


def _spread_text(ladder: Ladder | None, tick: float) -> str:
    return format_price(ladder.spread, tick) if ladder and not math.isnan(ladder.spread) else "–"


def _outside_text(ladder: Ladder | None) -> str:
    if ladder is None or not ladder.outside:
        return ""
    return f"{ladder.outside} own price{'s' if ladder.outside > 1 else ''} outside these levels"
