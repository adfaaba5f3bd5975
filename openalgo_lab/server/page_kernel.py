"""The process of a dashboard page: an IPython kernel that has its imports done before anybody asks for it.

Run as `python -m openalgo_lab.server.page_kernel -f CONNECTION_FILE`. It never hosts an engine.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
from contextlib import AbstractContextManager, nullcontext, suppress
from types import TracebackType

from openalgo_lab.model.profile import HOSTING_VARIABLE

__all__ = ["WARM_MODULES", "main"]

#: Imported before the kernel reports ready. Not here: pandas, scipy, duckdb, numba (memory).
WARM_MODULES = (
    "ipykernel.kernelapp", "ipykernel.zmqshell", "numpy", "msgspec", "zmq.asyncio", "ipywidgets", "anywidget",
    "bqplot", "openalgo_lab", "openalgo_lab.lab", "openalgo_lab.ui", "openalgo_lab.ui.desk", "openalgo_lab.ui.chain",
)  # fmt: skip


class _Background(AbstractContextManager[None]):
    """While warming, run only when the machine has nothing better to do (a page may be starting right now)."""

    def __enter__(self) -> None:
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def _warm() -> None:
    """Import ahead. What cannot be imported fails again in the dashboard's own cell, and is shown there."""
    for name in WARM_MODULES:
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001  (a kernel that dies here could not show anything)
            sys.stderr.write(f"A page is not fully warm, {name} does not import: {error}\n")


def main() -> None:
    """Import, then serve until the server says shutdown."""
    # Nobody's code runs yet, so an interrupt can only mean that the server goes down.
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    os.environ[HOSTING_VARIABLE] = "never"  # pages come and go: the engine has a kernel of its own
    background: AbstractContextManager[None] = _Background() if sys.platform == "linux" else nullcontext()
    with background:
        _warm()
    from ipykernel.kernelapp import IPKernelApp
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False  # a page has no history: saves a database and a thread
    config.IPKernelApp.matplotlib = None
    gc.collect()
    gc.freeze()  # the imports live as long as the process: never walk them again
    app = IPKernelApp.instance(config=config)
    app.initialize()
    _offer_widgets()
    app.start()


def _offer_widgets() -> None:
    """Widgets register their channels when they are imported, which was before there was a kernel to register with.

    Without the control channel a page asks for the state of each widget by itself: slow, and on a busy machine some
    answers miss the front end, which then says that a model is not found.
    """
    from ipywidgets import register_comm_target

    register_comm_target()


if __name__ == "__main__":
    main()
