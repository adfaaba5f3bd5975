"""Every broker through the engine, on its own wire: login, instruments, prices on the board, an option's order from
intent to fill, and the books that agree with the broker's."""

from __future__ import annotations

import asyncio
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import pytest

from openalgo_lab.broker import Capability, registry
from openalgo_lab.engine.connections.named import NamedAdapter
from openalgo_lab.engine.principal import LOCAL
from openalgo_lab.model.commands import GetQuotes, PlaceOrder, Reconcile
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.risk import ArmLive
from openalgo_lab.model.vocabulary import Exchange, FeedMode, PriceType, Product, Side
from tests.conformance.rig import until
from tests.conformance.venue import CALL
from tests.conformance.venue import SBIN as LISTING
from tests.support.connected import bench

SIMULATORS = {
    "zerodha": "zerodha.ZerodhaSimulator",
    "upstox": "upstox.UpstoxSimulator",
    "dhan": "dhan.DhanSimulator",
    "angel": "angel.AngelSimulator",
    "fyers": "fyers.FyersSimulator",
    "firstock": "firstock.FirstockSimulator",
    "shoonya": "noren.ShoonyaSimulator",
    "flattrade": "noren.FlattradeSimulator",
    "zebu": "noren.ZebuSimulator",
    "tradesmart": "noren.TradesmartSimulator",
    "compositedge": "xts.CompositedgeSimulator",
    "fivepaisaxts": "xts.FivepaisaxtsSimulator",
    "ibulls": "xts.IbullsSimulator",
    "iifl": "xts.IiflSimulator",
    "jainamxts": "xts.JainamxtsSimulator",
    "rmoney": "xts.RmoneySimulator",
    "wisdom": "xts.WisdomSimulator",
}
"""Dhan's sandbox streams nothing and has no history: it shares all but its address with dhan."""

SBIN = InstrumentKey(Exchange.NSE, "SBIN")
OPTION = InstrumentKey(Exchange(CALL.exchange), CALL.symbol)


def simulator_of(key: str) -> Any:
    module, _, name = SIMULATORS[key].partition(".")
    return getattr(import_module(f"tests.conformance.simulators.{module}"), name)()


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The brokers' own rates would stretch the test; they have tests of their own."""

    def load(key: str, loaded: Any = registry.load) -> Any:
        spec = loaded(key)
        return msgspec.structs.replace(spec, limits=msgspec.structs.replace(spec.limits, rates=()))

    monkeypatch.setattr(registry, "load", load)


def test_every_broker_is_here() -> None:
    assert set(SIMULATORS) == set(registry.available()) - {"simulated", "dhan_sandbox"}


@pytest.mark.parametrize("key", sorted(SIMULATORS))
async def test_from_login_to_books(tmp_path: Path, key: str) -> None:
    simulator = simulator_of(key)
    await simulator.start()
    try:
        async with bench(tmp_path, simulator=simulator) as on:
            connected = await on.connect(broker=key, account="MINE")
            assert connected.data and connected.instruments > 3
            await _prices(on)
            await _an_option_order(on)
            await _books(on)
    finally:
        await simulator.stop()


async def _prices(on: Any) -> None:
    (quote,) = await on.engine.call(GetQuotes((SBIN,)), LOCAL)
    assert quote.ltp == on.simulator.venue.pictures[LISTING].ltp
    if Capability.FEED in on.engine.data_line.adapter.inner.spec.capabilities:
        on.engine.subscribe("page", [SBIN, OPTION], FeedMode.QUOTE)
        await _until_shown(on, LISTING)
        await _until_shown(on, CALL)


async def _until_shown(on: Any, listing: Any) -> None:
    key, price = InstrumentKey(Exchange(listing.exchange), listing.symbol), on.simulator.venue.pictures[listing].ltp
    await until(lambda: (quote := on.engine.board.quote(key)) is not None and quote.ltp == price)


async def _an_option_order(on: Any) -> None:
    await on.engine.call(ArmLive("MINE", armed=True), LOCAL)
    price = on.simulator.venue.pictures[CALL].ltp
    wanted = PlaceOrder(
        OPTION.exchange, OPTION.symbol, Side.BUY, 2 * CALL.lot, Product.NRML, PriceType.LIMIT, price, account="MINE"
    )
    placed = await on.engine.call(wanted, LOCAL)
    assert placed.working, placed.reason
    (booked,) = [order for order in on.simulator.venue.orders if order.id == placed.broker_order_id]
    on.simulator.venue.fill(booked, CALL.lot, price)
    on.simulator.venue.fill(booked, CALL.lot, price)
    find = on.engine.ledger.find
    await until(lambda: find(placed.order_id).status is OrderStatus.COMPLETE, 20)
    await until(lambda: sum(fill.quantity for fill in on.engine.ledger.fills_of(placed.order_id)) == 2 * CALL.lot, 20)


async def _books(on: Any) -> None:
    """After a comparison nothing differs, and everything goes by our names."""
    await on.engine.call(Reconcile("MINE"), LOCAL)
    await asyncio.sleep(0)
    held = {(p.exchange, p.symbol): p.quantity for p in on.engine.books.positions if p.account == "MINE"}
    assert held[OPTION.exchange, OPTION.symbol] == 2 * CALL.lot
    adapter = on.engine.data_line.adapter
    assert isinstance(adapter, NamedAdapter)
    for report in await adapter.positions():
        assert on.engine.instruments.find(InstrumentKey(report.exchange, report.symbol)), report.symbol
    for holding in on.engine.books.holdings:
        if holding.account == "MINE":
            assert on.engine.instruments.by_symbol(holding.symbol), holding.symbol
    assert any(funds.account == "MINE" and funds.available_paise > 0 for funds in on.engine.books.funds)
    assert not [sentence for sentence in on.told if "our trades make" in sentence]
    with pytest.raises(InputError):
        on.engine.router.line("SOMEBODY")
