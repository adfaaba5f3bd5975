"""The engine on the real simulated exchange and on a real recording: what a newcomer's first minute needs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from openalgo_lab.engine.config import EngineConfig, ReconcileTimes, SimSettings
from openalgo_lab.engine.engine import Engine
from openalgo_lab.engine.principal import LOCAL
from openalgo_lab.model.commands import (
    CancelOrder,
    ClosePosition,
    ControlReplay,
    EstimateMargin,
    GetBooks,
    GetDepth,
    GetHistory,
    GetQuotes,
    ModifyOrder,
    PlaceOrder,
    Reconcile,
    SearchInstruments,
)
from openalgo_lab.model.errors import InputError, RiskDenied
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.money import snap
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.vocabulary import Exchange, FeedMode, Mode, PriceType, Product, Side

SBIN = InstrumentKey(Exchange.NSE, "SBIN")
QUICK = ReconcileTimes(proof_age_s=0.1, proof_gap_s=0.05)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def buy(quantity: int = 10, price: float = 0.0) -> PlaceOrder:
    kind = PriceType.LIMIT if price else PriceType.MARKET
    return PlaceOrder(Exchange.NSE, "SBIN", Side.BUY, quantity, Product.MIS, kind, price, confirm_duplicate=True)


async def test_a_newcomers_first_minute(lab_home: Path) -> None:
    engine = await Engine.start(EngineConfig(reconcile=QUICK))
    try:
        assert engine.status().mode is Mode.SIMULATED
        engine.subscribe("page", [SBIN], FeedMode.DEPTH)
        await until(lambda: engine.board.depth(SBIN) is not None)
        assert len((await engine.call(GetDepth(SBIN), LOCAL)).bids) == 5
        (found,) = await engine.call(SearchInstruments("SBIN", Exchange.NSE, 1), LOCAL)
        assert found.key == SBIN

        await engine.call(buy(), LOCAL)
        await until(lambda: any(p.quantity == 10 for p in engine.books.positions))
        assert engine.books.orders[0].status is OrderStatus.COMPLETE

        (quote,) = await engine.call(GetQuotes((SBIN,)), LOCAL)
        low = snap(quote.ltp * 0.97, found.tick_size)
        resting = await engine.call(buy(price=low), LOCAL)
        await until(lambda: engine.ledger.find(resting.order_id).status is OrderStatus.OPEN)  # type: ignore[union-attr]
        lower = snap(quote.ltp * 0.96, found.tick_size)
        await engine.call(ModifyOrder(resting.order_id, price=lower), LOCAL)
        await until(lambda: engine.ledger.find(resting.order_id).price == lower)  # type: ignore[union-attr]
        await engine.call(CancelOrder(resting.order_id), LOCAL)
        await until(lambda: engine.ledger.find(resting.order_id).status is OrderStatus.CANCELLED)  # type: ignore[union-attr]

        await engine.call(ClosePosition(), LOCAL)
        await until(lambda: all(p.quantity == 0 for p in engine.books.positions))
        await engine.call(Reconcile(), LOCAL)
        assert not any(order.alarms for order in engine.books.orders)
    finally:
        await engine.close()


async def test_estimates_and_candles(lab_home: Path) -> None:
    engine = await Engine.start(EngineConfig(reconcile=QUICK))
    try:
        margin = await engine.call(EstimateMargin(buy(100)), LOCAL)
        (quote,) = await engine.call(GetQuotes((SBIN,)), LOCAL)
        assert 0.15 < margin.margin_paise / (quote.ltp * 100 * 100) < 0.25  # intraday shares: a fifth
        assert margin.charges_paise > 0 and margin.available_paise > 0
        now = time.time_ns()
        bars = await engine.call(GetHistory(SBIN, "5m", now - 2 * 86_400 * 10**9, now), LOCAL)
        starts = np.frombuffer(bars.start_ns, "<i8")
        assert len(starts) > 100 and (np.diff(starts) > 0).all() and len(bars.close) == len(bars.start_ns)
    finally:
        await engine.close()


async def test_a_restart_brings_everything_back(lab_home: Path) -> None:
    engine = await Engine.start(EngineConfig(reconcile=QUICK))
    await engine.call(buy(7), LOCAL)
    await until(lambda: any(p.quantity == 7 for p in engine.books.positions))
    before = engine.books
    await engine.close()
    again = await Engine.start(EngineConfig(reconcile=QUICK))
    try:
        after = await again.call(GetBooks(), LOCAL)
        assert [(o.order_id, o.status) for o in after.orders] == [(o.order_id, o.status) for o in before.orders]
        assert after.fills == before.fills and after.positions == before.positions
        await until(lambda: again.board.quote(SBIN) is not None)  # what is held is watched
    finally:
        await again.close()


async def test_late_rejects_are_shown_as_such(lab_home: Path) -> None:
    """F16: the exchange says no after the broker said yes."""
    engine = await Engine.start(EngineConfig(sim=SimSettings(late_reject_rate=1.0), reconcile=QUICK))
    try:
        order = await engine.call(buy(), LOCAL)
        await until(lambda: engine.books.orders[0].status is OrderStatus.REJECTED)
        assert engine.books.orders[0].reason and order.order_id == engine.books.orders[0].order_id
        assert not engine.books.positions or not engine.books.positions[0].quantity
    finally:
        await engine.close()


async def test_bad_input_names_the_remedy(lab_home: Path) -> None:
    engine = await Engine.start(EngineConfig(reconcile=QUICK))
    try:
        with pytest.raises(RiskDenied, match="take"):
            await engine.call(buy(price=100.001), LOCAL)
        with pytest.raises(InputError, match="No recording"):
            await engine.call(ControlReplay(paused=True), LOCAL)
        with pytest.raises(InputError):
            await engine.call(GetHistory(SBIN, "7x", 0, time.time_ns()), LOCAL)
        assert engine.books.orders == ()
    finally:
        await engine.close()
    with pytest.raises(InputError, match="lab.connect"):
        await Engine.start(EngineConfig(broker="nobody"))


async def test_a_recording_is_the_market(lab_home: Path, repository: Path) -> None:
    path = repository.parent / "shared" / "data" / "nifty_option_chain_2026-08-19.parquet"
    if not path.is_file():
        pytest.skip("the recording is not here")
    config = EngineConfig(replay=str(path), reconcile=QUICK)
    for _ in range(2):  # a clean end forgets: the second run starts as the first
        engine = await Engine.start(config)
        try:
            await buy_in_the_middle(engine)
        finally:
            await engine.close()


async def buy_in_the_middle(engine: Engine) -> None:
    """Seek to the middle of the recording, wait for its chain, buy one lot near the money."""
    status = engine.status()
    assert status.mode is Mode.REPLAY and status.replay is not None and engine.books.orders == ()
    chain = engine.instruments.chain("NIFTY", engine.instruments.expiries("NIFTY")[0])
    engine.subscribe("chain", [one.key for one in chain], FeedMode.QUOTE)
    middle = status.replay.start_ns + (status.replay.end_ns - status.replay.start_ns) // 2
    await engine.call(ControlReplay(seek_ns=middle), LOCAL)
    rows = engine.board.find_rows(one.key for one in chain)
    await until(lambda: bool(np.isfinite(engine.board.column("ltp", rows)).sum() > 10))
    priced = np.flatnonzero(np.isfinite(engine.board.column("ltp", rows)))
    one = chain[int(priced[len(priced) // 2])]
    await engine.call(PlaceOrder(one.exchange, one.symbol, Side.BUY, one.lot_size, Product.NRML), LOCAL)
    await until(lambda: engine.books.orders[0].status is OrderStatus.COMPLETE)
    assert abs(engine.books.orders[0].created_ns - middle) < 60 * 10**9


async def test_an_unreadable_recording(lab_home: Path, tmp_path: Path) -> None:
    from openalgo_lab.model.errors import ReplayError

    bad = tmp_path / "bad.parquet"
    bad.write_text("nothing")
    with pytest.raises(ReplayError, match="bad.parquet"):
        await Engine.start(EngineConfig(replay=str(bad)))
