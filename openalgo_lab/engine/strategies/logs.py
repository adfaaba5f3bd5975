"""The end of a hosted strategy's log."""

from __future__ import annotations

from pathlib import Path

__all__ = ["last_lines"]


def last_lines(folder: Path, count: int) -> tuple[str, ...]:
    """The last lines, over the newest file and, where that is short, the ones before it; what Python itself said
    when the process could not begin comes last.
    """
    lines: list[str] = []
    for name in ("log.txt", "log.1.txt", "log.2.txt", "log.3.txt"):
        if len(lines) < count:
            lines = _lines(folder / name) + lines
    return tuple((lines + _lines(folder / "crash.txt"))[-count:])


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return []
