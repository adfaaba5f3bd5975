"""One handle a profile in a process, however many Labs look through it; closed with the last of them or at exit."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path

from openalgo_lab.engine.config import EngineConfig
from openalgo_lab.engine.link.handle import Hosting, LinkedHandle
from openalgo_lab.model.profile import profile_dir

__all__ = ["SharedHandles", "shared_handles"]


OPEN_S = 15.0
"""How long a Lab looks for an engine that another process starts or holds."""


class SharedHandles:
    """Counts who uses which handle."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._handles: dict[tuple[int, Path], tuple[LinkedHandle, int]] = {}
        _at_exit(self.close_all)

    def take(self, config: EngineConfig, hosting: Hosting, name: str) -> LinkedHandle:
        """The process's handle of that profile, opened if this is the first to ask. Pair with :meth:`give_back`."""
        place = self._place(config.profile)
        with self._lock:
            handle, users = self._handles.get(place, (None, 0))
            if handle is None or handle.role == "closed":
                handle, users = LinkedHandle(config, hosting, name=name).open(OPEN_S), 0
            self._handles[place] = (handle, users + 1)
            return handle

    def give_back(self, handle: LinkedHandle) -> None:
        """One user fewer; the last one closes it."""
        with self._lock:
            for place, (held, users) in list(self._handles.items()):
                if held is handle and users > 1:
                    self._handles[place] = (held, users - 1)
                    return
                if held is handle:
                    del self._handles[place]
        handle.close()

    def close_all(self) -> None:
        """At the end of the process: guests of a host hear it at once instead of missing its heartbeat."""
        with self._lock:
            handles = [handle for handle, _ in self._handles.values()]
            self._handles.clear()
        for handle in handles:
            handle.close()

    def _place(self, profile: str) -> tuple[int, Path]:
        return (os.getpid(), profile_dir(profile))


def _at_exit(work: Callable[[], None]) -> None:
    """Run at the interpreter's end, but while thread pools still work (they end before ``atexit`` is called)."""
    import concurrent.futures.thread  # noqa: F401 - it registers its own end; ours comes before those registered earlier

    register = getattr(threading, "_register_atexit", atexit.register)
    register(work)


@cache
def shared_handles() -> SharedHandles:
    """The process's own; the single piece of state that has to be one a process."""
    return SharedHandles()
