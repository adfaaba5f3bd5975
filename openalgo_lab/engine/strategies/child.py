"""One process of a hosted strategy: started here, or found alive after the engine that started it has died."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Final

import msgspec

from openalgo_lab.engine.link.lock import EngineLock
from openalgo_lab.engine.strategies.order import RunOrder

__all__ = ["Child", "exit_words"]

MODULE: Final = "openalgo_lab.lab.strategy_host_process"
LOCK: Final = "run.lock"
PATIENCE_S: Final = 40.0
"""How long a strategy may take to end: its orders are taken back, its positions perhaps closed."""
_LOOK_S: Final = 0.5
_STAMP: Final = len("2026-11-26 01:04:57.046 ")
_PACKAGE: Final = str(Path(__file__).resolve().parents[3])


class Child:
    """``status`` of :meth:`wait` is the exit status, or None for a process that is not ours and has ended."""

    def __init__(self, pid: int, folder: Path, process: asyncio.subprocess.Process | None = None) -> None:
        self.pid = pid
        self._folder = folder
        self._process = process

    @classmethod
    async def start(cls, order: RunOrder, python: str) -> Child:
        """A new process, in a group of its own, that outlives the engine. Raises OSError."""
        folder = Path(order.folder)
        known = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join((*known, _PACKAGE)), "PYTHONUNBUFFERED": "1"}
        with (folder / "crash.txt").open("wb") as out:  # what Python itself says when it cannot even begin
            process = await asyncio.create_subprocess_exec(
                python or sys.executable, "-m", MODULE,
                stdin=asyncio.subprocess.PIPE, stdout=out, stderr=out, cwd=folder, env=environment,
                start_new_session=True,
            )  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(msgspec.json.encode(order))
        process.stdin.close()
        return cls(process.pid, folder, process)

    @classmethod
    def find(cls, folder: Path) -> Child | None:
        """The process that holds the strategy's lock, if one does."""
        lock = EngineLock(folder, LOCK)
        if lock.try_acquire("the engine looks"):
            lock.release()
            return None
        holder = lock.holder()
        return None if holder is None else cls(holder.pid, folder)

    async def wait(self) -> int | None:
        """Until it has ended."""
        if self._process is not None:
            return await self._process.wait()
        while Child.find(self._folder) is not None:  # noqa: ASYNC110 - another's process: only its lock tells
            await asyncio.sleep(_LOOK_S)
        return None

    async def end(self, *, close_positions: bool) -> None:
        """Ask it to end, and kill it when it does not."""
        wish = self._folder / "close"
        if close_positions:
            wish.touch()
        else:
            wish.unlink(missing_ok=True)
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self.wait()
        except TimeoutError:
            self._signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
            await self.wait()
        wish.unlink(missing_ok=True)

    def _signal(self, number: int) -> None:
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return


def exit_words(status: int | None, folder: Path) -> str:
    """Why a process has ended, in a sentence."""
    if status is None:
        return "Its process has ended while nobody watched."
    if status < 0:
        name = signal.Signals(-status).name
        if name == "SIGXCPU":
            return "It has used up its processor time (cpu_s)."
        return f"Its process was ended by {name}."
    said = _last_line(folder / "log.txt")[_STAMP:] or _last_line(folder / "crash.txt")
    return said or f"Its process ended with status {status}."


def _last_line(path: Path) -> str:
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return lines[-1][-300:] if lines else ""
