"""What lies in the workbench: dashboards and notebooks with the titles that people gave them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

__all__ = ["Entry", "dashboards", "notebooks", "said_by"]

_LONGEST_TITLE = 120


class Entry(msgspec.Struct, frozen=True):
    """One notebook file: `path` is relative to the workbench, with '/' between folders."""

    path: str
    name: str
    title: str
    about: str
    order: int = 1000
    """Where it stands among its like: the metadata's ``order``; those without one come last."""


def dashboards(workbench: Path) -> list[Entry]:
    """The dashboards in the order that they ask for, then by name."""
    entries = _entries(workbench, (workbench / "dashboards").glob("*.ipynb"))
    return sorted(entries, key=lambda entry: (entry.order, entry.name))


def notebooks(workbench: Path) -> list[Entry]:
    """Every other notebook of the workbench, by path."""
    found = (file for file in workbench.rglob("*.ipynb") if _is_visible(file.relative_to(workbench)))
    return sorted(_entries(workbench, found), key=lambda entry: entry.path)


def _is_visible(path: Path) -> bool:
    return path.parts[0] != "dashboards" and not any(part.startswith(".") for part in path.parts)


def _entries(workbench: Path, files: Iterable[Path]) -> list[Entry]:
    return [_entry(workbench, file, file.stat().st_mtime_ns) for file in files if file.is_file()]


@lru_cache(maxsize=512)
def _entry(workbench: Path, file: Path, _changed_ns: int) -> Entry:
    title, about, order = said_by(file)
    return Entry(path=file.relative_to(workbench).as_posix(), name=file.stem, title=title, about=about, order=order)


def said_by(file: Path) -> tuple[str, str, int]:
    """Title, one line about a notebook and its place, from its metadata, else its first heading, else its file name.

    The texts are the file's own words: escape them where they are shown.
    """
    plain = file.stem.replace("_", " ").strip().capitalize()
    try:
        content = json.loads(file.read_text("utf-8"))
        metadata = content["metadata"]
        lines = _first_words(content["cells"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return plain, "This file cannot be read as a notebook.", 1000
    heading = next((line.lstrip("#").strip() for line in lines if line.startswith("#")), plain)
    about = next((line for line in lines if not line.startswith("#")), "")
    order = metadata.get("order")
    return (
        _short(metadata.get("title") or heading),
        _short(metadata.get("description") or about),
        order if isinstance(order, int) else 1000,
    )


def _first_words(cells: list[dict[str, Any]]) -> list[str]:
    first = next((cell for cell in cells if cell["cell_type"] == "markdown"), None)
    if first is None:
        return []
    source = first["source"]
    text = source if isinstance(source, str) else "".join(source)
    return [line.strip() for line in text.splitlines() if line.strip()]


def _short(text: object) -> str:
    line = " ".join(str(text).split())
    return line if len(line) <= _LONGEST_TITLE else line[: _LONGEST_TITLE - 1] + "…"
