"""The dialog that makes and unlocks a vault."""

from __future__ import annotations

from openalgo_lab.ui.vault.widget import VaultDialog

__all__ = ["VaultDialog"]
