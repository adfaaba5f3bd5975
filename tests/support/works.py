"""An engine over a scripted broker whose triggers, brackets and algorithms are kept in a file."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from openalgo_lab.engine.composition import Composition
from openalgo_lab.engine.config import EngineConfig
from openalgo_lab.engine.engine import Engine
from openalgo_lab.engine.risk_settings import RiskSettings
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.vocabulary import Exchange
from tests.support.engine_parts import QUICK, parts_of
from tests.support.scripted_broker import ScriptedBroker

__all__ = ["SETTINGS", "compose", "engine_of", "quote"]

SETTINGS = EngineConfig(risk=RiskSettings(duplicate_window_s=0.0), reconcile=QUICK)


def compose(broker: ScriptedBroker, folder: Path, **more: Any) -> Callable[[EngineConfig], Composition]:
    def build(config: EngineConfig) -> Composition:
        return dataclasses.replace(parts_of(broker, folder)(config), works_file=folder / "works.db", **more)

    return build


async def engine_of(broker: ScriptedBroker, folder: Path, **more: Any) -> Engine:
    return await Engine.start(SETTINGS, compose(broker, folder, **more))


def quote(engine: Engine, ltp: float, symbol: str = "SBIN", **more: float) -> None:
    """The market moves."""
    row = engine.board.row(InstrumentKey(Exchange.NSE, symbol))
    columns = {name: np.array([value]) for name, value in {"ltp": ltp, **more}.items()}
    engine.board.write(np.array([row]), columns, np.array([2]))
