"""Several sockets, the gate of a login on the socket, replies, pings, lost subscriptions, refusals; over real sockets
a cut with 3,000 symbols."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection, serve

from openalgo_lab.broker import BrokerSpec, FeedKind, FeedSpec
from openalgo_lab.broker import socket as socket_module
from openalgo_lab.broker.connect import open_adapter
from openalgo_lab.broker.generic import GenericAdapter
from openalgo_lab.broker.silence import Unheard
from openalgo_lab.broker.tokens import MemoryTokens
from openalgo_lab.model.errors import NotSupported, SessionExpired, WireError
from openalgo_lab.model.vocabulary import FeedMode
from tests.broker.tiny import ACCOUNT, SHARES, RestFeed, Session, WaitingFeed, Wire, feed_spec, spec
from tests.brokers.simulated.exchange import Sink, until


@asynccontextmanager
async def connected(what: BrokerSpec, wire: Wire | None = None) -> AsyncIterator[tuple[GenericAdapter, Wire, Sink]]:
    wire, sink = wire or Wire(), Sink()
    adapter = GenericAdapter(what, ACCOUNT, wire, {"pin": "1"})
    await adapter.connect(sink)
    try:
        yield adapter, wire, sink
    finally:
        await adapter.close()


async def test_symbols_are_spread_over_as_many_sockets_as_they_need() -> None:
    async with connected(feed_spec(symbols_per_socket=1000, sockets=3)) as (adapter, wire, _):
        await adapter.subscribe(SHARES[:2500], FeedMode.QUOTE)
        await until(lambda: len(wire.lines) == 3 and sum(len(line.subscribed()) for line in wire.lines) == 2500)
        assert [len(line.subscribed()) for line in wire.lines] == [1000, 1000, 500]
        assert adapter.feed_state().symbols == 2500
        await adapter.subscribe(SHARES[:1], FeedMode.DEPTH)
        assert wire.lines[0].sent[-1] == "sub depth 1", "a raised mode goes to the socket that carries the symbol"


async def test_what_is_beyond_the_brokers_cap_waits_and_is_named() -> None:
    async with connected(feed_spec(symbols_per_socket=10, sockets=1)) as (adapter, wire, sink):
        await adapter.subscribe(SHARES[:12], FeedMode.LTP)
        assert len(wire.lines[0].subscribed()) == 10
        assert "2 symbols are not live: Tiny carries 10 at once" in sink.feeds[-1].detail
        await adapter.unsubscribe(SHARES[:2])
        assert wire.lines[0].subscribed()[-2:] == [11, 12]
        assert adapter.feed_state().detail == ""


async def test_subscriptions_go_in_batches() -> None:
    async with connected(feed_spec(batch=100)) as (adapter, wire, _):
        await adapter.subscribe(SHARES[:250], FeedMode.LTP)
        assert [len(line.split()) - 2 for line in wire.lines[0].sent[1:]] == [100, 100, 50]


async def test_nothing_is_subscribed_before_the_login_on_the_socket_is_accepted() -> None:
    async with connected(feed_spec(WaitingFeed)) as (adapter, wire, sink):
        await adapter.subscribe(SHARES[:2], FeedMode.LTP)
        assert wire.lines[0].sent == ["hello"]
        assert not adapter.feed_state().connected
        wire.lines[0].say("welcome")
        await until(lambda: wire.lines[0].subscribed() == [1, 2])
        assert sink.feeds[-1].connected


async def test_a_socket_that_never_becomes_ready_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_module, "_READY_S", 0.05)
    async with connected(feed_spec(WaitingFeed, ping_s=0.05)) as (_, wire, __):
        await until(lambda: len(wire.lines) == 2)


async def test_replies_and_pings() -> None:
    async with connected(feed_spec(ping_s=0.03)) as (_, wire, __):
        wire.lines[0].say("are you there")
        await until(lambda: "yes" in wire.lines[0].sent and wire.lines[0].sent.count("ping") >= 2)


async def test_a_dead_token_ends_the_feed_for_good() -> None:
    async with connected(feed_spec()) as (adapter, wire, sink):
        wire.lines[0].say("token dead")
        await until(lambda: "session has ended" in sink.feeds[-1].detail)
        await asyncio.sleep(0.4)
        assert len(wire.lines) == 1 and not adapter.feed_state().connected


async def test_another_refusal_is_tried_again() -> None:
    async with connected(feed_spec()) as (_, wire, sink):
        wire.lines[0].say("go away")
        await until(lambda: len(wire.lines) == 2)
        assert any("refused the feed (not now)" in state.detail for state in sink.feeds)


async def test_subscriptions_by_rest() -> None:
    async with connected(feed_spec(RestFeed)) as (adapter, wire, sink):
        await adapter.subscribe(SHARES[:3], FeedMode.LTP)
        assert wire.count("/subscribe") == 1
        assert sink.batches[0].tokens.tolist() == [1, 2, 3], "the answer's own quotes are ticks"
        wire.answers["/subscribe"] = lambda _: (_ for _ in ()).throw(WireError("down"))
        await adapter.subscribe(SHARES[3:4], FeedMode.LTP)
        assert adapter.feed_state().connected, "the watch over symbols asks again"


def test_a_symbol_that_was_never_heard_is_asked_for_once_more() -> None:
    watch = Unheard()
    watch.asked([1, 2, 3], 0.0)
    watch.heard(np.array([2], dtype=np.int64))
    assert watch.due(5.0) == []
    assert watch.due(10.0) == [1, 3]
    watch.asked([1, 3], 10.0)
    watch.heard(np.array([1], dtype=np.int64))
    assert watch.due(20.0) == []
    assert len(watch) == 0, "then it is a symbol in which nothing happens"


async def test_a_lost_subscription_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openalgo_lab.broker.silence._PATIENCE_S", 0.05)
    async with connected(feed_spec(ping_s=0.05)) as (adapter, wire, _):
        await adapter.subscribe(SHARES[:2], FeedMode.QUOTE)
        wire.lines[0].say(np.array([1], dtype="<i8").tobytes())
        await until(lambda: wire.lines[0].subscribed() == [1, 2, 2])


TWO = (FeedSpec("prices", FeedKind.MARKET, modes=frozenset({FeedMode.QUOTE})), FeedSpec("orders", FeedKind.ORDERS))


async def test_market_data_and_orders_on_sockets_of_their_own() -> None:
    async with connected(spec(feeds=TWO)) as (adapter, wire, _):
        assert {line.path for line in wire.lines} == {"/prices", "/orders"}
        await adapter.subscribe(SHARES[:1], FeedMode.LTP)
        await adapter.subscribe(SHARES[1:2], FeedMode.DEPTH)
        prices = next(line for line in wire.lines if line.path == "/prices")
        assert prices.sent[1:] == ["sub quote 1", "sub quote 2"], "the nearest mode that the broker has"
        orders = next(line for line in wire.lines if line.path == "/orders")
        orders.say(None)
        await until(lambda: not adapter.feed_state().connected)
        await until(lambda: adapter.feed_state().connected)
        assert adapter.feed_state().gaps == 1


async def test_a_broker_without_prices_says_so() -> None:
    async with connected(spec(feeds=(TWO[1],))) as (adapter, _, __):
        with pytest.raises(NotSupported, match="streams no prices"):
            await adapter.subscribe(SHARES[:1], FeedMode.LTP)


async def test_after_the_days_end_a_feed_does_not_come_back() -> None:
    now = 0
    wire, sink = Wire(), Sink()
    adapter = GenericAdapter(feed_spec(), ACCOUNT, wire, {"pin": "1"}, now_ns=lambda: now)
    await adapter.connect(sink)
    now = 2 * 86_400 * 10**9
    wire.lines[0].say(None)
    await until(lambda: "session has ended" in adapter.feed_state().detail)
    with pytest.raises(SessionExpired):
        await adapter.funds()
    assert wire.count("/funds") == 0, "nothing is sent with a token that is dead"
    await adapter.close()


class Server:
    """A websocket server that counts what each connection subscribed."""

    def __init__(self) -> None:
        self.heard: list[set[int]] = []
        self.open: list[ServerConnection] = []
        self.url = ""

    async def handle(self, connection: ServerConnection) -> None:
        mine: set[int] = set()
        self.heard.append(mine)
        self.open.append(connection)
        async for message in connection:
            words = str(message).split()
            if words[0] == "sub":
                tokens = [int(word) for word in words[2:]]
                mine.update(tokens)
                await connection.send(np.array(tokens, dtype="<i8").tobytes())


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    async with serve(made.handle, "127.0.0.1", 0) as running:
        made.url = f"ws://127.0.0.1:{running.sockets[0].getsockname()[1]}"
        yield made


@pytest.mark.parametrize("cuts", [3])
async def test_three_thousand_symbols_come_back_after_every_cut(server: Server, cuts: int) -> None:
    tokens = MemoryTokens()
    what = feed_spec(batch=500)
    await tokens.save("tiny", "ME", Session("ME", "t"))
    adapter, sink = open_adapter(what, ACCOUNT, {}, feed_url=server.url, tokens=tokens), Sink()
    adapter._calls.session = Session("ME", "t")
    adapter._begin_session = _nothing  # type: ignore[method-assign]
    await adapter.connect(sink)
    try:
        await adapter.subscribe(SHARES, FeedMode.QUOTE)
        for number in range(1, cuts + 1):
            await until(lambda: len(server.heard[-1]) == 3000)
            server.open[-1].transport.abort()
            await until(lambda n=number: len(server.heard) == n + 1)
        await until(lambda: len(server.heard[-1]) == 3000)
        assert adapter.feed_state().gaps == cuts
        seen = {token for batch in sink.batches for token in batch.tokens.tolist()}
        assert len(seen) == 3000
    finally:
        await adapter.close()


async def _nothing() -> None: ...
