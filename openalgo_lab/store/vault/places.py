"""Which files of a profile make its vault."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["DATABASE_NAME", "VaultPlaces"]

DATABASE_NAME = re.compile(r"vault(?:\.(\d{1,9}))?\.db")
"""Names that a header may give its database: nothing outside the folder, nothing that is not ours."""


class VaultPlaces:
    """The vault's files within one private profile folder (mode 0700)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.header = folder / "vault.json"
        """Key slots, and which database is the vault: its rename is the one moment at which anything changes."""
        self.lock = folder / "vault.lock"
        self.tries = folder / "vault.tries"
        self.copies = folder / "vault.copies"
        self.header_copy = self.copies / "vault.json"

    def database(self, generation: int) -> Path:
        """The database of a generation: ``vault.db``, after the first replacement ``vault.2.db`` and so on."""
        return self.folder / ("vault.db" if generation == 1 else f"vault.{generation}.db")

    def generation_of(self, path: Path) -> int | None:
        """The generation that a file name says; None for files that are no database of the vault."""
        found = DATABASE_NAME.fullmatch(path.name)
        return None if found is None else int(found.group(1) or 1)
