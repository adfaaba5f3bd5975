"""Firstock's official library against the simulator: what it sends is accepted, and what it understands of the answers
is what our codec understands."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from brokers.firstock import SPEC
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.times import NS_PER_SECOND
from openalgo_lab.model.vocabulary import FeedMode, PriceType
from tests.conformance.rig import Rig, rig, until
from tests.conformance.simulators.firstock import FirstockSimulator
from tests.conformance.venue import CALL, CLIENT, NIFTY, SBIN
from tests.witness.child import listen, witness_python

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def library() -> None:
    """Skips where the official library is missing."""
    asked = subprocess.run([witness_python(), "-c", "import firstock"], capture_output=True, check=False)
    if asked.returncode:
        pytest.skip("The official library of Firstock is not in the witnesses' environment.")


@pytest.fixture
async def heard(library: None) -> AsyncIterator[tuple[dict[str, Any], Rig]]:
    """What the library told, and an adapter of ours on the same simulator after it."""
    server = FirstockSimulator()
    given = server.credentials()
    spec = msgspec.structs.replace(SPEC, limits=msgspec.structs.replace(SPEC.limits, rates=()))
    async with rig(spec, server, given, connect=False) as made:

        def meanwhile() -> None:
            for order, quantity in zip(server.venue.orders, (4, 5), strict=False):
                if not order.filled and order.status == "open":
                    server.venue.fill(order, quantity, 800.0)
            server.publish(SBIN, CALL, NIFTY)
            if server.venue.orders:
                server.venue.repeat(server.venue.orders[0])

        host = server.url.removeprefix("http://")
        arguments = (server.url, host, given["user_id"], given["password"], given["totp"], given["api_key"])
        told = await listen("firstock_script.py", *arguments, meanwhile=meanwhile)
        await made.adapter.connect(made.sink)
        yield told, made


async def test_the_library_and_the_codec_agree(heard: tuple[dict[str, Any], Rig]) -> None:
    """One run of the library, all of its answers."""
    told, made = heard
    assert told["session"]["data"]["actid"] == told["user"]["data"]["actid"] == CLIENT
    assert told["logged_out"]["status"] == "success"
    await _orders(told, made)
    await _account(told, made)
    await _stream(told["stream"], made)


async def _orders(told: dict[str, Any], made: Rig) -> None:
    book = {row.broker_order_id: row for row in await made.adapter.order_book()}
    assert list(book) == [row["orderNumber"] for row in told["orders"]] == told["ids"]
    for row in told["orders"]:
        placed = book[row["orderNumber"]]
        assert (placed.symbol, str(placed.quantity), f"{placed.price:.2f}") == (
            row["tradingSymbol"], row["quantity"], row["price"],
        )  # fmt: skip
        assert placed.order_id == row["remarks"]
    first, second, third = (book[number] for number in told["ids"])
    assert (first.order_id, first.quantity, first.price) == ("WITNESS1", 12, 800.1)
    assert (first.status, third.status) == (OrderStatus.PARTIALLY_FILLED, OrderStatus.CANCELLED)
    assert (second.price_type, third.trigger_price) == (PriceType.MARKET, 819.95)
    assert "rejreason" not in told["modified"]["data"]
    assert ["rejreason" in answer["data"] for answer in told["cancelled"]] == [False, True]
    fills = {fill.trade_id: fill for fill in await made.adapter.trade_book()}
    for row in told["trades"]:
        assert (str(fills[row["fillId"]].quantity), fills[row["fillId"]].price) == (
            row["fillQuantity"],
            row["fillPrice"],
        )


async def _account(told: dict[str, Any], made: Rig) -> None:
    funds = await made.adapter.funds()
    assert funds.available_paise == round(float(told["limit"]["availableMargin"]) * 100)
    (position,) = await made.adapter.positions()
    assert {row["tradingSymbol"] for row in told["positions"]} == {position.symbol}
    share = await made.instrument(SBIN)
    times = [row["epochTime"] for row in told["candles"]]
    bars = await made.adapter.history(share, "1m", times[0] * NS_PER_SECOND, (times[-1] + 1) * NS_PER_SECOND)
    assert [time * NS_PER_SECOND for time in times] == bars.start_ns.tolist()
    assert [row["close"] for row in told["candles"]] == bars.close.tolist()


async def _stream(told: dict[str, Any], made: Rig) -> None:
    instruments = await made.all((SBIN, CALL, NIFTY))
    await made.adapter.subscribe(instruments, FeedMode.DEPTH)
    await until(lambda: all("ltp" in made.sink.latest(i.token) for i in instruments))
    for instrument in instruments:
        ours, theirs = made.sink.latest(instrument.token), told["ticks"][instrument.broker_token]
        assert ours["ltp"] == theirs["i_last_traded_price"] / 100
        assert ours["prev_close"] == theirs["i_closing_price"] / 100
        if instrument.tradable:
            assert ours["volume"] == theirs["i_volume_traded_today"]
            assert ours["bid_px_0"] == theirs["best_buy"][0]["price"] / 100
            assert ours["ask_sz_4"] == theirs["best_sell"][4]["quantity"]
    assert told["orders"][-1]["norenordno"] == (await made.adapter.order_book())[0].broker_order_id
