"""The vendor's official library of the Noren order system against the simulator: what it sends is accepted, and what it
understands of the answers is what our codec understands."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from typing import Any

import pytest

from brokers.noren import ZEBU
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.times import NS_PER_SECOND
from openalgo_lab.model.vocabulary import FeedMode
from tests.conformance.rig import Rig, rig, until
from tests.conformance.simulators.noren import ZebuSimulator
from tests.conformance.venue import CALL, CLIENT, SBIN
from tests.witness.child import listen, witness_python

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def library() -> None:
    """Skips where the official library is missing."""
    asked = subprocess.run([witness_python(), "-c", "import NorenRestApiPy.NorenApi"], capture_output=True, check=False)
    if asked.returncode:
        pytest.skip("The official Noren library (NorenRestApiOAuth) is not in the witnesses' environment.")


@pytest.fixture
async def heard(library: None) -> AsyncIterator[tuple[dict[str, Any], Rig]]:
    """What the library told, and an adapter of ours on the same simulator after it."""
    server = ZebuSimulator()
    given = server.credentials()
    async with rig(ZEBU, server, server.credentials(), connect=False) as made:

        def meanwhile() -> None:
            for order, quantity in zip(server.venue.orders, (4, 5), strict=False):
                if not order.filled and order.status == "open":
                    server.venue.fill(order, quantity, 800.0)
            server.publish(SBIN, CALL)
            if server.venue.orders:
                server.venue.repeat(server.venue.orders[0])

        address = f"{server.url}/NorenWClientAPI"
        arguments = (address, f"{server.feed_url}/", given["client_id"], given["client_secret"], given["code"])
        told = await listen("noren_script.py", *arguments, meanwhile=meanwhile)
        await made.adapter.connect(made.sink)
        yield told, made


async def test_the_library_and_the_codec_agree(heard: tuple[dict[str, Any], Rig]) -> None:
    """One run of the library, all of its answers."""
    told, made = heard
    assert told["session"][1] == CLIENT
    assert told["logged_out"]["stat"] == "Ok"
    await _orders(told, made)
    await _account(told, made)
    await _market(told, made)
    await _stream(told["stream"], made)


async def _orders(told: dict[str, Any], made: Rig) -> None:
    book = {row.broker_order_id: row for row in await made.adapter.order_book()}
    assert list(book) == [row["norenordno"] for row in told["orders"]] == told["ids"]
    for row in told["orders"]:
        ours = book[row["norenordno"]]
        assert (ours.symbol, str(ours.quantity)) == (row["tsym"], row["qty"])
        assert (f"{ours.price:.2f}", ours.order_id) == (row["prc"], row["remarks"])
    first, _, third, fourth = (book[number] for number in told["ids"])
    assert (first.order_id, first.quantity, first.price) == ("WITNESS1", 12, 800.1)
    assert (first.status, third.status) == (OrderStatus.PARTIALLY_FILLED, OrderStatus.CANCELLED)
    assert (third.trigger_price, fourth.symbol) == (819.95, "M&M-EQ")
    assert told["refused"] == [None, None]
    assert told["history_of"][0]["norenordno"] == told["ids"][0]
    fills = {fill.trade_id: fill for fill in await made.adapter.trade_book()}
    for row in told["trades"]:
        trade = fills[row["flid"]]
        assert (str(trade.quantity), f"{trade.price:.2f}") == (row["flqty"], row["flprc"])


async def _account(told: dict[str, Any], made: Rig) -> None:
    holdings = await made.adapter.holdings()
    assert [h.average_price for h in holdings] == [float(row["upldprc"]) for row in told["holdings"]]
    funds = await made.adapter.funds()
    assert funds.used_paise == round(float(told["limits"]["marginused"]) * 100)
    (position,) = await made.adapter.positions()
    assert {row["tsym"] for row in told["positions"]} == {position.symbol}


async def _market(told: dict[str, Any], made: Rig) -> None:
    share = await made.instrument(SBIN)
    (quote,) = await made.adapter.quotes([share])
    theirs = told["quote"]
    assert (quote.ltp, quote.prev_close, quote.bid_qty) == tuple(float(theirs[name]) for name in ("lp", "c", "bq1"))
    start, end = 1767584700, 1767585060
    bars = await made.adapter.history(share, "1m", start * NS_PER_SECOND, (end + 1) * NS_PER_SECOND)
    assert [int(row["ssboe"]) * NS_PER_SECOND for row in told["candles"]][::-1] == bars.start_ns.tolist()
    assert [float(row["intc"]) for row in told["candles"]][::-1] == bars.close.tolist()
    assert len(told["days"]) > 2


async def _stream(told: dict[str, Any], made: Rig) -> None:
    instruments = await made.all((SBIN, CALL))
    await made.adapter.subscribe(instruments, FeedMode.DEPTH)
    await until(lambda: all("bid_px_4" in made.sink.latest(i.token) for i in instruments))
    for instrument in instruments:
        ours, theirs = made.sink.latest(instrument.token), told["dk"][instrument.broker_token]
        for name, key in (("ltp", "lp"), ("open", "o"), ("prev_close", "c"), ("volume", "v"), ("average", "ap")):
            assert ours[name] == float(theirs[key])
        for level in range(5):
            assert (ours[f"bid_px_{level}"], ours[f"ask_sz_{level}"]) == (
                float(theirs[f"bp{level + 1}"]), float(theirs[f"sq{level + 1}"]),
            )  # fmt: skip
        assert ours["time_ns"] == int(theirs["ft"]) * NS_PER_SECOND
    assert told["om"][-1]["norenordno"] == (await made.adapter.order_book())[0].broker_order_id
