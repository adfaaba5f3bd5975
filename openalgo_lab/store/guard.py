"""What a process does before it may hold a secret: no core dumps, and logs that mask what is known to be secret."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

from openalgo_lab.model.secret import SecretFilter, SecretMasker

__all__ = ["guard_process", "mask_records", "no_core_dumps", "process_masker"]


@cache
def process_masker() -> SecretMasker:
    """The process's own: whatever was read from a vault here is masked in every log line and report."""
    return SecretMasker()


@cache
def guard_process() -> None:
    """Switch core dumps off and mask all logs of this process, whichever handler they go to. Once, harmless again."""
    no_core_dumps()
    mask_records(process_masker())


def no_core_dumps() -> None:
    """A crash of the interpreter writes no memory to the disk, and no other program of this user may read it.

    Windows writes no such file by itself.
    """
    if sys.platform == "win32":
        return
    import resource

    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


_PR_SET_DUMPABLE = 4


def mask_records(masker: SecretMasker) -> None:
    """Mask each log record when it is made: handlers that are added later get a clean one as well."""
    before: Callable[..., logging.LogRecord] = logging.getLogRecordFactory()
    clean = SecretFilter(masker)

    def make(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = before(*args, **kwargs)
        if masker.busy:
            clean.filter(record)
        return record

    logging.setLogRecordFactory(make)
