"""What a series covers: the spans of time that were asked for and answered, whether or not there were candles."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from openalgo_lab.model.errors import StoreError

__all__ = ["COVERAGE_FILE", "Spans", "joined", "load_spans", "missing_spans", "save_spans", "without"]

COVERAGE_FILE: Final = "coverage.json"

Spans = tuple[tuple[int, int], ...]
"""Half-open spans [start_ns, end_ns) in UTC ns, in order and apart from each other."""


class CoverageFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file beside the candles."""

    spans: Spans


def joined(spans: Iterable[tuple[int, int]]) -> Spans:
    """The same time in as few spans as there can be; empty ones vanish."""
    whole: list[tuple[int, int]] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if whole and start <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(whole[-1][1], end))
        else:
            whole.append((start, end))
    return tuple(whole)


def without(spans: Spans, start_ns: int, end_ns: int) -> Spans:
    """The spans outside [start_ns, end_ns)."""
    parts = [(start, min(end, start_ns)) for start, end in spans]
    return joined([*parts, *((max(start, end_ns), end) for start, end in spans)])


def missing_spans(spans: Spans, start_ns: int, end_ns: int) -> Spans:
    """What [start_ns, end_ns) has that the spans have not."""
    left = joined([(start_ns, end_ns)])
    for start, end in spans:
        left = without(left, start, end)
    return left


def load_spans(folder: Path) -> Spans:
    """What the folder's file says. Without one, or when it is damaged, nothing is covered: the candles stay, and what
    they cover is asked for again.
    """
    file = folder / COVERAGE_FILE
    try:
        return joined(msgspec.json.decode(file.read_bytes(), type=CoverageFile).spans)
    except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
        return ()
    except OSError as error:
        raise StoreError(f"{file} cannot be read ({error.strerror}): make it readable for your account.") from error


def save_spans(folder: Path, spans: Spans) -> None:
    """Replace the file at one stroke. Raises StoreError."""
    file = folder / COVERAGE_FILE
    fresh = folder / f".{COVERAGE_FILE}.part"
    try:
        fresh.write_bytes(msgspec.json.encode(CoverageFile(spans)))
        fresh.replace(file)
    except OSError as error:
        raise StoreError(f"{file} cannot be written ({error.strerror}): is the disk full?") from error
