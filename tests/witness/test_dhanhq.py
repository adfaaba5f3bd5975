"""The official library of Dhan against the simulator: what it sends is accepted, and what it understands of the
answers is what our codec understands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from brokers.dhan import DHAN
from openalgo_lab.model.gtt import GttStatus
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.times import IST, from_ns, to_ns
from openalgo_lab.model.vocabulary import FeedMode, Product
from tests.conformance.rig import Rig, intent, rig, until
from tests.conformance.simulators.dhan import PIN, TOTP, DhanSimulator
from tests.conformance.venue import CALL, CLIENT, NIFTY, SBIN
from tests.witness.child import listen, witness_python

PLACES = {SBIN: ("NSE_EQ", "3045"), NIFTY: ("IDX_I", "1001"), CALL: ("NSE_FNO", "47164")}


class Heard:
    """What the library told, and an adapter of ours on the same simulator after it."""

    def __init__(self, told: dict[str, Any], made: Rig) -> None:
        self.told = told
        self.made = made


@pytest.fixture
async def heard() -> AsyncIterator[Heard]:
    witness_python()
    server = DhanSimulator()
    async with rig(DHAN, server, server.credentials(), connect=False) as made:

        def meanwhile() -> None:
            """The market moves: the first order is filled in part, the second one whole; prices go to the feed."""
            for order, quantity in zip(server.venue.orders, (4, 5), strict=False):
                if not order.filled and order.status == "open":
                    server.venue.fill(order, quantity, 800.0)
            server.publish(*PLACES)
            if server.venue.orders:
                server.venue.repeat(server.venue.orders[0])

        told = await listen("dhan_script.py", server.url, server.feed_url, CLIENT, PIN, TOTP, meanwhile=meanwhile)
        await made.adapter.connect(made.sink)
        yield Heard(told, made)


async def test_the_library_and_the_codec_agree(heard: Heard) -> None:
    """One run of the library, all of its answers."""
    await _orders(heard)
    await _triggers(heard)
    await _portfolio(heard)
    await _market(heard)
    await _ticks(heard)


async def _orders(heard: Heard) -> None:
    told, adapter = heard.told, heard.made.adapter
    assert told["session"]["dhanClientId"] == CLIENT
    book = {row.broker_order_id: row for row in await adapter.order_book()}
    assert list(book) == [row["orderId"] for row in told["orders"]] == told["ids"]
    for row in told["orders"]:
        ours = book[row["orderId"]]
        assert (ours.symbol, ours.side, ours.quantity) == (row["securityId"], row["transactionType"], row["quantity"])
        assert (ours.price, ours.trigger_price) == (row["price"], row["triggerPrice"])
        assert ours.order_id == ("" if row["correlationId"] == "NA" else row["correlationId"])
    first, second, third = (book[order_id] for order_id in told["ids"])
    assert (first.order_id, first.quantity, first.price, first.product) == ("WITNESS1", 12, 800.1, Product.MIS)
    assert (first.status, third.status) == (OrderStatus.PARTIALLY_FILLED, OrderStatus.CANCELLED)
    assert (second.side, third.price_type) == ("SELL", "SL")
    assert told["refused"]["error_code"] == "DH-906"
    assert [told["one"][0]["orderId"], told["external"]["orderId"]] == [first.broker_order_id] * 2
    fills = {(f.trade_id, f.quantity, f.price) for f in await adapter.trade_book()}
    assert fills >= {(row["exchangeTradeId"], row["tradedQuantity"], row["tradedPrice"]) for row in told["trades"]}
    update = told["update"]["Data"]
    assert (update["orderNo"], update["correlationId"]) == (first.broker_order_id, first.order_id)
    assert (update["tradedQty"], update["status"]) == (first.filled_quantity, "Part_Traded")


async def _triggers(heard: Heard) -> None:
    book = {row.broker_gtt_id: row for row in await heard.made.ask("gtt_book")}
    assert list(book) == heard.told["gtt"]
    single, pair = book.values()
    assert [leg.trigger_price for leg in single.legs] == [770.0]
    assert [(leg.trigger_price, leg.price) for leg in pair.legs] == [(780.0, 779.5), (850.0, 849.5)]
    assert {single.status, pair.status} == {GttStatus.ACTIVE}
    assert [(row["triggerPrice"], row["legName"]) for row in heard.told["gtts"]] == [
        (770.0, "ENTRY_LEG"), (780.0, "STOP_LOSS_LEG"), (850.0, "TARGET_LEG"),
    ]  # fmt: skip


async def _portfolio(heard: Heard) -> None:
    told, made = heard.told, heard.made
    holdings = await made.adapter.holdings()
    assert [(h.symbol, h.quantity, h.average_price) for h in holdings] == [
        (row["securityId"], row["totalQty"], row["avgCostPrice"]) for row in told["holdings"]
    ]
    funds = await made.adapter.funds()
    names = ("availabelBalance", "utilizedAmount", "collateralAmount")
    assert [funds.available_paise, funds.used_paise, funds.collateral_paise] == [
        round(told["funds"][name] * 100) for name in names
    ]
    call = await made.instrument(CALL)
    leg = (intent(call, product=Product.NRML, quantity=65, price=200.0), call)
    assert await made.ask("margin", [leg]) == round(told["margin"]["totalMargin"] * 100)
    assert await made.ask("margin", [leg, leg]) == round(float(told["margins"]["total_margin"]) * 100)


async def _market(heard: Heard) -> None:
    told, made = heard.told, heard.made
    instruments = await made.all(list(PLACES))
    quotes = await made.adapter.quotes(instruments)
    for quote, (segment, number), instrument in zip(quotes, PLACES.values(), instruments, strict=True):
        row, short = told["quotes"][segment][number], told["ohlc"][segment][number]
        assert quote.ltp == row["last_price"] == told["ticker"][segment][number]["last_price"]
        assert (quote.open, quote.prev_close) == (short["ohlc"]["open"], short["ohlc"]["close"])
        if instrument.tradable:
            assert (quote.volume, quote.oi, quote.average) == (row["volume"], row["oi"], row["average_price"])
            assert (quote.bid, quote.bid_qty) == tuple(row["depth"]["buy"][0][n] for n in ("price", "quantity"))
    await _candles(heard, instruments[0], "5m", datetime(2026, 1, 2, 9, 15, tzinfo=IST), 3.3, "minutes")
    await _candles(heard, instruments[0], "D", datetime(2025, 12, 29, tzinfo=IST), 8, "days")


async def _candles(heard: Heard, share: Instrument, interval: str, start: datetime, days: float, name: str) -> None:
    bars = await heard.made.adapter.history(share, interval, to_ns(start), to_ns(start + timedelta(days=days)))
    theirs = heard.told[name]
    assert len(bars) > 0
    assert [round(second) * 10**9 for second in theirs["timestamp"]] == bars.start_ns.tolist()
    for column in ("open", "high", "low", "close", "volume"):
        assert theirs[column] == getattr(bars, column).tolist()


async def _ticks(heard: Heard) -> None:
    told, made = heard.told, heard.made
    instruments = await made.all(list(PLACES))
    await made.adapter.subscribe(instruments, FeedMode.DEPTH)
    await until(lambda: all("prev_close" in made.sink.latest(i.token) for i in instruments))
    await until(lambda: all("ltp" in made.sink.latest(i.token) for i in instruments))
    for instrument, (_, number) in zip(instruments, PLACES.values(), strict=True):
        ours, full = made.sink.latest(instrument.token), told["Full Data"][number]
        for kind in ("Ticker Data", "Quote Data", "Full Data"):
            assert float(told[kind][number]["LTP"]) == ours["ltp"]
        assert float(told["Previous Close"][number]["prev_close"]) == ours["prev_close"]
        assert f"{from_ns(int(ours['time_ns'])):%H:%M:%S}" == full["LTT"]
        if not instrument.tradable:
            assert full["type"] == "Ticker Data"
            continue
        assert (full["LTQ"], full["volume"], full["OI"]) == (ours["ltq"], ours["volume"], ours["oi"])
        assert told["OI Data"][number]["OI"] == ours["oi"]
        assert [float(full[name]) for name in ("open", "high", "low", "avg_price")] == [
            ours[name] for name in ("open", "high", "low", "average")
        ]
        for level, row in enumerate(full["depth"]):
            assert (float(row["bid_price"]), row["bid_quantity"]) == (ours[f"bid_px_{level}"], ours[f"bid_sz_{level}"])
            assert (float(row["ask_price"]), row["ask_quantity"]) == (ours[f"ask_px_{level}"], ours[f"ask_sz_{level}"])
