"""Work of a button that takes longer than a moment, off the kernel's loop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial

from openalgo_lab.model.errors import LabError
from openalgo_lab.ui.live import KernelLoop

__all__ = ["Work"]

_log = logging.getLogger(__name__)


class Work:
    """One piece of work at a time; its sentence comes back on the kernel's loop."""

    def __init__(self, done: Callable[[str], None], failed: Callable[[str], None]) -> None:
        self._done = done
        self._failed = failed
        self._loop = KernelLoop()
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """Whether it is at it."""
        return self._thread is not None and self._thread.is_alive()

    def run(self, work: Callable[[], str]) -> None:
        """Begin ``work`` on a thread; while another one runs, say so."""
        if self.busy:
            self._failed("The last one still runs: wait a moment.")
            return
        self._thread = threading.Thread(target=self._run, args=(work,), name="openalgo-lab-work", daemon=True)
        self._thread.start()

    def wait(self, timeout_s: float) -> None:
        """Until it is done; for tests and scripts."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self, work: Callable[[], str]) -> None:
        try:
            sentence = work()
        except LabError as error:
            self._loop.call(partial(self._failed, str(error)))
        except OSError as error:
            _log.warning("A file of the history manager: %s", error)
            self._loop.call(partial(self._failed, f"The file cannot be used ({error.strerror}): check the disk."))
        else:
            self._loop.call(partial(self._done, sentence))
