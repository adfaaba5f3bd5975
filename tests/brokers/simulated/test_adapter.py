"""One suite of what an adapter does, over the exchange in process, over TCP, and through the proxy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from openalgo_lab.broker.adapter import OrderChange
from openalgo_lab.model.errors import InputError, Rejected
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.reports import Evidence
from openalgo_lab.model.vocabulary import Exchange, FeedMode, PriceType, Product, Side
from tests.brokers.simulated.exchange import SHARE, WAYS, Rig, as_order, intent, listed, rig, tokens_seen, until
from tests.sim.fake_market import INSTRUMENTS, NIFTY, SBIN

MARKET, LIMIT = PriceType.MARKET, PriceType.LIMIT


@pytest.fixture(params=WAYS)
async def made(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    async with rig(request.param) as made:
        yield made


async def test_a_market_order_is_accepted_then_filled(made: Rig) -> None:
    wanted = intent()
    report = await made.adapter.place(wanted, SHARE)
    assert (report.status, report.order_id, report.source) == (
        OrderStatus.ACCEPTED,
        wanted.order_id,
        Evidence.HTTP_REPLY,
    )
    await until(lambda: OrderStatus.COMPLETE in made.sink.statuses(wanted.order_id))
    assert made.sink.statuses(wanted.order_id) == [OrderStatus.ACCEPTED, OrderStatus.COMPLETE]
    (fill,) = made.sink.fills(wanted.order_id)
    assert (fill.quantity, fill.side, fill.broker_order_id) == (10, Side.BUY, report.broker_order_id)
    (row,) = await made.adapter.order_book()
    assert (row.status, row.filled_quantity, row.average_price) == (OrderStatus.COMPLETE, 10, fill.price)
    (booked,) = await made.adapter.trade_book()
    assert (booked.trade_id, booked.source, booked.price) == (fill.trade_id, Evidence.TRADE_BOOK, fill.price)
    (position,) = await made.adapter.positions()
    assert (position.quantity, position.average_price, position.product) == (10, fill.price, Product.MIS)
    funds = await made.adapter.funds()
    assert funds.used_paise == round(fill.price * 10 * 20)
    assert funds.available_paise + funds.used_paise == 1_00_00_000_00


async def test_a_limit_order_is_modified_and_cancelled(made: Rig) -> None:
    wanted = intent(LIMIT, price=790.0)
    order = as_order(wanted, await made.adapter.place(wanted, SHARE))
    await until(lambda: OrderStatus.OPEN in made.sink.statuses(wanted.order_id))
    await made.adapter.modify(order, OrderChange(20, LIMIT, 791.0, 0.0), SHARE)
    (row,) = await made.adapter.order_book()
    assert (row.quantity, row.price) == (20, 791.0)
    await made.adapter.cancel(order)
    (row,) = await made.adapter.order_book()
    assert row.status is OrderStatus.CANCELLED
    with pytest.raises(Rejected, match="cancelled already"):
        await made.adapter.cancel(order)


async def test_a_stop_waits(made: Rig) -> None:
    wanted = intent(PriceType.SL, trigger_price=850.0, price=851.0)
    await made.adapter.place(wanted, SHARE)
    await until(lambda: OrderStatus.TRIGGER_PENDING in made.sink.statuses(wanted.order_id))
    (row,) = await made.adapter.order_book()
    assert (row.price_type, row.trigger_price, row.price) == (PriceType.SL, 850.0, 851.0)


async def test_a_refusal_says_why(made: Rig) -> None:
    with pytest.raises(Rejected, match="not on the tick"):
        await made.adapter.place(intent(LIMIT, price=790.03), SHARE)
    with pytest.raises(Rejected, match="use MIS to sell short"):
        await made.adapter.place(intent(side=Side.SELL, product=Product.CNC), SHARE)
    assert list(await made.adapter.order_book()) == []


async def test_market_data(made: Rig) -> None:
    assert list(await made.adapter.instruments()) == list(INSTRUMENTS)
    index, share = await made.adapter.quotes(listed(NIFTY, SBIN))
    assert (index.symbol, index.exchange, index.ltp) == ("NIFTY", Exchange.NSE_INDEX, 24000.0)
    assert 799 < share.ltp < 802
    assert np.isnan(share.open)
    depth = await made.adapter.depth(SHARE)
    assert len(depth.bids) == len(depth.asks) == 5
    assert depth.bids[0].price < depth.asks[0].price
    now = made.driver.venue.market.now_ns()
    bars = await made.adapter.history(SHARE, "1m", now - 300 * 10**9, now)
    assert len(bars) == 5
    with pytest.raises(Rejected, match="is not an interval"):
        await made.adapter.history(SHARE, "7m", now - 300 * 10**9, now)
    with pytest.raises(InputError):
        await made.adapter.history(SHARE, "1m&tok=9", now - 300 * 10**9, now)
    assert await made.adapter.margin([(intent(LIMIT, price=800.0), SHARE)]) == 1600_00
    assert list(await made.adapter.holdings()) == []


@pytest.mark.parametrize("mode", list(FeedMode))
async def test_the_feed_moves(made: Rig, mode: FeedMode) -> None:
    await made.adapter.subscribe(listed(SBIN, NIFTY), mode)
    await until(lambda: len(made.sink.batches) > 5)
    assert tokens_seen(made.sink) == {SBIN, NIFTY}
    share = [batch for batch in made.sink.batches if SBIN in batch.tokens][-1]
    row = share.tokens.tolist().index(SBIN)
    assert 799 < share.columns["ltp"][row] < 802
    assert ("bid" in share.columns) == (mode is not FeedMode.LTP)
    assert (share.depth is not None) == (mode is FeedMode.DEPTH)
    state = made.adapter.feed_state()
    assert (state.connected, state.symbols, state.gaps) == (True, 2, 0)
    await made.adapter.unsubscribe(listed(SBIN, NIFTY))
    await asyncio.sleep(0.1)
    seen = len(made.sink.batches)
    await asyncio.sleep(0.1)
    assert len(made.sink.batches) == seen


async def test_a_dead_session_is_renewed_and_nothing_is_sent_twice(made: Rig) -> None:
    await made.adapter.place(intent(LIMIT, price=790.0), SHARE)
    made.driver.endpoint.expire_tokens()
    await made.adapter.place(intent(LIMIT, price=790.0), SHARE)
    assert len(await made.adapter.order_book()) == 2


@pytest.mark.parametrize("way", WAYS)
async def test_acknowledgement_latency_delays_the_answer_not_the_order(way: str) -> None:
    async with rig(way, ack_latency_ms=150, fill_latency_ms=0) as made:
        wanted = intent()
        task = asyncio.create_task(made.adapter.place(wanted, SHARE))
        await until(lambda: OrderStatus.COMPLETE in made.sink.statuses(wanted.order_id))
        assert not task.done()  # the stream was faster than the answer, as at real brokers
        assert (await task).status is OrderStatus.ACCEPTED
