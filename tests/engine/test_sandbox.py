"""The sandbox as an account of a whole engine: on any data source, without a socket, over restarts, reset."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from openalgo_lab.engine.config import EngineConfig, SimSettings
from openalgo_lab.engine.engine import Engine
from openalgo_lab.engine.principal import LOCAL
from openalgo_lab.engine.risk_settings import RiskSettings
from openalgo_lab.engine.sandbox import ACCOUNT
from openalgo_lab.model import sandbox as c
from openalgo_lab.model.accounting import GetFillHistory
from openalgo_lab.model.commands import EstimateBasketMargin, GetOrder, PlaceOrder
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.orders import Order
from openalgo_lab.model.structure_commands import GetOptionSymbol
from openalgo_lab.model.vocabulary import Exchange, Mode, OptionType, Product, Side

CONFIG = EngineConfig(
    profile="sandbox", sim=SimSettings(seed=7), risk=RiskSettings(duplicate_window_s=0.0, max_order_value=0.0)
)


def buy(quantity: int = 10, side: Side = Side.BUY, account: str = ACCOUNT, **more: Any) -> PlaceOrder:
    return PlaceOrder(Exchange.NSE, "SBIN", side, quantity, Product.MIS, account=account, **more)


async def done(engine: Engine, order: Order) -> Order:
    async with asyncio.timeout(10):
        while not (now := await engine.call(GetOrder(order.order_id), LOCAL)).done:
            await asyncio.sleep(0.01)
    return now


async def test_orders_trade_at_the_shown_prices_and_survive(lab_home: Path) -> None:
    engine = await Engine.start(CONFIG)
    try:
        said = await engine.call(c.OpenSandbox(), LOCAL)
        assert "paper" in said.message
        order = await done(engine, await engine.call(buy(), LOCAL))
        assert order.mode is Mode.SANDBOX and order.account == ACCOUNT
        assert order.average_price > 0
        assert {one.account for one in engine.books.positions} == {ACCOUNT}
        funds = next(one for one in engine.books.funds if one.account == ACCOUNT)
        assert funds.available_paise <= 1_00_00_000_00
        other = await done(engine, await engine.call(buy(account="SIM"), LOCAL))
        assert other.mode is Mode.SIMULATED
    finally:
        await engine.close()
    engine = await Engine.start(CONFIG)  # opened by itself, the books as they were
    try:
        assert ACCOUNT in {one.account for one in engine.status().accounts}
        held = {(one.account, one.quantity) for one in engine.books.positions if one.quantity}
        assert (ACCOUNT, 10) in held
        assert engine.ledger.find(order.order_id) is not None
        await engine.call(c.ResetSandbox(), LOCAL)
        assert not [one for one in engine.books.positions if one.account == ACCOUNT]
        assert not [one for one in engine.books.orders if one.account == ACCOUNT]
        assert not await engine.call(GetFillHistory(account=ACCOUNT), LOCAL)
        assert [one.quantity for one in engine.books.positions if one.account == "SIM"] == [10]
        await done(engine, await engine.call(buy(5), LOCAL))
        await engine.call(c.CloseSandbox(), LOCAL)
        assert ACCOUNT not in {one.account for one in engine.status().accounts}
        with pytest.raises(InputError, match="no account 'SANDBOX'"):
            await engine.call(buy(), LOCAL)
    finally:
        await engine.close()


async def test_no_socket_opens_in_a_sandbox_run(lab_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F23: paper orders cannot reach a wire."""
    opened: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: opened.append(address))
    monkeypatch.setattr(socket.socket, "connect_ex", lambda self, address: opened.append(address) or 1)
    engine = await Engine.start(CONFIG)
    try:
        await engine.call(c.OpenSandbox(default=True), LOCAL)
        await done(engine, await engine.call(buy(account=""), LOCAL))
        await done(engine, await engine.call(buy(side=Side.SELL, account=""), LOCAL))
    finally:
        await engine.close()
    assert not opened


def test_the_sandbox_imports_no_wire() -> None:
    import subprocess
    import sys

    wires = "('openalgo_lab.wire.http', 'openalgo_lab.wire.websocket', 'httpx', 'websockets', 'h11')"
    code = f"import sys, openalgo_lab.sim.sandbox.adapter\nassert not set(sys.modules) & set({wires})"
    subprocess.run([sys.executable, "-c", code], check=True)


async def test_margin_of_a_spread_counts_the_hedge(lab_home: Path) -> None:
    engine = await Engine.start(CONFIG)
    try:
        await engine.call(c.OpenSandbox(), LOCAL)
        expiry = engine.instruments.expiries("NIFTY")[1]
        legs = []
        for offset, side in (("ATM", Side.SELL), ("OTM2", Side.BUY)):
            ask = GetOptionSymbol("NIFTY", Exchange.NFO, offset, OptionType.CE, expiry)
            found = (await engine.call(ask, LOCAL)).instrument
            legs.append(PlaceOrder(found.exchange, found.symbol, side, found.lot_size, Product.NRML, account=ACCOUNT))
        alone = await engine.call(EstimateBasketMargin((legs[0],)), LOCAL)
        both = await engine.call(EstimateBasketMargin(tuple(legs)), LOCAL)
        assert both.margin_paise < alone.margin_paise / 2
        assert "hedges" in both.basis
    finally:
        await engine.close()


async def test_settings(lab_home: Path) -> None:
    engine = await Engine.start(CONFIG)
    try:
        wanted = c.SandboxSettings(starting_capital=5_00_000.0, slippage_ticks=1)
        assert await engine.call(c.SetSandboxSettings(wanted), LOCAL) == wanted
        assert await engine.call(c.GetSandboxSettings(), LOCAL) == wanted
        for bad in (c.SandboxSettings(starting_capital=0.0), c.SandboxSettings(depth_factor=0.0)):
            with pytest.raises(InputError):
                await engine.call(c.SetSandboxSettings(bad), LOCAL)
        await engine.call(c.OpenSandbox(), LOCAL)
        funds = next(one for one in engine.books.funds if one.account == ACCOUNT)
        assert funds.available_paise == 5_00_000_00
    finally:
        await engine.close()
