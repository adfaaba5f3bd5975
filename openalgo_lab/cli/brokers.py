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
        typer.echo(f"{row.key}: {row.name}{f' ({row.family})' if row.family else ''}")
        for name, text in (
            ("exchanges", " ".join(row.exchanges)),
            ("capabilities", " ".join(row.capabilities)),
            ("lines", str(row.lines)),
            ("verified", ", ".join(row.verified) or "-"),
        ):
            typer.echo(f"    {name:<13}{text}")
