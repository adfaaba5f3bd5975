"""The Telegram bot against a local stand-in of the Bot API."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from openalgo_lab.engine.engine import Engine
from openalgo_lab.engine.principal import Permission, Principal
from openalgo_lab.engine.telegram.picture import HEIGHT, WIDTH, candle_png
from openalgo_lab.model import alerts as c
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.market import Bars
from openalgo_lab.model.secret import Secret
from openalgo_lab.model.vocabulary import Exchange
from tests.support.bot_api import TOKEN, BotApi
from tests.support.engine_parts import TRADER, market
from tests.support.scripted_broker import ScriptedBroker
from tests.support.works import engine_of, quote

OWNER = Principal("owner", Permission.ADMIN)


async def linked(api: BotApi, folder: Path, **more: Any) -> tuple[Engine, ScriptedBroker]:
    broker = ScriptedBroker()
    engine = await engine_of(broker, folder, **more)
    status = await engine.call(c.StartTelegram(Secret(TOKEN), api.url), OWNER)
    assert status.running and len(status.link_code) == 8
    api.say(f"/link {status.link_code}")
    assert "Linked" in (await api.answer(1))["text"]
    return engine, broker


async def test_only_a_chat_with_the_code_is_heard(tmp_path: Path) -> None:
    async with BotApi() as api:
        engine = await engine_of(ScriptedBroker(), tmp_path)
        code = (await engine.call(c.StartTelegram(Secret(TOKEN), api.url), OWNER)).link_code
        api.say("/positions")
        assert "not linked" in (await api.answer(1))["text"]
        api.say("/link 00000000")
        assert "not the code" in (await api.answer(2))["text"]
        api.say(f"/link {code}")
        assert "Linked" in (await api.answer(3))["text"]
        api.say(f"/link {code}", chat=8)  # worth one chat
        assert "not the code" in (await api.answer(4))["text"]
        api.press("/positions", chat=8)
        api.say("/positions")
        assert (await api.answer(5))["chat_id"] == "7"
        status = await engine.call(c.GetTelegram(), OWNER)
        assert (status.name, status.chats, status.failure) == ("lab_bot", 1, "")
        assert status.link_code != code
        await engine.close()
        api.updates.clear()  # as Telegram drops what was read
        engine = await engine_of(ScriptedBroker(), tmp_path)  # linked chats outlive the engine
        await engine.call(c.StartTelegram(Secret(TOKEN), api.url), OWNER)
        api.say("/unlink")
        assert "forgotten" in (await api.answer(6))["text"]
        await engine.close()


async def test_books_quote_chart_menu(tmp_path: Path) -> None:
    async with BotApi() as api:
        engine, broker = await linked(api, tmp_path)
        await engine.call(market(strategy="s"), TRADER)
        broker.fill("B1", 10, 100.0)
        quote(engine, 101.5)
        asked = {
            "/orderbook": "BUY 10/10 SBIN MARKET complete", "/tradebook": "BUY 10 SBIN @ 100.00",
            "/positions": "SBIN MIS +10 @ 100.00", "/holdings": "Nothing.", "/funds": "TEST: available",
            "/pnl": "TEST: +₹15.00 today", "/status": "TEST (simulated)", "/mode": "SIMULATED", "/help": "/quote",
            "/quote SBIN": "SBIN", "/quote": "Name a symbol", "/quote NOBODY": "not listed", "/what": "/quote",
        }  # fmt: skip
        for number, (command, words) in enumerate(asked.items(), start=2):
            api.say(command)
            assert words in (await api.answer(number))["text"]
        count = len(api.sent)
        api.say("/chart SBIN NSE 5m")
        picture = await api.answer(count + 1)
        assert picture["method"] == "sendPhoto" and picture["photo"].startswith(b"\x89PNG")
        assert "SBIN 5m" in picture["caption"]
        api.say("/menu")
        assert "/positions" in (await api.answer(count + 2))["reply_markup"]
        api.press("/positions")
        assert "SBIN" in (await api.answer(count + 3))["text"]
        await engine.close()


async def test_closing_asks_first(tmp_path: Path) -> None:
    now = [1_795_000_000_000_000_000]
    async with BotApi() as api:
        engine, broker = await linked(api, tmp_path, now_ns=lambda: now[0])
        await engine.call(market(), TRADER)
        broker.fill("B1", 10, 100.0)

        async def ask(number: int) -> str:
            api.say("/closeall")
            keys = json.loads((await api.answer(number))["reply_markup"])["inline_keyboard"][0]
            return str(keys[0]["callback_data"])

        await ask(2)
        api.press("no")
        assert "Nothing was done" in (await api.answer(3))["text"]
        old = await ask(4)
        now[0] += 61_000_000_000
        api.press(old)
        assert "too old" in (await api.answer(5))["text"]
        assert len(broker.rows) == 1
        yes = await ask(6)
        api.press(yes)
        assert "1 closing orders" in (await api.answer(7))["text"]
        assert len(broker.rows) == 2
        api.press(yes)  # a second press is worth nothing
        assert "Nothing was done" in (await api.answer(8))["text"]
        assert len(broker.rows) == 2
        await engine.close()


async def test_alerts_arrive_and_a_bad_network_is_waited_out(tmp_path: Path) -> None:
    async with BotApi() as api:
        engine, _ = await linked(api, tmp_path)
        api.fail = 1
        command = c.SetAlert(
            "up", c.PriceCondition(Exchange.NSE, "SBIN", above=True, value=105.0), (c.Channel.TELEGRAM,)
        )
        await engine.call(command, TRADER)
        quote(engine, 105.0)
        await engine.works.alerts.look()
        assert (await api.answer(2))["text"] == "up: ltp of SBIN is 105.00."
        stopped = await engine.call(c.StopTelegram(forget=True), OWNER)
        assert not stopped.running
        await engine.close()


async def test_a_wrong_token_is_told(tmp_path: Path) -> None:
    import asyncio

    async with BotApi() as api:
        engine = await engine_of(ScriptedBroker(), tmp_path)
        await engine.call(c.StartTelegram(Secret("1:wrong"), api.url), OWNER)
        async with asyncio.timeout(10):
            while not (status := await engine.call(c.GetTelegram(), OWNER)).failure:
                await asyncio.sleep(0.02)
        assert "BotFather" in status.failure
        with pytest.raises(InputError, match="no token"):
            await engine.call(c.StartTelegram(), OWNER)
        await engine.close()


def test_the_picture_is_a_png() -> None:
    close = 100 + np.cumsum(np.random.default_rng(1).normal(size=300))
    bars = Bars(np.arange(300), close, close + 1, close - 1, close + 0.3, close, close)
    png = candle_png(bars)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    body = png[png.index(b"IDAT") + 4 : png.index(b"IEND") - 8]
    assert len(zlib.decompress(body)) == HEIGHT * (1 + WIDTH * 3)
    flat = np.array([1.0])
    assert candle_png(Bars(np.array([1]), flat, flat, flat, flat, flat, flat))
    empty = np.array([])
    with pytest.raises(InputError, match="no candles"):
        candle_png(Bars(np.array([], dtype=np.int64), empty, empty, empty, empty, empty, empty))


async def test_a_message_that_brings_the_bot_down_is_not_read_again(tmp_path: Path) -> None:
    async with BotApi() as api:
        engine, _ = await linked(api, tmp_path)
        asked: list[str] = []

        def broken() -> Any:
            asked.append("status")
            raise RuntimeError("a fault of ours")

        engine.works.telegram._workbench.status = broken  # type: ignore[method-assign]
        api.say("/status")
        api.say("/positions")
        assert (await api.answer(2))["text"] == "Nothing."
        assert asked == ["status"]
        await engine.close()
