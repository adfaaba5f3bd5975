"""Waiting for facts and being called back: never on the engine's thread, never by polling the engine."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable

from openalgo_lab.engine.handle import EngineHandle, Role
from openalgo_lab.model.errors import CallTimeout, EngineDead
from openalgo_lab.model.events import AnyEvent

__all__ = ["Callback", "Watch"]

_log = logging.getLogger(__name__)

Callback = Callable[[AnyEvent], object]

#: A waiter looks this often whether there is an engine left to wait for.
_ALIVE_S = 0.25


class Watch:
    """Hears the engine for one Lab.

    Callbacks run one after the other, in the order of the facts, on a thread of their own: a slow one delays the
    other callbacks and nothing else. An exception in one is logged; it stays registered.
    """

    def __init__(self, handle: EngineHandle) -> None:
        self._handle = handle
        self._moved = threading.Condition()
        self._sleepers: dict[object, tuple[asyncio.AbstractEventLoop, asyncio.Event]] = {}
        self._callbacks: dict[object, tuple[str, Callback]] = {}
        self._queue: queue.SimpleQueue[AnyEvent | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._leave = handle.add_listener(self._hear)

    def close(self) -> None:
        """Hear nothing more; the callbacks' thread ends when it has delivered what waits."""
        self._leave()
        self._queue.put(None)

    def on(self, topic: str, callback: Callback) -> Callable[[], None]:
        """Call back for every event of ``topic`` ("" = all); answers with a function that ends it."""
        token = object()
        self._callbacks[token] = (topic, callback)
        if self._thread is None:
            self._thread = threading.Thread(target=self._deliver, name="openalgo-callbacks", daemon=True)
            self._thread.start()

        def leave() -> None:
            self._callbacks.pop(token, None)

        return leave

    def until(self, true: Callable[[], bool], timeout_s: float | None, what: str) -> None:
        """Block until ``true()``. Raises CallTimeout, which names ``what``, or EngineDead. Looks after every event."""
        if asyncio._get_running_loop() is self._handle.loop:
            raise EngineDead(f"Waiting for {what} would stop the engine itself: await it instead.")
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        with self._moved:
            while not true():
                self._check(deadline, timeout_s, what)
                self._moved.wait(_ALIVE_S if deadline is None else min(_ALIVE_S, deadline - time.monotonic()))

    async def until_async(self, true: Callable[[], bool], timeout_s: float | None, what: str) -> None:
        """The same on the caller's own loop, which goes on meanwhile."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        token, event = object(), asyncio.Event()
        self._sleepers[token] = (asyncio.get_running_loop(), event)
        try:
            while not true():
                self._check(deadline, timeout_s, what)
                left = _ALIVE_S if deadline is None else min(_ALIVE_S, deadline - time.monotonic())
                try:
                    await asyncio.wait_for(event.wait(), left)
                except TimeoutError:
                    continue
                event.clear()
        finally:
            del self._sleepers[token]

    def _check(self, deadline: float | None, timeout_s: float | None, what: str) -> None:
        if self._handle.role is Role.CLOSED:
            raise EngineDead(f"The engine was closed while something waited for {what}: make a new Lab().")
        if deadline is not None and time.monotonic() >= deadline:
            raise CallTimeout(f"{what[:1].upper()}{what[1:]} did not come within {timeout_s:g} s: it may still come.")

    def _hear(self, event: AnyEvent) -> None:
        with self._moved:
            self._moved.notify_all()
        for loop, waiter in tuple(self._sleepers.values()):
            if not loop.is_closed():
                loop.call_soon_threadsafe(waiter.set)
        if self._callbacks:
            self._queue.put(event)

    def _deliver(self) -> None:
        while (event := self._queue.get()) is not None:
            for topic, callback in tuple(self._callbacks.values()):
                if topic in ("", event.topic):
                    _call(callback, event)


def _call(callback: Callback, event: AnyEvent) -> None:
    try:
        callback(event)
    except Exception:  # noqa: BLE001 - the user's code; it must not silence the user's other callbacks
        _log.exception("A callback for %s failed.", event.topic)
