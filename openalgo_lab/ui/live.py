"""How live data reaches the widgets of one kernel: one publisher thread, and one way back onto the kernel's loop.

A *view* reads the newest board and books when its turn comes and pushes what changed to its grids. Nothing queues:
a view that is late sees newer state, so a slow page costs nothing and no order event can be lost on the way.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from openalgo_lab.model.errors import LabError

if TYPE_CHECKING:
    from openalgo_lab.engine.handle import EngineHandle

__all__ = ["KernelLoop", "Publisher", "View", "publisher_of"]

_log = logging.getLogger(__name__)

WINDOW_S = 0.05
"""Quotes are conflated to this window; what happens to orders is shown at once."""

LOOK_S = 0.008
"""How often the board is looked at once a window is over: a tick that comes after a pause is shown at once."""

QUIET_S = 0.2
"""Without any tick the views are asked this often: ages, latencies and clocks go on."""

R = TypeVar("R")


class View(Protocol):
    """Something that shows live state."""

    def publish(self) -> None:
        """Push what changed. Called on the publisher thread every window: read snapshots, touch no trait."""


class Publisher:
    """The one thread of a kernel that pushes live data to its widgets. Views are held weakly."""

    def __init__(self, handle: EngineHandle) -> None:
        self._handle = handle
        self._views: weakref.WeakSet[View] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._unlisten = handle.add_listener(lambda _event: self._wake.set())
        self._thread = threading.Thread(target=self._run, name="openalgo-lab-publisher", daemon=True)
        self._thread.start()

    def add(self, view: View) -> None:
        """Publish ``view`` from now on."""
        with self._lock:
            self._views.add(view)
        self._wake.set()

    def remove(self, view: View) -> None:
        """Stop publishing ``view``."""
        with self._lock:
            self._views.discard(view)

    def close(self) -> None:
        """End the thread."""
        self._unlisten()
        self._stopped.set()
        self._wake.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            started = time.monotonic()
            self._wake.clear()
            seen = self._handle.board.seq
            with self._lock:
                views = list(self._views)
            if not views:
                self._wake.wait()
                continue
            for view in views:
                _publish(view)
            del views, view  # else this thread would keep the last window's views alive while it sleeps
            # An order event ends the pause early, but never more than 200 times a second.
            time.sleep(0.005)
            self._wake.wait(max(started + WINDOW_S - time.monotonic(), 0.0))
            self._await_tick(seen, started + QUIET_S)

    def _await_tick(self, seen: int, until: float) -> None:
        while self._handle.board.seq == seen and time.monotonic() < until:
            if self._wake.wait(LOOK_S):
                return


def _publish(view: View) -> None:
    try:
        view.publish()
    except LabError as error:  # the engine may be changing hands; the next window tries again
        _log.debug("%s has nothing to show at the moment: %s", type(view).__name__, error)
    except Exception:  # noqa: BLE001 - one broken view must not freeze the prices of all the others
        _log.exception("%s cannot show its data; the other widgets go on.", type(view).__name__)


_publishers: weakref.WeakKeyDictionary[Any, Publisher] = weakref.WeakKeyDictionary()
_publishers_lock = threading.Lock()


def publisher_of(handle: EngineHandle) -> Publisher:
    """The publisher of this kernel for ``handle``, started at the first call."""
    with _publishers_lock:
        found = _publishers.get(handle)
        if found is None:
            found = _publishers[handle] = Publisher(handle)
        return found


class KernelLoop:
    """The way back onto the kernel's own loop, captured where the widget is made (a cell or a page's start).

    Without a running loop (a plain script, a test) calls are run at once by whoever makes them.
    """

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None

    def call(self, function: Callable[[], None]) -> None:
        """Run ``function`` on the kernel's loop soon; from any thread."""
        if self._loop is None or self._loop.is_closed():
            function()
        else:
            self._loop.call_soon_threadsafe(function)

    def ask(
        self,
        handle: EngineHandle,
        request: Coroutine[Any, Any, R],
        done: Callable[[R], None],
        failed: Callable[[LabError], None],
    ) -> None:
        """Start ``request`` on the engine's loop and return; its answer or LabError comes back on the kernel's loop.

        An error that is no LabError is logged and shown as one, so that a click always has an answer.
        """

        async def run() -> None:
            try:
                answer = await request
            except LabError as error:
                self.call(partial(failed, error))
            except Exception as error:  # noqa: BLE001 - logged whole, and the click still gets its answer
                _log.exception("A request of a widget failed.")
                told = LabError(f"Something broke in the workbench ({type(error).__name__}): the log has the details.")
                self.call(partial(failed, told))
            else:
                self.call(partial(done, answer))

        asyncio.run_coroutine_threadsafe(run(), handle.loop).add_done_callback(_log_failure)


def _log_failure(asked: Future[None]) -> None:
    """Without a kernel's loop the callbacks ran where nobody sees their errors."""
    if not asked.cancelled() and (error := asked.exception()) is not None:
        _log.error("A widget could not take the answer to its request.", exc_info=error)
