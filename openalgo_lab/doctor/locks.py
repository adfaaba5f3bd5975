"""Who hosts the engine of this profile?"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil

from openalgo_lab.doctor.finding import Finding, fail, ok, warn
from openalgo_lab.engine.link.lock import EngineLock

__all__ = ["check_engine_lock"]


def check_engine_lock(folder: Path) -> Finding:
    """The OS lock of the profile's engine, and the process that says it holds it."""
    name = "engine"
    holder = EngineLock(folder).holder()
    try:
        held = is_held(folder)
    except FileNotFoundError:
        return ok(name, "no engine has run in this profile yet")
    except PermissionError:
        return fail(name, f"{folder / 'engine.lock'} cannot be opened", "Give the profile folder back to your user.")
    if not held:
        return ok(name, "no engine is running; the first Lab() will host it")
    if holder is None or not psutil.pid_exists(holder.pid):
        return warn(name, "an engine holds the lock but its process is unknown", "End all kernels, then start again.")
    return ok(name, f"hosted by {holder}")


if sys.platform == "win32":

    def is_held(folder: Path) -> bool:
        """Whether the process that took the lock still lives (there, a lock cannot be looked at without taking it)."""
        (folder / "engine.lock").stat()
        holder = EngineLock(folder).holder()
        return holder is not None and psutil.pid_exists(holder.pid)
else:
    import fcntl

    def is_held(folder: Path) -> bool:
        """Whether another process holds the lock; asks for a shared one and gives it back at once."""
        descriptor = os.open(folder / "engine.lock", os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False
