"""Damaged files of the lake: whoever reads one sets it aside; people are told once, and its year is fetched again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from openalgo_lab.engine.history.book import HistoryBook
from openalgo_lab.store.history.series import Series, series_dir

__all__ = ["DamageWatch", "damaged_files"]

_KIND: Final = "damage"


class Told(msgspec.Struct, frozen=True):
    """That people have been told of a file."""

    sentence: str


class DamageWatch:
    """Used on the engine's loop."""

    def __init__(self, book: HistoryBook, report: Callable[[str, str], None]) -> None:
        self._book = book
        self._report = report
        self._told: set[str] | None = None

    async def tell(self, root: Path, series: Series) -> None:
        """Tell of files that were set aside since; of each one once, in whatever engine."""
        names = damaged_files(root, series)
        if not names:
            return
        if self._told is None:
            self._told = set(await self._book.all(_KIND, Told))
        for name in names:
            key = f"{root.name}/{series}/{name}"
            if key in self._told:
                continue
            self._told.add(key)
            whole = name.partition(".damaged")[0]
            sentence = (
                f"The file {whole} of {series} was damaged and is set aside as {name}: its candles are fetched again."
            )
            self._report("history", sentence)
            await self._book.put(_KIND, key, Told(sentence))


def damaged_files(root: Path, series: Series) -> tuple[str, ...]:
    """Names of the series' files that were set aside."""
    return tuple(sorted(file.name for file in series_dir(root, series).glob("*.damaged*")))
