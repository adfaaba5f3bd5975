"""Saved watchlists of a profile: one small JSON file, name → symbols; decoded by type, written aside and renamed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from openalgo_lab.model.errors import InputError, StoreError
from openalgo_lab.model.instruments import InstrumentKey

__all__ = ["SavedWatchlists"]

_MOST_LISTS = 50
_MOST_SYMBOLS = 500


class SavedWatchlists:
    """The lists of one profile folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "watchlists.json"

    def load(self) -> dict[str, tuple[InstrumentKey, ...]]:
        """All lists by name; none when nothing was saved yet. StoreError for a file that cannot be read."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StoreError(f"The watchlists in {self._path} cannot be read: {error.strerror}.") from error
        try:
            return msgspec.json.decode(data, type=dict[str, tuple[InstrumentKey, ...]])
        except msgspec.DecodeError as error:
            raise StoreError(
                f"The watchlists in {self._path} are damaged ({error}): repair or delete that file."
            ) from error

    def save(self, name: str, keys: Sequence[InstrumentKey]) -> None:
        """Keep ``keys`` as list ``name``. InputError beyond 50 lists or 500 symbols; StoreError when it fails."""
        lists = self.load() | {name: tuple(keys)}
        if len(lists) > _MOST_LISTS or len(keys) > _MOST_SYMBOLS:
            raise InputError(
                f"A profile keeps at most {_MOST_LISTS} watchlists of {_MOST_SYMBOLS} symbols: remove some first."
            )
        scratch = self._path.with_suffix(".part")
        try:
            scratch.write_bytes(msgspec.json.format(msgspec.json.encode(lists)))
            scratch.replace(self._path)
        except OSError as error:
            raise StoreError(f"The watchlists cannot be saved in {self._path}: {error.strerror}.") from error
