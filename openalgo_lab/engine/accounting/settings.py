"""Brokerage plans of a profile, as JSON beside its other settings."""

from __future__ import annotations

from pathlib import Path

import msgspec

from openalgo_lab.model.accounting import AccountingSettings
from openalgo_lab.model.errors import StoreError

__all__ = ["ACCOUNTING_FILE", "load_settings", "save_settings"]

ACCOUNTING_FILE = "accounting.json"


def load_settings(folder: Path) -> AccountingSettings:
    """The profile's plans; the defaults where it has none yet. Raises StoreError for a file that does not fit."""
    path = folder / ACCOUNTING_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=AccountingSettings)
    except FileNotFoundError:
        return AccountingSettings()
    except (OSError, msgspec.DecodeError) as error:
        raise StoreError(
            f"The brokerage plans in {path} cannot be read ({error}): correct the file or remove it."
        ) from error


def save_settings(folder: Path, settings: AccountingSettings) -> None:
    """Write them, whole or not at all. Raises StoreError."""
    path, draft = folder / ACCOUNTING_FILE, folder / f"{ACCOUNTING_FILE}.new"
    try:
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(settings)))
        draft.chmod(0o600)
        draft.replace(path)
    except OSError as error:
        raise StoreError(f"The brokerage plans cannot be written to {path} ({error.strerror}).") from error
