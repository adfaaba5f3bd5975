"""The engine in a kernel: how soon it is ready and how much memory it holds when idle."""

from __future__ import annotations

import statistics
import time

from openalgo_lab.bench.kernel import running_kernel
from openalgo_lab.bench.spec import figure

__all__ = ["engine_ready_s", "engine_rss_mb"]

ROUNDS = 5
SETTLE_S = 3.0

_START = """
import time as _time
_began = _time.perf_counter()
from openalgo_lab import Lab
lab = Lab()
print(_time.perf_counter() - _began)
"""


@figure("engine_ready_s", unit="s", goal=1.0, better="lower")
def engine_ready_s() -> float:
    """From the first line of a notebook to a Lab that answers, imports included; median of fresh kernels."""
    return statistics.median(_ready_once() for _ in range(ROUNDS))


def _ready_once() -> float:
    with running_kernel() as kernel:
        seconds = float(kernel.run(_START).split()[-1])
        kernel.run("lab.close()")
    return seconds


@figure("engine_rss_mb", unit="MB", goal=120.0, better="lower")
def engine_rss_mb() -> float:
    """Resident memory of a kernel that hosts the engine and does nothing else (MiB)."""
    with running_kernel() as kernel:
        kernel.run(_START)
        time.sleep(SETTLE_S)
        resident = kernel.rss_mb()
        kernel.run("lab.close()")
    return resident
