"""What an adapter is to the engine: one account at one broker. The generic adapter executes a broker's spec as this."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from openalgo_lab.model.events import FeedState
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import DEPTH_LEVELS, Bars, Depth, Quote, TickBatch
from openalgo_lab.model.orders import Order, OrderIntent
from openalgo_lab.model.portfolio import Account, Funds, Holding
from openalgo_lab.model.reports import FillReport, OrderReport, PositionReport, Report
from openalgo_lab.model.vocabulary import FeedMode, PriceType

__all__ = ["Adapter", "OrderChange", "ReportSink"]

import msgspec


class OrderChange(msgspec.Struct, frozen=True):
    """The full new terms of a working order (a modify sends all of them)."""

    quantity: int
    price_type: PriceType
    price: float
    trigger_price: float


class ReportSink(Protocol):
    """Where an adapter delivers what it hears; called on the engine's loop, must return at once."""

    def on_ticks(self, batch: TickBatch) -> None:
        """Market data of one frame."""

    def on_report(self, report: Report) -> None:
        """An order or fill report from the order-update feed."""

    def on_feed(self, state: FeedState) -> None:
        """The feed connected, stalled, or was lost; after a gap the caller reconciles."""


class Adapter(Protocol):
    """One account at one broker.

    Errors of every call: WireError (did not leave), OutcomeUnknown (may have arrived), Rejected (definite no),
    SessionExpired, Throttled, DecodeError.
    """

    account: Account

    async def connect(self, sink: ReportSink) -> None:
        """Log in, open the feeds; returns when orders may be placed."""

    async def close(self) -> None:
        """Close feeds and connections."""

    async def place(self, intent: OrderIntent, instrument: Instrument) -> OrderReport:
        """Submit; the report carries the broker's order id and at least ACCEPTED."""

    async def modify(self, order: Order, change: OrderChange, instrument: Instrument) -> None:
        """Ask for new terms; what became of it comes as a report."""

    async def cancel(self, order: Order) -> None:
        """Ask for the end of an order."""

    async def order_book(self) -> Sequence[OrderReport]:
        """All orders of the day."""

    async def trade_book(self) -> Sequence[FillReport]:
        """All fills of the day."""

    async def positions(self) -> Sequence[PositionReport]:
        """Net positions."""

    async def holdings(self) -> Sequence[Holding]:
        """Demat holdings."""

    async def funds(self) -> Funds:
        """Money."""

    async def quotes(self, instruments: Sequence[Instrument]) -> Sequence[Quote]:
        """Quotes in the same order."""

    async def depth(self, instrument: Instrument, levels: int = DEPTH_LEVELS) -> Depth:
        """Five levels, or more where the broker streams deeper books. Raises NotSupported where it does not."""

    async def history(self, instrument: Instrument, interval: str, start_ns: int, end_ns: int) -> Bars:
        """Candles that start in [start_ns, end_ns), ascending."""

    async def instruments(self) -> Sequence[Instrument]:
        """The whole master contract of the day."""

    async def subscribe(self, instruments: Sequence[Instrument], mode: FeedMode) -> None:
        """Add to the feed or raise the mode."""

    async def unsubscribe(self, instruments: Sequence[Instrument]) -> None:
        """Drop from the feed."""

    def feed_state(self) -> FeedState:
        """How fresh the feed is now."""
