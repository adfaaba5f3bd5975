"""Finds the figures and runs each in a process of its own."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from types import ModuleType

from openalgo_lab.bench import figures as figures_package
from openalgo_lab.bench.spec import Figure
from openalgo_lab.model.errors import InputError

__all__ = ["discover", "run_figures", "select"]

#: A figure that measures for a minute and starts browsers still ends well within this.
TIMEOUT_S = 300.0


def discover(package: ModuleType = figures_package) -> dict[str, tuple[str, Figure]]:
    """Every figure of the package by name, with the module that holds it; sorted by name."""
    found: dict[str, tuple[str, Figure]] = {}
    for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        for value in vars(importlib.import_module(info.name)).values():
            if not isinstance(value, Figure):
                continue
            if value.name in found and found[value.name][1] is not value:
                raise InputError(f"Two figures are called {value.name!r}: rename the one in {info.name}.")
            found.setdefault(value.name, (info.name, value))
    return dict(sorted(found.items()))


def select(only: Sequence[str], package: ModuleType = figures_package) -> list[tuple[str, Figure]]:
    """The figures named, in that order; all of them for an empty list. Raises InputError for an unknown name."""
    known = discover(package)
    if unknown := [name for name in only if name not in known]:
        raise InputError(f"There is no figure {unknown[0]!r}. Choose from: {', '.join(known)}.", field="only")
    return [known[name] for name in only] if only else list(known.values())


def run_figures(chosen: Iterable[tuple[str, Figure]]) -> Iterator[dict[str, object]]:
    """Measures one after the other and yields each report as it comes."""
    for module, one in chosen:
        yield run_apart(module, one)


def run_apart(module: str, one: Figure, timeout_s: float = TIMEOUT_S) -> dict[str, object]:
    """One figure in a fresh process with an empty home of profiles; a crash becomes a report with its reason."""
    with tempfile.TemporaryDirectory(prefix="oalb-", ignore_cleanup_errors=True) as home:
        command = [sys.executable, "-m", "openalgo_lab.bench.worker", module, one.name]
        env = {**os.environ, "OPENALGO_LAB_HOME": home}
        try:
            done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=timeout_s, check=False)
        except subprocess.TimeoutExpired:
            return one.report_missing(f"It did not finish within {timeout_s:g} s.")
    lines = done.stdout.strip().splitlines()
    if done.returncode != 0 or not lines:
        words = done.stderr.strip().splitlines()
        why = words[-1] if words else "it said nothing"
        return one.report_missing(f"The measuring process ended with code {done.returncode}: {why}")
    report: dict[str, object] = json.loads(lines[-1])
    return report
