"""What a hosted strategy says: masked, stamped with the Indian time, in files that never outgrow their room."""

from __future__ import annotations

import io
import threading
import time
from pathlib import Path
from typing import Final

from openalgo_lab.model.secret import SecretMasker
from openalgo_lab.model.times import format_ist

__all__ = ["BoundedLog"]

ROOM: Final = 512 * 1024
"""Bytes of one file."""
FILES: Final = 4


class BoundedLog(io.TextIOBase):
    """Stands in for ``sys.stdout``: whole lines go to ``log.txt``; full files become ``log.1.txt`` and so on."""

    def __init__(self, folder: Path, masker: SecretMasker) -> None:
        self._folder = folder
        self._masker = masker
        self._rest = ""
        self._lock = threading.RLock()
        self._file = self._open()

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, text: str) -> int:
        """Keep the whole lines; the rest waits for its end."""
        with self._lock:
            *lines, self._rest = (self._rest + text).split("\n")
            for line in lines:
                self._keep(line)
        return len(text)

    def flush(self) -> None:
        """Everything is written as it comes."""
        with self._lock:
            self._file.flush()

    def finish(self) -> None:
        """Write what has no line end yet."""
        with self._lock:
            if self._rest:
                self._keep(self._rest)
                self._rest = ""

    def _keep(self, line: str) -> None:
        data = f"{format_ist(time.time_ns(), millis=True)} {self._masker.mask(line)}\n".encode("utf-8", "replace")
        if self._file.tell() + len(data) > ROOM:
            self._turn()
        self._file.write(data[-ROOM:])
        self._file.flush()

    def _turn(self) -> None:
        self._file.close()
        for number in range(FILES - 1, 0, -1):
            older = self._folder / (f"log.{number - 1}.txt" if number > 1 else "log.txt")
            if older.exists():
                older.replace(self._folder / f"log.{number}.txt")
        self._file = self._open()

    def _open(self) -> io.BufferedWriter:
        path = self._folder / "log.txt"
        file = path.open("ab")
        path.chmod(0o600)
        return file
