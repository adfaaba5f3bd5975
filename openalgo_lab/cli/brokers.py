"""``openalgo-lab brokers``: what is installed, straight from the entry points."""

from __future__ import annotations

import msgspec
import typer

__all__ = ["report"]


def report(*, as_json: bool) -> None:
    """Prints every broker: key, name, family, exchanges, capabilities, lines of code, what it was proved against."""
    from openalgo_lab.broker import registry

    rows = registry.describe()
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode())
        return
    for row in rows:
        proved = ", ".join(row.verified) or "-"
        family = f" ({row.family})" if row.family else ""
        typer.echo(f"{row.key:<16} {row.name}{family}: {' '.join(row.exchanges)}; proved against: {proved}")
