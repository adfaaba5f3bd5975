"""Work that goes to its end whether or not its callers wait: an order, a change, a cancel."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

from openalgo_lab.engine.supervisor import Supervisor
from openalgo_lab.model.errors import EngineDead

__all__ = ["Promise"]

T = TypeVar("T")


class Promise(Generic[T]):
    """Starts ``work`` as a supervised task; any number of callers may :meth:`wait`, and none can cancel it.

    The answer reaches a caller in the very step in which the work ends: a shielded task would need two more turns of
    the loop. An error that no caller has waited for is reported by the supervisor.
    """

    def __init__(self, supervisor: Supervisor, name: str, work: Coroutine[Any, Any, T]) -> None:
        self._waiters: list[asyncio.Future[T]] = []
        self._answer: tuple[T] | None = None
        self._error: Exception = EngineDead("The engine was closed: what became of the request stands in the books.")
        self.task = supervisor.start(name, self._run(work))

    async def wait(self) -> T:
        """The answer. Raises the work's error, or EngineDead when the engine was closed before it ended."""
        if not self.task.done():
            future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
            self._waiters.append(future)
            return await future
        if self._answer is None:
            raise self._error
        return self._answer[0]

    async def _run(self, work: Coroutine[Any, Any, T]) -> None:
        try:
            self._answer = (await work,)
        except asyncio.CancelledError:
            self._settle()
            raise
        except Exception as error:
            # Not swallowed: it goes to whoever waits, else up to the supervisor.
            self._error = error
            if not self._settle():
                raise
        else:
            self._settle()

    def _settle(self) -> bool:
        """Tell all who wait how it ended; whether anybody does."""
        waiting = [future for future in self._waiters if not future.done()]
        for future in waiting:
            if self._answer is not None:
                future.set_result(self._answer[0])
            else:
                future.set_exception(self._error)
        return bool(waiting)
