"""The official library of Kite Connect against the simulator: what it sends is accepted, and what it understands of
the answers is what our codec understands."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest

from brokers.zerodha import SPEC
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.times import IST, to_ns
from openalgo_lab.model.vocabulary import FeedMode
from tests.conformance.rig import Rig, rig, until
from tests.conformance.simulators.zerodha import API_KEY, API_SECRET, ZerodhaSimulator
from tests.conformance.venue import CLIENT, DOLLAR, NIFTY, SBIN
from tests.witness.child import listen, witness_python


class Heard:
    """What the library told, and an adapter of ours on the same simulator after it."""

    def __init__(self, told: dict[str, Any], made: Rig) -> None:
        self.told = told
        self.made = made


@pytest.fixture
async def heard() -> AsyncIterator[Heard]:
    witness_python()
    server = ZerodhaSimulator()
    async with rig(SPEC, server, server.credentials(), connect=False) as made:

        def meanwhile() -> None:
            """The market moves: the first order is filled in part, the second one whole; prices go to the ticker."""
            for order, quantity in zip(server.venue.orders, (4, 5), strict=False):
                if not order.filled and order.status == "open":
                    server.venue.fill(order, quantity, 800.0)
            server.publish(SBIN, NIFTY, DOLLAR)
            if server.venue.orders:
                server.venue.repeat(server.venue.orders[0])

        code = server.credentials()["request_token"]
        told = await listen(
            "kite_script.py", server.url, server.feed_url, API_KEY, API_SECRET, code, meanwhile=meanwhile
        )
        await made.adapter.connect(made.sink)
        yield Heard(told, made)


async def test_the_library_and_the_codec_agree(heard: Heard) -> None:
    """One run of the library, all of its answers."""
    await _session(heard)
    await _orders(heard)
    await _portfolio(heard)
    await _market(heard)
    await _gtts(heard)
    await _ticks(heard)


async def _session(heard: Heard) -> None:
    told = heard.told
    profile = await heard.made.ask("profile")
    assert profile.client == told["profile"]["user_id"] == told["session"]["user_id"] == CLIENT
    assert set(profile.exchanges) == set(told["profile"]["exchanges"]) - {"MF"}
    assert told["logged_out"] is True
    page = SPEC.codec.login_url({"api_key": API_KEY}, "", "s1")
    assert page.startswith(f"https://kite.zerodha.com/connect/login?v=3&api_key={API_KEY}")


async def _orders(heard: Heard) -> None:
    told, adapter = heard.told, heard.made.adapter
    book = {row.broker_order_id: row for row in await adapter.order_book()}
    assert list(book) == [row["order_id"] for row in told["orders"]] == told["ids"]
    for row in told["orders"]:
        ours = book[row["order_id"]]
        assert (ours.symbol, ours.side, ours.product) == (
            row["tradingsymbol"], row["transaction_type"], row["product"],
        )  # fmt: skip
        assert (ours.quantity, ours.price, ours.trigger_price) == (row["quantity"], row["price"], row["trigger_price"])
        assert (ours.price_type, ours.order_id) == (row["order_type"], row["tag"] or "")
    first, _, third = (book[order_id] for order_id in told["ids"])
    assert (first.order_id, first.quantity, first.price) == ("WITNESS1", 12, 800.1)
    assert (first.status, third.status) == (OrderStatus.PARTIALLY_FILLED, OrderStatus.CANCELLED)
    assert [(name, code) for name, _, code in told["refused"]] == [
        ("InputException", 400), ("OrderException", 400), ("InputException", 400),
    ]  # fmt: skip
    fills = await adapter.trade_book()
    assert {(f.trade_id, f.quantity, f.price) for f in fills} >= {
        (row["trade_id"], row["quantity"], row["average_price"]) for row in told["trades"]
    }


async def _portfolio(heard: Heard) -> None:
    told, made = heard.told, heard.made
    holdings = await made.adapter.holdings()
    assert [(h.symbol, h.exchange, h.average_price) for h in holdings] == [
        (row["tradingsymbol"], row["exchange"], row["average_price"]) for row in told["holdings"]
    ]
    assert [h.quantity for h in holdings] == [row["quantity"] + row["t1_quantity"] for row in told["holdings"]]
    funds, equity = await made.adapter.funds(), told["margins"]["equity"]
    assert funds.available_paise == round(equity["net"] * 100)
    assert funds.used_paise == round(equity["utilised"]["debits"] * 100)
    assert told["basket"]["final"]["total"] < told["basket"]["initial"]["total"]
    assert len(told["order_margins"]) == 1


async def _market(heard: Heard) -> None:
    told, made = heard.told, heard.made
    listed = {(i.exchange.removesuffix("_INDEX"), i.broker_symbol): i for i in await made.adapter.instruments()}
    for row in told["instruments"]:
        ours = listed.get((row["exchange"], row["tradingsymbol"]))
        if row["exchange"] == "NSEIX":
            assert ours is None
            continue
        assert ours is not None
        assert ours.token == int(row["instrument_token"])
        assert (str(ours.expiry) if ours.expiry else "") == str(row["expiry"] or "")
        if ours.tradable:
            assert (ours.lot_size, ours.tick_size, ours.strike) == (row["lot_size"], row["tick_size"], row["strike"])
    share = listed["NSE", "SBIN"]
    (quote,) = await made.adapter.quotes([share])
    theirs = told["quote"]["NSE:SBIN"]
    assert (quote.ltp, quote.volume, quote.average) == (theirs["last_price"], theirs["volume"], theirs["average_price"])
    assert (quote.prev_close, quote.open) == (theirs["ohlc"]["close"], theirs["ohlc"]["open"])
    assert (quote.bid, quote.bid_qty) == tuple(theirs["depth"]["buy"][0][n] for n in ("price", "quantity"))
    assert quote.time_ns == to_ns(datetime.fromisoformat(theirs["timestamp"]).replace(tzinfo=IST))
    assert told["ltp"] == {"NSE:SBIN": {"instrument_token": share.token, "last_price": quote.ltp}}
    span = [to_ns(datetime(2026, 1, 5, 9, minute, tzinfo=IST)) for minute in (15, 21)]
    bars = await made.adapter.history(share, "1m", *span)
    assert [to_ns(datetime.fromisoformat(row["date"])) for row in told["candles"]] == bars.start_ns.tolist()
    for name in ("open", "high", "low", "close", "volume", "oi"):
        assert [row[name] for row in told["candles"]] == getattr(bars, name).tolist()


async def _gtts(heard: Heard) -> None:
    book = await heard.made.ask("gtt_book")
    assert [(row.broker_gtt_id, row.legs[0].trigger_price) for row in book] == [
        (str(row["id"]), row["condition"]["trigger_values"][0]) for row in heard.told["gtts"]
    ]


async def _ticks(heard: Heard) -> None:
    told, made = heard.told["ticks"], heard.made
    instruments = await made.all((SBIN, NIFTY, DOLLAR))
    await made.adapter.subscribe(instruments, FeedMode.DEPTH)
    await until(lambda: all("open" in made.sink.latest(i.token) for i in instruments))
    made.simulator.publish(SBIN, NIFTY, DOLLAR)
    await until(lambda: all(made.sink.latest(i.token).get("time_ns") for i in instruments))
    for instrument in instruments:
        ours, theirs = made.sink.latest(instrument.token), told["full"][str(instrument.token)]
        assert ours["ltp"] == theirs["last_price"] == told["ltp"][str(instrument.token)]["last_price"]
        for name, value in theirs["ohlc"].items():
            assert ours["prev_close" if name == "close" else name] == value
        moment = datetime.fromisoformat(theirs["exchange_timestamp"]).replace(tzinfo=IST)
        assert ours["time_ns"] == to_ns(moment)
        if not instrument.tradable:
            continue
        assert (ours["volume"], ours["oi"], ours["ltq"], ours["average"]) == (
            theirs["volume_traded"], theirs["oi"], theirs["last_traded_quantity"], theirs["average_traded_price"],
        )  # fmt: skip
        for side, letter in (("buy", "bid"), ("sell", "ask")):
            for level, row in enumerate(theirs["depth"][side]):
                assert (ours[f"{letter}_px_{level}"], ours[f"{letter}_sz_{level}"]) == (row["price"], row["quantity"])
    update = told["orders"][-1]
    assert update["order_id"] == heard.told["ids"][0]
    assert not math.isnan(update["average_price"])
