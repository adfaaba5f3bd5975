"""An engine on its first market, and a broker's simulator beside it that may be connected."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from openalgo_lab.engine.config import EngineConfig
from openalgo_lab.engine.engine import Engine
from openalgo_lab.engine.principal import LOCAL
from openalgo_lab.engine.risk_settings import RiskSettings
from openalgo_lab.engine.vault_keeper import VaultKeeper
from openalgo_lab.model.broker_commands import ConnectBroker, Connected
from openalgo_lab.model.events import ErrorRaised
from openalgo_lab.model.secret import Secret
from openalgo_lab.model.times import ManualClock, to_ns
from tests.conformance.simulator import Simulator
from tests.conformance.simulators.zerodha import ZerodhaSimulator
from tests.conformance.venue import NOW
from tests.store.vault.parts import MemoryKeychain
from tests.support.engine_parts import QUICK, parts_of
from tests.support.scripted_broker import ScriptedBroker

__all__ = ["Bench", "bench"]


@dataclasses.dataclass
class Bench:
    """The engine, its first broker, and a real broker's simulator."""

    engine: Engine
    first: ScriptedBroker
    simulator: Any
    clock: ManualClock
    keychain: MemoryKeychain
    told: list[str]

    def command(self, **how: Any) -> ConnectBroker:
        """What connects the simulator."""
        credentials = {name: Secret(value) for name, value in self.simulator.credentials().items()}
        fields = {"broker": "zerodha", "credentials": credentials, **how}
        return ConnectBroker(**fields, base_url=self.simulator.url, feed_url=self.simulator.feed_url)

    async def connect(self, **how: Any) -> Connected:
        """Connect it."""
        return await self.engine.call(self.command(**how), LOCAL)


@asynccontextmanager
async def bench(
    folder: Path,
    *,
    vault: bool = True,
    simulator: Simulator | None = None,
    keychain: MemoryKeychain | None = None,
) -> AsyncIterator[Bench]:
    """Runs for the block, at the moment at which the simulators' venue stands.

    With the ``keychain`` of an earlier one its vault is opened; a ``simulator`` that is given runs already.
    """
    clock, first, given = ManualClock(NOW), ScriptedBroker(), simulator
    keeper = VaultKeeper(folder, clock=clock, keychain=lambda: held)
    held = keychain or MemoryKeychain()
    if keychain is not None:
        keeper.open_by_keychain()
    elif vault:
        await keeper.create(None, in_keychain=True)
    simulator = given or ZerodhaSimulator()
    if given is None:
        await simulator.start()
    compose = parts_of(first, folder, day=NOW.date())
    config = EngineConfig(reconcile=QUICK, risk=RiskSettings(duplicate_window_s=0.0))
    engine = await Engine.start(
        config, lambda given: dataclasses.replace(compose(given), vault=keeper, now_ns=lambda: to_ns(NOW))
    )
    told: list[str] = []
    leave = engine.bus.listen(lambda event: told.append(event.message) if isinstance(event, ErrorRaised) else None)
    try:
        yield Bench(engine, first, simulator, clock, held, told)
    finally:
        leave()
        await engine.close()
        if given is None:
            await simulator.stop()
