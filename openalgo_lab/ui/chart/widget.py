"""The candle chart widget: history by the engine, the growing candle by the feed, drawn at most four times a second."""

from __future__ import annotations

import sys
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets

from openalgo_lab.lab.words import SymbolLike, resolve
from openalgo_lab.model.commands import BarsReply, GetHistory
from openalgo_lab.model.errors import LabError
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.money import price_decimals
from openalgo_lab.model.times import NS_PER_DAY
from openalgo_lab.model.vocabulary import FeedMode, Side
from openalgo_lab.ui.chart.bar import BarMessage, ChartBar, Choose, ExportPng, Head, Reset, Retry, Size, State
from openalgo_lab.ui.chart.intervals import interval_named
from openalgo_lab.ui.chart.series import Series, bars_of
from openalgo_lab.ui.chart.view import Window, follow, newest
from openalgo_lab.ui.live import KernelLoop, publisher_of

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab
    from openalgo_lab.ui.chart.figure import CandleFigure

__all__ = ["CandleChart"]

_DRAW_GAP_S = 0.25
_SETTLE_S = 1.5
"""How long after a candle ended its settled form is asked for."""
_OLDER_AT = 20
"""So few candles left of the window: older ones are asked for."""


class CandleChart(ipywidgets.VBox):
    """Candles and volume of one contract, live. Drag pans, the wheel zooms, Reset goes back to the newest.

    ``interval``: 1m, 3m, 5m, 15m, 1h or D. The figure is made when the history is there, so that a page paints its
    first price without waiting for it. Raises SymbolError for what is not listed, InputError for the interval.
    """

    def __init__(self, lab: Lab, symbol: SymbolLike, interval: str = "1m", *, height: str = "360px") -> None:
        self._handle = lab.handle
        self._loop = KernelLoop()
        self._lock = threading.RLock()
        self._owner = f"chart-{id(self)}"
        self._height = height
        self._item = resolve(self._handle.instruments, symbol)
        self._series = Series(interval_named(interval))
        self._view: Window | None = None
        self._figure: CandleFigure | None = None
        self._figure_asked = False
        self._labels = 8
        self._asking_older = self._no_older = False
        self._note, self._retry = "", False
        self._state: State = "loading"
        self._dirty = self._drawing = False
        self._drawn_at = 0.0
        self._settle_at = float("inf")
        self._fills_version = -1
        self._bar = ChartBar(self._heard, self._hello)
        super().__init__([self._bar])
        self.add_class("oal-chart")
        self.set(self._item, interval)
        publisher_of(self._handle).add(self)

    # For Python ---------------------------------------------------------------------------------------------------

    @property
    def key(self) -> InstrumentKey:
        """The contract that is shown."""
        return self._item.key

    @property
    def interval(self) -> str:
        """The interval that is shown."""
        return self._series.interval.name

    @property
    def series(self) -> Series:
        """The candles, the growing one included."""
        return self._series

    @property
    def note(self) -> str:
        """What is said in place of candles; "" when they are there."""
        return self._note

    @property
    def figure(self) -> Any:
        """The bqplot figure, to add marks to; None until the history has come."""
        return self._figure.figure if self._figure else None

    def set(self, symbol: SymbolLike | None = None, interval: str | None = None) -> None:
        """Another contract or interval. On the kernel's loop; raises SymbolError or InputError."""
        with self._lock:
            item = self._item if symbol is None else resolve(self._handle.instruments, symbol)
            span = self._series.interval if interval is None else interval_named(interval)
            self._item, self._series, self._view = item, Series(span), None
            self._asking_older = self._no_older = False
            self._settle_at, self._fills_version = float("inf"), -1
            if self._figure is not None:
                self._figure.clear()
            self._handle.unsubscribe(self._owner)
            self._handle.subscribe([item.key], FeedMode.QUOTE, self._owner)
            self._load()

    def reset(self) -> None:
        """Back to the newest candles."""
        with self._lock:
            self._view = newest(self._series)
            self._draw()

    def save_png(self) -> None:
        """Let the browser save the picture."""
        if self._figure is not None:
            self._figure.save_png(f"{self._item.symbol}_{self.interval}.png")

    def close(self) -> None:
        """End the subscription and all models."""
        publisher_of(self._handle).remove(self)
        self._handle.unsubscribe(self._owner)
        if self._figure is not None:
            self._figure.close()
        self._bar.close()
        super().close()

    # History ------------------------------------------------------------------------------------------------------

    def _load(self) -> None:
        self._say("loading", f"Loading {self.interval} candles of {self._item.symbol}…")
        now = self._handle.status.market_ns
        days = self._series.interval.days * NS_PER_DAY
        series = self._series
        self._ask(now - days, now + 1, partial(self._loaded, series), partial(self._failed, series))

    def _ask(self, start_ns: int, end_ns: int, done: Any, failed: Any) -> None:
        command = GetHistory(self._item.key, self.interval, start_ns, end_ns)
        self._loop.ask(self._handle, self._handle.call(command), done, failed)

    def _loaded(self, series: Series, reply: BarsReply) -> None:
        with self._lock:
            if series is not self._series:
                return  # the user has moved on
            series.load(bars_of(reply), self._handle.board.quote(self._item.key))
            self._view = newest(series)
            if len(series):
                self._say("ready")
            else:
                self._say(
                    "empty", f"There are no {self.interval} candles of {self._item.symbol} yet: live prices make them."
                )
            self._bar.tell_bars(series)
            self._show_figure()

    def _failed(self, series: Series, error: LabError) -> None:
        with self._lock:
            if series is self._series:
                self._say("error", str(error), retry=True)

    def _load_older(self) -> None:
        series = self._series
        if self._asking_older or self._no_older or not len(series) or len(series) > 2500:
            return
        self._asking_older = True
        oldest = int(series.start_ns[0])
        done, failed = partial(self._older, series), partial(self._no_more, series)
        self._ask(oldest - series.interval.days * NS_PER_DAY, oldest, done, failed)

    def _older(self, series: Series, reply: BarsReply) -> None:
        with self._lock:
            if series is self._series:
                self._asking_older = False
                self._no_older = not series.prepend(bars_of(reply))
                self._fills_version = -1
                self._bar.tell_bars(series)
                self._draw()

    def _no_more(self, series: Series, _error: LabError) -> None:
        if series is self._series:
            self._asking_older, self._no_older = False, True

    def _settle(self) -> None:
        """What the feed's conflated ticks missed of a finished candle comes from history."""
        series = self._series
        self._settle_at = float("inf")
        if len(series) > 1:
            start = int(series.start_ns[max(len(series) - 4, 0)])
            done, failed = partial(self._settled, series), partial(self._no_more, series)
            self._ask(start, self._handle.status.market_ns + 1, done, failed)

    def _settled(self, series: Series, reply: BarsReply) -> None:
        with self._lock:
            if series is self._series and series.amend(bars_of(reply)):
                self._bar.tell_bars(series)
                self._draw()

    # Live ---------------------------------------------------------------------------------------------------------

    def publish(self) -> None:
        """Let the newest candle grow; runs on the publisher thread."""
        with self._lock:
            quote = self._handle.board.quote(self._item.key)
            begun = self._series.tick(quote) if quote is not None else None
            if begun:
                self._settle_at = time.monotonic() + _SETTLE_S
                if self._view is not None:
                    self._view = follow(self._view, self._series)
            self._dirty = self._dirty or begun is not None
            now = time.monotonic()
            fills = self._handle.books.version != self._fills_version
            due = now - self._drawn_at >= _DRAW_GAP_S and (self._dirty or fills)
            if due and not self._drawing and self._series.loaded:
                self._drawn_at, self._drawing = now, True
                self._bar.tell_last(self._series)
                self._loop.call(self._draw_live)
            if now >= self._settle_at:
                self._settle_at = float("inf")
                self._loop.call(self._settle)

    def _draw_live(self) -> None:
        with self._lock:
            self._drawing = self._dirty = False
            if self._state == "empty" and len(self._series):
                self._say("ready")
                self._view = newest(self._series)
            self._draw(live=True)

    # Drawing, on the kernel's loop -----------------------------------------------------------------------------------

    def _show_figure(self) -> None:
        if self._figure is not None:
            self._draw()
        elif "bqplot" in sys.modules:
            self._make_figure()
        elif not self._figure_asked:
            self._figure_asked = True
            threading.Thread(target=self._import_bqplot, name="openalgo-lab-bqplot", daemon=True).start()

    def _import_bqplot(self) -> None:
        import bqplot  # noqa: F401

        self._loop.call(self._make_figure)

    def _make_figure(self) -> None:
        from openalgo_lab.ui.chart.figure import CandleFigure

        with self._lock:
            if self._figure is None:
                self._figure = CandleFigure(self._height, self._panned)
                self._draw()
                self.children = (self._bar, self._figure.figure)

    def _panned(self) -> None:
        with self._lock:
            if self._figure is None or self._figure.window is None or not len(self._series):
                return
            self._view = self._figure.window.bounded(self._series)
            if self._view.left - self._series.first < _OLDER_AT:
                self._load_older()
            self._draw()

    def _draw(self, *, live: bool = False) -> None:
        figure, view = self._figure, self._view
        if figure is None or view is None or not len(self._series):
            return
        figure.labels = self._labels
        tick, decimals = self._item.tick_size, price_decimals(self._item.tick_size)
        if live and figure.window == view:
            low, high = figure.draw_last(self._series, view, tick)
        else:
            low, high = figure.draw(self._series, view, tick, decimals)
        self._bar.tell_view(view.left, view.right, low, high)
        self._draw_fills(figure)

    def _draw_fills(self, figure: CandleFigure) -> None:
        books = self._handle.books
        if books.version == self._fills_version:
            return
        self._fills_version = books.version
        points: dict[Side, tuple[list[float], list[float]]] = {side: ([], []) for side in Side}
        for fill in books.fills:
            if fill.symbol == self._item.symbol and fill.exchange is self._item.exchange:
                number = self._series.number_of(fill.time_ns)
                if number is not None:
                    points[fill.side][0].append(float(number))
                    points[fill.side][1].append(fill.price)
        figure.draw_fills(points[Side.BUY], points[Side.SELL])

    # The bar ------------------------------------------------------------------------------------------------------

    def _heard(self, message: BarMessage) -> None:
        match message:
            case Size(labels=labels):
                with self._lock:
                    self._labels = min(max(labels, 2), 12)
                    self._draw()
            case Choose(interval=interval):
                self.set(interval=interval)
            case Reset():
                self.reset()
            case Retry():
                self._load()
            case ExportPng():
                self.save_png()

    def _hello(self) -> None:
        with self._lock:
            self._bar.tell_head(self._head(), force=True)
            self._bar.tell_bars(self._series)
            self._draw()

    def _say(self, state: State, note: str = "", *, retry: bool = False) -> None:
        self._state, self._note, self._retry = state, note, retry
        self._bar.tell_head(self._head())

    def _head(self) -> Head:
        return Head(
            symbol=self._item.symbol,
            exchange=self._item.exchange.value,
            interval=self.interval,
            decimals=price_decimals(self._item.tick_size),
            state=self._state,
            note=self._note,
            retry=self._retry,
        )
