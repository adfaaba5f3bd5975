"""Where the lakes lie: a folder a source in the profile's own, so that candles of two sources never mix."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from openalgo_lab.model.errors import InputError

__all__ = ["lake_root", "sources_in"]

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
_FOLDER: Final = "source="


def lake_root(profile_folder: Path, source: str) -> Path:
    """The folder of a source's lake. Raises InputError for a name that is no word."""
    if not _NAME.fullmatch(source):
        raise InputError(f"{source!r} is no source of candles: use letters, digits, '.', '-' or '_'.", field="source")
    return profile_folder / "history" / f"{_FOLDER}{source}"


def sources_in(profile_folder: Path) -> tuple[str, ...]:
    """The sources that have a lake, by name."""
    found = (folder.name[len(_FOLDER) :] for folder in (profile_folder / "history").glob(f"{_FOLDER}*"))
    return tuple(sorted(found))
