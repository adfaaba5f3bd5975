"""What somebody who uses the workbench may do."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Role"]


class Role(StrEnum):
    """A user's or a key's."""

    READ = "read"
    """Look, and nothing else."""
    PAPER = "paper"
    """Trade on accounts where no money is at stake."""
    TRADE = "trade"
    """Trade on every account."""
    ADMIN = "admin"
    """Everything, users and keys included."""
