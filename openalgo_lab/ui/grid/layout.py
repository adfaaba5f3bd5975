"""A grid's rows without their numbers: ids, texts, decimals, action masks; and the smallest message between two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from openalgo_lab.model.errors import InputError
from openalgo_lab.ui.grid.columns import Column, Empty


class Layout(msgspec.Struct, frozen=True):
    """`text` by column key; `decimals` and `actions` one byte a row or None."""

    ids: tuple[int, ...]
    text: dict[str, tuple[str, ...]]
    decimals: bytes | None
    actions: bytes | None
    empty: Empty | None

    def message(self, rev: int) -> tuple[dict[str, Any], list[bytes]]:
        """The whole layout as message and buffers (decimals, then action masks, where there are any)."""
        content = {
            "k": "l", "rev": rev, "ids": self.ids, "text": self.text,
            "empty": msgspec.to_builtins(self.empty),
        }  # fmt: skip
        return self._with_meta(content)

    def patch(self, before: Layout, rev: int) -> tuple[dict[str, Any], list[bytes]] | None:
        """What changed since `before` (layout `rev` − 1) with the same rows; None when the whole is better."""
        if self.ids != before.ids or self.empty != before.empty:
            return None
        if (self.decimals is None) != (before.decimals is None) or (self.actions is None) != (before.actions is None):
            return None
        cells = [
            (at, key, new)
            for key, column in self.text.items()
            for at, (new, old) in enumerate(zip(column, before.text[key], strict=True))
            if new != old
        ]
        if len(cells) * 3 > len(self.ids) * len(self.text):
            return None
        return self._with_meta({"k": "x", "from": rev - 1, "rev": rev, "cells": cells})

    def _with_meta(self, content: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        content |= {"dec": self.decimals is not None, "act": self.actions is not None}
        return content, [part for part in (self.decimals, self.actions) if part is not None]


def make_layout(
    columns: Sequence[Column],
    ids: Sequence[int],
    text: Mapping[str, Sequence[str]],
    *,
    decimals: npt.ArrayLike | None,
    actions: npt.ArrayLike | None,
    empty: Empty | None,
) -> Layout:
    """Checks and freezes. InputError: unknown or missing text column, or a length other than that of `ids`."""
    expected = [column.key for column in columns if column.textual]
    if unknown := sorted(set(text) ^ set(expected)):
        raise InputError(f"Pass exactly the text columns {', '.join(expected) or '(none)'}; look at {unknown[0]!r}.")
    frozen = {key: tuple(map(str, text[key])) for key in expected}
    for key, column in frozen.items():
        if len(column) != len(ids):
            raise InputError(f"Text column {key!r} has {len(column)} rows, ids has {len(ids)}; pass one text a row.")
    rows = tuple(int(row) for row in ids)
    meta = (_bytes("decimals", decimals, len(rows)), _bytes("actions", actions, len(rows)))
    return Layout(rows, frozen, *meta, empty)


def _bytes(what: str, given: npt.ArrayLike | None, rows: int) -> bytes | None:
    if given is None:
        return None
    array = np.asarray(given, np.uint8)
    if array.shape != (rows,):
        raise InputError(f"{what} has shape {array.shape} but there are {rows} rows; pass one value a row.")
    return array.tobytes()
