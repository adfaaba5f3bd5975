"""An engine's end of the simulated exchange, over each of its ways; shared with the tests of broker/ and sim/."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from brokers.simulated import SPEC
from openalgo_lab.broker.connect import open_adapter
from openalgo_lab.broker.generic import GenericAdapter
from openalgo_lab.model.events import FeedState
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import TickBatch
from openalgo_lab.model.orders import Order, OrderIntent, OrderStatus, new_order_id
from openalgo_lab.model.portfolio import Account
from openalgo_lab.model.reports import FillReport, OrderReport, Report
from openalgo_lab.model.vocabulary import Exchange, Mode, PriceType, Product, Side
from openalgo_lab.sim.faults import FaultProxy
from openalgo_lab.sim.records import Records
from openalgo_lab.sim.server import ExchangeServer
from openalgo_lab.sim.transport import ExchangeDriver, InProcessExchange
from openalgo_lab.sim.venue import Venue, VenueSettings
from tests.sim.fake_market import INSTRUMENTS, SBIN, MovingMarket

ACCOUNT = Account("ME", "simulated", Mode.SIMULATED)
SHARE = next(i for i in INSTRUMENTS if i.token == SBIN)
WAYS = ("in_process", "tcp", "proxied")


class Sink:
    """Everything that an adapter delivers."""

    def __init__(self) -> None:
        self.batches: list[TickBatch] = []
        self.reports: list[Report] = []
        self.feeds: list[FeedState] = []

    def on_ticks(self, batch: TickBatch) -> None:
        self.batches.append(batch)

    def on_report(self, report: Report) -> None:
        self.reports.append(report)

    def on_feed(self, state: FeedState) -> None:
        self.feeds.append(state)

    def statuses(self, order_id: str) -> list[OrderStatus]:
        return [r.status for r in self.reports if isinstance(r, OrderReport) and r.order_id == order_id]

    def fills(self, order_id: str) -> list[FillReport]:
        return [r for r in self.reports if isinstance(r, FillReport) and r.order_id == order_id]


class Rig(msgspec.Struct):
    """An adapter and what it talks to."""

    adapter: GenericAdapter
    driver: ExchangeDriver
    sink: Sink
    proxy: FaultProxy | None = None


@asynccontextmanager
async def rig(way: str, *, connect: bool = True, **settings: Any) -> AsyncIterator[Rig]:
    """An adapter over one of `WAYS`, closed at the end."""
    market, how, sink = MovingMarket(), VenueSettings(**settings), Sink()
    if way == "in_process":
        exchange = InProcessExchange(market, None, how, step_ms=10)
        made = Rig(GenericAdapter(SPEC, ACCOUNT, exchange), exchange.driver, sink)
        server = None
    else:
        server = ExchangeServer(Venue(market, Records(":memory:"), how), step_ms=10)
        await server.start()
        proxy = FaultProxy("127.0.0.1", server.port) if way == "proxied" else None
        if proxy is not None:
            await proxy.start()
        url = proxy.url if proxy is not None else server.url
        made = Rig(open_adapter(SPEC, ACCOUNT, base_url=url), server.driver, sink, proxy)
    try:
        if connect:
            await made.adapter.connect(sink)
        yield made
    finally:
        await made.adapter.close()
        if made.proxy is not None:
            await made.proxy.stop()
        if server is not None:
            await server.stop()


def intent(kind: PriceType = PriceType.MARKET, **how: Any) -> OrderIntent:
    """An order for ten shares."""
    fields = {"side": Side.BUY, "quantity": 10, "product": Product.MIS, **how}
    return OrderIntent(new_order_id(), "ME", Exchange.NSE, "SBIN", price_type=kind, **fields)


def as_order(wanted: OrderIntent, report: OrderReport) -> Order:
    """The live order of an accepted intent, as a ledger would hold it."""
    return Order(
        wanted.order_id, "ME", Mode.SIMULATED, wanted.exchange, wanted.symbol, wanted.side, wanted.quantity,
        wanted.product, wanted.price_type, wanted.price, wanted.trigger_price, 0, wanted.validity, "",
        report.status, broker_order_id=report.broker_order_id,
    )  # fmt: skip


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until something holds; fails after a long while."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


def tokens_seen(sink: Sink) -> set[int]:
    return {token for batch in sink.batches for token in batch.tokens.tolist()}


def listed(*tokens: int) -> list[Instrument]:
    return [i for i in INSTRUMENTS if i.token in tokens]
