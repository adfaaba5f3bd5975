"""A real IPython kernel to measure in, as a notebook has it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import psutil

from openalgo_lab.bench.spec import CannotMeasure

__all__ = ["Kernel", "running_kernel"]


class Kernel:
    """A kernel of this Python: runs code, gives back what it printed, and tells its memory."""

    def __init__(self, manager: Any, client: Any) -> None:
        self._manager = manager
        self._client = client

    @property
    def pid(self) -> int:
        return int(self._manager.provisioner.pid)

    def run(self, code: str, *, timeout_s: float = 60.0) -> str:
        """Executes a cell; raises CannotMeasure with the cell's error."""
        printed: list[str] = []

        def hear(message: dict[str, Any]) -> None:
            if message["msg_type"] == "stream" and message["content"]["name"] == "stdout":
                printed.append(message["content"]["text"])

        try:
            reply = self._client.execute_interactive(code, timeout=timeout_s, output_hook=hear, allow_stdin=False)
        except TimeoutError as error:
            raise CannotMeasure(f"The kernel did not answer within {timeout_s:g} s.") from error
        content = reply["content"]
        if content["status"] != "ok":
            raise CannotMeasure(f"The cell failed: {content['ename']}: {content['evalue']}")
        return "".join(printed)

    def rss_mb(self) -> float:
        """Resident memory in MiB."""
        return float(psutil.Process(self.pid).memory_info().rss / 2**20)


@contextlib.contextmanager
def running_kernel() -> Iterator[Kernel]:
    """A kernel that is up and idle; ended afterwards, whatever happened."""
    from jupyter_client.manager import KernelManager

    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.blocking_client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=60)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
