"""Who hosts the engine of this profile?"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import psutil

from openalgo_lab.doctor.finding import Finding, fail, ok, warn

__all__ = ["check_engine_lock"]

LOCK_NAME = "engine.lock"


def check_engine_lock(folder: Path) -> Finding:
    """The OS lock of the profile's engine, and the process that wrote its number into the file."""
    name = "engine"
    path = folder / LOCK_NAME
    try:
        held = is_held(path)
    except FileNotFoundError:
        return ok(name, "no engine has run in this profile yet")
    except PermissionError:
        return fail(name, f"{path} cannot be opened", f"Make the profile yours again: chown -R you '{folder}'")
    if not held:
        return ok(name, "no engine is running; the first Lab() will host it")
    process = _process(path)
    if process is None:
        return warn(name, "an engine holds the lock but its process cannot be found", "Restart your kernels.")
    return ok(name, f"hosted by process {process.pid} ({process.name()})")


def _process(path: Path) -> psutil.Process | None:
    """The live process whose number is the first one in the lock file."""
    try:
        number = re.search(r"\d+", path.read_text(encoding="utf-8", errors="replace"))
        return psutil.Process(int(number[0])) if number else None
    except (OSError, psutil.NoSuchProcess):
        return None


if sys.platform == "win32":
    import msvcrt

    def is_held(path: Path) -> bool:
        """Whether another process holds the lock; looks without keeping it."""
        with path.open("r+b") as file:
            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            except OSError:
                return True
            msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
            return False
else:
    import fcntl

    def is_held(path: Path) -> bool:
        """Whether another process holds the lock; asks for a shared one and gives it back at once."""
        descriptor = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False
