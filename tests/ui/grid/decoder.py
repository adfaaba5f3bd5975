"""The browser's half of the protocol in Python, written from its description: what a page would hold."""

from __future__ import annotations

from typing import Any

import numpy as np

from openalgo_lab.ui.grid import Column
from openalgo_lab.ui.grid.columns import slots


class Mirror:
    """Applies messages as a page does; `needs` is set when one does not fit what it holds."""

    def __init__(self, columns: list[Column]) -> None:
        self.slots = slots(columns)
        self.singles = {column.key for column in columns if column.numeric and column.single}
        self.rev = self.seq = 0
        self.needs = False
        self.frames = 0
        self.ids: tuple[int, ...] = ()
        self.text: dict[str, list[str]] = {}
        self.values = np.empty((len(self.slots), 0))
        self.flags = np.zeros(0, np.uint16)

    def take(self, messages: list[tuple[dict[str, Any], list[bytes]]]) -> Mirror:
        for content, buffers in messages:
            getattr(self, f"_take_{content['k']}")(content, buffers)
        return self

    def column(self, key: str) -> np.ndarray[Any, Any]:
        return self.values[self.slots[key]]

    def _take_l(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        self.rev, self.ids = content["rev"], tuple(content["ids"])
        self.text = {key: list(column) for key, column in content["text"].items()}
        self.values = np.full((len(self.slots), len(self.ids)), np.nan)
        self.flags = np.zeros(len(self.ids), np.uint16)

    def _take_x(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        if content["from"] != self.rev:
            self.needs = True
            return
        self.rev = content["rev"]
        for row, key, text in content["cells"]:
            self.text[key][row] = text

    def _take_f(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        if content["rev"] != self.rev:
            self.needs = True
            return
        self._count(content)
        offset = 0
        for key, slot in self.slots.items():
            kind = "<f4" if key in self.singles else "<f8"
            part = np.frombuffer(buffers[0], kind, len(self.ids), offset)
            offset += part.nbytes
            self.values[slot] = part
        assert offset == len(buffers[0])
        self._take_flags(content, buffers)

    def _take_d(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        if content["base"] != self.seq or content["rev"] != self.rev:
            self.needs = True
            return
        self._count(content)
        count = content["n"]
        values = np.frombuffer(buffers[0], "<f8", count)
        cells = np.frombuffer(buffers[0], "<u4", count, 8 * count)
        self.values.reshape(-1)[cells] = values
        self._take_flags(content, buffers)

    def _take_p(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        return

    def _count(self, content: dict[str, Any]) -> None:
        self.frames += 1
        self.seq = content["seq"]

    def _take_flags(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        if content["m"]:
            self.flags = np.frombuffer(buffers[1], "<u2")
