"""How long a person waits for the first line of a notebook: ``from openalgo_lab import Lab``."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from openalgo_lab.bench.spec import figure

__all__ = ["import_s"]

ROUNDS = 7


@figure("import_s", unit="s", goal=0.3, better="lower")
def import_s() -> float:
    """Median over fresh processes of the import, less the bare interpreter started right beside it."""
    _start("from openalgo_lab import Lab")  # the first one compiles the bytecode
    return statistics.median(_start("from openalgo_lab import Lab") - _start("pass") for _ in range(ROUNDS))


def _start(code: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - began
