"""The backtester's machine code, loaded while nobody waits for it.

Numba and the compiled kernels take a second or two from the disk, and several the first time on a machine. In a
notebook they are loaded on a thread when the first cell that knows strategies is done, while its writer types on. A
notebook without strategies, a page without them, a script and the engine's kernel never pay for it.
"""

from __future__ import annotations

import logging
import sys
import threading
from functools import cache
from typing import Any, Final

__all__ = ["load_when_idle"]

log = logging.getLogger(__name__)

THREAD: Final = "openalgo-warm-up"
_STRATEGIES: Final = "openalgo_lab.strategy.signals"


def load_when_idle() -> None:
    """In a notebook or IPython, watch for strategies; does nothing elsewhere, nor a second time."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None:
        _watch(shell)


@cache
def _watch(shell: Any) -> None:
    def after_cell(_: object) -> None:
        if _STRATEGIES in sys.modules:
            shell.events.unregister("post_run_cell", after_cell)
            # Not a daemon: a process that ends in the middle of a compilation waits for it instead of crashing.
            threading.Thread(target=_load, name=THREAD).start()

    shell.events.register("post_run_cell", after_cell)


def _load() -> None:
    try:
        from openalgo_lab.backtest.run import warm_up
        from openalgo_lab.options import bulk

        warm_up()
        bulk.load()
    except (ImportError, OSError) as error:
        log.info("Compiled code was not loaded ahead, the first backtest will say why: %s", error)
