"""The profile folder: private, writable, with room, on a disk that answers quickly."""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from openalgo_lab.doctor.finding import Finding, fail, ok, warn

__all__ = ["check_disk_space", "check_durable_write", "check_permissions"]

GIB = 2**30
LITTLE, TOO_LITTLE = 2 * GIB, GIB // 5
SLOW_S, TOO_SLOW_S = 0.020, 0.250
ELSEWHERE = "Set OPENALGO_LAB_HOME to a folder on a local disk that you may write."


def existing(folder: Path) -> Path:
    """The folder itself or its nearest ancestor that exists: nothing is made by looking."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def check_permissions(folder: Path) -> Finding:
    """Only the user may look into the folder of a profile (journal, vault and sockets lie in it)."""
    name = "profile folder"
    if not folder.exists():
        return ok(name, f"{folder} will be made at the first start")
    return _guarded(name, folder)


if sys.platform == "win32":

    def _guarded(name: str, folder: Path) -> Finding:
        """There, the user's own folders are closed to others by their access lists."""
        return ok(name, f"{folder}, guarded by your account")
else:

    def _guarded(name: str, folder: Path) -> Finding:
        state = folder.stat()
        if state.st_uid != os.getuid():
            return fail(name, f"{folder} belongs to another user", f"Take it over (chown), or: {ELSEWHERE}")
        if mode := state.st_mode & 0o077:
            detail = f"{folder} is open to others (mode {mode:03o} too much)"
            return fail(name, detail, f"Run: chmod 700 '{folder}'")
        return ok(name, f"{folder}, yours alone")


def check_disk_space(folder: Path) -> Finding:
    """Room for journal and history."""
    name = "disk space"
    free = shutil.disk_usage(existing(folder)).free
    detail = f"{free / GIB:.1f} GiB free for {folder}"
    if free < TOO_LITTLE:
        return fail(name, detail, "Free some space before trading: the order journal must be able to grow.")
    if free < LITTLE:
        return warn(name, detail, "Free some space: history is kept on this disk.")
    return ok(name, detail)


def check_durable_write(folder: Path) -> Finding:
    """How long a durable write takes: every order waits for one before it leaves."""
    name = "durable write"
    try:
        seconds = statistics.median(fsync_times(existing(folder)))
    except OSError as error:
        return fail(name, f"{folder} cannot be written ({error.strerror})", ELSEWHERE)
    detail = f"{seconds * 1000:.1f} ms for a durable write in {folder}"
    remedy = f"Each order waits this long for the disk. {ELSEWHERE}"
    if seconds > TOO_SLOW_S:
        return fail(name, detail, remedy)
    return warn(name, detail, remedy) if seconds > SLOW_S else ok(name, detail)


def fsync_times(folder: Path, rounds: int = 9) -> list[float]:
    """Seconds of append-and-fsync of one journal page; leaves nothing behind."""
    times = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(rounds):
            began = time.perf_counter()
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - began)
    return times
