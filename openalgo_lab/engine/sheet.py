"""The engine's health sheet, and the watch over what fails without anyone's waiting for it."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

from openalgo_lab.engine.composition import Composition
from openalgo_lab.engine.lag import LagSampler
from openalgo_lab.model.events import EngineStatus, ErrorRaised, Latency
from openalgo_lab.model.orders import OrderStatus

if TYPE_CHECKING:
    from openalgo_lab.engine.engine import Engine

__all__ = ["HealthSheet"]

EVERY_S = 1.0


class HealthSheet:
    """Gathers the figures of one engine."""

    def __init__(self, engine: Engine, parts: Composition, lag: LagSampler) -> None:
        self._engine = engine
        self._parts = parts
        self._lag = lag
        self._started_ns = time.time_ns()
        self._told: dict[str, str] = {}

    def status(self) -> EngineStatus:
        """As of now."""
        engine = self._engine
        lines = engine.router.lines
        default = engine.router.line("")
        steer = self._parts.steer
        store = engine.instruments_path()
        return EngineStatus(
            engine_id=engine.engine_id,
            pid=os.getpid(),
            profile=engine.config.profile,
            started_ns=self._started_ns,
            accounts=tuple(line.account for line in lines),
            default_account=default.name,
            mode=default.account.mode,
            feeds=tuple(line.adapter.feed_state() for line in lines),
            kill_switch=engine.gate.kill_switch,
            market_ns=self._parts.now_ns(),
            loop_lag=self._lag.summary(),
            order_ack=engine.flow.ack.summary(),
            journal_sync=self._journal_sync(),
            unknown_orders=sum(order.status is OrderStatus.UNKNOWN for order in engine.ledger.orders()),
            replay=steer.status() if steer is not None else None,
            instruments_path=store,
            armed=tuple(sorted(engine.gate.armed)),
        )

    async def keep(self) -> None:
        """Every second: tell what started to fail, and that it works again; until cancelled."""
        while True:
            self.tell_changes()
            await asyncio.sleep(EVERY_S)

    def tell_changes(self) -> None:
        """Tell what is different from the last time."""
        for line in self._engine.router.lines:
            self._tell_change(f"journal {line.name}", line.journal.failure, "The order journal is written again.")
            closed = f"{line.name} takes no orders: {line.closed_because}." if line.closed_because else ""
            self._tell_change(f"account {line.name}", closed, f"{line.name} takes orders again.")

    def _tell_change(self, where: str, failure: str, good: str) -> None:
        before = self._told.get(where, "")
        if failure == before:
            return
        self._told[where] = failure
        self._engine.bus.publish(ErrorRaised(where, failure or good))

    def _journal_sync(self) -> Latency:
        values = sorted(ms for line in self._engine.router.lines for ms in line.journal.sync_ms)
        if not values:
            return Latency()
        last = len(values) - 1
        return Latency(p50_ms=values[last // 2], p99_ms=values[round(last * 0.99)], count=len(values))
