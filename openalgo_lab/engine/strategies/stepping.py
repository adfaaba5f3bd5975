"""A replay moved step by step: the clock stands until everybody knows what its moment shows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from openalgo_lab.engine.board import Board
from openalgo_lab.engine.composition import Composition, Stepped
from openalgo_lab.engine.ledger import Ledger
from openalgo_lab.engine.market_data import MarketData
from openalgo_lab.engine.principal import Permission, Principal
from openalgo_lab.engine.router import Router
from openalgo_lab.engine.slicing import Slicer
from openalgo_lab.engine.table import Idempotency, RateClass, handles
from openalgo_lab.model.errors import EngineDead, InputError
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.market import QUOTE_FIELDS
from openalgo_lab.model.strategy_commands import GetOrderOfKey, OrderOfKey, ReplayStep, StepReplay
from openalgo_lab.model.vocabulary import FeedMode
from openalgo_lab.sim.sandbox.adapter import CLIENT, SandboxAdapter
from openalgo_lab.sim.venue import Venue
from openalgo_lab.store.instruments import InstrumentStore

__all__ = ["SteppingDesk"]

MOST_TURNS: Final = 20_000
"""Turns of the loop after which something is stuck; a step takes about ten."""

_DEPTH_PRICES: Final = 0.00005
_STEPPER: Final = "replay:stepper"


class SteppingDesk:
    """The handlers of what a running strategy asks beside the commands of everyone."""

    def __init__(
        self,
        *,
        parts: Composition,
        router: Router,
        ledger: Ledger,
        board: Board,
        data: MarketData,
        slicer: Slicer,
        instruments: Callable[[], InstrumentStore],
    ) -> None:
        self._slicer = slicer
        self._parts = parts
        self._router = router
        self._ledger = ledger
        self._board = board
        self._data = data
        self._instruments = instruments

    @handles(StepReplay, permission=Permission.TRADE, rate=RateClass.FREE, idempotency=Idempotency.IDEMPOTENT)
    async def step(self, command: StepReplay, _: Principal) -> ReplayStep:
        """Set the clock, and wait until the moment has been told to its end."""
        stepped = self._parts.stepped
        if stepped is None:
            raise InputError("No recording is being played: start with Lab('replay', replay='FILE').", field="replay")
        store = self._instruments()
        found = [store.require(key) for key in command.keys]
        self._data.subscribe(_STEPPER, command.keys, FeedMode.DEPTH)
        stepped.market.steer(paused=True, seek_ns=command.to_ns or None)
        await stepped.exchange.driver.look_up()
        await self._settle(stepped, found)
        now = stepped.market.now_ns()
        end = stepped.market.status().end_ns
        quotes = (self._board.quote(one.key) for one in found)
        return ReplayStep(now, stepped.market.next_ns(now), end, tuple(quote for quote in quotes if quote is not None))

    @handles(GetOrderOfKey, permission=Permission.READ, rate=RateClass.FREE)
    async def order_of_key(self, command: GetOrderOfKey, _: Principal) -> OrderOfKey:
        """From the journal's keys, those of earlier runs of the engine included."""
        return OrderOfKey(self._slicer.known(command.account, command.client_key))

    async def _settle(self, stepped: Stepped, wanted: Sequence[Instrument]) -> None:
        """Let exchange, board, sandbox and ledger come to rest. Each turn checks the facts, none waits for a time."""
        for _ in range(MOST_TURNS):
            stepped.exchange.driver.catch_up()
            await asyncio.sleep(0)
            if not self._shows(stepped, wanted):
                continue
            quiet = self._knows(stepped.exchange.driver.venue, stepped.client, stepped.client)
            for line in self._router.lines:
                if isinstance(line.adapter, SandboxAdapter):
                    line.adapter.catch_up()
                    quiet = self._knows(line.adapter.venue, CLIENT, line.name) and quiet
            if quiet:
                return
        raise EngineDead("The replay did not come to rest after a step: look into the log, and start it again.")

    def _shows(self, stepped: Stepped, wanted: Sequence[Instrument]) -> bool:
        """Whether the board has what the recording shows now, levels included."""
        if not wanted:
            return True
        tokens = np.array([one.token for one in wanted], dtype=np.int64)
        batch = stepped.market.snapshot(tokens, stepped.market.now_ns(), depth=True)
        known = batch.time_ns > 0
        rows = self._board.find_rows(InstrumentKey(one.exchange, one.symbol) for one in wanted)[known]
        if not len(rows):
            return True
        if (rows < 0).any() or not self._board.times(rows).all():  # a tick that changes nothing is not sent
            return False
        fields = np.array([batch.columns[name][known] for name in QUOTE_FIELDS])
        if not np.allclose(self._board.read(rows), fields, rtol=0, atol=_DEPTH_PRICES, equal_nan=True):
            return False
        assert batch.depth is not None
        return np.allclose(self._board.depth_at(rows), batch.depth[known], rtol=0, atol=_DEPTH_PRICES, equal_nan=True)

    def _knows(self, venue: Venue, client: str, account: str) -> bool:
        """Whether the ledger has every order and trade of the venue's client as the venue has them."""
        if venue.next_due_ns() is not None:
            return False
        books = venue.client(client)
        for order in books.orders.values():
            known = self._ledger.find(order.tag) if order.tag else None
            if known is not None and (known.filled_quantity, known.done) != (order.filled, not order.state.alive):
                return False
        return len(books.trades) == sum(fill.account == account for fill in self._ledger.books.fills)
