"""A broker's wire simulator on a loop and thread of its own, for tests whose own thread waits."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

from tests.conformance.simulators.zerodha import ZerodhaSimulator

__all__ = ["Running", "free_port"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Running:
    """A simulator on a loop and thread of its own."""

    def __init__(self, simulator: Any = None) -> None:
        self.simulator = simulator or ZerodhaSimulator()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self._run(self.simulator.start())

    def close(self) -> None:
        self._run(self.simulator.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        self.loop.close()

    def where(self) -> dict[str, str]:
        return {"base_url": self.simulator.url, "feed_url": self.simulator.feed_url}

    def _run(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self.loop).result(10)
