"""An engine with a vault, for tests of who may do what."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import time
from pathlib import Path
from typing import Any

import pyotp

from openalgo_lab.engine.config import EngineConfig
from openalgo_lab.engine.engine import Engine
from openalgo_lab.engine.risk_settings import RiskSettings
from openalgo_lab.engine.vault_keeper import VaultKeeper
from openalgo_lab.model.secret import Secret
from openalgo_lab.model.security_commands import SecondFactor
from openalgo_lab.model.times import NS_PER_SECOND, ManualClock, at_ist
from tests.store.vault.parts import MemoryKeychain
from tests.support.engine_parts import DAY, QUICK, parts_of
from tests.support.scripted_broker import ScriptedBroker

__all__ = ["PASSWORD", "WORDS", "Secured", "secured"]

WORDS = Secret("correct horse battery staple")
PASSWORD = Secret("Purple-lorry-7")


@dataclasses.dataclass
class Secured:
    """The engine, its clock, its broker and the keychain that it would use."""

    engine: Engine
    clock: ManualClock
    broker: ScriptedBroker
    keychain: MemoryKeychain

    def wait(self, seconds: float) -> None:
        self.clock.advance(int(seconds * NS_PER_SECOND))

    def code(self, factor: SecondFactor) -> Secret:
        """What the app on the phone shows now."""
        return Secret(pyotp.TOTP(factor.seed.reveal()).at(self.clock.now_ns() // NS_PER_SECOND))


@asynccontextmanager
async def secured(
    folder: Path,
    broker: ScriptedBroker | None = None,
    *,
    keychain: MemoryKeychain | None = None,
    clock: ManualClock | None = None,
    **settings: Any,
) -> AsyncIterator[Secured]:
    """Runs for the block; begins at 11:00 IST."""
    broker, keychain = broker or ScriptedBroker(), keychain or MemoryKeychain()
    clock = clock or ManualClock(at_ist(DAY, time(11)))
    keeper = VaultKeeper(folder, clock=clock, keychain=lambda: keychain)
    keeper.open_by_keychain()
    compose = parts_of(broker, folder)
    config = EngineConfig(reconcile=QUICK, risk=RiskSettings(duplicate_window_s=0.0), **settings)
    engine = await Engine.start(config, lambda given: dataclasses.replace(compose(given), vault=keeper))
    try:
        yield Secured(engine, clock, broker, keychain)
    finally:
        await engine.close()
