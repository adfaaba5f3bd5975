"""Alerts: each condition at its value, once or again, told and acknowledged."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from openalgo_lab.engine import alerts as engine_alerts
from openalgo_lab.engine.engine import Engine
from openalgo_lab.model import alerts as c
from openalgo_lab.model.errors import InputError, SymbolError, WireError
from openalgo_lab.model.events import AlertFired, AnyEvent, ErrorRaised
from openalgo_lab.model.market import Bars
from openalgo_lab.model.vocabulary import Exchange
from tests.support.engine_parts import NOW_NS, TRADER, market
from tests.support.scripted_broker import Cut, ScriptedBroker
from tests.support.works import engine_of, quote

NSE = Exchange.NSE


class Heard:
    """What the bus told."""

    def __init__(self, engine: Engine) -> None:
        self.events: list[AnyEvent] = []
        engine.bus.listen(self.events.append)

    @property
    def fired(self) -> list[AlertFired]:
        return [event for event in self.events if isinstance(event, AlertFired)]


@pytest.mark.parametrize(
    ("above", "value", "quiet", "met", "field"),
    [(True, 105.0, 104.95, 105.0, "ltp"), (False, 95.0, 95.05, 95.0, "ltp"), (True, 5000.0, 4999.0, 5000.0, "oi")],
)
async def test_a_price_once(tmp_path: Path, above: bool, value: float, quiet: float, met: float, field: Any) -> None:
    engine = await engine_of(ScriptedBroker(), tmp_path)
    heard = Heard(engine)
    alert = await engine.call(c.SetAlert("a", c.PriceCondition(NSE, "SBIN", above, value, field)), TRADER)
    for now in (quiet, met, met):
        quote(engine, **{"ltp": 100.0, field: now})
        await engine.works.alerts.look()
    assert [event.alert_id for event in heard.fired] == [alert.alert_id]
    (fired,) = await engine.call(c.GetAlerts(), TRADER)
    assert (fired.state, fired.count) == (c.AlertState.FIRED, 1)
    assert (await engine.call(c.AcknowledgeAlert(alert.alert_id), TRADER)).state is c.AlertState.REST
    await engine.close()


async def test_repeating_ones_rest_between(tmp_path: Path) -> None:
    now = [NOW_NS]
    engine = await engine_of(ScriptedBroker(), tmp_path, now_ns=lambda: now[0])
    heard = Heard(engine)
    command = c.SetAlert("a", c.PriceCondition(NSE, "SBIN", True, 105.0), repeat=True, cooldown_s=10.0)
    await engine.call(command, TRADER)
    quote(engine, 106.0)
    for seconds, count in ((0, 1), (9.9, 1), (10.0, 2), (10.1, 2)):
        now[0] = NOW_NS + round(seconds * 1e9)
        await engine.works.alerts.look()
        assert len(heard.fired) == count
    await engine.close()


async def test_orders_once_each(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    engine = await engine_of(broker, tmp_path)
    heard = Heard(engine)
    await engine.call(c.SetAlert("o", c.OrderCondition("any", strategy="s"), repeat=True, cooldown_s=1.0), TRADER)
    await engine.call(market(strategy="s"), TRADER)
    await engine.call(market(strategy="other"), TRADER)
    assert not heard.fired  # after the outcome, not at the click
    broker.fill("B1", 10, 101.0)
    broker.fill("B2", 10, 101.0)
    assert [event.message for event in heard.fired] == ["o: SIMULATED TEST: BUY 10 SBIN is filled at 101.00."]
    await engine.close()


async def test_rejections_say_why(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    broker.cuts = [Cut.REFUSE]
    engine = await engine_of(broker, tmp_path)
    heard = Heard(engine)
    await engine.call(c.SetAlert("r", c.OrderCondition("rejected")), TRADER)
    await engine.call(market(), TRADER)
    assert "is rejected (margin exceeds)" in heard.fired[0].message
    await engine.close()


async def test_profit_of_account_and_strategy(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    engine = await engine_of(broker, tmp_path)
    heard = Heard(engine)
    await engine.call(market(quantity=100, strategy="s"), TRADER)
    broker.fill("B1", 100, 100.0)
    await engine.call(c.SetAlert("p", c.PnlCondition(False, -500.0)), TRADER)
    await engine.call(c.SetAlert("s", c.PnlCondition(True, 500.0, strategy="s")), TRADER)
    quote(engine, 95.01)
    await engine.works.alerts.look()
    assert not heard.fired
    quote(engine, 95.0)
    await engine.works.alerts.look()
    quote(engine, 105.0)
    await engine.works.alerts.look()
    assert [event.name for event in heard.fired] == ["p", "s"]
    assert "-₹500.00" in heard.fired[0].message
    await engine.close()


async def test_an_indicator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broker = ScriptedBroker()
    engine = await engine_of(broker, tmp_path)
    heard = Heard(engine)
    closes = np.linspace(100, 120, 40)

    async def history(*_: object) -> Bars:
        return Bars(np.arange(40), closes, closes, closes, closes, closes, closes)

    monkeypatch.setattr(broker, "history", history)
    await engine.call(c.SetAlert("rsi", c.IndicatorCondition(NSE, "SBIN", True, 70.0)), TRADER)
    await engine.call(c.SetAlert("sma", c.IndicatorCondition(NSE, "SBIN", False, 100.0, "sma", 20)), TRADER)
    await engine.works.alerts.look(slow=False)
    assert not heard.fired
    await engine.works.alerts.look()
    assert [event.name for event in heard.fired] == ["rsi"]
    await engine.close()


async def test_webhooks_are_posted_and_failures_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = await engine_of(ScriptedBroker(), tmp_path)
    heard = Heard(engine)
    posted: list[tuple[str, bytes]] = []

    async def post(url: str, body: bytes) -> None:
        posted.append((url, body))
        if len(posted) < 3:
            raise WireError("down")

    monkeypatch.setattr(engine.works.alerts, "_post", post)
    monkeypatch.setattr(engine_alerts, "FIRST_PAUSE_S", 0.001)
    command = c.SetAlert(
        "hook",
        c.PriceCondition(NSE, "SBIN", True, 1.0),
        (c.Channel.TELEGRAM, c.Channel.WEBHOOK),
        webhook="https://x.test/a",
    )
    await engine.call(command, TRADER)
    quote(engine, 100.0)
    await engine.works.alerts.look()
    async with asyncio.timeout(10):
        while len(posted) < 3:
            await asyncio.sleep(0.005)
    assert len(posted) == 3 and b"ltp of SBIN" in posted[0][1]
    assert any(isinstance(e, ErrorRaised) and "bot does not run" in e.message for e in heard.events)
    await engine.close()


async def test_kept_replaced_removed_and_refused(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    engine = await engine_of(broker, tmp_path)
    price = c.PriceCondition(NSE, "SBIN", True, 105.0)
    alert = await engine.call(c.SetAlert("a", price), TRADER)
    await engine.call(c.SetAlert("b", price, alert_id=alert.alert_id), TRADER)
    await engine.close()
    engine = await engine_of(broker, tmp_path)
    (kept,) = await engine.call(c.GetAlerts(), TRADER)
    assert kept.name == "b"
    await engine.call(c.RemoveAlert(alert.alert_id), TRADER)
    assert not await engine.call(c.GetAlerts(), TRADER)
    with pytest.raises(InputError, match="no alert"):
        await engine.call(c.AcknowledgeAlert("x"), TRADER)
    for bad, words in (
        (c.SetAlert("a", price, (c.Channel.WEBHOOK,), webhook="http://x"), "https"),
        (c.SetAlert("a", price, ()), "needs a channel"),
    ):
        with pytest.raises(InputError, match=words):
            await engine.call(bad, TRADER)
    with pytest.raises(SymbolError):
        await engine.call(c.SetAlert("a", c.PriceCondition(NSE, "NOBODY", True, 1.0)), TRADER)
    await engine.close()


async def test_more_than_enough_is_kept_silent(tmp_path: Path) -> None:
    engine = await engine_of(ScriptedBroker(), tmp_path)
    heard = Heard(engine)
    for number in range(40):
        await engine.call(c.SetAlert(f"a{number}", c.PriceCondition(NSE, "SBIN", True, 1.0)), TRADER)
    quote(engine, 100.0)
    await engine.works.alerts.look()
    assert len(heard.fired) == 30
    assert sum(isinstance(e, ErrorRaised) and "stay silent" in e.message for e in heard.events) == 1
    await engine.close()
