"""The command line: ``openalgo-lab app | lab | engine | doctor | bench | brokers | vault | user | key | audit …``."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Runs one command. An error of the workbench is one sentence and exit status 2, never a traceback.

    What nobody expected ends with its traceback, masked, the place of a crash report, and exit status 70.
    """
    from openalgo_lab.cli.commands import app
    from openalgo_lab.model.errors import LabError
    from openalgo_lab.store.crash import hook_threads, say_crash
    from openalgo_lab.store.guard import guard_process

    guard_process()
    hook_threads()
    try:
        app(prog_name="openalgo-lab")
    except LabError as error:
        sys.stderr.write(f"openalgo-lab: {error}\n")
        sys.exit(2)
    except Exception as error:  # noqa: BLE001 - the end of the program, whatever it was: written down, shown, told
        say_crash("the command line", error)
        sys.exit(70)
