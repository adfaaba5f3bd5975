"""``openalgo-lab brokers``: what is installed, straight from the entry points."""

from __future__ import annotations

import json
from importlib import metadata

import typer

__all__ = ["installed", "report"]

GROUP = "openalgo_lab.brokers"


def installed() -> list[dict[str, str]]:
    """Name, distribution and version of every broker that an installed distribution declares; by name."""
    found = metadata.entry_points(group=GROUP)
    return [_describe(entry) for entry in sorted(found, key=lambda entry: entry.name)]


def _describe(entry: metadata.EntryPoint) -> dict[str, str]:
    source = entry.dist
    return {
        "name": entry.name,
        "distribution": source.name if source else "",
        "version": source.version if source else "",
        "spec": entry.value,
    }


def report(*, as_json: bool) -> None:
    """Prints the list."""
    found = installed()
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for one in found:
        typer.echo(f"{one['name']:<16} {one['distribution']} {one['version']}")
