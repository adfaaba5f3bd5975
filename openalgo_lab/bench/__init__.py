"""Bench: what the workbench promises in figures, measured on this machine.

A figure is one function in a module of :mod:`openalgo_lab.bench.figures`, made known by a decorator::

    @figure("search_ms", unit="ms", goal=0.5, better="lower")
    def search_ms() -> float: ...

It returns the value, or ``(value, peer_value)``, or :class:`Measured`; it raises :class:`CannotMeasure` with
the reason where this machine lacks what it needs. Every figure runs in a process of its own, with a profile
folder of its own, so that none warms or disturbs another.
"""

from openalgo_lab.bench.peers import in_peers
from openalgo_lab.bench.runner import discover, run_figures
from openalgo_lab.bench.spec import CannotMeasure, Figure, Measured, figure

__all__ = ["CannotMeasure", "Figure", "Measured", "discover", "figure", "in_peers", "run_figures"]
