"""The command line: ``openalgo-lab app | lab | engine | doctor | bench | brokers | vault | version``."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Runs one command. An error of the workbench is one sentence and exit status 2, never a traceback."""
    from openalgo_lab.cli.commands import app
    from openalgo_lab.model.errors import LabError

    try:
        app(prog_name="openalgo-lab")
    except LabError as error:
        sys.stderr.write(f"openalgo-lab: {error}\n")
        sys.exit(2)
