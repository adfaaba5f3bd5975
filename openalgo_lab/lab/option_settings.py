"""How a profile wants volatilities and Greeks computed: one small JSON file, kept by whoever changes it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from openalgo_lab.model.errors import StoreError
from openalgo_lab.model.option_conventions import OWN, Conventions

__all__ = ["load_conventions", "save_conventions"]

_FILE: Final = "options.json"


def load_conventions(folder: Path) -> Conventions:
    """The profile's choice; ours where it has made none. StoreError for a file that does not fit."""
    path = folder / _FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Conventions)
    except FileNotFoundError:
        return OWN
    except (OSError, msgspec.DecodeError) as error:
        raise StoreError(
            f"The option settings in {path} cannot be read ({error}): correct the file or remove it."
        ) from error


def save_conventions(folder: Path, conventions: Conventions) -> None:
    """Keep the choice, whole or not at all. StoreError when it fails."""
    path = folder / _FILE
    scratch = path.with_suffix(".part")
    try:
        scratch.write_bytes(msgspec.json.format(msgspec.json.encode(conventions)))
        scratch.replace(path)
    except OSError as error:
        raise StoreError(f"The option settings cannot be saved in {path}: {error.strerror}.") from error
