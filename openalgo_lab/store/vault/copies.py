"""The last three good copies of a vault, each made by online backup of a file that had just been checked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import msgspec

from openalgo_lab.model.secret import SecretBytes
from openalgo_lab.store.vault.database import VaultDatabase
from openalgo_lab.store.vault.files import remove_database
from openalgo_lab.store.vault.places import VaultPlaces

__all__ = ["GoodCopy", "drop_copies", "keep_copy", "list_copies"]

KEPT: Final = 3
_NAME = re.compile(r"([0-9a-f]{8})-(\d{20})-r(\d+)-v(\d+)\.db")


class GoodCopy(msgspec.Struct, frozen=True):
    """A copy: under which key, of which revision of the content and version of the tables, made when (UTC ns)."""

    path: Path
    key_id: str
    made_ns: int
    revision: int
    version: int


def list_copies(places: VaultPlaces, key_id: str) -> list[GoodCopy]:
    """Copies that this key opens, newest first."""
    found = (_parsed(path) for path in places.copies.glob("*.db"))
    return sorted(
        (one for one in found if one is not None and one.key_id == key_id), key=lambda one: one.made_ns, reverse=True
    )


def keep_copy(database: VaultDatabase, places: VaultPlaces, key_id: str, key: SecretBytes, now_ns: int) -> None:
    """Make a copy, unless the newest one holds the same content; older ones than three go. Raises VaultError."""
    known = list_copies(places, key_id)
    revision, version = database.revision, database.version
    if known and (known[0].revision, known[0].version) == (revision, version):
        return
    places.copies.mkdir(mode=0o700, exist_ok=True)
    made_ns = max(now_ns, known[0].made_ns + 1 if known else 0)  # a clock put back must not make it the oldest
    database.copy_to(places.copies / f"{key_id}-{made_ns:020d}-r{revision}-v{version}.db", key, to_use=False)
    for old in list_copies(places, key_id)[KEPT:]:
        remove_database(old.path)


def drop_copies(places: VaultPlaces, key_id: str) -> None:
    """Delete the copies under a key that was retired."""
    for copy in list_copies(places, key_id):
        remove_database(copy.path)


def _parsed(path: Path) -> GoodCopy | None:
    found = _NAME.fullmatch(path.name)
    if found is None:
        return None
    key_id, made, revision, version = found.groups()
    return GoodCopy(path, key_id, int(made), int(revision), int(version))
