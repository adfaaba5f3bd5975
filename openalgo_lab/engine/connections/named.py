"""A broker's account as the engine sees it: instruments and reports by our own names.

A codec can only repeat what its broker says, and a broker names a contract by its own text or number. Here every
report's name becomes ours, and every instrument of ours becomes the broker's own row, so that market data of one
broker and orders through another never mix tokens.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import msgspec

from openalgo_lab.broker.adapter import OrderChange, ReportSink
from openalgo_lab.broker.generic import GenericAdapter
from openalgo_lab.model.errors import InputError, StoreError
from openalgo_lab.model.events import FeedState
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import DEPTH_LEVELS, Bars, Depth, Quote, TickBatch
from openalgo_lab.model.order_commands import PlaceOrder
from openalgo_lab.model.orders import ID_LENGTH, Order, OrderIntent, new_order_id
from openalgo_lab.model.portfolio import Account, Funds, Holding
from openalgo_lab.model.reports import Evidence, FillReport, OrderReport, PositionReport, Report
from openalgo_lab.model.times import trade_date
from openalgo_lab.model.vocabulary import FeedMode
from openalgo_lab.store.instruments import InstrumentStore

__all__ = ["NamedAdapter"]

N = TypeVar("N", bound=OrderReport | FillReport | PositionReport | Holding)


class _NamedSink:
    """Passes on what is heard, by our names."""

    def __init__(self, adapter: NamedAdapter, sink: ReportSink) -> None:
        self._adapter = adapter
        self._sink = sink

    def on_ticks(self, batch: TickBatch) -> None:
        """As they come: tokens are the broker's own."""
        self._sink.on_ticks(batch)

    def on_report(self, report: Report) -> None:
        """By our name."""
        self._sink.on_report(self._adapter.named(report))

    def on_feed(self, state: FeedState) -> None:
        """As it is."""
        self._sink.on_feed(state)


class NamedAdapter:
    """An `Adapter` around the generic one. ``store`` must be set before anything about instruments is asked."""

    def __init__(self, inner: GenericAdapter, now_ns: Callable[[], int] = time.time_ns) -> None:
        self.inner = inner
        self._now_ns = now_ns
        self._tagged = inner.spec.tag_length >= ID_LENGTH
        self.account: Account = inner.account
        self.store: InstrumentStore | None = None

    def named(self, report: N) -> N:
        """The same under our name and in units; the broker's own text stays where its list does not hold it."""
        found = self._listed().by_broker_name(report.exchange, report.symbol) if self.store is not None else None
        if found is None:
            return report
        units = self._units(report, found) if report.exchange in self.inner.spec.lots_on else {}
        if not units and found.symbol == report.symbol and found.exchange is report.exchange:
            return report
        return msgspec.structs.replace(report, symbol=found.symbol, exchange=found.exchange, **units)

    def _units(self, report: OrderReport | FillReport | PositionReport | Holding, found: Instrument) -> dict[str, int]:
        """Units of quantities that the broker counts in lots. The answer to a new order repeats our own numbers."""
        if isinstance(report, Holding) or (isinstance(report, OrderReport) and report.source is Evidence.HTTP_REPLY):
            return {}
        names = ("quantity", "filled_quantity") if isinstance(report, OrderReport) else ("quantity",)
        return {name: getattr(report, name) * found.lot_size for name in names}

    async def connect(self, sink: ReportSink) -> None:
        """Log in and open the feeds."""
        await self.inner.connect(_NamedSink(self, sink))

    async def close(self) -> None:
        """Close feeds and connections."""
        await self.inner.close()

    async def place(self, intent: OrderIntent, instrument: Instrument) -> OrderReport:
        """Submit."""
        return self.named(await self.inner.place(intent, self._of_today(instrument)))

    async def modify(self, order: Order, change: OrderChange, instrument: Instrument) -> None:
        """Ask for new terms."""
        await self.inner.modify(order, change, self._of_today(instrument))

    async def cancel(self, order: Order) -> None:
        """Ask for the end of an order."""
        await self.inner.cancel(order)

    async def order_book(self) -> Sequence[OrderReport]:
        """All orders of the day."""
        return self._all_named(await self.inner.order_book())

    async def trade_book(self) -> Sequence[FillReport]:
        """All fills of the day."""
        return self._all_named(await self.inner.trade_book())

    async def positions(self) -> Sequence[PositionReport]:
        """Net positions."""
        return self._all_named(await self.inner.positions())

    async def holdings(self) -> Sequence[Holding]:
        """Demat holdings."""
        return self._all_named(await self.inner.holdings())

    async def funds(self) -> Funds:
        """Money."""
        return await self.inner.funds()

    async def margin(self, legs: Sequence[tuple[OrderIntent, Instrument]]) -> int:
        """Paise that the orders would block together."""
        return await self.inner.margin([(intent, self._own(instrument)) for intent, instrument in legs])

    async def margin_of(self, order: PlaceOrder, instrument: Instrument) -> int:
        """Paise that an order would block, before it is one."""
        intent = OrderIntent(
            order_id=new_order_id(),
            account=self.account.account,
            exchange=order.exchange,
            symbol=order.symbol,
            side=order.side,
            quantity=order.quantity,
            product=order.product,
            price_type=order.price_type,
            price=order.price,
            trigger_price=order.trigger_price,
            disclosed_quantity=order.disclosed_quantity,
            validity=order.validity,
        )
        return await self.margin([(intent, instrument)])

    async def quotes(self, instruments: Sequence[Instrument]) -> Sequence[Quote]:
        """Quotes in the same order."""
        return await self.inner.quotes([self._own(instrument) for instrument in instruments])

    async def depth(self, instrument: Instrument, levels: int = DEPTH_LEVELS) -> Depth:
        """Five levels, or more where the broker streams deeper books."""
        return await self.inner.depth(self._own(instrument), levels)

    async def history(
        self, instrument: Instrument, interval: str, start_ns: int, end_ns: int, *, background: bool = False
    ) -> Bars:
        """Candles."""
        return await self.inner.history(self._own(instrument), interval, start_ns, end_ns, background=background)

    async def instruments(self) -> Sequence[Instrument]:
        """The whole master contract of the day."""
        return await self.inner.instruments()

    async def subscribe(self, instruments: Sequence[Instrument], mode: FeedMode) -> None:
        """Add to the feed or raise the mode."""
        await self.inner.subscribe([self._own(instrument) for instrument in instruments], mode)

    async def unsubscribe(self, instruments: Sequence[Instrument]) -> None:
        """Drop from the feed."""
        store = self._listed()
        own = (store.find(instrument.key) for instrument in instruments)
        await self.inner.unsubscribe([instrument for instrument in own if instrument is not None])

    def feed_state(self) -> FeedState:
        """How fresh the feeds are now."""
        return self.inner.feed_state()

    def _own(self, instrument: Instrument) -> Instrument:
        """The broker's own row of an instrument. Raises SymbolError where it lists none."""
        return self._listed().require(instrument.key)

    def _of_today(self, instrument: Instrument) -> Instrument:
        """The same for an order: lots, ticks and tokens of yesterday are not traded on. Raises InputError."""
        if self._listed().dated != trade_date(self._now_ns()):
            raise InputError(
                f"The instruments of {self.account.account} are of {self._listed().dated}, so nothing was sent: "
                f"wait a minute for today's, or log in again with lab.connect({self.account.broker!r})."
            )
        return self._own(instrument)

    def _listed(self) -> InstrumentStore:
        if self.store is None:
            raise StoreError(f"The instruments of {self.account.account} are still being fetched; wait a moment.")
        return self.store

    def _all_named(self, reports: Iterable[N]) -> list[N]:
        return [self.named(report) for report in reports]
