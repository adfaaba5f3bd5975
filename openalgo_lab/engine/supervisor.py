"""Every task has a name and an owner. A crash is told, and the task starts again or the engine stops: never silence."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from openalgo_lab.store.crash import report_crash

__all__ = ["OnCrash", "RestartPolicy", "Supervisor"]

log = logging.getLogger(__name__)

T = TypeVar("T")


class OnCrash(StrEnum):
    """What a crash of a lasting task means."""

    RESTART = "restart"
    STOP_ENGINE = "stop_engine"


class RestartPolicy(msgspec.Struct, frozen=True):
    """Waits before a restart: doubling from ``first_s`` to ``most_s``, anew after ``calm_s`` of running."""

    first_s: float = 0.1
    most_s: float = 30.0
    calm_s: float = 60.0

    def wait(self, crashes: int) -> float:
        """Seconds before the next start after so many crashes in a row."""
        return min(self.first_s * 2.0 ** min(crashes - 1, 30), self.most_s)


DEFAULT_POLICY = RestartPolicy()


class Supervisor:
    """Owns all tasks of an engine. Used on the engine's loop.

    ``report`` hears of every crash as (name, sentence); ``fatal`` is called once when a task without which the engine
    must not run has crashed.
    """

    def __init__(self, report: Callable[[str, str], None], fatal: Callable[[str], None]) -> None:
        self._report = report
        self._fatal = fatal
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    @property
    def names(self) -> list[str]:
        """Names of the tasks that run now."""
        return sorted(task.get_name() for task in self._tasks)

    def keep(
        self,
        name: str,
        body: Callable[[], Awaitable[None]],
        *,
        on_crash: OnCrash = OnCrash.RESTART,
        policy: RestartPolicy = DEFAULT_POLICY,
    ) -> asyncio.Task[None]:
        """Run ``body`` for as long as the engine lives; a body that returns has finished."""
        return self._own(name, self._keep(name, body, on_crash, policy))

    def start(self, name: str, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run ``work`` once. Its error goes to whoever awaits the task; if nobody does, it is reported."""
        task = self._own(name, work)
        task.add_done_callback(self._tell_if_unheard)
        return task

    async def close(self) -> None:
        """Cancel everything and wait until it has ended."""
        self._closed = True
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _own(self, name: str, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _keep(
        self, name: str, body: Callable[[], Awaitable[None]], on_crash: OnCrash, policy: RestartPolicy
    ) -> None:
        loop, crashes = asyncio.get_running_loop(), 0
        while True:
            began = loop.time()
            try:
                await body()
                return
            except Exception as error:
                # The one place for it: whatever a task died of, the user hears it and the policy decides.
                log.exception("The task %s crashed.", name)
                told = report_crash(f"task {name}", error)
                if on_crash is OnCrash.STOP_ENGINE:
                    sentence = f"{name} failed ({_words(error)}) and the engine stops: start it again. {told}"
                    self._report(name, sentence.rstrip())
                    self._fatal(name)
                    return
                crashes = 1 if loop.time() - began > policy.calm_s else crashes + 1
                wait = policy.wait(crashes)
                sentence = f"{name} failed ({_words(error)}) and starts again in {wait:.1f} s. {told}"
                self._report(name, sentence.rstrip())
            await asyncio.sleep(wait)

    def _tell_if_unheard(self, task: asyncio.Task[Any]) -> None:
        """Report an error that nobody awaits. asyncio marks errors that were fetched; look once the loop came round."""
        if _is_unheard(task) and not self._closed:
            asyncio.get_running_loop().call_soon(self._tell, task)

    def _tell(self, task: asyncio.Task[Any]) -> None:
        if _is_unheard(task) and (error := task.exception()) is not None:
            log.error("The task %s failed.", task.get_name(), exc_info=error)
            told = report_crash(f"task {task.get_name()}", error)
            self._report(task.get_name(), f"{task.get_name()} failed: {_words(error)} {told}".rstrip())


def _is_unheard(task: asyncio.Task[Any]) -> bool:
    """By asyncio's own mark of "nobody has fetched this error yet"."""
    return bool(getattr(task, "_log_traceback", False))


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
