"""Loss limits, arming and the limits of the profile, through a whole engine."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from openalgo_lab.engine.engine import Engine
from openalgo_lab.engine.principal import Permission, Principal
from openalgo_lab.engine.risk_settings import load_risk_settings
from openalgo_lab.model.commands import KillSwitch
from openalgo_lab.model.errors import InputError, NotPermitted, RiskDenied
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.risk import ArmLive, GetRiskSettings, RiskSettings, SetRiskSettings, StopTarget
from openalgo_lab.model.vocabulary import Exchange, Mode, Side
from tests.support.engine_parts import TRADER, limit, market, running
from tests.support.scripted_broker import ScriptedBroker

OWNER = Principal("owner", Permission.ADMIN)


def price(engine: Engine, ltp: float, symbol: str = "SBIN") -> None:
    """The market moves."""
    row = engine.board.row(InstrumentKey(Exchange.NSE, symbol))
    engine.board.write(np.array([row]), {"ltp": np.array([ltp])}, np.array([2]))


async def test_the_accounts_loss_limit_closes_and_stops(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    risk = RiskSettings(max_daily_loss=1000.0, duplicate_window_s=0.0)
    async with running(broker, tmp_path, risk=risk) as engine:
        await engine.call(market(quantity=100), TRADER)
        broker.fill("B1", 100, 100.0)
        await engine.call(limit(95.0, symbol="INFY"), TRADER)
        price(engine, 90.01)
        await engine.works.loss_watch.look()
        assert len(engine.books.orders) == 2
        price(engine, 90.0)
        await engine.works.loss_watch.look()
        bought, resting, closing = engine.books.orders
        assert resting.status is OrderStatus.CANCELLED
        assert (closing.side, closing.quantity) == (Side.SELL, 100)
        with pytest.raises(RiskDenied, match="takes no new orders today: the day's result of -₹1,000.00") as denied:
            await engine.call(market(), TRADER)
        assert denied.value.rule == "loss_limit"
        broker.fill("B3", 100, 90.0)
        price(engine, 500.0)
        await engine.works.loss_watch.look()  # realised: it stays so for the day, and nothing is closed twice
        assert len(engine.books.orders) == 3
        assert bought.order_id


async def test_a_strategys_target_leaves_the_others_alone(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    risk = RiskSettings(strategies={"scalp": StopTarget(target=500.0)}, duplicate_window_s=0.0)
    async with running(broker, tmp_path, risk=risk) as engine:
        for number, strategy in enumerate(("scalp", "swing"), start=1):
            await engine.call(market(quantity=50, strategy=strategy), TRADER)
            broker.fill(f"B{number}", 50, 100.0)
        price(engine, 110.0)
        await engine.works.loss_watch.look()
        (closing,) = engine.books.orders[2:]
        assert (closing.quantity, closing.strategy) == (50, "scalp")
        await engine.call(market(strategy="swing"), TRADER)
        with pytest.raises(RiskDenied, match="Strategy scalp.*target"):
            await engine.call(market(strategy="scalp"), TRADER)


async def test_live_must_be_armed_and_the_kill_switch_disarms(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    broker.account = msgspec.structs.replace(broker.account, mode=Mode.LIVE)
    async with running(broker, tmp_path) as engine:
        with pytest.raises(RiskDenied, match="not armed"):
            await engine.call(market(), TRADER)
        assert "armed until" in (await engine.call(ArmLive(), TRADER)).message
        assert engine.status().armed == ("TEST",)
        await engine.call(market(), TRADER)
        await engine.call(KillSwitch(engage=True), TRADER)
        assert engine.status().armed == ()
        with pytest.raises(InputError, match="kill switch"):
            await engine.call(ArmLive(), TRADER)
        await engine.call(KillSwitch(engage=False), TRADER)
        with pytest.raises(RiskDenied, match="not armed"):
            await engine.call(market(), TRADER)
        await engine.call(ArmLive(), TRADER)
        await engine.call(ArmLive(armed=False), TRADER)
        with pytest.raises(RiskDenied, match="not armed"):
            await engine.call(market(), TRADER)
    async with running(broker, tmp_path) as engine:  # a new session is not armed
        assert engine.status().armed == ()


async def test_a_simulated_account_needs_no_arming(tmp_path: Path) -> None:
    async with running(ScriptedBroker(), tmp_path) as engine:
        assert "nothing is to be armed" in (await engine.call(ArmLive(), TRADER)).message


async def test_limits_are_kept_and_only_the_owner_sets_them(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    wanted = RiskSettings(max_order_quantity=5, duplicate_window_s=0.0)
    async with running(broker, tmp_path) as engine:
        with pytest.raises(NotPermitted):
            await engine.call(SetRiskSettings(wanted), TRADER)
        assert await engine.call(SetRiskSettings(wanted), OWNER) == wanted
        assert await engine.call(GetRiskSettings(), TRADER) == wanted
        with pytest.raises(RiskDenied, match="limit of 5"):
            await engine.call(market(), TRADER)
        for bad in (RiskSettings(max_daily_loss=-1.0), RiskSettings(strategies={"a": StopTarget(stop=-1.0)})):
            with pytest.raises(InputError):
                await engine.call(SetRiskSettings(bad), OWNER)
    assert load_risk_settings(tmp_path) == wanted


async def test_the_margin_check_where_nobody_can_tell(tmp_path: Path) -> None:
    async with running(ScriptedBroker(), tmp_path, risk=RiskSettings(check_margin=True)) as engine:
        assert (await engine.call(market(quantity=100), TRADER)).working
