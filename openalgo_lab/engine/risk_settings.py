"""The user's own limits. They live as JSON in the profile and apply to every account of it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from openalgo_lab.model.errors import StoreError
from openalgo_lab.model.risk import RiskSettings

__all__ = ["RISK_FILE", "RiskSettings", "load_risk_settings", "save_risk_settings"]

RISK_FILE = "risk.json"


def load_risk_settings(folder: Path) -> RiskSettings:
    """The profile's limits; the defaults where it has none yet. Raises StoreError for a file that does not fit."""
    path = folder / RISK_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=RiskSettings)
    except FileNotFoundError:
        return RiskSettings()
    except (OSError, msgspec.DecodeError) as error:
        raise StoreError(
            f"The risk limits in {path} cannot be read ({error}): correct the file or remove it."
        ) from error


def save_risk_settings(folder: Path, settings: RiskSettings) -> None:
    """Write the limits, whole or not at all. Raises StoreError."""
    path, draft = folder / RISK_FILE, folder / f"{RISK_FILE}.new"
    try:
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(settings)))
        draft.chmod(0o600)
        draft.replace(path)
    except OSError as error:
        raise StoreError(f"The risk limits cannot be written to {path} ({error.strerror}): check the disk.") from error
