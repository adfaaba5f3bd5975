"""The process that hosts the engine: an IPython kernel with `lab` in its namespace, open to any console.

Run as `python -m openalgo_lab.server.engine_kernel -f CONNECTION_FILE`; what to host comes from the environment.
"""

from __future__ import annotations

import atexit
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from openalgo_lab.model.errors import LabError
from openalgo_lab.server.names import ENGINE_VARIABLE

if TYPE_CHECKING:
    from openalgo_lab.lab import Lab

__all__ = ["EngineOrder", "host_engine", "main"]

#: Exit status of a kernel whose engine could not start; the reason lies in `EngineOrder.error_file`.
EXIT_NO_ENGINE = 3


class EngineOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What the engine kernel is told to host; `replay` is a path, or '' for the simulated exchange."""

    profile: str
    replay: str = ""
    speed: float = 1.0
    error_file: str = ""

    def as_text(self) -> str:
        """JSON for the environment variable."""
        return msgspec.json.encode(self).decode()


def host_engine(order: EngineOrder) -> Lab:
    """Start the engine in this process and hold it: an attached `Lab` would not do."""
    from openalgo_lab.lab import Lab

    replay: dict[str, Any] = {"replay": order.replay, "speed": order.speed} if order.replay else {}
    return Lab(order.profile, host="always", **replay)


def _start(order: EngineOrder) -> Lab:
    try:
        return host_engine(order)
    except LabError as error:
        if order.error_file:
            Path(order.error_file).write_text(str(error), "utf-8")
        sys.stderr.write(f"The engine did not start: {error}\n")
        raise SystemExit(EXIT_NO_ENGINE) from error


def main() -> None:
    """Host the engine, then serve as a kernel until the server says shutdown."""
    order = msgspec.json.decode(os.environ[ENGINE_VARIABLE], type=EngineOrder)
    from ipykernel.kernelapp import IPKernelApp

    app = IPKernelApp.instance()
    app.initialize()
    lab = _start(order)
    app.shell.user_ns["lab"] = lab
    atexit.register(lab.close)
    if order.error_file:
        Path(order.error_file).unlink(missing_ok=True)
    app.start()


if __name__ == "__main__":
    main()
