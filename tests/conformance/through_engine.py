"""A broker's adapter beneath the whole engine: login, instruments on disk, prices on the board, an order's life."""

from __future__ import annotations

from pathlib import Path

from openalgo_lab.engine.principal import LOCAL
from openalgo_lab.model.commands import GetQuotes, PlaceOrder, Reconcile
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.risk import ArmLive
from openalgo_lab.model.vocabulary import Exchange, FeedMode, PriceType, Product, Side
from tests.conformance.rig import until
from tests.conformance.simulator import Simulator
from tests.conformance.venue import CALL, LISTED, SBIN
from tests.support.connected import bench

__all__ = ["through_the_engine"]


async def through_the_engine(folder: Path, broker: str, simulator: Simulator) -> None:
    """Everything goes by our names, whatever the broker calls a contract; its books agree with ours in the end."""
    await simulator.start()
    try:
        async with bench(folder, simulator=simulator) as on:
            engine, venue, account = on.engine, simulator.venue, broker.upper()
            connected = await on.connect(broker=broker)
            assert (connected.account.account, connected.instruments) == (account, len(LISTED))
            key = InstrumentKey(Exchange(CALL.exchange), CALL.symbol)
            (quote,) = await engine.call(GetQuotes((key,)), LOCAL)
            assert quote.ltp == venue.pictures[CALL].ltp
            share = InstrumentKey(Exchange.NSE, SBIN.symbol)
            engine.subscribe("page", [key, share], FeedMode.DEPTH)
            await until(lambda: engine.board.depth(key) is not None and engine.board.depth(share) is not None)

            await engine.call(ArmLive(account, armed=True), LOCAL)
            wanted = PlaceOrder(
                key.exchange, key.symbol, Side.BUY, CALL.lot, Product.NRML, PriceType.LIMIT, quote.ltp, account=account
            )
            placed = await engine.call(wanted, LOCAL)
            booked = venue.order(placed.broker_order_id)
            venue.fill(booked, CALL.lot, quote.ltp)
            await until(lambda: engine.ledger.find(placed.order_id).status is OrderStatus.COMPLETE)  # type: ignore[union-attr]
            await until(lambda: len(engine.ledger.fills_of(placed.order_id)) == 1)
            await engine.call(Reconcile(account), LOCAL)
            held = {(p.symbol, p.quantity) for p in engine.books.positions if p.account == account and p.quantity}
            assert held == {(CALL.symbol, CALL.lot)}
            assert {holding.symbol for holding in engine.books.holdings if holding.account == account} == {
                "SBIN",
                "M&M",
            }
            order = engine.ledger.find(placed.order_id)
            assert order is not None
            assert order.alarms == ()
    finally:
        await simulator.stop()
