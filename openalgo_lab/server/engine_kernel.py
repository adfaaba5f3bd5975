"""The process that hosts the engine: an IPython kernel with `lab` in its namespace, open to any console.

Run as `python -m openalgo_lab.server.engine_kernel -f CONNECTION_FILE`; what to host comes from the environment.
"""

from __future__ import annotations

import atexit
import importlib
import os
import signal
import sys
from pathlib import Path
from typing import Any

import msgspec

from openalgo_lab.model.errors import LabError
from openalgo_lab.server.names import ENGINE_VARIABLE
from openalgo_lab.store.crash import hook_threads
from openalgo_lab.store.guard import guard_process

__all__ = ["EngineOrder", "host_engine", "main"]

#: Exit status of a kernel whose engine could not start; the reason lies in `EngineOrder.error_file`.
EXIT_NO_ENGINE = 3


class EngineOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What the engine kernel is told to host; `replay` is a path, or '' for the simulated exchange.

    `engine_class` is the dotted name of `Lab`, or of a class with its constructor and `close`.
    """

    profile: str
    engine_class: str = "openalgo_lab.lab.Lab"
    replay: str = ""
    speed: float = 1.0
    error_file: str = ""

    def as_text(self) -> str:
        """JSON for the environment variable."""
        return msgspec.json.encode(self).decode()


def host_engine(order: EngineOrder) -> Any:
    """Start the engine in this process and hold it: a `Lab` that is attached to another host would not do."""
    module, _, name = order.engine_class.rpartition(".")
    lab_class = getattr(importlib.import_module(module), name)
    replay: dict[str, Any] = {"replay": order.replay, "speed": order.speed} if order.replay else {}
    return lab_class(order.profile, host="always", **replay)


def _start(order: EngineOrder) -> Any:
    try:
        return host_engine(order)
    except LabError as error:
        if order.error_file:
            Path(order.error_file).write_text(str(error), "utf-8")
        sys.stderr.write(f"The engine did not start: {error}\n")
        raise SystemExit(EXIT_NO_ENGINE) from error


def main() -> None:
    """Host the engine, then serve as a kernel until the server says shutdown."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server's shutdown request follows; a start is not cut short
    order = msgspec.json.decode(os.environ[ENGINE_VARIABLE], type=EngineOrder)
    from ipykernel.kernelapp import IPKernelApp

    guard_process()
    hook_threads()
    app = IPKernelApp.instance()
    app.initialize()
    lab = _start(order)
    shell: Any = app.shell
    shell.user_ns["lab"] = lab
    atexit.register(lab.close)
    if order.error_file:
        Path(order.error_file).unlink(missing_ok=True)
    app.start()


if __name__ == "__main__":
    main()
