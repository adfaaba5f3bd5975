"""``openalgo-lab engine``: an engine without a notebook or a page, for a machine that only keeps it running."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from types import FrameType

import typer

from openalgo_lab.lab import Lab

__all__ = ["host_engine"]


def host_engine(profile: str) -> None:
    """Hosts the engine of ``profile`` until the process is asked to end; positions stay untouched.

    While another process hosts it, this one attaches and waits its turn.
    """
    ended = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        ended.set()

    for name in ("SIGINT", "SIGTERM"):
        signal.signal(getattr(signal, name), end)
    with contextlib.closing(Lab(profile, host="always")) as lab:
        typer.echo(f"{lab!r}\nProcess {os.getpid()}; Ctrl-C ends it.")
        while not ended.wait(1.0):  # a wait without end would not hear Ctrl-C on Windows
            pass
    typer.echo("Ended; orders and positions at the broker stay as they are.")
