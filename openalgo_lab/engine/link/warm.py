"""Getting ready to host: an attached kernel loads the engine's modules before it may need them in a hurry."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module

from openalgo_lab.engine.config import EngineConfig

__all__ = ["load_engine_modules", "warm_soon"]

#: What an engine loads only when it starts (see :mod:`openalgo_lab.engine.composition`).
_MODULES = (
    "openalgo_lab.engine.engine",
    "openalgo_lab.sim.simulated",
    "openalgo_lab.sim.transport",
    "openalgo_lab.sim.venue",
    "openalgo_lab.broker.generic",
)

_AFTER_S = 1.5
"""A page that has just opened has more urgent work."""

_STEP_S = 0.05
_NICE = 10


def load_engine_modules(config: EngineConfig, pause: Callable[[], None] = lambda: None) -> None:
    """Import everything that starting an engine of ``config`` needs; ``pause`` is called between modules."""
    for name in _MODULES:
        import_module(name)
        pause()
    if config.replay:
        import_module("openalgo_lab.sim.replay")
    from openalgo_lab.broker import registry

    registry.load(config.broker)


def warm_soon(config: EngineConfig) -> None:
    """Do so in a while, in the background, at low priority."""
    threading.Thread(target=_warm, args=(config,), name="openalgo-warm", daemon=True).start()


def _warm(config: EngineConfig) -> None:
    if sys.platform == "linux":  # there a thread has a priority of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
    time.sleep(_AFTER_S)
    load_engine_modules(config, lambda: time.sleep(_STEP_S))
