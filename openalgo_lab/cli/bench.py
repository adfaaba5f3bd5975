"""``openalgo-lab bench``: figures as they come, or JSON at the end."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from openalgo_lab.bench.runner import run_figures, select
from openalgo_lab.bench.table import header, line, to_json

__all__ = ["report"]


def report(only: Sequence[str], *, as_json: bool) -> None:
    """Measures and prints; raises InputError for a name that is no figure's."""
    chosen = select(only)
    if as_json:
        typer.echo(to_json(list(run_figures(chosen))))
        return
    typer.echo(header())
    for one in run_figures(chosen):
        typer.echo(line(one))
