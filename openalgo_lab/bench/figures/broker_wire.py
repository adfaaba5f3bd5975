"""A broker's own wire on loopback: an order's way out and back, prices from the socket to the board, a cut feed.

The broker's servers are `openalgo_lab.bench.kite_stand`, in a process of their own; kiteconnect talks to the same.
"""

from __future__ import annotations

import asyncio
import statistics
import time
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from openalgo_lab.bench.kite_stand import SYMBOLS, KiteStand
from openalgo_lab.bench.peers import in_peers
from openalgo_lab.bench.spec import Measured, figure

if TYPE_CHECKING:
    from openalgo_lab.broker.generic import GenericAdapter
    from openalgo_lab.engine.composition import Composition
    from openalgo_lab.engine.config import EngineConfig
    from openalgo_lab.engine.engine import Engine
    from openalgo_lab.model.commands import PlaceOrder
    from openalgo_lab.model.events import FeedState
    from openalgo_lab.model.instruments import Instrument
    from openalgo_lab.model.market import TickBatch

__all__ = ["order_ack_ms", "reconnect_ms", "socket_to_board"]

ORDERS: Final = 500
WARM_UP: Final = 50
TRADED: Final = 50
CUTS: Final = 15
FRAMES: Final = 6_000
_PEER_ORDERS: Final = """
import statistics, time
from kiteconnect import KiteConnect
kite = KiteConnect(api_key="key", access_token="token", root="{url}")
took = []
for n in range({warm_up} + {orders}):
    began = time.perf_counter()
    kite.place_order("regular", "NSE", "S1", "BUY", 1, "MIS", "LIMIT", price=800.0, tag="bench")
    took.append((time.perf_counter() - began) * 1000)
print(statistics.median(took[{warm_up}:]))
"""
_PEER_TICKS: Final = """
import threading, time, urllib.request
from kiteconnect import KiteTicker
ticker = KiteTicker("key", "token", root="ws://127.0.0.1:{port}")
state = dict(count=0, began=0.0, ended=0.0)
def on_ticks(ws, ticks):
    state["count"] += len(ticks)
    if state["count"] >= {packets}:
        state["ended"] = time.perf_counter()
def on_connect(ws, response):
    def go():
        time.sleep(0.5)
        state["count"], state["began"] = 0, time.perf_counter()
        urllib.request.urlopen("http://127.0.0.1:{port}/stand/flood?packets={each}&frames={frames}").read()
    threading.Thread(target=go, daemon=True).start()
ticker.on_ticks, ticker.on_connect = on_ticks, on_connect
ticker.connect(threaded=True)
until = time.time() + 100
while not state["ended"] and time.time() < until:
    time.sleep(0.01)
print({packets} / (state["ended"] - state["began"]))
"""


class _Always:
    """Hours of a market that never closes: the figure must not depend on the time of day."""

    def takes_orders(self, instrument: Instrument, now_ns: int) -> bool:
        del instrument, now_ns
        return True

    def next_open(self, instrument: Instrument, now_ns: int) -> datetime | None:
        del instrument, now_ns
        return None


def _adapter(port: int) -> GenericAdapter:
    """Connected to the stand; the broker's rates are left out, since they are what would be measured else."""
    from openalgo_lab.broker.connect import open_adapter
    from openalgo_lab.broker.registry import load
    from openalgo_lab.broker.spec import Limits
    from openalgo_lab.model.portfolio import Account
    from openalgo_lab.model.vocabulary import Mode

    spec = msgspec.structs.replace(load("zerodha"), limits=Limits())
    account = Account("BENCH", "zerodha", Mode.LIVE)
    credentials = {"api_key": "key", "api_secret": "secret", "request_token": "once"}
    return open_adapter(
        spec, account, credentials, base_url=f"http://127.0.0.1:{port}", feed_url=f"ws://127.0.0.1:{port}"
    )


@figure("order_ack_ms", unit="ms", goal=3.0, better="lower", also={"p99": 20.0})
def order_ack_ms() -> Measured:
    """A blocking call until the broker's answer over loopback is back, with risk checks and a durable intent; p50.

    The peer is kiteconnect's own place_order, which has neither.
    """
    from openalgo_lab.engine.engine import Engine
    from openalgo_lab.engine.principal import LOCAL
    from openalgo_lab.engine.thread import LoopThread
    from openalgo_lab.model.risk import ArmLive

    with KiteStand() as stand:
        port = stand.port
        peer = in_peers(_PEER_ORDERS.format(url=f"http://127.0.0.1:{port}", warm_up=WARM_UP, orders=ORDERS))
        thread, took = LoopThread().start(), list[float]()
        try:
            engine: Engine = thread.call(Engine.start(_config(), lambda config: _composed(config, port)), 60)
            try:
                thread.call(engine.call(ArmLive("BENCH", armed=True), LOCAL))
                thread.call(_watched(engine), 30)
                for number in range(WARM_UP + ORDERS):
                    began = time.perf_counter()
                    thread.call(engine.call(_order(number), LOCAL))
                    took.append((time.perf_counter() - began) * 1000)
            finally:
                thread.call(engine.close(), 30)
        finally:
            thread.stop()
    settled = sorted(took[WARM_UP:])
    return Measured(statistics.median(settled), peer, also={"p99": settled[round((len(settled) - 1) * 0.99)]})


async def _watched(engine: Engine) -> None:
    """The symbols are live, as on the ticket of somebody who trades them."""
    from openalgo_lab.model.instruments import InstrumentKey
    from openalgo_lab.model.vocabulary import Exchange, FeedMode

    keys = [InstrumentKey(Exchange.NSE, f"S{number}") for number in range(TRADED)]
    engine.subscribe("bench", keys, FeedMode.QUOTE)
    async with asyncio.timeout(20):
        while not all((quote := engine.board.quote(key)) and quote.ltp > 0 for key in keys):  # noqa: ASYNC110 - the board tells nobody
            await asyncio.sleep(0.01)


def _config() -> EngineConfig:
    from openalgo_lab.engine.config import EngineConfig
    from openalgo_lab.engine.risk_settings import RiskSettings

    return EngineConfig(profile="bench", risk=RiskSettings(max_order_value=0))


def _composed(config: EngineConfig, port: int) -> Composition:
    """An engine whose first account is at the broker, in a market that never closes."""
    from openalgo_lab.engine.bands import RuleBookBands
    from openalgo_lab.engine.composition import Composition
    from openalgo_lab.engine.connections.named import NamedAdapter
    from openalgo_lab.model.profile import profile_dir
    from openalgo_lab.model.rules import RuleBook
    from openalgo_lab.model.times import trade_date
    from openalgo_lab.store.journal import SqliteJournal

    folder, day = profile_dir(config.profile), trade_date(time.time_ns())
    journal = SqliteJournal.open(Path(folder) / "bench.journal.db", day, time.time_ns)
    return Composition(
        adapters=(NamedAdapter(_adapter(port)),),
        journals={"BENCH": journal},
        hours=_Always(),
        bands=RuleBookBands(RuleBook.load()),
        folder=folder,
        instrument_file=folder / "bench.instruments.db",
        day=day,
        now_ns=time.time_ns,
    )


def _order(number: int) -> PlaceOrder:
    from openalgo_lab.model.commands import PlaceOrder
    from openalgo_lab.model.vocabulary import Exchange, PriceType, Product, Side

    return PlaceOrder(
        Exchange.NSE, f"S{number % TRADED}", Side.BUY, 1, Product.MIS, PriceType.LIMIT, 800.0, confirm_duplicate=True
    )


class _Sink:
    """The board as the engine writes it, and what is counted."""

    def __init__(self, instruments: list[Instrument]) -> None:
        from openalgo_lab.engine.board import Board
        from openalgo_lab.engine.market_data import TokenRows

        self.board, self.rows = Board(), TokenRows()
        self.rows.add((one.token, self.board.row(one.key)) for one in instruments)
        self.packets = 0
        self.seen: set[int] = set()
        self.watching = False
        self.complete = asyncio.Event()
        self.want = 0

    def on_ticks(self, batch: TickBatch) -> None:
        self.board.write(self.rows.find(batch.tokens), batch.columns, batch.time_ns, batch.depth)
        self.packets += len(batch.tokens)
        if self.watching:
            self.seen.update(batch.tokens.tolist())
            if len(self.seen) == SYMBOLS:
                self.complete.set()
        elif self.want and self.packets >= self.want:
            self.complete.set()

    def on_report(self, report: object) -> None:
        raise AssertionError(f"the stand reports no orders: {report!r}")

    def on_feed(self, state: FeedState) -> None:
        """Nothing to do."""


@figure("socket_to_board", unit="packets/s", goal=200_000, better="higher")
def socket_to_board() -> Measured:
    """Full packets of a broker's websocket, a hundred a frame, from the socket to the board; the peer is KiteTicker.

    ``ones`` and ``ones_peer``: the same with one packet a frame.
    """
    with KiteStand() as stand:
        port = stand.port
        peer, ones_peer = _ticker(port, 100, FRAMES // 10), _ticker(port, 1, FRAMES * 2)
        ours, ones = asyncio.run(_flooded(port))
    return Measured(ours, peer, also={"ones": ones} | ({} if ones_peer is None else {"ones_peer": ones_peer}))


def _ticker(port: int, each: int, frames: int) -> float | None:
    return in_peers(_PEER_TICKS.format(port=port, each=each, frames=frames, packets=frames * each))


async def _flooded(port: int) -> tuple[float, float]:
    adapter, sink = await _subscribed(port)
    sink.watching = False
    found = [await _flood(port, sink, each, frames) for each, frames in ((100, FRAMES), (1, FRAMES * 10))]
    await adapter.close()
    return found[0], found[1]


async def _flood(port: int, sink: _Sink, each: int, frames: int) -> float:
    """Packets a second of so many frames."""
    sink.complete.clear()
    sink.packets, sink.want = 0, frames * each
    began = time.perf_counter()
    await asyncio.to_thread(_get, port, f"/stand/flood?packets={each}&frames={frames}")
    async with asyncio.timeout(120):
        await sink.complete.wait()
    return sink.packets / (time.perf_counter() - began)


@figure("reconnect_ms", unit="ms", goal=500.0, better="lower", also={"p99": 3000.0})
def reconnect_ms() -> Measured:
    """A cut feed of 3,000 symbols until every one of them has ticked again; p50 of fifteen cuts."""
    with KiteStand() as stand:
        port = stand.port
        took = sorted(asyncio.run(_cut_again_and_again(port)))
    return Measured(statistics.median(took), also={"p99": took[-1]})


async def _cut_again_and_again(port: int) -> list[float]:
    adapter, sink = await _subscribed(port)
    took = []
    for _ in range(CUTS):
        sink.seen.clear()
        sink.complete.clear()
        began = time.perf_counter()
        await asyncio.to_thread(_get, port, "/stand/cut")
        async with asyncio.timeout(30):
            await sink.complete.wait()
        took.append((time.perf_counter() - began) * 1000)
    await adapter.close()
    return took


async def _subscribed(port: int) -> tuple[GenericAdapter, _Sink]:
    from openalgo_lab.model.vocabulary import FeedMode

    adapter = _adapter(port)
    await adapter._begin_session()
    listed = list(await adapter.instruments())
    sink = _Sink(listed)
    await adapter.connect(sink)
    sink.watching = True
    await adapter.subscribe(listed, FeedMode.DEPTH)
    async with asyncio.timeout(30):
        await sink.complete.wait()
    return adapter, sink


def _get(port: int, path: str) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=120) as answer:
        answer.read()
