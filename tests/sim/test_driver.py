"""The exchange's own task: it outlives the turn of a day, and says so when it cannot go on."""

from __future__ import annotations

import asyncio
import sqlite3

import msgspec
import pytest

from openalgo_lab.model.errors import SymbolError, WireError
from openalgo_lab.model.times import NS_PER_DAY
from openalgo_lab.sim.records import Records
from openalgo_lab.sim.transport import ExchangeDriver, InProcessExchange
from openalgo_lab.sim.venue import Venue
from openalgo_lab.wire.transport import HttpRequest
from tests.brokers.simulated.exchange import until
from tests.sim.fake_market import INSTRUMENTS, NIFTY_CE, SBIN, FakeMarket

TICKET = msgspec.json.encode({"tok": SBIN, "bs": "B", "prd": "INT", "typ": "MKT", "qty": 5})


async def login(driver: ExchangeDriver) -> tuple[tuple[str, str], ...]:
    response = await driver.respond(HttpRequest("POST", "/session", body=b'{"client":"ME"}'))
    return (("authorization", f"Bearer {msgspec.json.decode(response.body)['bearer']}"),)


async def place(driver: ExchangeDriver, headers: tuple[tuple[str, str], ...]) -> int:
    return (await driver.respond(HttpRequest("POST", "/orders", headers, TICKET))).status


async def test_a_contract_that_expires_is_silent_and_the_rest_goes_on() -> None:
    market = FakeMarket()
    driver = ExchangeDriver(Venue(market, Records(":memory:")), step_ms=5)
    feed = driver.open_feed(await login(driver))
    frames: list[str | bytes] = []

    async def listen() -> None:
        async for frame in feed.frames():
            frames.append(frame)  # noqa: PERF401 - looked at while it grows

    task = asyncio.create_task(listen())
    await feed.send(msgspec.json.encode({"op": "sub", "mode": "D", "toks": [SBIN, NIFTY_CE]}))
    await until(lambda: any(isinstance(frame, bytes) for frame in frames))
    market.listed = [i for i in INSTRUMENTS if i.token != NIFTY_CE]
    market.clock.advance(NS_PER_DAY)  # type: ignore[union-attr]
    await asyncio.sleep(0.05)
    frames.clear()
    market.prices[SBIN] = 805.0
    await until(lambda: any(isinstance(frame, bytes) for frame in frames))
    assert not driver.venue.halted
    await driver.stop()
    await task


async def test_prices_that_are_not_to_be_had_once_are_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    market = FakeMarket()
    driver = ExchangeDriver(Venue(market, Records(":memory:")), step_ms=5)
    feed = driver.open_feed(await login(driver))
    snapshot = market.snapshot

    def failing(*_: object, **__: object) -> None:
        raise SymbolError("not listed")

    market.snapshot = failing  # type: ignore[method-assign, assignment]
    await feed.send(msgspec.json.encode({"op": "sub", "mode": "P", "toks": [SBIN]}))
    await until(lambda: "not to be had" in caplog.text)
    market.snapshot = snapshot  # type: ignore[method-assign]
    assert await place(driver, await login(driver)) == 200
    await until(lambda: driver.venue.client("ME").trades)
    await driver.stop()


async def test_a_task_that_dies_is_said_to_every_client() -> None:
    driver = ExchangeDriver(Venue(FakeMarket(), Records(":memory:")), step_ms=5)
    headers = await login(driver)

    def broken(now_ns: int) -> None:
        raise ZeroDivisionError("a fault of ours")

    driver.venue.step = broken  # type: ignore[method-assign]
    await until(lambda: driver.venue.halted)
    response = await driver.respond(HttpRequest("POST", "/orders", headers, TICKET))
    assert response.status == 503
    assert b"a fault of ours" in response.body
    await driver.stop()


class FullDisk(Records):
    """Takes orders as they come, but not their fills."""

    def save_trade(self, trade: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")


async def test_a_full_disk_leaves_a_venue_that_answers_why_and_rests() -> None:
    driver = ExchangeDriver(Venue(FakeMarket(), FullDisk(":memory:")), step_ms=5)
    headers = await login(driver)
    assert await place(driver, headers) == 200
    await until(lambda: driver.venue.halted)
    assert await place(driver, headers) == 503
    turns = 0
    advance = driver._advance

    def counting(now: int, *, step: bool) -> None:
        nonlocal turns
        turns += 1
        advance(now, step=step)

    driver._advance = counting  # type: ignore[method-assign]
    await asyncio.sleep(0.1)
    assert turns < 50, "it spins"
    await driver.stop()


async def test_the_transport_knows_one_feed_and_closes_twice() -> None:
    exchange = InProcessExchange(FakeMarket(), None)
    with pytest.raises(WireError):
        await exchange.open_feed("/elsewhere")
    feed = exchange.driver.open_feed(await login(exchange.driver))
    await feed.close()
    with pytest.raises(WireError):
        await feed.send("{}")
    await exchange.close()
    await exchange.close()
