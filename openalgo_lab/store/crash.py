"""Crash reports: what went wrong, written down on this machine for whoever is to mend it. Nothing is sent anywhere.

A report holds versions, the traceback and the last lines of the log, all masked. It holds no values of variables.
"""

from __future__ import annotations

import collections
import itertools
import logging
import os
import platform
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Final

from openalgo_lab.model.errors import LabError
from openalgo_lab.model.profile import home_dir
from openalgo_lab.model.secret import SecretMasker
from openalgo_lab.model.times import format_ist
from openalgo_lab.store.guard import process_masker

__all__ = ["CrashLog", "CrashReporter", "crash_reporter", "hook_threads", "report_crash", "say_crash"]

log = logging.getLogger(__name__)

_KEPT: Final = 20
_TAIL: Final = 200
_SAME_S: Final = 60.0
_VERSIONS: Final = ("numpy", "msgspec", "pyzmq", "sqlcipher3", "cryptography", "voila", "jupyter-server", "ipykernel")
OUR_THREADS: Final = "openalgo"


class _Tail(logging.Handler):
    """The last lines of the log."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self.lines: collections.deque[str] = collections.deque(maxlen=_TAIL)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


class CrashReporter:
    """Writes reports to ``folder`` and keeps the newest twenty. Any thread; never raises."""

    def __init__(self, folder: Path, masker: SecretMasker) -> None:
        self.folder = folder
        self._masker = masker
        self._tail = _Tail()
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._last: dict[tuple[str, str], tuple[float, Path]] = {}

    def listen(self, logger: logging.Logger | None = None) -> None:
        """Keep the last lines that ``logger`` (the root, if none is given) says."""
        (logger or logging.getLogger()).addHandler(self._tail)

    def write(self, where: str, error: BaseException) -> Path | None:
        """A report of ``error``; its path, or None when the disk refuses. The same error within a minute is one."""
        with self._lock:
            same = (where, "".join(traceback.format_exception_only(error)) + _last_place(error))
            at, path = self._last.get(same, (0.0, None))
            if path is not None and time.monotonic() - at < _SAME_S and path.exists():
                return path
            try:
                path = self._write(where, error)
            except OSError as refused:
                log.warning("A crash report cannot be written (%s): free disk space.", refused)
                return None
            self._last = {same: (time.monotonic(), path)}
            return path

    def _write(self, where: str, error: BaseException) -> Path:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        stamp = time.strftime("%Y%m%d-%H%M%S")
        path = self.folder / f"crash-{stamp}-{os.getpid()}-{next(self._numbers)}.txt"
        text = self._masker.mask("\n".join(self._lines(where, error)))
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        for old in sorted(self.folder.glob("crash-*.txt"))[:-_KEPT]:
            old.unlink(missing_ok=True)
        return path

    def _lines(self, where: str, error: BaseException) -> Iterator[str]:
        yield "OpenAlgo Lab crash report. It lies on this machine only; nothing was sent anywhere."
        yield f"time      {format_ist(time.time_ns())} IST"
        yield f"where     {where}, thread {threading.current_thread().name}, process {os.getpid()}"
        yield f"python    {platform.python_version()} on {platform.platform()}"
        yield f"versions  {', '.join(_versions())}"
        yield ""
        yield "".join(traceback.format_exception(error)).rstrip()
        yield ""
        yield f"The last {len(self._tail.lines)} lines of the log:"
        yield from self._tail.lines


@cache
def crash_reporter() -> CrashReporter:
    """The process's own: reports lie in ``crashes`` in the workbench's home."""
    reporter = CrashReporter(home_dir() / "crashes", process_masker())
    reporter.listen()
    return reporter


def report_crash(where: str, error: BaseException) -> str:
    """Write a report of what nobody expected; a sentence that says where it lies, "" for an error of the tree."""
    if isinstance(error, LabError | KeyboardInterrupt | SystemExit | GeneratorExit):
        return ""
    path = crash_reporter().write(where, error)
    if path is None:
        return ""
    return f"A report lies in {path}; nothing was sent anywhere."


class CrashLog(logging.Handler):
    """Writes a report for each error that a library of others (the web server) caught and logged."""

    def __init__(self, where: str) -> None:
        super().__init__(logging.ERROR)
        self._where = where

    def emit(self, record: logging.LogRecord) -> None:
        """Reports the record's error."""
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        if error is not None and (told := report_crash(self._where, error)):
            log.warning("%s", told)


def say_crash(where: str, error: BaseException) -> None:
    """Show the traceback on standard error, masked, and where the report of it lies."""
    told = report_crash(where, error)
    text = process_masker().mask("".join(traceback.format_exception(error)))
    sys.stderr.write(text + (f"openalgo-lab: {told}\n" if told else ""))


def hook_threads() -> None:
    """Report what ends one of our own threads; threads of others are left to others."""
    before = threading.excepthook

    def hook(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and args.thread is not None and args.thread.name.startswith(OUR_THREADS):
            say_crash(args.thread.name, args.exc_value)
        else:
            before(args)

    threading.excepthook = hook


def _last_place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""


def _versions() -> Iterator[str]:
    for name in ("openalgo-lab", *_VERSIONS):
        try:
            yield f"{name} {metadata.version(name)}"
        except metadata.PackageNotFoundError:
            continue
