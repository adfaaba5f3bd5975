"""The official library of Upstox against the simulator: what it sends is accepted, and what it understands of the
answers is what our codec understands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from brokers.upstox import SPEC
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.times import IST, to_ns
from openalgo_lab.model.vocabulary import FeedMode, Product
from tests.conformance.rig import Rig, intent, rig, until
from tests.conformance.simulators.upstox import API_KEY, API_SECRET, REDIRECT, UpstoxSimulator
from tests.conformance.venue import CALL, CLIENT, NIFTY, SBIN
from tests.witness.child import listen, witness_python

KEYS = {SBIN: "NSE_EQ|INE062A01020", NIFTY: "NSE_INDEX|Nifty 50", CALL: "NSE_FO|47164"}


class Heard:
    """What the library told, and an adapter of ours on the same simulator after it."""

    def __init__(self, told: dict[str, Any], made: Rig) -> None:
        self.told = told
        self.made = made

    def data(self, name: str) -> Any:
        return self.told[name]["data"]


@pytest.fixture
async def heard() -> AsyncIterator[Heard]:
    witness_python()
    server = UpstoxSimulator()
    async with rig(SPEC, server, server.credentials(), connect=False) as made:

        def meanwhile() -> None:
            """The market moves: the first order is filled in part, the second one whole; prices go to the feed."""
            for order, quantity in zip(server.venue.orders, (4, 5), strict=False):
                if not order.filled and order.status == "open":
                    server.venue.fill(order, quantity, 800.0)
            server.publish(*KEYS)
            if server.venue.orders:
                server.venue.repeat(server.venue.orders[0])

        known = (server.url, server.feed_url, API_KEY, API_SECRET, REDIRECT, server.credentials()["code"])
        told = await listen("upstox_script.py", *known, meanwhile=meanwhile)
        await made.adapter.connect(made.sink)
        yield Heard(told, made)


async def test_the_library_and_the_codec_agree(heard: Heard) -> None:
    """One run of the library, all of its answers."""
    await _session(heard)
    await _orders(heard)
    await _portfolio(heard)
    await _market(heard)
    await _ticks(heard)


async def _session(heard: Heard) -> None:
    profile = await heard.made.ask("profile")
    assert profile.client == heard.data("profile")["user_id"] == heard.told["session"]["user_id"] == CLIENT
    assert set(profile.exchanges) == set(heard.data("profile")["exchanges"])


async def _orders(heard: Heard) -> None:
    told, adapter = heard.told, heard.made.adapter
    book = {row.broker_order_id: row for row in await adapter.order_book()}
    assert list(book) == [row["order_id"] for row in heard.data("orders")] == told["ids"]
    for row in heard.data("orders"):
        ours = book[row["order_id"]]
        assert (ours.symbol, ours.side, ours.order_id) == (
            row["instrument_token"], row["transaction_type"], row.get("tag") or "",
        )  # fmt: skip
        assert (ours.quantity, ours.price, ours.trigger_price) == (row["quantity"], row["price"], row["trigger_price"])
        assert (ours.price_type, ours.product) == (row["order_type"], Product.MIS)
    first, _, third = (book[order_id] for order_id in told["ids"])
    assert (first.order_id, first.quantity, first.price) == ("WITNESS1", 12, 800.1)
    assert (first.status, third.status) == (OrderStatus.PARTIALLY_FILLED, OrderStatus.CANCELLED)
    assert told["refused"] == [400, "UDAPI100040"]
    assert heard.data("details")["order_id"] == first.broker_order_id
    fills = {(f.trade_id, f.quantity, f.price) for f in await adapter.trade_book()}
    assert fills >= {(row["trade_id"], row["quantity"], row["average_price"]) for row in heard.data("trades")}
    update = told["updates"][-1]
    assert (update["update_type"], update["order_id"]) == ("order", first.broker_order_id)
    (gtt,) = await heard.made.ask("gtt_book")
    (theirs,) = heard.data("gtts")
    assert [gtt.broker_gtt_id] == told["gtt"] == [theirs["gtt_order_id"]]
    assert gtt.legs[0].trigger_price == theirs["rules"][0]["trigger_price"]


async def _portfolio(heard: Heard) -> None:
    adapter, made = heard.made.adapter, heard.made
    holdings = await adapter.holdings()
    assert [(h.symbol, h.exchange, h.average_price) for h in holdings] == [
        (row["instrument_token"], row["exchange"], row["average_price"]) for row in heard.data("holdings")
    ]
    assert [h.quantity for h in holdings] == [row["quantity"] + row["t1_quantity"] for row in heard.data("holdings")]
    funds, money = await adapter.funds(), made.simulator.venue.money
    assert funds.available_paise == round(money["available"] * 100)
    assert isinstance(heard.told["funds"]["data"], dict)
    share, call = await made.all((SBIN, CALL))
    legs = [(intent(call, product=Product.NRML, quantity=65), call), (intent(share, product=Product.CNC), share)]
    assert await made.ask("margin", legs) == round(heard.data("margin")["final_margin"] * 100)


async def _market(heard: Heard) -> None:
    made = heard.made
    instruments = dict(zip(KEYS, await made.all(list(KEYS)), strict=True))
    assert {x: i.broker_symbol for x, i in instruments.items()} == KEYS
    theirs = {row["instrument_token"]: row for row in heard.data("quotes").values()}
    for quote, instrument in zip(
        await made.adapter.quotes(list(instruments.values())), instruments.values(), strict=True
    ):
        row = theirs[instrument.broker_symbol]
        assert (quote.ltp, quote.open, quote.high) == (row["last_price"], row["ohlc"]["open"], row["ohlc"]["high"])
        assert quote.prev_close == pytest.approx(row["last_price"] - row["net_change"])
        if instrument.tradable:
            assert (quote.volume, quote.oi, quote.average) == (row["volume"], row["oi"], row["average_price"])
            assert (quote.bid, quote.bid_qty) == tuple(row["depth"]["buy"][0][n] for n in ("price", "quantity"))
    await _candles(heard, instruments[SBIN], datetime(2026, 1, 2, tzinfo=IST), 4, "candles")
    now = datetime.now(IST)
    if now.hour >= 4:  # a session belongs to the day before until half past three, and so has no candles of today
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        await _candles(heard, instruments[SBIN], midnight, 1, "today")


async def _candles(heard: Heard, share: Instrument, start: datetime, days: int, name: str) -> None:
    bars = await heard.made.adapter.history(share, "5m", to_ns(start), to_ns(start + timedelta(days=days)))
    rows = sorted(heard.data(name)["candles"])
    assert [to_ns(datetime.fromisoformat(row[0])) for row in rows] == bars.start_ns.tolist()
    for place, column in enumerate(("open", "high", "low", "close", "volume", "oi"), start=1):
        assert [row[place] for row in rows] == getattr(bars, column).tolist()


async def _ticks(heard: Heard) -> None:
    told, made = heard.told, heard.made
    instruments = dict(zip(KEYS, await made.all(list(KEYS)), strict=True))
    await made.adapter.subscribe(list(instruments.values()), FeedMode.DEPTH)
    await until(lambda: all("open" in made.sink.latest(i.token) for i in instruments.values()))
    for listing, instrument in instruments.items():
        ours, full = made.sink.latest(instrument.token), told["fullFeed"][KEYS[listing]]
        part = full["indexFF" if listing is NIFTY else "marketFF"]
        last = part["ltpc"]
        assert (ours["ltp"], ours["prev_close"]) == (last["ltp"], last["cp"])
        assert told["ltpc"][KEYS[listing]]["ltp"] == ours["ltp"]
        assert ours["time_ns"] == int(last["ltt"]) * 10**6
        day = next(bar for bar in part["marketOHLC"]["ohlc"] if bar["interval"] == "1d")
        assert (ours["open"], ours["high"], ours["low"]) == (day["open"], day["high"], day["low"])
        if listing is NIFTY:
            continue
        assert (ours["volume"], ours["average"]) == (int(part["vtt"]), part["atp"])
        assert ours.get("oi", 0.0) == part.get("oi", 0.0)
        for level, row in enumerate(part["marketLevel"]["bidAskQuote"]):
            assert (ours[f"bid_px_{level}"], ours[f"bid_sz_{level}"]) == (row["bidP"], int(row["bidQ"]))
            assert (ours[f"ask_px_{level}"], ours[f"ask_sz_{level}"]) == (row["askP"], int(row["askQ"]))
    greeks = told["firstLevelWithGreeks"][KEYS[CALL]]
    assert greeks["firstDepth"]["bidP"] == made.sink.latest(instruments[CALL].token)["bid"]
