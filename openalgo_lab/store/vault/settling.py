"""The end of an import: journals and audit log take their places once the new vault's header counts.

An import lays them into a folder named after the new vault's key. Until the header is renamed the old files stand
untouched; from then on `carry_out` moves what waits to its place, and what stood there into ``vault.replaced-…``. Cut
in two, it goes on at the next opening.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from openalgo_lab.store.vault.files import move_database
from openalgo_lab.store.vault.header import Header
from openalgo_lab.store.vault.places import VaultPlaces

__all__ = ["NAMES", "PLAIN", "SEALED", "carry_out", "files", "waiting_room"]

PLAIN: Final = ("*.journal.db", "audit.db")
SEALED: Final = "*.sealed.db"
"""Files of a profile that belong to its vault: sealed ones, and those from before there was a vault."""
NAMES: Final = "names.json"


def waiting_room(places: VaultPlaces, header: Header) -> Path:
    """Where files wait for the vault of this header."""
    return places.folder / f"vault.import-{header.key_id}"


def files(places: VaultPlaces, patterns: Sequence[str]) -> Iterator[Path]:
    """Those of a profile, by the patterns above."""
    for pattern in patterns:
        yield from sorted(places.folder.glob(pattern))


def carry_out(places: VaultPlaces, header: Header) -> None:
    """Move the files that wait for this vault to their places; harmless when none do. Those of imports that never came
    to an end are deleted: the export has them still. Raises OSError.
    """
    waiting = waiting_room(places, header)
    for path in places.folder.glob("vault.import-*"):
        if path != waiting:
            shutil.rmtree(path, ignore_errors=True)
    if not waiting.is_dir():
        return
    if (waiting / NAMES).exists():
        names = msgspec.json.decode((waiting / NAMES).read_bytes(), type=list[str])
        for path in list(files(places, (SEALED, *PLAIN))):
            if path.name not in names or (waiting / path.name).exists():
                _move_aside(path, places.folder / f"vault.replaced-{header.created_ns}")
        for name in names:
            if (waiting / name).exists():
                move_database(waiting / name, places.folder / name)
    shutil.rmtree(waiting)


def _move_aside(path: Path, folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    move_database(path, folder / path.name)
