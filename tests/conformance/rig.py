"""An adapter connected to a broker's simulator over loopback, and what tests need beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from openalgo_lab.broker import BrokerSpec
from openalgo_lab.broker.connect import open_adapter
from openalgo_lab.broker.generic import GenericAdapter
from openalgo_lab.model.events import FeedState
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import TickBatch
from openalgo_lab.model.orders import Order, OrderIntent, OrderStatus, new_order_id
from openalgo_lab.model.portfolio import Account
from openalgo_lab.model.reports import FillReport, OrderReport, Report
from openalgo_lab.model.vocabulary import Mode, PriceType, Product, Side
from openalgo_lab.sim.faults import FaultProxy
from tests.conformance.simulator import Simulator
from tests.conformance.venue import CLIENT, Listing

__all__ = ["Rig", "Sink", "as_order", "intent", "rig", "until"]


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

    def orders(self, order_id: str) -> list[OrderReport]:
        """Reports of one order, in order of arrival; ``order_id`` is what the broker's tag can carry."""
        return [r for r in self.reports if isinstance(r, OrderReport) and r.order_id == order_id]

    def statuses(self, order_id: str) -> list[OrderStatus]:
        return [report.status for report in self.orders(order_id)]

    def fills(self) -> list[FillReport]:
        return [r for r in self.reports if isinstance(r, FillReport)]

    def latest(self, token: int) -> dict[str, float]:
        """The last known value of each field of an instrument, as a board would hold it; depth as ``bid_px_0`` ..."""
        found: dict[str, float] = {}
        for batch in self.batches:
            for row in np.flatnonzero(batch.tokens == token):
                found.update({name: float(column[row]) for name, column in batch.columns.items()})
                found["time_ns"] = int(batch.time_ns[row])
                if batch.depth is not None:
                    found.update(_book(batch.depth[row]))
        return {name: value for name, value in found.items() if not np.isnan(value)}


def _book(book: Any) -> dict[str, float]:
    names = ("bid_px", "bid_sz", "ask_px", "ask_sz")
    return {f"{name}_{level}": float(book[i, level]) for i, name in enumerate(names) for level in range(5)}


@dataclass
class Rig:
    """An adapter, its simulator, its sink; ``instruments`` is what the broker lists, by the venue's listing."""

    spec: BrokerSpec
    adapter: GenericAdapter
    simulator: Any
    sink: Sink
    proxy: FaultProxy | None = None
    known: dict[tuple[str, str], Instrument] = field(default_factory=dict)

    async def instrument(self, listing: Listing) -> Instrument:
        """The adapter's own instrument, from its own reading of the master contract."""
        if not self.known:
            self.known = {(i.exchange.value, i.symbol): i for i in await self.adapter.instruments()}
        return self.known[listing.exchange, listing.symbol]

    async def all(self, listings: Sequence[Listing]) -> list[Instrument]:
        return [await self.instrument(listing) for listing in listings]

    async def ask(self, method: str, *args: Any) -> Any:
        """One call of the codec, sent as the adapter sends everything."""
        return await self.adapter._ask(lambda session: getattr(self.spec.codec, method)(session, *args))

    def tag(self, order_id: str) -> str:
        """What the broker's tag carries of an order's id."""
        return order_id[: self.spec.tag_length]


@asynccontextmanager
async def rig(
    spec: BrokerSpec,
    simulator: Simulator,
    credentials: Mapping[str, str],
    *,
    connect: bool = True,
    proxied: bool = False,
    silence_s: float | None = None,
    paced: bool = True,
) -> AsyncIterator[Rig]:
    """A running simulator and an adapter that is connected to it; both are closed at the end. ``paced`` False: the
    broker's limits are not kept, for tests that send thousands of orders."""
    if not paced:
        spec = msgspec.structs.replace(spec, limits=msgspec.structs.replace(spec.limits, rates=()))
    if silence_s is not None:
        feeds = tuple(msgspec.structs.replace(feed, silence_s=silence_s) for feed in spec.feeds)
        spec = msgspec.structs.replace(spec, feeds=feeds)
    await simulator.start()
    proxy = FaultProxy("127.0.0.1", simulator.port) if proxied else None
    if proxy is not None:
        await proxy.start()
    url = proxy.url if proxy is not None else simulator.url
    account = Account(CLIENT, spec.key, Mode.LIVE)
    adapter = open_adapter(spec, account, credentials, base_url=url, feed_url=simulator.feed_url)
    made = Rig(spec, adapter, simulator, Sink(), proxy)
    try:
        if connect:
            await adapter.connect(made.sink)
        yield made
    finally:
        await adapter.close()
        if proxy is not None:
            await proxy.stop()
        await simulator.stop()


def intent(instrument: Instrument, kind: PriceType = PriceType.LIMIT, **how: Any) -> OrderIntent:
    """An order for ten lots to buy intraday; a limit order at 800.05 unless ``how`` says otherwise."""
    fields = {"side": Side.BUY, "quantity": 10 * instrument.lot_size, "product": Product.MIS}
    if kind.has_price:
        fields["price"] = 800.05
    if kind.has_trigger:
        fields["trigger_price"] = 799.95
    return OrderIntent(
        new_order_id(), CLIENT, instrument.exchange, instrument.symbol, price_type=kind, **{**fields, **how}
    )


def as_order(wanted: OrderIntent, report: OrderReport) -> Order:
    """The live order of an accepted intent, as a ledger would hold it."""
    return Order(
        wanted.order_id, wanted.account, Mode.LIVE, wanted.exchange, wanted.symbol, wanted.side, wanted.quantity,
        wanted.product, wanted.price_type, wanted.price, wanted.trigger_price, wanted.disclosed_quantity,
        wanted.validity, "", report.status, broker_order_id=report.broker_order_id,
    )  # fmt: skip


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until something holds; fails after a long while."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)
