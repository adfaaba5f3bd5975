"""The engine's own thread and loop: a busy notebook cell never delays an order, a heartbeat or a tick."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import gc
import logging
import sys
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from openalgo_lab.engine.lag import LagSampler
from openalgo_lab.model.errors import CallTimeout, EngineDead
from openalgo_lab.model.events import Latency
from openalgo_lab.store.crash import report_crash

__all__ = ["SWITCH_INTERVAL_S", "LoopThread"]

log = logging.getLogger(__name__)

T = TypeVar("T")

SWITCH_INTERVAL_S = 0.0001
"""How long a busy cell may keep the interpreter while the engine waits for it; Python's own 5 ms is too long."""

STOP_TIMEOUT_S = 5.0


class LoopThread:
    """A thread with an asyncio loop. Work is handed in from any thread; when the thread dies every caller hears it.

    Starting it lowers the interpreter's switch interval for the process and sets start-up objects aside from the
    garbage collector, so that a collection started by a cell does not stop the loop for long.
    """

    def __init__(self, name: str = "openalgo-engine") -> None:
        self.name = name
        self._lag = LagSampler()
        self._started = threading.Event()
        self._ended = threading.Event()
        self._pending: set[concurrent.futures.Future[Any]] = set()
        self._lock = threading.Lock()
        self._cause = ""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> LoopThread:
        """Start the thread; returns when the loop runs."""
        _calm_interpreter()
        self._thread.start()
        self._started.wait()
        return self

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that the thread runs."""
        return self._loop

    @property
    def alive(self) -> bool:
        """Whether work can still be handed in."""
        return self._started.is_set() and not self._ended.is_set()

    @property
    def inside(self) -> bool:
        """Whether the caller is on this thread."""
        return threading.current_thread() is self._thread

    @property
    def beat(self) -> float:
        """``time.monotonic()`` of the loop's last sign of life."""
        return self._lag.beat

    def lag(self) -> Latency:
        """How late the loop was over the last minute."""
        return self._lag.summary()

    def submit(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Hand in a coroutine; the future fails with EngineDead if the thread dies before it is done.

        Raises EngineDead at once when the thread is not running.
        """
        with self._lock:
            if not self.alive:
                work.close()
                raise self._dead()
            future: concurrent.futures.Future[T] = concurrent.futures.Future()
            self._pending.add(future)
            self._loop.call_soon_threadsafe(self._begin, work, future)
        future.add_done_callback(self._pending.discard)
        return future

    def _begin(self, work: Coroutine[Any, Any, T], future: concurrent.futures.Future[T]) -> None:
        task = self._loop.create_task(_answer(work, future), name="submitted")
        future.add_done_callback(lambda done: self._cancel(task) if done.cancelled() else None)

    def _cancel(self, task: asyncio.Task[None]) -> None:
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(task.cancel)

    def call(self, work: Coroutine[Any, Any, T], timeout_s: float = 10.0, *, grace_s: float = 0.0) -> T:
        """Hand in and wait. Raises CallTimeout (the work goes on), EngineDead, or the work's own error.

        ``grace_s`` is for work that ends itself after ``timeout_s``: a busy machine may be late to tell.
        """
        if self.inside:
            work.close()
            raise RuntimeError("The engine's own thread must not wait for itself: await the coroutine instead.")
        future = self.submit(work)
        try:
            return future.result(timeout_s + grace_s)
        except concurrent.futures.CancelledError as error:
            raise self._dead() from error
        except TimeoutError as error:
            if future.done():
                raise
            raise CallTimeout(
                f"The engine did not answer within {timeout_s:g} s; what became of the request stands in the books."
            ) from error

    def stop(self) -> None:
        """End the loop and the thread; whoever still waits gets EngineDead. From any thread but its own."""
        self._cause = self._cause or "it was closed"
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._loop.stop)
        if not self.inside:
            self._thread.join(STOP_TIMEOUT_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        sampler = self._loop.create_task(self._lag.run(), name="loop-lag")
        self._loop.call_soon(self._started.set)
        self._loop.set_exception_handler(self._on_loop_error)
        try:
            self._loop.run_forever()
        except BaseException as error:
            # KeyboardInterrupt and SystemExit raised by a callback end a loop; callers must hear of it.
            self._cause = f"it was ended by {type(error).__name__}"
            log.exception("The loop of %s ended.", self.name)
            report_crash(f"the loop of {self.name}", error)
        finally:
            self._bury(sampler)

    def _on_loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What a callback raised that nobody waits for: logged as ever, and written down."""
        loop.default_exception_handler(context)
        error = context.get("exception")
        if isinstance(error, BaseException) and (told := report_crash(f"a callback of {self.name}", error)):
            log.error("%s", told)

    def _bury(self, sampler: asyncio.Task[None]) -> None:
        with self._lock:
            self._ended.set()
            pending = list(self._pending)
        for future in pending:
            with contextlib.suppress(concurrent.futures.InvalidStateError):
                future.set_exception(self._dead())
        sampler.cancel()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        with contextlib.suppress(RuntimeError):
            self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def _dead(self) -> EngineDead:
        why = self._cause or "its thread has ended"
        return EngineDead(f"The engine is not running ({why}): start it again with Lab().")


async def _answer(work: Coroutine[Any, Any, T], future: concurrent.futures.Future[T]) -> None:
    """Settle ``future`` in the very step in which the work ends; asyncio's own bridge takes a turn of the loop more."""
    try:
        answer = await work
    except asyncio.CancelledError:
        future.cancel()
        raise
    except BaseException as error:
        # Whatever it is belongs to the caller on the other thread; only what must end a loop also goes on here.
        with contextlib.suppress(concurrent.futures.InvalidStateError):
            future.set_exception(error)
        if not isinstance(error, Exception):
            raise
    else:
        with contextlib.suppress(concurrent.futures.InvalidStateError):
            future.set_result(answer)


def _calm_interpreter() -> None:
    if sys.getswitchinterval() > SWITCH_INTERVAL_S:
        sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.collect()
    gc.freeze()
