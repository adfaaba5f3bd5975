"""The fill book in a whole engine: in step with the ledger over restarts, results after charges, differences."""

from __future__ import annotations

import dataclasses
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from openalgo_lab.engine.composition import Composition
from openalgo_lab.engine.config import EngineConfig
from openalgo_lab.engine.engine import Engine
from openalgo_lab.engine.principal import Permission, Principal
from openalgo_lab.engine.risk_settings import RiskSettings
from openalgo_lab.model import accounting as c
from openalgo_lab.model.commands import PlaceOrder
from openalgo_lab.model.errors import InputError, RuleError
from openalgo_lab.model.vocabulary import Exchange, Product, Side
from tests.support.engine_parts import NOW_NS, QUICK, TRADER, market, parts_of, running
from tests.support.scripted_broker import ScriptedBroker

OWNER = Principal("owner", Permission.ADMIN)


def broker_of_today() -> ScriptedBroker:
    broker = ScriptedBroker()
    broker.now = NOW_NS  # its stamps are of the engine's day
    return broker


async def trade(engine: Engine, broker: ScriptedBroker, order: PlaceOrder, price: float) -> None:
    await engine.call(order, TRADER)
    broker.fill(f"B{len(broker.rows)}", order.quantity, price)


async def test_fills_reach_the_book_and_survive(tmp_path: Path) -> None:
    broker = broker_of_today()

    def compose(config: EngineConfig) -> Composition:
        return dataclasses.replace(parts_of(broker, tmp_path)(config), fills_file=tmp_path / "fills.db")

    settings = EngineConfig(risk=RiskSettings(duplicate_window_s=0.0), reconcile=QUICK)
    engine = await Engine.start(settings, compose)
    await trade(engine, broker, market(Side.BUY, 10, strategy="a"), 100.0)
    await trade(engine, broker, market(Side.SELL, 10, strategy="a"), 110.0)
    order_id = engine.books.orders[0].order_id
    assert (
        "1 trade."
        in (await engine.call(c.AnnotateTrade("", order_id=order_id, note="n", tags=("gap",)), TRADER)).message
    )
    await engine.close()
    engine = await Engine.start(settings, compose)
    try:
        booked = await engine.call(c.GetFillHistory(), TRADER)
        assert [(one.fill.side, one.note, one.tags) for one in booked] == [
            (Side.BUY, "n", ("gap",)), (Side.SELL, "", ()),
        ]  # fmt: skip
        assert all(one.charges is not None and one.charges > 0 for one in booked)
        (trip,) = await engine.call(c.GetRoundTrips(), TRADER)
        assert (trip.gross_paise, trip.strategy, trip.tags) == (10_000, "a", ("gap",))
        assert trip.charges_paise == pytest.approx(float(sum(one.charges for one in booked)) * 100, abs=1)
        for by in c.ResultsBy:
            (row,) = await engine.call(c.GetResults(by), TRADER)
            assert row.net_paise == trip.net_paise and row.trades == 1
        stats = await engine.call(c.GetTradeStatistics(strategy="a"), TRADER)
        assert stats.trades == 1 and not (await engine.call(c.GetTradeStatistics(strategy="b"), TRADER)).trades
        assert not await engine.call(c.GetRoundTrips(start=date(2026, 11, 26)), TRADER)
        (note,) = await engine.call(c.GetContractNotes(), TRADER)
        assert note.segment == "equity_intraday" and note.orders == 2
        with pytest.raises(InputError, match="no trade"):
            await engine.call(c.AnnotateTrade("", trade_id="none", note="x"), TRADER)
    finally:
        await engine.close()


async def test_what_was_held_before_is_an_opening(tmp_path: Path) -> None:
    broker = broker_of_today()
    broker.carried = {(Exchange.NSE, "SBIN", Product.MIS): (50, 90.0)}
    async with running(broker, tmp_path) as engine:
        (opening,) = await engine.call(c.GetFillHistory(), TRADER)
        assert opening.opening and (opening.fill.quantity, opening.fill.price) == (50, 90.0)
        await trade(engine, broker, market(Side.SELL, 50), 100.0)
        (trip,) = await engine.call(c.GetRoundTrips(), TRADER)
        assert trip.gross_paise == 50_000
        (note,) = await engine.call(c.GetContractNotes(exact=True), TRADER)
        assert note.buy_value == 0  # what was held before is not charged again


async def test_ours_beside_the_brokers(tmp_path: Path) -> None:
    broker = broker_of_today()
    async with running(broker, tmp_path) as engine:
        await trade(engine, broker, market(Side.BUY, 10), 100.0)
        (row,) = await engine.call(c.GetPositionDifferences(), TRADER)
        assert row.agrees and (row.quantity, row.broker_quantity) == (10, 10)
        broker.carried = {(Exchange.NSE, "INFY", Product.CNC): (3, 50.0)}
        rows = await engine.call(c.GetPositionDifferences(), TRADER)
        assert {row.symbol: (row.quantity, row.broker_quantity, row.agrees) for row in rows} == {
            "SBIN": (10, 10, True), "INFY": (0, 3, False),
        }  # fmt: skip


async def test_the_curve_of_today(tmp_path: Path) -> None:
    broker = broker_of_today()
    async with running(broker, tmp_path) as engine:
        await trade(engine, broker, market(Side.BUY, 10), 0.5)
        curve = await engine.call(c.GetPnlCurve(), TRADER)
        assert np.frombuffer(curve.total, dtype="<f8").tolist() == [5.0]  # the candle of its minute
        assert not curve.missing


async def test_plans(tmp_path: Path) -> None:
    async with running(broker_of_today(), tmp_path) as engine:
        assert (await engine.call(c.GetAccountingSettings(), TRADER)).plan == "discount.zero-delivery"
        wanted = c.AccountingSettings(plan="zero", plans={"TEST": "discount.01"})
        assert await engine.call(c.SetAccountingSettings(wanted), OWNER) == wanted
        assert await engine.call(c.GetAccountingSettings(), TRADER) == wanted
        with pytest.raises(RuleError, match="brokerage"):
            await engine.call(c.SetAccountingSettings(c.AccountingSettings(plan="none")), OWNER)
    async with running(broker_of_today(), tmp_path) as engine:
        assert (await engine.call(c.GetAccountingSettings(), TRADER)).plan == "zero"
