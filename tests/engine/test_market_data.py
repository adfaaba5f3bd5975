"""Subscriptions counted by owner, tokens to rows, frames to the board."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.engine.engine import Engine
from openalgo_lab.engine.market_data import TokenRows
from openalgo_lab.model.commands import GetDepth, GetHistory, GetQuotes, Subscribe, Unsubscribe
from openalgo_lab.model.errors import InputError, NotSupported, SymbolError, WireError
from openalgo_lab.model.events import ErrorRaised
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.market import TickBatch
from openalgo_lab.model.vocabulary import Exchange, FeedMode
from tests.support.engine_parts import TRADER, running
from tests.support.scripted_broker import ScriptedBroker

SBIN, INFY = InstrumentKey(Exchange.NSE, "SBIN"), InstrumentKey(Exchange.NSE, "INFY")


@given(
    st.dictionaries(st.one_of(st.integers(0, 500), st.integers(0, 2**40)), st.integers(0, 10**6), max_size=40),
    st.lists(st.integers(-5, 510), max_size=40),
)
def test_tokens_find_their_rows(pairs: dict[int, int], others: list[int]) -> None:
    rows = TokenRows()
    rows.add(pairs.items())
    asked = np.array([*pairs, *others], dtype=np.int64)
    assert rows.find(asked).tolist() == [pairs.get(int(token), -1) for token in asked]


def ticks(tokens: list[int], prices: list[float], time_ns: int = 5) -> TickBatch:
    n = len(tokens)
    depth = np.full((n, 4, 5), 1.0)
    return TickBatch(np.array(tokens, dtype=np.int64), np.full(n, time_ns), {"ltp": np.array(prices)}, depth)


async def settle(engine: Engine) -> None:
    for _ in range(10):
        await asyncio.sleep(0)
    assert not engine._closed


async def test_a_symbol_is_dropped_when_its_last_owner_leaves(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    async with running(broker, tmp_path) as engine:
        engine.subscribe("page", [SBIN, INFY], FeedMode.QUOTE)
        await settle(engine)
        await engine.call(Subscribe((SBIN,), FeedMode.DEPTH), TRADER)
        await settle(engine)
        assert broker.subscribed == [("SBIN", FeedMode.QUOTE), ("INFY", FeedMode.QUOTE), ("SBIN", FeedMode.DEPTH)]
        engine.unsubscribe("page")
        await settle(engine)
        assert broker.unsubscribed == ["INFY"]
        await engine.call(Unsubscribe((SBIN,)), TRADER)
        await settle(engine)
        assert broker.unsubscribed == ["INFY", "SBIN"]


async def test_an_unknown_symbol_subscribes_nothing(tmp_path: Path) -> None:
    async with running(ScriptedBroker(), tmp_path) as engine:
        with pytest.raises(SymbolError):
            engine.subscribe("page", [SBIN, InstrumentKey(Exchange.NSE, "NOPE")], FeedMode.LTP)
        assert engine.data.wanted == {}


async def test_frames_reach_the_board_and_strangers_do_not(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    async with running(broker, tmp_path) as engine:
        engine.subscribe("page", [SBIN], FeedMode.DEPTH)
        await settle(engine)
        engine.data.on_ticks(ticks([1, 77, 1], [100.0, 5.0, 101.0]))
        quote = engine.board.quote(SBIN)
        assert quote is not None and quote.ltp == 101.0 and np.isnan(quote.bid)
        assert engine.data.unknown_ticks == 1
        assert (await engine.call(GetQuotes((INFY, SBIN)), TRADER))[1].ltp == 101.0
        assert (await engine.call(GetDepth(SBIN), TRADER)).bids[0].price == 1.0
        engine.data.on_ticks(ticks([], []))


async def test_a_fetched_quote_never_hides_a_newer_one(tmp_path: Path) -> None:
    broker = ScriptedBroker()
    async with running(broker, tmp_path) as engine:
        engine.subscribe("page", [SBIN], FeedMode.QUOTE)
        engine.data.on_ticks(ticks([1], [101.0], time_ns=10**15))
        engine.data.write_quotes(await broker.quotes([engine.instruments.require(SBIN)]))
        quote = engine.board.quote(SBIN)
        assert quote is not None and quote.ltp == 101.0


async def test_after_a_gap_the_feed_is_asked_anew(tmp_path: Path) -> None:
    from openalgo_lab.engine.sink import LineSink

    broker = ScriptedBroker()
    async with running(broker, tmp_path) as engine:
        engine.subscribe("page", [SBIN], FeedMode.LTP)
        await settle(engine)
        sink = LineSink(engine, engine.router.line(""))
        state = broker.feed_state()
        sink.on_feed(state.__class__(broker="x", connected=False))
        sink.on_feed(state)
        await settle(engine)
        assert broker.subscribed == [("SBIN", FeedMode.LTP)] * 2


async def test_a_refused_subscription_is_told_and_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broker = ScriptedBroker()
    async with running(broker, tmp_path) as engine:
        heard: list[object] = []
        engine.bus.listen(heard.append)
        good, calls = broker.subscribe, 0

        async def once_bad(*args: object) -> None:
            nonlocal calls
            calls += 1
            if calls == 1:
                raise WireError("feed is down")
            await good(*args)  # type: ignore[arg-type]

        monkeypatch.setattr(broker, "subscribe", once_bad)
        engine.subscribe("page", [SBIN], FeedMode.LTP)
        async with asyncio.timeout(10):
            while not broker.subscribed:
                await asyncio.sleep(0.02)
        assert any("feed is down" in str(event) for event in heard)


async def test_history(tmp_path: Path) -> None:
    async with running(ScriptedBroker(), tmp_path) as engine:
        bars = await engine.call(GetHistory(SBIN, "1m", 60, 120), TRADER)
        assert np.frombuffer(bars.start_ns, "<i8").tolist() == [60]
        with pytest.raises(InputError, match="before its end"):
            await engine.call(GetHistory(SBIN, "1m", 120, 60), TRADER)


async def test_a_broker_without_a_feed_is_asked_once_and_told_once(tmp_path: Path) -> None:
    class Silent(ScriptedBroker):
        asked = 0

        async def subscribe(self, instruments: Sequence[Instrument], mode: FeedMode) -> None:
            self.asked += 1
            raise NotSupported("It streams no prices.")

    broker, told = Silent(), list[str]()
    async with running(broker, tmp_path) as engine:
        engine.bus.listen(lambda event: told.append(event.message) if isinstance(event, ErrorRaised) else None)
        for owner in ("a", "b"):
            engine.subscribe(owner, [SBIN if owner == "a" else INFY], FeedMode.QUOTE)
            await asyncio.sleep(0.05)
        (quote,) = await engine.call(GetQuotes((SBIN,)), TRADER)
    assert quote.ltp == broker.price
    assert told.count("It streams no prices.") == 1 and broker.asked <= 2
