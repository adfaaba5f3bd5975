"""A broker whose books are the truth, and whose wire does what the test says: cuts, refusals, silence, repeats."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from enum import StrEnum

import msgspec
import numpy as np

from openalgo_lab.broker.adapter import OrderChange, ReportSink
from openalgo_lab.model.errors import OutcomeUnknown, Rejected, WireError
from openalgo_lab.model.events import FeedState
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Bars, Depth, Quote
from openalgo_lab.model.orders import DONE, Order, OrderIntent, OrderStatus
from openalgo_lab.model.portfolio import Account, Funds, Holding
from openalgo_lab.model.reports import Evidence, FillReport, OrderReport, PositionReport, Report
from openalgo_lab.model.vocabulary import Exchange, FeedMode, InstrumentType, Mode, Product

__all__ = ["INSTRUMENTS", "Cut", "ScriptedBroker", "quote_of"]

NAN = float("nan")

INSTRUMENTS = (
    Instrument("SBIN", Exchange.NSE, InstrumentType.EQ, "STATE BANK", 1, 1, 0.05),
    Instrument("INFY", Exchange.NSE, InstrumentType.EQ, "INFOSYS", 2, 1, 0.05),
    Instrument("NIFTY", Exchange.NSE_INDEX, InstrumentType.INDEX, "NIFTY 50", 3, 1, 0.05),
    Instrument(
        "NIFTY01DEC2626000CE",
        Exchange.NFO,
        InstrumentType.CE,
        "NIFTY",
        4,
        65,
        0.05,
        1800,
        "NIFTY",
        date(2026, 12, 1),
        26000.0,
    ),
)


class Cut(StrEnum):
    """What the wire does to one request."""

    NONE = "none"
    BEFORE = "before"
    AFTER = "after"
    REFUSE = "refuse"


class _Row(msgspec.Struct):
    report: OrderReport
    fills: list[FillReport] = []


def quote_of(instrument: Instrument, ltp: float = 100.0, time_ns: int = 1) -> Quote:
    """A quote with a last price and a previous close only."""
    rest = dict.fromkeys(
        ("bid", "ask", "bid_qty", "ask_qty", "open", "high", "low", "volume", "oi", "prev_oi", "ltq", "average"), NAN
    )
    return Quote(instrument.exchange, instrument.symbol, ltp=ltp, prev_close=ltp, time_ns=time_ns, **rest)


class ScriptedBroker:
    """Takes orders, fills them when told. Reports wait in :attr:`outbox` until the test delivers them.

    ``cuts`` are consumed one a request; ``auto`` delivers reports at once.
    """

    def __init__(self, account: str = "TEST", *, auto: bool = True) -> None:
        self.account = Account(account, "scripted", Mode.SIMULATED)
        self.auto = auto
        self.cuts: list[Cut] = []
        self.outbox: list[Report] = []
        self.rows: dict[str, _Row] = {}
        self.placed: list[str] = []
        self.cancelled: list[str] = []
        self.now = 1_000
        self.price = 100.0
        self.delay_s = 0.0
        self.asked = 0
        self.carried: dict[tuple[Exchange, str, Product], tuple[int, float]] = {}
        self.subscribed: list[tuple[str, FeedMode]] = []
        self.unsubscribed: list[str] = []
        self._sink: ReportSink | None = None
        self._numbers = 0

    # The adapter --------------------------------------------------------------------------------------------------

    async def connect(self, sink: ReportSink) -> None:
        self._sink = sink

    async def close(self) -> None:
        self._sink = None

    async def place(self, intent: OrderIntent, instrument: Instrument) -> OrderReport:
        cut = self._next_cut()
        self.asked += 1
        if cut is Cut.BEFORE:
            raise WireError("no route")
        await asyncio.sleep(self.delay_s)
        if cut is Cut.REFUSE:
            raise Rejected("margin exceeds")
        self.placed.append(intent.order_id)
        broker_id = self.new_order(intent)
        if cut is Cut.AFTER:
            raise OutcomeUnknown("cut")
        return msgspec.structs.replace(
            self.rows[broker_id].report, status=OrderStatus.ACCEPTED, source=Evidence.HTTP_REPLY, exchange_ns=0
        )

    async def modify(self, order: Order, change: OrderChange, instrument: Instrument) -> None:
        cut = self._next_cut()
        if cut is Cut.BEFORE:
            raise WireError("no route")
        row = self.rows[order.broker_order_id]
        if row.report.status in DONE or change.quantity <= row.report.filled_quantity or cut is Cut.REFUSE:
            raise Rejected("the order is complete already")
        self._change(
            order.broker_order_id,
            quantity=change.quantity,
            price=change.price,
            trigger_price=change.trigger_price,
            price_type=change.price_type,
        )
        if cut is Cut.AFTER:
            raise OutcomeUnknown("cut")

    async def cancel(self, order: Order) -> None:
        self.cancelled.append(order.order_id)
        cut = self._next_cut()
        if cut is Cut.BEFORE:
            raise WireError("no route")
        if self.rows[order.broker_order_id].report.status in DONE or cut is Cut.REFUSE:
            raise Rejected("the order is complete already")
        self._change(order.broker_order_id, status=OrderStatus.CANCELLED, reason="by client")
        if cut is Cut.AFTER:
            raise OutcomeUnknown("cut")

    async def order_book(self) -> Sequence[OrderReport]:
        return [msgspec.structs.replace(row.report, source=Evidence.ORDER_BOOK) for row in self.rows.values()]

    async def trade_book(self) -> Sequence[FillReport]:
        fills = [fill for row in self.rows.values() for fill in row.fills]
        return [msgspec.structs.replace(fill, source=Evidence.TRADE_BOOK) for fill in fills]

    async def positions(self) -> Sequence[PositionReport]:
        net = dict(self.carried)
        for row in self.rows.values():
            for fill in row.fills:
                key = (fill.exchange, fill.symbol, fill.product)
                quantity, price = net.get(key, (0, 0.0))
                net[key] = (quantity + fill.quantity * fill.side.sign, price or fill.price)
        return [PositionReport(*key, quantity=q, average_price=p) for key, (q, p) in net.items()]

    async def holdings(self) -> Sequence[Holding]:
        return []

    async def funds(self) -> Funds:
        return Funds(self.account.account, available_paise=100_000_000, used_paise=0)

    async def quotes(self, instruments: Sequence[Instrument]) -> Sequence[Quote]:
        return [quote_of(instrument, self.price, self.now) for instrument in instruments]

    async def depth(self, instrument: Instrument, levels: int = 5) -> Depth:
        return Depth(instrument.exchange, instrument.symbol, (), (), self.now)

    async def history(self, instrument: Instrument, interval: str, start_ns: int, end_ns: int) -> Bars:
        one = np.array([1.0])
        return Bars(np.array([start_ns]), one, one, one, one, one, one)

    async def instruments(self) -> Sequence[Instrument]:
        return INSTRUMENTS

    async def subscribe(self, instruments: Sequence[Instrument], mode: FeedMode) -> None:
        self.subscribed += [(instrument.symbol, mode) for instrument in instruments]

    async def unsubscribe(self, instruments: Sequence[Instrument]) -> None:
        self.unsubscribed += [instrument.symbol for instrument in instruments]

    def feed_state(self) -> FeedState:
        return FeedState("scripted", connected=self._sink is not None)

    # The broker's side --------------------------------------------------------------------------------------------

    def new_order(self, intent: OrderIntent, *, tag: bool = True) -> str:
        """Take an order into the books; answers the broker's id."""
        self._numbers += 1
        self.now += 1
        broker_id = f"B{self._numbers}"
        self.rows[broker_id] = _Row(
            OrderReport(
                broker_order_id=broker_id,
                order_id=intent.order_id if tag else "",
                status=OrderStatus.OPEN,
                source=Evidence.STREAM,
                exchange=intent.exchange,
                symbol=intent.symbol,
                side=intent.side,
                product=intent.product,
                price_type=intent.price_type,
                quantity=intent.quantity,
                price=intent.price,
                trigger_price=intent.trigger_price,
                exchange_ns=self.now,
            )
        )
        self._send(self.rows[broker_id].report)
        return broker_id

    def fill(self, broker_id: str, quantity: int, price: float = 100.0) -> None:
        """Match some of it, cancelled or not (an exchange may have matched before the cancel)."""
        row = self.rows[broker_id]
        report = row.report
        self.now += 1
        filled = report.filled_quantity + quantity
        value = report.average_price * report.filled_quantity + price * quantity
        fill = FillReport(
            trade_id=f"T{broker_id}-{len(row.fills)}",
            broker_order_id=broker_id,
            order_id=report.order_id,
            source=Evidence.STREAM,
            exchange=report.exchange,
            symbol=report.symbol,
            side=report.side,
            product=report.product,
            quantity=quantity,
            price=price,
            exchange_ns=self.now,
        )
        row.fills.append(fill)
        status = OrderStatus.COMPLETE if filled >= report.quantity else OrderStatus.PARTIALLY_FILLED
        if report.status is OrderStatus.CANCELLED and filled < report.quantity:
            status = OrderStatus.CANCELLED
        self._send(fill)
        self._change(broker_id, status=status, filled_quantity=filled, average_price=value / filled, tick=False)

    def deliver(self, index: int = 0, *, keep: bool = False) -> None:
        """Let one waiting report through; ``keep`` repeats it later."""
        report = self.outbox[index] if keep else self.outbox.pop(index)
        if self._sink is not None:
            self._sink.on_report(report)

    def deliver_all(self) -> None:
        while self.outbox:
            self.deliver()

    def reject_late(self, broker_id: str) -> None:
        """The exchange's late no."""
        self._change(broker_id, status=OrderStatus.REJECTED, reason="circuit limit")

    def _change(self, broker_id: str, *, tick: bool = True, **fields: object) -> None:
        row = self.rows[broker_id]
        self.now += tick
        row.report = msgspec.structs.replace(row.report, exchange_ns=self.now, **fields)
        self._send(row.report)

    def _send(self, report: Report) -> None:
        self.outbox.append(report)
        if self.auto:
            self.deliver_all()

    def _next_cut(self) -> Cut:
        return self.cuts.pop(0) if self.cuts else Cut.NONE
