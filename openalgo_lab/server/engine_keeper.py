"""Keeps the engine kernel running: starts it, notices its death within a second, starts it again."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any, Literal

import msgspec
from jupyter_core.utils import ensure_async
from traitlets.config import LoggingConfigurable

from openalgo_lab.server.engine_kernel import EXIT_NO_ENGINE, EngineOrder
from openalgo_lab.server.names import ENGINE_KERNEL, ENGINE_VARIABLE

__all__ = ["EngineKeeper", "EngineReport"]

_CHECK_S = 0.5
_PAUSES_S = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0)
#: A kernel that lived this long was well: the next death starts again with the shortest pause.
_WELL_AFTER_S = 60.0


class EngineReport(msgspec.Struct, frozen=True, kw_only=True):
    """State of the engine kernel for people and for `doctor`."""

    state: Literal["off", "starting", "running", "restarting", "failed"]
    kernel_id: str = ""
    restarts: int = 0
    reason: str = ""


class EngineKeeper(LoggingConfigurable):
    """One engine kernel of one server. `start` begins, `stop` ends politely; `report` may be read at any time."""

    def __init__(self, manager: Any, sessions: Any, order: EngineOrder, folder: Path, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._manager = manager
        self._sessions = sessions
        self._error_file = folder / "engine-error.txt"
        self._order = msgspec.structs.replace(order, error_file=str(self._error_file))
        self._task: asyncio.Task[None] | None = None
        self.report = EngineReport(state="off")

    def start(self) -> None:
        """Begin keeping; harmless when it has begun."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Stop keeping. The kernel itself ends with the server's others, by a shutdown request first."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        self.report = EngineReport(state="off", restarts=self.report.restarts)

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        misses = 0
        while True:
            begun = loop.time()
            state: Literal["starting", "restarting"] = "restarting" if self.report.restarts else "starting"
            self.report = msgspec.structs.replace(self.report, state=state, kernel_id="")
            reason = await self._run_once()
            if loop.time() - begun > _WELL_AFTER_S:
                misses = 0
            pause = _PAUSES_S[min(misses, len(_PAUSES_S) - 1)]
            misses += 1
            self.log.warning("The engine kernel ended (%s); starting it again in %.0f s", reason, pause)
            self.report = EngineReport(state="failed", restarts=self.report.restarts + 1, reason=reason)
            await asyncio.sleep(pause)

    async def _run_once(self) -> str:
        """Start one kernel and watch it to its end; returns why it ended."""
        self._error_file.unlink(missing_ok=True)
        env = {**os.environ, ENGINE_VARIABLE: self._order.as_text()}
        kernel_id = await self._manager.start_kernel(kernel_name=ENGINE_KERNEL, env=env)
        await self._sessions.create_session(
            path=f"engine-{kernel_id[:8]}",
            name="Engine",
            type="console",
            kernel_name=ENGINE_KERNEL,
            kernel_id=kernel_id,
        )
        self.report = msgspec.structs.replace(self.report, kernel_id=kernel_id)
        ready = asyncio.create_task(self._answers(kernel_id))
        try:
            while await self._alive(kernel_id):
                if ready.done() and self.report.state != "running":
                    self.report = msgspec.structs.replace(self.report, state="running", reason="")
                await asyncio.sleep(_CHECK_S)
        finally:
            ready.cancel()
        reason = self._why(kernel_id)
        if kernel_id in self._manager:
            await ensure_async(self._manager.shutdown_kernel(kernel_id, now=True))
        return reason

    async def _answers(self, kernel_id: str) -> None:
        """Return when the kernel answers, which it does once the engine runs."""
        client = self._manager.get_kernel(kernel_id).client()
        client.start_channels(iopub=False, stdin=False, hb=False, control=False)
        try:
            client.kernel_info()
            await client.get_shell_msg(timeout=None)
        finally:
            client.stop_channels()

    async def _alive(self, kernel_id: str) -> bool:
        if kernel_id not in self._manager:
            return False
        return bool(await ensure_async(self._manager.get_kernel(kernel_id).is_alive()))

    def _why(self, kernel_id: str) -> str:
        try:
            return self._error_file.read_text("utf-8")
        except OSError:
            pass
        if kernel_id not in self._manager:
            return "it was shut down by hand"
        provisioner = self._manager.get_kernel(kernel_id).provisioner
        status = getattr(getattr(provisioner, "process", None), "returncode", None)
        if status == EXIT_NO_ENGINE:
            return "the engine refused to start"
        return f"exit status {status}"
