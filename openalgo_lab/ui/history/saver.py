"""Hands a file to the browser, which saves it where the user keeps his downloads."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Final

import anywidget
import traitlets

__all__ = ["Saver"]

_MOST: Final = 32 * 2**20


class Saver(anywidget.AnyWidget):
    """Shows nothing. ``save`` from any thread."""

    _esm = traitlets.Unicode().tag(sync=True)

    @traitlets.default("_esm")
    def _default_esm(self) -> str:
        return files("openalgo_lab.ui.history").joinpath("saver.js").read_text("utf-8")

    def save(self, file: Path) -> bool:
        """Offer the file to the browser; False for one of more than 32 MB, which stays where it is."""
        if file.stat().st_size > _MOST:
            return False
        self.send({"k": "file", "name": file.name}, buffers=[file.read_bytes()])
        return True
