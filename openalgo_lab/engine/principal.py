"""Who gives a command, and what they may do."""

from __future__ import annotations

from enum import IntEnum

import msgspec

__all__ = ["LOCAL", "Permission", "Principal"]


class Permission(IntEnum):
    """What a caller may do; each holds all that the one before holds."""

    READ = 1
    TRADE = 2
    ADMIN = 3


class Principal(msgspec.Struct, frozen=True):
    """A caller: ``name`` owns subscriptions and stands in the audit trail, ``role`` is what it may do."""

    name: str
    role: Permission = Permission.READ

    def may(self, needed: Permission) -> bool:
        """Whether its role covers ``needed``."""
        return self.role >= needed


LOCAL = Principal("local", Permission.ADMIN)
"""The user at the kernel that hosts the engine."""
